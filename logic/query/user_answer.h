/* SPDX-License-Identifier: Apache-2.0 */
/* The answers to GET /users/{user} and GET /clients/{connection} (docs/protocol.md, section 1, "Queries"):
 * connections, each with its gateway. Pure; any thread. */
#ifndef FANFARE_LOGIC_QUERY_USER_ANSWER_H
#define FANFARE_LOGIC_QUERY_USER_ANSWER_H

#include "logic/query/query_part.h"
#include "shared/contract/room_pattern.h"

/* What a gateway answers to query_text_user, and to query_text_client. */
extern const struct query_kind user_answer_kind;
extern const struct query_kind client_answer_kind;

/* Append the JSON. Of rooms that `rooms` does not match (NULL: all do) nothing is said, and then not how many
 * there are; a client whose user `users` does not match, or that has none, is as one that is not there.
 * STATUS_NO_MEMORY, STATUS_TOO_LARGE as `out` has it. */
enum status user_answer_append(struct buf *out, struct slice user, const struct room_patterns *rooms,
                               const struct query_part *parts, size_t count);
enum status client_answer_append(struct buf *out, const struct room_patterns *rooms,
                                 const struct room_patterns *users, const struct query_part *parts,
                                 size_t count);

#endif
