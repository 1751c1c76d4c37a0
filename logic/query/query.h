/* SPDX-License-Identifier: Apache-2.0 */
/* Asks every gateway one question, and waits for at most queryTimeout. A gateway whose link is not up, or
 * that knows no queries, is not asked, and who has not answered in time is named: there is always an answer.
 * No push waits for one, and a query waits for none. Bounds: QUERIES_AT_ONCE queries; their answers hold
 * QUERIES_BYTES together, one that would be past it counts as failed; per gateway see link_query.h. The
 * loop's thread only. */
#ifndef FANFARE_LOGIC_QUERY_QUERY_H
#define FANFARE_LOGIC_QUERY_QUERY_H

#include <event2/event.h>
#include <stddef.h>

#include "logic/discovery/gateway_set.h"
#include "logic/query/query_part.h"
#include "shared/base/slice.h"
#include "shared/base/status.h"

enum { QUERIES_AT_ONCE = 32, QUERIES_BYTES = 64 << 20 };

/* All queries of a process. */
struct queries {
    struct event_base *base;
    const struct gateway_set *gateways; /* the owner's, outlives this */
    int timeout_ms;                     /* of queries that begin; the owner's to change */
    size_t count;                       /* under way */
    size_t bytes;                       /* of their answers */
};

struct query;

/* Everybody has answered, or the time is over: `parts` stand in the order of the gateways and live until the
 * call returns, in which another query may begin. */
typedef void query_done(const struct query_part *parts, size_t count, void *arg);

void queries_init(struct queries *queries, struct event_base *base, const struct gateway_set *gateways,
                  int timeout_ms);
/* Asks `text`, whose answers are of `kind`. With `instance`, 16 hex digits, only the gateway of which it is
 * the first half of the hello's is asked; as long as one is not known that has it, those that could are named
 * as not asked. `done` is called once, from the loop, unless the query is cancelled. STATUS_FULL: there are
 * QUERIES_AT_ONCE; STATUS_NO_MEMORY. Both are counted. */
enum status query_ask(struct queries *queries, const struct query_kind *kind, struct slice text,
                      struct slice instance, query_done *done, void *arg, struct query **out);
/* Ends it without a word. Legal on NULL. */
void query_cancel(struct query *query);

#endif
