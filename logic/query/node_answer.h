/* SPDX-License-Identifier: Apache-2.0 */
/* How each gateway does, as it says itself: a part of the answer to GET /cluster (docs/protocol.md, section
 * 1, "Queries"). Pure; any thread. */
#ifndef FANFARE_LOGIC_QUERY_NODE_ANSWER_H
#define FANFARE_LOGIC_QUERY_NODE_ANSWER_H

#include "logic/query/query_part.h"

/* NODE_LINES: log lines in an answer, of all daemons together. */
enum { NODE_LINES = 100 };

/* What a gateway answers to query_text_node. */
extern const struct query_kind node_answer_kind;

/* A log line of warn and above. */
struct node_line {
    const char *from; /* a gateway, or "logic" */
    int64_t seconds_ago;
    struct slice level; /* both as JSON strings, with their quotes */
    struct slice text;
};

/* Appends the object of one gateway, or null for one that has not answered. The errors of buf_append. */
enum status node_answer_append(struct buf *out, const struct query_part *part);
/* Its clients; -1 when it has not answered. */
int64_t node_answer_clients(const struct query_part *part);
/* Appends the array of the newest NODE_LINES of `own` and of what the gateways say, the newest first.
 * STATUS_NO_MEMORY, STATUS_TOO_LARGE as `out` has it. */
enum status node_answer_append_lines(struct buf *out, const struct node_line *own, size_t own_count,
                                     const struct query_part *parts, size_t count);

#endif
