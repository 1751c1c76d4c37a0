/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to GET /rooms/{room} (docs/protocol.md, section 1, "Queries"). Pure; any thread. */
#ifndef FANFARE_LOGIC_QUERY_ROOM_ANSWER_H
#define FANFARE_LOGIC_QUERY_ROOM_ANSWER_H

#include "logic/query/query_part.h"
#include "logic/query/query_text.h"
#include "shared/contract/room_pattern.h"

/* What a gateway answers to query_text_room without users, and with. */
extern const struct query_kind room_answer_kind;
extern const struct query_kind room_answer_kind_users;

/* What became of a page. */
enum room_page {
    ROOM_PAGE_DONE,
    ROOM_PAGE_HIDDEN, /* nobody in it may be shown, and there are more: ask again, behind `last` */
};

/* Appends the JSON. The page has at most `show` users; of those that `users` does not match (NULL: all do)
 * nothing is said. With ROOM_PAGE_HIDDEN nothing is appended, and `last` gets the last name looked at.
 * STATUS_NO_MEMORY, STATUS_TOO_LARGE as `out` has it. */
enum status room_answer_append(struct buf *out, const struct query_room *ask, size_t show,
                               const struct room_patterns *users, const struct query_part *parts,
                               size_t count, enum room_page *page, struct buf *last);

#endif
