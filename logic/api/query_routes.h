/* SPDX-License-Identifier: Apache-2.0 */
/* The calls that ask all gateways (docs/protocol.md, section 1, "Queries"), each from its path to its answer.
 * The loop's thread only. */
#ifndef FANFARE_LOGIC_API_QUERY_ROUTES_H
#define FANFARE_LOGIC_API_QUERY_ROUTES_H

#include "logic/conf/logic_conf.h"
#include "logic/query/query.h"
#include "shared/base/list.h"
#include "shared/http/http_server.h"

struct query_routes {
    const struct logic_conf *conf; /* the owner's, outlives this */
    struct queries queries;
    struct list jobs; /* calls that are not answered yet; at most QUERIES_AT_ONCE */
};

void query_routes_init(struct query_routes *routes, struct event_base *base, const struct logic_conf *conf,
                       const struct gateway_set *gateways);
/* Answers what is not answered yet; before the server ends. */
void query_routes_fini(struct query_routes *routes);
/* Takes queryTimeout as it is now. */
void query_routes_apply(struct query_routes *routes);

/* For a path without parameters: answers 400 when there is one. */
bool query_refuses_parameters(struct http_exchange *exchange);
/* Each answers its exchange, now or later. */
void query_room(struct query_routes *routes, struct http_exchange *exchange);
void query_rooms(struct query_routes *routes, struct http_exchange *exchange);
void query_user(struct query_routes *routes, struct http_exchange *exchange);
void query_client(struct query_routes *routes, struct http_exchange *exchange);

#endif
