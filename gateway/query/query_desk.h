/* SPDX-License-Identifier: Apache-2.0 */
/* Where the queries of logics are answered: a question is mailed to the buckets that can know, and what comes
 * back is put together (docs/protocol.md, section 3, "The query"). The control thread only.
 *
 * Bounds: QUERY_MAX_UNDER_WAY questions at once, a question that was given up counting until the last bucket
 * has let it go; past it 503 `busy`. QUERY_TIMEOUT_MS each; then 504 `query_timeout`. An answer has at most
 * QUERY_ANSWER_MAX bytes, and each bucket's part of it holds no more. Counted: fanfare_gateway_queries,
 * queries_total. */
#ifndef FANFARE_GATEWAY_QUERY_QUERY_DESK_H
#define FANFARE_GATEWAY_QUERY_QUERY_DESK_H

#include <event2/event.h>

#include "gateway/accept/control_box.h"
#include "gateway/bucket/bucket.h"
#include "gateway/query/node_report.h"
#include "shared/base/buf.h"

enum { QUERY_MAX_UNDER_WAY = 16, QUERY_TIMEOUT_MS = 2000 };

struct query_desk;
struct query_call;

struct query_desk_conf {
    struct event_base *base;
    struct control_box *box; /* brings the buckets' parts; all of these outlive the desk */
    struct bucket *const *buckets;
    unsigned bucket_count;
    const struct connection_table *connections;
    const struct node_report *node;
};

/* What a question is answered with. The desk's, until `done` returns. */
struct query_answer {
    int status;          /* of HTTP */
    const char *code;    /* of an error, static; NULL: `body` is the answer */
    const char *message; /* of an error */
    struct buf body;     /* JSON; `done` may take its bytes */
};

/* Who asks; embedded in what the asker keeps. */
struct query_asker {
    struct query_call *call; /* the desk's */
    /* Told once, unless cancelled; perhaps before query_desk_ask returns. */
    void (*done)(struct query_asker *asker, struct query_answer *answer);
};

/* STATUS_NO_MEMORY. */
enum status query_desk_new(const struct query_desk_conf *conf, struct query_desk **out);
/* Nobody may wait any more, the buckets must be gone, and what they told must have been taken. Legal on NULL.
 */
void query_desk_free(struct query_desk *desk);
/* Asks what `body` says; `asker->done` is set. */
void query_desk_ask(struct query_desk *desk, struct slice body, struct query_asker *asker);
/* Nobody is told. */
void query_desk_cancel(struct query_asker *asker);

#endif
