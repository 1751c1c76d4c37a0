/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP/1.1 connection: reads requests one after the other, writes their answers in order.
 * A closed connection is freed by the server's reap event, never inside its own callback. */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/http_internal.h"

enum { MAX_PIPELINED = 1 << 20, MAX_EXTRA_HEADERS = 8192, KEEP_OUTPUT = 65536, MAX_MESSAGE = 1024 };

void http_conn_enter(struct http_conn *conn, enum http_phase phase)
{
    if (conn->dead)
        return;
    conn->phase = phase;
    conn->since_ms = clock_now_ms();
    list_remove(&conn->link);
    list_add_tail(&conn->server->phases[phase], &conn->link);
}

void http_conn_free(struct http_conn *conn)
{
    list_remove(&conn->link);
    http_request_free(conn->request);
    buf_fini(&conn->exchange.headers);
    buf_fini(&conn->input);
    buf_fini(&conn->output);
    free(conn);
}

void http_conn_close(struct http_conn *conn)
{
    if (conn->dead)
        return;
    conn->dead = true;
    conn->server->connections--;
    event_free(conn->readable);
    event_free(conn->writable);
    close(conn->fd);
    list_remove(&conn->link);
    list_add_tail(&conn->server->dead, &conn->link);
    event_active(conn->server->reap, 0, 0);
    if (conn->phase == HTTP_HANDLING && conn->exchange.on_gone != NULL)
        conn->exchange.on_gone(&conn->exchange, conn->exchange.gone_arg);
}

/* The answers are out and no more will come. */
static void finish(struct http_conn *conn)
{
    (void)shutdown(conn->fd, SHUT_WR);
    buf_fini(&conn->input);
    http_conn_enter(conn, HTTP_LINGERING);
    (void)event_add(conn->readable, NULL);
}

/* Writes what the socket takes. */
static void flush(struct http_conn *conn)
{
    while (!conn->dead && conn->output.len > 0) {
        ssize_t n = send(conn->fd, conn->output.data, conn->output.len, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            (void)event_add(conn->writable, NULL);
            if (conn->phase != HTTP_HANDLING)
                http_conn_enter(conn, HTTP_WRITING);
            return;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            http_conn_close(conn);
            return;
        }
        buf_drop_front(&conn->output, (size_t)n);
        if (conn->phase == HTTP_WRITING)
            http_conn_enter(conn, HTTP_WRITING);
    }
    if (conn->output.cap > KEEP_OUTPUT)
        buf_fini(&conn->output);
}

static void parse_fault(struct http_conn *conn, enum http_parse parse)
{
    const struct http_server_conf *conf = &conn->server->conf;

    conn->closing = true;
    http_conn_enter(conn, HTTP_HANDLING);
    if (parse == HTTP_PARSE_BODY_BIG)
        http_reply_error(&conn->exchange, 413, "body_too_large", "the body is larger than %zu bytes",
                         conf->max_body_bytes);
    else if (parse == HTTP_PARSE_HEADER_BIG)
        http_reply_error(&conn->exchange, 431, "header_too_large",
                         "the header section is larger than %zu bytes or has more than 64 fields",
                         conf->max_header_bytes);
    else
        http_reply_error(&conn->exchange, 400, "invalid_request", "not an HTTP/1.1 request");
}

static void on_headers(struct http_conn *conn)
{
    if (http_request_expects_continue(conn->request))
        (void)buf_append_str(&conn->output, "HTTP/1.1 100 Continue\r\n\r\n");
}

/* Feeds up to the end of the headers or of the request; `*used` counts on. */
static enum http_parse feed(struct http_conn *conn, const uint8_t *data, size_t len, size_t *used)
{
    enum http_parse parse;

    do {
        size_t taken = 0;

        parse = http_request_feed(conn->request, data + *used, len - *used, &taken);
        *used += taken;
        if (parse == HTTP_PARSE_HEADERS)
            on_headers(conn);
    } while (parse == HTTP_PARSE_HEADERS);
    return parse;
}

/* Takes bytes of one request; returns how many. */
static size_t take(struct http_conn *conn, const uint8_t *data, size_t len)
{
    size_t used = 0;

    if (conn->phase == HTTP_IDLE)
        http_conn_enter(conn, HTTP_READING);
    enum http_parse parse = feed(conn, data, len, &used);
    if (parse == HTTP_PARSE_COMPLETE) {
        conn->closing = !http_request_keep_alive(conn->request) || conn->server->draining;
        http_conn_enter(conn, HTTP_HANDLING);
        http_server_dispatch(conn->server, &conn->exchange);
    } else if (parse != HTTP_PARSE_MORE) {
        parse_fault(conn, parse);
    }
    return used;
}

static bool takes_input(const struct http_conn *conn)
{
    return !conn->dead && (conn->phase == HTTP_IDLE || conn->phase == HTTP_READING);
}

/* What could not be worked on yet is kept; past the limit reading stops until it was. */
static void keep(struct http_conn *conn, const uint8_t *data, size_t len)
{
    if (conn->dead || conn->phase == HTTP_LINGERING || len == 0)
        return;
    if (buf_append(&conn->input, data, len) != STATUS_OK)
        http_conn_close(conn);
    else if (conn->input.len > HTTP_SCRATCH)
        (void)event_del(conn->readable);
}

static void settle(struct http_conn *conn)
{
    flush(conn);
    if (conn->dead || conn->output.len > 0)
        return;
    if (conn->phase == HTTP_WRITING)
        http_conn_enter(conn, HTTP_IDLE);
    if (conn->phase == HTTP_IDLE && conn->closing)
        finish(conn);
}

static void process(struct http_conn *conn, const uint8_t *data, size_t len)
{
    conn->processing = true;
    while (len > 0 && takes_input(conn) && !(conn->phase == HTTP_IDLE && conn->closing)) {
        size_t used = take(conn, data, len);

        data += used;
        len -= used;
    }
    conn->processing = false;
    keep(conn, data, len);
    settle(conn);
}

/* Goes on with what was kept while the last request was being answered. */
static void process_kept(struct http_conn *conn)
{
    struct buf kept = conn->input;

    buf_init(&conn->input, MAX_PIPELINED);
    if (kept.len > 0 && !conn->dead)
        (void)event_add(conn->readable, NULL);
    process(conn, kept.data, kept.len);
    buf_fini(&kept);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct http_conn *conn = arg;
    ssize_t n = recv(fd, conn->server->scratch, HTTP_SCRATCH, 0);

    (void)what;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0)
        http_conn_close(conn);
    else if (conn->phase != HTTP_LINGERING && conn->input.len > 0)
        keep(conn, conn->server->scratch, (size_t)n);
    else if (conn->phase != HTTP_LINGERING)
        process(conn, conn->server->scratch, (size_t)n);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct http_conn *conn = arg;

    (void)fd;
    (void)what;
    settle(conn);
    if (!conn->dead && conn->phase == HTTP_IDLE)
        process_kept(conn);
}

static struct http_conn *conn_new(struct http_server *server, int fd)
{
    struct http_conn *conn = calloc(1, sizeof *conn);

    if (conn == NULL)
        return NULL;
    conn->server = server;
    conn->fd = fd;
    conn->exchange.conn = conn;
    list_init(&conn->link);
    buf_init(&conn->input, MAX_PIPELINED);
    buf_init(&conn->output, SIZE_MAX);
    buf_init(&conn->exchange.headers, MAX_EXTRA_HEADERS);
    conn->readable = event_new(server->base, fd, EV_READ | EV_PERSIST, on_readable, conn);
    conn->writable = event_new(server->base, fd, EV_WRITE, on_writable, conn);
    if (conn->readable != NULL && conn->writable != NULL && event_add(conn->readable, NULL) == 0 &&
        http_request_new(server->conf.max_header_bytes, server->conf.max_body_bytes, &conn->request) == STATUS_OK)
        return conn;
    if (conn->readable != NULL)
        event_free(conn->readable);
    if (conn->writable != NULL)
        event_free(conn->writable);
    http_conn_free(conn);
    return NULL;
}

void http_conn_open(struct http_server *server, int fd, bool refuse)
{
    struct http_conn *conn = conn_new(server, fd);

    if (conn == NULL) {
        close(fd);
        return;
    }
    server->connections++;
    http_conn_enter(conn, refuse ? HTTP_HANDLING : HTTP_IDLE);
    if (!refuse)
        return;
    conn->closing = true;
    http_exchange_header(&conn->exchange, "Retry-After", "1");
    http_reply_error(&conn->exchange, 503, "too_many_connections", "at most %d connections at a time",
                     server->conf.max_connections);
}

const struct http_request *http_exchange_request(const struct http_exchange *exchange)
{
    return exchange->conn->request;
}

void http_exchange_header(struct http_exchange *exchange, const char *name, const char *value)
{
    assert(strpbrk(value, "\r\n") == NULL);
    (void)buf_printf(&exchange->headers, "%s: %s\r\n", name, value);
}

void http_exchange_on_gone(struct http_exchange *exchange, void (*on_gone)(struct http_exchange *, void *arg),
                           void *arg)
{
    exchange->on_gone = on_gone;
    exchange->gone_arg = arg;
}

static const char *phrase_of(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } phrases[] = {
        {200, "OK"},
        {204, "No Content"},
        {207, "Multi-Status"},
        {400, "Bad Request"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
    };

    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "";
}

static enum status write_answer(struct http_conn *conn, int status, const char *content_type, const void *body,
                                size_t len)
{
    bool head = slice_equal(http_request_method(conn->request), slice_str("HEAD"));
    const char *connection = conn->closing                           ? "Connection: close\r\n"
                             : http_request_is_http10(conn->request) ? "Connection: keep-alive\r\n"
                                                                     : "";
    enum status result = buf_printf(&conn->output, "HTTP/1.1 %d %s\r\n", status, phrase_of(status));

    if (result == STATUS_OK && content_type != NULL)
        result = buf_printf(&conn->output, "Content-Type: %s\r\n", content_type);
    if (result == STATUS_OK && status != 204)
        result = buf_printf(&conn->output, "Content-Length: %zu\r\n", len);
    if (result == STATUS_OK)
        result = buf_append(&conn->output, conn->exchange.headers.data, conn->exchange.headers.len);
    if (result == STATUS_OK)
        result = buf_printf(&conn->output, "%s\r\n", connection);
    if (result == STATUS_OK && !head)
        result = buf_append(&conn->output, body, len);
    return result;
}

void http_reply(struct http_exchange *exchange, int status, const char *content_type, const void *body,
                size_t len)
{
    struct http_conn *conn = exchange->conn;

    if (conn->dead) {
        conn->phase = HTTP_IDLE;
        event_active(conn->server->reap, 0, 0);
        return;
    }
    conn->closing = conn->closing || conn->server->draining;
    enum status result = write_answer(conn, status, content_type, body, len);
    buf_clear(&exchange->headers);
    exchange->on_gone = NULL;
    http_request_reset(conn->request);
    http_conn_enter(conn, HTTP_IDLE);
    if (result != STATUS_OK)
        http_conn_close(conn);
    else if (!conn->processing)
        process_kept(conn);
}

void http_reply_error(struct http_exchange *exchange, int status, const char *code, const char *format, ...)
{
    char message[MAX_MESSAGE];
    struct buf body;
    va_list args;

    va_start(args, format);
    int len = vsnprintf(message, sizeof message, format, args);
    va_end(args);
    buf_init(&body, SIZE_MAX);
    (void)buf_printf(&body, "{\"error\":{\"code\":\"%s\",\"message\":", code);
    (void)buf_append_json_string(&body, message, len < MAX_MESSAGE ? (size_t)len : sizeof message - 1);
    (void)buf_append_str(&body, "}}\n");
    http_reply(exchange, status, "application/json", body.data, body.len);
    buf_fini(&body);
}
