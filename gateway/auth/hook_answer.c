/* SPDX-License-Identifier: Apache-2.0 */
/* The types of the claims are judged where they become a grant (claims.c); here only what is the hook's own.
 */
#include "gateway/auth/hook_answer.h"

#include <stdbool.h>

#include "shared/jose/jose_object.h"

enum { USER, ROOMS, JOIN, INFO, SECONDS, MEMBERS };

/* -1 for what is no such number: RFC 8259, section 6 has no leading zeros, and no sign is allowed here. */
static int64_t seconds_of(const struct json_value *value)
{
    int64_t seconds = 0;

    if (value->type != JSON_NUMBER)
        return -1;
    for (size_t i = 0; i < value->text.len; i++) {
        uint8_t digit = value->text.data[i];

        if (digit < '0' || digit > '9' || seconds > HOOK_SECONDS_MAX)
            return -1;
        seconds = seconds * 10 + (digit - '0');
    }
    return seconds <= HOOK_SECONDS_MAX ? seconds : -1;
}

static bool is_there(const struct jose_member *member)
{
    return member->found && member->value.type != JSON_NULL;
}

static struct json_value value_of(const struct jose_member *member)
{
    return is_there(member) ? member->value : (struct json_value){.type = JSON_NULL};
}

const char *hook_answer_read(struct slice body, struct hook_answer *out)
{
    struct jose_member members[MEMBERS] = {[USER] = {.name = "user"},
                                           [ROOMS] = {.name = "rooms"},
                                           [JOIN] = {.name = "join"},
                                           [INFO] = {.name = "info"},
                                           [SECONDS] = {.name = "seconds"}};
    const char *why = jose_object_read(body, members, MEMBERS, NULL);

    if (why != NULL)
        return why;
    *out = (struct hook_answer){.claims = {.user = value_of(&members[USER]),
                                           .rooms = value_of(&members[ROOMS]),
                                           .join = value_of(&members[JOIN]),
                                           .info = value_of(&members[INFO])}};
    if (is_there(&members[SECONDS]))
        out->seconds = seconds_of(&members[SECONDS].value);
    return out->seconds < 0 ? "`seconds` is no whole number from 0 to 86400" : NULL;
}
