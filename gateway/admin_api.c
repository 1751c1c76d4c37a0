/* SPDX-License-Identifier: Apache-2.0 */
/* Four routes on shared/http/http_server. Reads counters, changes nothing. */
#include "gateway/admin_api.h"

#include <limits.h>
#include <stdlib.h>

#include "gateway/metrics/gateway_metrics.h"
#include "shared/http/http_server.h"

enum { MAX_HEADER = 8192, TIMEOUT_MS = 5000, IDLE_MS = 60000 };

struct admin_api {
    struct ops_routes ops;
    struct http_server *server;
};

static void on_healthz(struct http_exchange *exchange, void *arg)
{
    ops_healthz(&((const struct admin_api *)arg)->ops, exchange);
}

static void on_readyz(struct http_exchange *exchange, void *arg)
{
    ops_readyz(&((const struct admin_api *)arg)->ops, exchange);
}

static void on_metrics(struct http_exchange *exchange, void *arg)
{
    ops_metrics(&((const struct admin_api *)arg)->ops, exchange);
}

static void on_stats(struct http_exchange *exchange, void *arg)
{
    ops_stats(&((const struct admin_api *)arg)->ops, exchange);
}

static const struct http_route routes[] = {
    {"GET", "/healthz", on_healthz, NULL, 0},
    {"GET", "/readyz", on_readyz, NULL, 0},
    {"GET", "/metrics", on_metrics, NULL, 0},
    {"GET", "/stats", on_stats, NULL, 0},
};

enum status admin_api_new(struct event_base *base, const struct admin_api_conf *conf, struct admin_api **out,
                          struct fault *fault)
{
    struct admin_api *api = calloc(1, sizeof *api);
    const struct http_server_conf server_conf = {
        .max_header_bytes = MAX_HEADER,
        .read_timeout_ms = TIMEOUT_MS,
        .idle_timeout_ms = IDLE_MS,
        .write_timeout_ms = TIMEOUT_MS,
        .max_connections = conf->max_connections,
        .probes = ops_probes,
        .rows = {.accept_failures = M_ACCEPT_FAILURES_ADMIN,
                 .evicted = M_EVICTED_ADMIN,
                 .refused_full = M_ADMIN_REFUSED,
                 .refused_inflight = UINT_MAX, /* no body is taken */
                 .inflight = UINT_MAX,
                 .tls_failures = UINT_MAX}, /* it speaks none */
        .routes = routes,
        .route_count = sizeof routes / sizeof routes[0],
        .arg = api,
    };

    if (api == NULL || http_server_new(base, &server_conf, &api->server) != STATUS_OK) {
        free(api);
        return fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    }
    api->ops = conf->ops;
    enum status status = http_server_listen(api->server, "admin", conf->bind, conf->port, fault);
    if (status != STATUS_OK) {
        admin_api_free(api);
        return status;
    }
    *out = api;
    return STATUS_OK;
}

void admin_api_free(struct admin_api *api)
{
    if (api == NULL)
        return;
    http_server_free(api->server);
    free(api);
}
