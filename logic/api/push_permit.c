/* SPDX-License-Identifier: Apache-2.0 */
/* Right, then names, then rate: what is refused for good takes nothing of the rate. */
#include "logic/api/push_permit.h"

#include <inttypes.h>
#include <stdio.h>

#include "shared/contract/command.h"

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

/* `verb`: what it would do there, "push to". */
static bool permit_name(const struct api_caller *caller, enum audience kind, struct slice name,
                        const char *verb, struct push_fault *fault)
{
    const struct room_patterns *patterns = kind == AUDIENCE_USER ? &caller->users : &caller->rooms;

    if (room_patterns_match(patterns, slice_of(NULL, 0), name))
        return true;
    *fault = (struct push_fault){.status = 403, .code = "forbidden", .trace = fault->trace};
    snprintf(fault->message, sizeof fault->message, "the caller \"%s\" may not %s the %s \"%.*s%s\"",
             caller->name, verb, audience_noun(kind), shown_len(name), (const char *)name.data,
             (size_t)shown_len(name) < name.len ? "..." : "");
    return false;
}

static bool permit_names(const struct api_caller *caller, const struct push *push, const char *verb,
                         struct push_fault *fault)
{
    for (size_t i = 0; i < push->room_count; i++)
        if (!permit_name(caller, push->target, push->rooms[i], verb, fault))
            return false;
    return true;
}

/* The rooms that users are to join or leave. A connection's id says nothing of rooms or users. */
static bool permit_command(const struct api_caller *caller, const struct push *push,
                           const struct command *command, struct push_fault *fault)
{
    char bytes[AUDIENCE_NAME_MAX];
    struct slice rest = command->rooms, room;

    if (push->target == AUDIENCE_CONNECTION) {
        *fault = (struct push_fault){.status = 403, .code = "forbidden", .trace = push->trace};
        snprintf(fault->message, sizeof fault->message,
                 "the caller \"%s\" is held to rooms= and users=, and may not kick single connections",
                 caller->name);
        return false;
    }
    while (rest.len > 0 && command_next_room(&rest, bytes, &room))
        if (!permit_name(caller, AUDIENCE_ROOM, room, "reach", fault))
            return false;
    return permit_names(caller, push, "reach", fault);
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
    struct command command;

    fault->trace = push->trace;
    if (push->command) {
        (void)command_parse(push->items[0], SIZE_MAX, &command, NULL); /* logic has made it */
        bool member = command.kind == COMMAND_JOIN || command.kind == COMMAND_LEAVE;
        unsigned right = member ? API_RIGHT_MEMBER : API_RIGHT_KICK;

        return push_permit_right(caller, right, fault) &&
               (!caller->bounded || permit_command(caller, push, &command, fault)) &&
               permit_rate(caller, push, now_us, fault);
    }
    return push_permit_right(caller, everybody ? API_RIGHT_BROADCAST : API_RIGHT_PUSH, fault) &&
           (everybody || !caller->bounded || permit_names(caller, push, "push to", fault)) &&
           permit_rate(caller, push, now_us, fault);
}
