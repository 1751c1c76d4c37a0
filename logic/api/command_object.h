/* SPDX-License-Identifier: Apache-2.0 */
/* One command as a JSON object: `{"user":…,"code":…}` of /kick, `{"user":…,"room":…}` of /join and /leave.
 * Part of push_request; nobody else includes this. Pure; any thread. */
#ifndef FANFARE_LOGIC_API_COMMAND_OBJECT_H
#define FANFARE_LOGIC_API_COMMAND_OBJECT_H

#include "logic/api/push_reading.h"
#include "shared/contract/command.h"

/* Reads the members that `door`, one of those for commands, allows into the push that was begun, which
 * becomes a command: its one item stands in the request's `command`. `object` has passed json_scan.
 * STATUS_INVALID, STATUS_NO_MEMORY as in push_reading.h. */
enum status command_object_read(struct push_reading *reading, enum push_door door,
                                const struct json_value *object);

#endif
