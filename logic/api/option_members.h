/* SPDX-License-Identifier: Apache-2.0 */
/* The members of a push that say how it is delivered: exclude, ttlMs, key, urgent (docs/protocol.md, "Options
 * of a push"). Part of push_request; nobody else includes this. Pure; any thread. */
#ifndef FANFARE_LOGIC_API_OPTION_MEMBERS_H
#define FANFARE_LOGIC_API_OPTION_MEMBERS_H

#include "logic/api/push_reading.h"

/* As they stand in the push; NULL: absent. */
struct option_members {
    const struct json_value *exclude;
    const struct json_value *ttl_ms;
    const struct json_value *key;
    const struct json_value *urgent;
};

/* Reads them into the terms of the push that was begun; what they say lives as long as the request.
 * STATUS_INVALID, STATUS_NO_MEMORY as in push_reading.h. */
enum status option_members_read(struct push_reading *reading, const struct option_members *members);

#endif
