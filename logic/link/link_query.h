/* SPDX-License-Identifier: Apache-2.0 */
/* Questions of callers to one gateway, POST /rpc/query, on streams of their own over the link's connection:
 * no push waits for one, and liveness counts none as owed. At most LINK_QUERIES_AT_ONCE are under way, so
 * that their answers leave room for a batch's in what one connection gathers; LINK_QUERIES_WAITING wait
 * behind them, past that STATUS_FULL. A gateway that does not answer is so asked no more than these. The
 * loop's thread only; has no timer, closes nothing, asks nothing twice. */
#ifndef FANFARE_LOGIC_LINK_LINK_QUERY_H
#define FANFARE_LOGIC_LINK_LINK_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/base/list.h"
#include "shared/base/slice.h"
#include "shared/base/status.h"
#include "shared/h2/h2_conn.h"

enum { LINK_QUERIES_AT_ONCE = 3, LINK_QUERIES_WAITING = 64 };

struct link_query; /* one question; the link's, until `done` was called */

/* The gateway's answer; status 0: there is none and comes none, the connection is over or the answer too
 * long. `body` is valid during the call, which must ask nothing and end no link. */
typedef void link_query_done(void *arg, int status, struct slice body);

struct link_queries {
    struct h2_conn *conn; /* NULL while there is none */
    struct list asked;    /* under way, also those that nobody waits for any more */
    struct list waiting;  /* in the order in which they came */
    size_t asked_count;
    size_t waiting_count;
};

/* Without a connection. */
void link_queries_init(struct link_queries *queries);
/* A connection is ready. */
void link_queries_start(struct link_queries *queries, struct h2_conn *conn);
/* The connection is over: whoever still waits is told. Legal when there is none. */
void link_queries_stop(struct link_queries *queries);
/* Asks `text`, which is copied, now or when one before it is answered. `done` is called once, unless it is
 * cancelled, and never before this returns. STATUS_CLOSED: no connection; STATUS_FULL; STATUS_NO_MEMORY. */
enum status link_queries_ask(struct link_queries *queries, struct slice text, link_query_done *done,
                             void *arg, struct link_query **out);
/* Takes an answer (see h2_callbacks.on_response); false when it is not a query's. */
bool link_queries_answer(struct link_queries *queries, int32_t stream, int status, struct slice body);
/* Nobody waits for it any more: `done` is not called. What is under way stays until it is answered. */
void link_query_cancel(struct link_query *query);

#endif
