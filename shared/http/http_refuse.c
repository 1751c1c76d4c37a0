/* SPDX-License-Identifier: Apache-2.0 */
/* The answers that a connection gets without a route: what it sent is no request or too large, came too
 * slowly, or there is no room for it. */
#include "shared/http/http_internal.h"

#include "shared/log/metrics.h"

/* What the filter has added stays. */
static void refused(struct http_conn *conn, int status)
{
    const struct http_server_conf *conf = &conn->server->conf;

    if (!conn->judged) {
        http_exchange_begin(&conn->exchange, conn->request, false);
        if (conf->adorn != NULL)
            conf->adorn(&conn->exchange, conf->arg);
    }
    conn->exchange.open = true;
    conn->exchange.keep_alive = false;
    if (conf->on_refused != NULL)
        conf->on_refused(status, conf->arg);
}

void http_refuse_full(struct http_conn *conn)
{
    metrics_add(conn->server->conf.rows.refused_full, 1);
    refused(conn, 503);
    http_exchange_header(&conn->exchange, "Retry-After", "1");
    http_reply_error(&conn->exchange, 503, "too_many_connections",
                     "at most %d connections are served at once", conn->server->conf.max_connections);
}

void http_refuse_plain(struct http_conn *conn)
{
    refused(conn, 400);
    http_reply_error(&conn->exchange, 400, "invalid_request", "this port speaks HTTPS: use https://");
}

void http_refuse_inflight(struct http_conn *conn)
{
    metrics_add(conn->server->conf.rows.refused_inflight, 1);
    refused(conn, 503);
    http_exchange_header(&conn->exchange, "Retry-After", "1");
    http_reply_error(&conn->exchange, 503, "too_many_inflight_bytes",
                     "the bodies of all requests may have %zu bytes at once",
                     conn->server->conf.max_inflight);
}

void http_refuse_slow(struct http_conn *conn)
{
    refused(conn, 408);
    http_reply_error(&conn->exchange, 408, "request_timeout", "the request was not complete within %d ms",
                     conn->server->conf.read_timeout_ms);
}

void http_refuse_request(struct http_conn *conn, enum http_parse parse)
{
    const struct http_server_conf *conf = &conn->server->conf;

    if (parse == HTTP_PARSE_HEADER_BIG) {
        refused(conn, 431);
        http_reply_error(&conn->exchange, 431, "header_too_large",
                         "request line and headers may have %zu bytes and 100 fields",
                         conf->max_header_bytes);
    } else if (parse == HTTP_PARSE_BODY_BIG) {
        refused(conn, 413);
        http_reply_error(&conn->exchange, 413, "body_too_large", "the body may have %zu bytes",
                         conf->max_body_bytes);
    } else if (parse == HTTP_PARSE_VERSION) {
        refused(conn, 505);
        http_reply_error(&conn->exchange, 505, "version_not_supported",
                         "only HTTP/1.1 and HTTP/1.0 are spoken here");
    } else {
        refused(conn, 400);
        http_reply_error(&conn->exchange, 400, "invalid_request", "not a valid HTTP/1.1 request: %s",
                         http_request_fault(conn->request));
    }
}
