/* SPDX-License-Identifier: Apache-2.0 */
/* Right, then names, then rate: what is refused for good takes nothing of the rate. */
#include "logic/api/push_permit.h"

#include <inttypes.h>
#include <stdio.h>

enum { SHOWN_NAME = 96 };

bool push_permit_right(const struct api_caller *caller, unsigned right, struct push_fault *fault)
{
    if ((caller->rights & right) == right)
        return true;
    *fault = (struct push_fault){.status = 403, .code = "forbidden", .trace = fault->trace};
    snprintf(fault->message, sizeof fault->message,
             "the caller \"%s\" lacks the right %s; rights= of its token in api.tokensFile gives it",
             caller->name, api_right_name(right));
    return false;
}

/* Cuts a name for a message, at a whole character. */
static int shown_len(struct slice name)
{
    size_t len = name.len < SHOWN_NAME ? name.len : SHOWN_NAME;

    while (len > 0 && len < name.len && (name.data[len] & 0xC0) == 0x80)
        len--;
    return (int)len;
}

static bool permit_names(const struct api_caller *caller, const struct push *push, struct push_fault *fault)
{
    const struct room_patterns *patterns = push->target == AUDIENCE_USER ? &caller->users : &caller->rooms;

    for (size_t i = 0; i < push->room_count; i++) {
        struct slice name = push->rooms[i];

        if (room_patterns_match(patterns, slice_of(NULL, 0), name))
            continue;
        *fault = (struct push_fault){.status = 403, .code = "forbidden", .trace = push->trace};
        snprintf(fault->message, sizeof fault->message, "the caller \"%s\" may not push to the %s \"%.*s%s\"",
                 caller->name, audience_noun(push->target), shown_len(name), (const char *)name.data,
                 (size_t)shown_len(name) < name.len ? "..." : "");
        return false;
    }
    return true;
}

static bool permit_rate(struct api_caller *caller, const struct push *push, int64_t now_us,
                        struct push_fault *fault)
{
    if (cell_rate_admits(&caller->rate, &caller->due_us, now_us))
        return true;
    *fault = (struct push_fault){.status = 429, .code = "rate_limited", .trace = push->trace};
    snprintf(fault->message, sizeof fault->message, "the caller \"%s\" may make %" PRId64 " pushes a second",
             caller->name, caller->per_second);
    return false;
}

bool push_permit(struct api_caller *caller, const struct push *push, int64_t now_us, struct push_fault *fault)
{
    bool everybody = push->target == AUDIENCE_EVERYONE;

    fault->trace = push->trace;
    return push_permit_right(caller, everybody ? API_RIGHT_BROADCAST : API_RIGHT_PUSH, fault) &&
           (everybody || !caller->bounded || permit_names(caller, push, fault)) &&
           permit_rate(caller, push, now_us, fault);
}
