/* SPDX-License-Identifier: Apache-2.0 */
/* The busiest rooms of all gateways together (docs/protocol.md, section 1, "Queries"). Each gateway names the
 * QUERY_LIMIT_MAX busiest of its own, so a room that is among them nowhere is not found, and one that is
 * among them at some gateways only counts those. Pure; any thread. */
#ifndef FANFARE_LOGIC_QUERY_ROOMS_ANSWER_H
#define FANFARE_LOGIC_QUERY_ROOMS_ANSWER_H

#include "logic/query/query_part.h"
#include "shared/contract/room_pattern.h"

/* What a gateway answers to query_text_rooms. */
extern const struct query_kind rooms_answer_kind;

/* Appends the array of the `top` busiest, by connections and then by name; of rooms that `rooms` does not
 * match (NULL: all do) nothing is said. STATUS_NO_MEMORY, STATUS_TOO_LARGE as `out` has it. */
enum status rooms_answer_append_list(struct buf *out, size_t top, const struct room_patterns *rooms,
                                     const struct query_part *parts, size_t count);
/* Appends the whole answer to GET /rooms. */
enum status rooms_answer_append(struct buf *out, size_t top, const struct room_patterns *rooms,
                                const struct query_part *parts, size_t count);

#endif
