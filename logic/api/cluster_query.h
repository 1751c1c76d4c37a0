/* SPDX-License-Identifier: Apache-2.0 */
/* GET /cluster (docs/protocol.md, section 1, "Queries"): this logic, each gateway as it knows it and as the
 * gateway says itself, the busiest rooms, the last bad log lines of all. Asks two questions at once. The
 * loop's thread only. */
#ifndef FANFARE_LOGIC_API_CLUSTER_QUERY_H
#define FANFARE_LOGIC_API_CLUSTER_QUERY_H

#include "logic/query/query.h"
#include "shared/base/rate_window.h"
#include "shared/http/http_server.h"

struct cluster_query {
    struct queries *queries; /* the owner's, outlives this */
    const char *instance;    /* likewise: the first digits of this logic's, as its pushes' ids begin */
    struct event *look;      /* once a second */
    int64_t started_ms;
    struct rate_window pushes;
    struct list jobs; /* calls that are not answered yet */
};

/* STATUS_NO_MEMORY: to be given to cluster_query_fini all the same. */
enum status cluster_query_init(struct cluster_query *cluster, struct event_base *base,
                               struct queries *queries, const char *instance);
/* Answers what is not answered yet. */
void cluster_query_fini(struct cluster_query *cluster);
/* Answers its exchange, later. */
void cluster_query_run(struct cluster_query *cluster, struct http_exchange *exchange);

#endif
