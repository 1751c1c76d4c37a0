/* SPDX-License-Identifier: Apache-2.0 */
/* Each page is printed into a buffer first, so that want of memory becomes a 500 and no half page. */
#include "shared/daemon/ops_routes.h"

#include "shared/json/error_json.h"

#define JSON       "application/json"
#define EXPOSITION "text/plain; version=0.0.4; charset=utf-8"

const char *const ops_probes[] = {"/healthz", "/readyz", NULL};

static void tell(const struct ops_routes *ops, struct http_exchange *exchange, int status)
{
    if (ops->on_answer != NULL)
        ops->on_answer(exchange, status, ops->arg);
}

static void reply_failure(struct http_exchange *exchange, int status_code, enum status status)
{
    http_reply_error(exchange, status_code, "internal", "%s", status_text(status));
}

void ops_healthz(const struct ops_routes *ops, struct http_exchange *exchange)
{
    static const char body[] = "{\"status\":\"ok\"}";

    tell(ops, exchange, 200);
    http_reply(exchange, 200, JSON, body, sizeof body - 1);
}

static enum status print_readiness(const struct ops_routes *ops, const char *reason, struct buf *out)
{
    enum status status = reason == NULL ? buf_append_str(out, "{\"status\":\"ready\"")
                                        : error_json_begin(out, "not_ready", reason);

    if (status == STATUS_OK && ops->state != NULL)
        status = ops->state(out, ops->arg);
    return status == STATUS_OK ? buf_append_str(out, "}") : status;
}

void ops_readyz(const struct ops_routes *ops, struct http_exchange *exchange)
{
    const char *reason = ops->not_ready(ops->arg);
    struct buf body;

    buf_init(&body, SIZE_MAX);
    enum status status = print_readiness(ops, reason, &body);
    int code = reason != NULL ? 503 : status == STATUS_OK ? 200 : 500;
    tell(ops, exchange, code);
    if (status == STATUS_OK)
        http_reply(exchange, code, JSON, body.data, body.len);
    else
        reply_failure(exchange, code, status);
    buf_fini(&body);
}

void ops_metrics(const struct ops_routes *ops, struct http_exchange *exchange)
{
    struct buf body;

    buf_init(&body, SIZE_MAX);
    tell(ops, exchange, 200);
    enum status status = ops->metrics(&body, ops->arg);
    if (status == STATUS_OK)
        http_reply(exchange, 200, EXPOSITION, body.data, body.len);
    else
        reply_failure(exchange, 500, status);
    buf_fini(&body);
}

void ops_stats(const struct ops_routes *ops, struct http_exchange *exchange)
{
    ops_json(ops, exchange, ops->stats);
}

void ops_json(const struct ops_routes *ops, struct http_exchange *exchange, ops_print *print)
{
    struct buf body;

    buf_init(&body, SIZE_MAX);
    enum status status = print(&body, ops->arg);
    tell(ops, exchange, status == STATUS_OK ? 200 : 500);
    if (status == STATUS_OK)
        http_reply(exchange, 200, JSON, body.data, body.len);
    else
        reply_failure(exchange, 500, status);
    buf_fini(&body);
}
