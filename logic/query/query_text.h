/* SPDX-License-Identifier: Apache-2.0 */
/* The questions, as the gateways read them (docs/protocol.md, section 3, "The query"). Pure; any thread. */
#ifndef FANFARE_LOGIC_QUERY_QUERY_TEXT_H
#define FANFARE_LOGIC_QUERY_QUERY_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/base/buf.h"
#include "shared/base/slice.h"
#include "shared/base/status.h"

enum { QUERY_KEY_LEN = 16, QUERY_LIMIT_MAX = 1000 };

/* What is asked of a room. */
struct query_room {
    struct slice room;
    bool users;         /* also a page of its users */
    struct slice after; /* the page begins behind this name; no bytes: with the first */
    size_t limit;       /* names in the page, 1 to QUERY_LIMIT_MAX */
};

/* Each appends one question; the errors of buf_append. `key`, QUERY_KEY_LEN bytes, should be random: it keeps
 * anybody from choosing names whose hashes are small. */
enum status query_text_room(struct buf *out, const struct query_room *ask, const uint8_t *key);
enum status query_text_rooms(struct buf *out, struct slice prefix);
enum status query_text_user(struct buf *out, struct slice user);
enum status query_text_client(struct buf *out, struct slice connection);
enum status query_text_node(struct buf *out);

#endif
