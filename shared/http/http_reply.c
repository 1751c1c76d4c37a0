/* SPDX-License-Identifier: Apache-2.0 */
/* An exchange from its request to the bytes of its answer. Writes to the connection's buffer,
 * never to its socket. */
#include "shared/http/http_internal.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json/error_json.h"

enum { MAX_HEADERS_LEN = 65536 };

static const struct {
    int status;
    const char *phrase;
} phrases[] = {
    {100, "Continue"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {207, "Multi-Status"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {426, "Upgrade Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

/* The phrase may be empty (RFC 9112, 4). */
static const char *phrase_of(int status)
{
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "";
}

struct http_conn *http_exchange_conn(const struct http_exchange *exchange)
{
    return container_of(exchange, struct http_conn, exchange);
}

const struct http_request *http_exchange_request(const struct http_exchange *exchange)
{
    return http_exchange_conn(exchange)->request;
}

void http_exchange_keep(struct http_exchange *exchange, void *kept, void (*release)(void *kept))
{
    exchange->kept = kept;
    exchange->release = release;
}

void *http_exchange_kept(const struct http_exchange *exchange)
{
    return exchange->kept;
}

void http_exchange_begin(struct http_exchange *exchange, const struct http_request *request, bool keep_alive)
{
    http_exchange_release(exchange);
    buf_clear(&exchange->headers);
    exchange->headers.max = MAX_HEADERS_LEN;
    exchange->route = NULL;
    exchange->on_gone = NULL;
    exchange->gone_arg = NULL;
    exchange->open = true;
    exchange->keep_alive = keep_alive;
    exchange->http10 = http_request_is_http10(request);
    exchange->head = slice_equal(http_request_method(request), slice_str("HEAD"));
}

void http_exchange_header(struct http_exchange *exchange, const char *name, const char *value)
{
    assert(strpbrk(name, "\r\n") == NULL && strpbrk(value, "\r\n") == NULL);
    if (buf_printf(&exchange->headers, "%s: %s\r\n", name, value) != STATUS_OK)
        http_exchange_conn(exchange)->broken = true;
}

void http_exchange_on_gone(struct http_exchange *exchange, void (*on_gone)(struct http_exchange *, void *arg),
                           void *arg)
{
    exchange->on_gone = on_gone;
    exchange->gone_arg = arg;
}

/* The present time as the Date header has it (RFC 9110, 5.6.7). */
static const char *date_now(struct http_server *server)
{
    struct timespec now;
    struct tm utc;

    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != server->date_at) {
        server->date_at = now.tv_sec;
        gmtime_r(&now.tv_sec, &utc);
        strftime(server->date, sizeof server->date, "%a, %d %b %Y %H:%M:%S GMT", &utc);
    }
    return server->date;
}

/* RFC 9110, 8.6: no Content-Length in 204; a 304 could only repeat that of the 200. */
static bool has_content(int status)
{
    return status != 204 && status != 304;
}

static enum status append_head(struct http_conn *conn, int status, const char *content_type, size_t len)
{
    const struct http_exchange *exchange = &conn->exchange;
    struct buf *out = &conn->out;
    enum status result =
        buf_printf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\n", status, phrase_of(status), date_now(conn->server));

    if (result == STATUS_OK && content_type != NULL)
        result = buf_printf(out, "Content-Type: %s\r\n", content_type);
    if (result == STATUS_OK && has_content(status))
        result = buf_printf(out, "Content-Length: %zu\r\n", len);
    if (result == STATUS_OK)
        result = buf_append(out, exchange->headers.data, exchange->headers.len);
    if (result == STATUS_OK && !exchange->keep_alive)
        result = buf_append_str(out, "Connection: close\r\n");
    if (result == STATUS_OK && exchange->keep_alive && exchange->http10)
        result = buf_append_str(out, "Connection: keep-alive\r\n");
    return result == STATUS_OK ? buf_append_str(out, "\r\n") : result;
}

static void append_answer(struct http_conn *conn, int status, const char *content_type, const void *body,
                          size_t len)
{
    enum status result;

    if (conn->server->draining)
        conn->exchange.keep_alive = false;
    conn->last = !conn->exchange.keep_alive;
    result = append_head(conn, status, content_type, len);
    if (result == STATUS_OK && !conn->exchange.head && has_content(status))
        result = buf_append(&conn->out, body, len);
    /* Half an answer must not go out. */
    if (result != STATUS_OK)
        conn->broken = true;
}

void http_reply(struct http_exchange *exchange, int status, const char *content_type, const void *body,
                size_t len)
{
    struct http_conn *conn = http_exchange_conn(exchange);

    assert(exchange->open);
    exchange->open = false;
    exchange->on_gone = NULL;
    http_exchange_release(exchange);
    if (conn->phase != HTTP_GONE)
        append_answer(conn, status, content_type, body, len);
    if (conn->running)
        return;
    if (conn->phase == HTTP_GONE)
        http_phases_end(conn);
    else
        http_phases_schedule(conn);
}

void http_reply_error(struct http_exchange *exchange, int status, const char *code, const char *format, ...)
{
    struct buf json;
    char *message = NULL;
    va_list args;

    va_start(args, format);
    int len = vasprintf(&message, format, args);
    va_end(args);
    buf_init(&json, SIZE_MAX);
    if (len < 0 || error_json_append(&json, code, message) != STATUS_OK)
        buf_clear(&json);
    http_reply(exchange, status, "application/json", json.data, json.len);
    buf_fini(&json);
    free(len < 0 ? NULL : message);
}
