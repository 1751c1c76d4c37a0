/* SPDX-License-Identifier: Apache-2.0 */
/* Four routes on shared/http/http_server. Reads counters, changes nothing. */
#include "gateway/admin_api.h"

#include <limits.h>
#include <stdlib.h>

#include "gateway/metrics/gateway_metrics.h"
#include "shared/http/http_server.h"
#include "shared/json/error_json.h"

enum { MAX_HEADER = 8192, TIMEOUT_MS = 5000, IDLE_MS = 60000 };

struct admin_api {
    struct admin_api_conf conf;
    struct http_server *server;
};

static void reply_printed(struct http_exchange *exchange, const char *content_type, const struct buf *body,
                          enum status status)
{
    if (status == STATUS_OK)
        http_reply(exchange, 200, content_type, body->data, body->len);
    else
        http_reply_error(exchange, 500, "internal", "%s", status_text(status));
}

static void on_healthz(struct http_exchange *exchange, void *arg)
{
    static const char body[] = "{\"status\":\"ok\"}";

    (void)arg;
    http_reply(exchange, 200, "application/json", body, sizeof body - 1);
}

static enum status print_readiness(const struct admin_api *api, const char *reason, struct buf *out)
{
    enum status status = reason == NULL ? buf_append_str(out, "{\"status\":\"ready\"")
                                        : error_json_begin(out, "not_ready", reason);

    if (status == STATUS_OK)
        status = api->conf.state(out, api->conf.arg);
    return status == STATUS_OK ? buf_append_str(out, "}") : status;
}

static void on_readyz(struct http_exchange *exchange, void *arg)
{
    const struct admin_api *api = arg;
    const char *reason = api->conf.not_ready(api->conf.arg);
    struct buf body;

    buf_init(&body, SIZE_MAX);
    if (print_readiness(api, reason, &body) == STATUS_OK)
        http_reply(exchange, reason == NULL ? 200 : 503, "application/json", body.data, body.len);
    else
        http_reply_error(exchange, reason == NULL ? 500 : 503, "internal", "out of memory");
    buf_fini(&body);
}

static void on_metrics(struct http_exchange *exchange, void *arg)
{
    const struct admin_api *api = arg;
    struct buf body;

    buf_init(&body, SIZE_MAX);
    reply_printed(exchange, "text/plain; version=0.0.4; charset=utf-8", &body,
                  api->conf.metrics(&body, api->conf.arg));
    buf_fini(&body);
}

static void on_stats(struct http_exchange *exchange, void *arg)
{
    const struct admin_api *api = arg;
    struct buf body;

    buf_init(&body, SIZE_MAX);
    reply_printed(exchange, "application/json", &body, api->conf.stats(&body, api->conf.arg));
    buf_fini(&body);
}

static const struct http_route routes[] = {
    {"GET", "/healthz", on_healthz, NULL},
    {"GET", "/readyz", on_readyz, NULL},
    {"GET", "/metrics", on_metrics, NULL},
    {"GET", "/stats", on_stats, NULL},
};

static const char *const probes[] = {"/healthz", "/readyz", NULL};

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
        .probes = probes,
        .rows = {.accept_failures = M_ACCEPT_FAILURES_ADMIN,
                 .evicted = M_EVICTED_ADMIN,
                 .refused_full = M_ADMIN_REFUSED,
                 .refused_inflight = UINT_MAX, /* no body is taken */
                 .inflight = UINT_MAX},
        .routes = routes,
        .route_count = sizeof routes / sizeof routes[0],
        .arg = api,
    };

    if (api == NULL || http_server_new(base, &server_conf, &api->server) != STATUS_OK) {
        free(api);
        return fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    }
    api->conf = *conf;
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
