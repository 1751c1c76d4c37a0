/* SPDX-License-Identifier: Apache-2.0 */
/* What a daemon tells of itself over HTTP, the same in both: /healthz, /readyz, /metrics, /stats
 * (docs/protocol.md). Each answers one exchange; the daemon's table of routes names them. The loop's thread
 * only; keeps nothing. */
#ifndef FANFARE_SHARED_DAEMON_OPS_ROUTES_H
#define FANFARE_SHARED_DAEMON_OPS_ROUTES_H

#include "shared/base/buf.h"
#include "shared/http/http_server.h"

typedef enum status ops_print(struct buf *out, void *arg);

struct ops_routes {
    const char *(*not_ready)(void *arg); /* NULL when ready, else why not; static */
    ops_print *state;   /* appends members of the body of /readyz, each behind a comma; NULL: none */
    ops_print *metrics; /* appends what metrics_print does */
    ops_print *stats;   /* appends a JSON object */
    /* Before each answer: may count it, and add headers. May be NULL. */
    void (*on_answer)(struct http_exchange *exchange, int status, void *arg);
    void *arg; /* handed to all of them */
};

/* The paths that a balancer probes (http_server_conf). */
extern const char *const ops_probes[];

void ops_healthz(const struct ops_routes *ops, struct http_exchange *exchange);
/* 503 while not ready. */
void ops_readyz(const struct ops_routes *ops, struct http_exchange *exchange);
/* The answer is told of before it is printed, and so counted in itself. */
void ops_metrics(const struct ops_routes *ops, struct http_exchange *exchange);
void ops_stats(const struct ops_routes *ops, struct http_exchange *exchange);
/* 200 with the JSON that `print` appends, or 500: a page of the daemon's own. */
void ops_json(const struct ops_routes *ops, struct http_exchange *exchange, ops_print *print);

#endif
