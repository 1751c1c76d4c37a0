/* SPDX-License-Identifier: Apache-2.0 */
/* One push as a JSON object: `{"room":…,"items":[…]}`, `{"user":…,"items":[…]}`. Part of push_request; nobody
 * else includes this. Pure; any thread. */
#ifndef FANFARE_LOGIC_API_PUSH_OBJECT_H
#define FANFARE_LOGIC_API_PUSH_OBJECT_H

#include "logic/api/push_reading.h"

/* Reads the members that `door` allows into the push that was begun; what `object` points into has
 * passed json_scan. STATUS_INVALID, STATUS_NO_MEMORY as in push_reading.h. */
enum status push_object_read(struct push_reading *reading, enum push_door door,
                             const struct json_value *object);

#endif
