/* SPDX-License-Identifier: Apache-2.0 */
/* One connection: bytes in, exchanges one after the other, bytes out, and its end. Runs on the
 * loop's thread. Each callback ends in settle(), the one place where the next wait is chosen and
 * where a connection may die; nothing below it frees one. */
#include "shared/http/http_internal.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/log/metrics.h"

static size_t unsent(const struct http_conn *conn)
{
    return conn->out.len - conn->sent;
}

static bool may_parse(const struct http_conn *conn)
{
    return !conn->exchange.open && !conn->last && !conn->broken && unsent(conn) < HTTP_OUT_HIGH;
}

/* A refused body is not read, so the connection can only end. */
static bool admit(struct http_conn *conn)
{
    bool keep_alive = !conn->surplus && http_request_keep_alive(conn->request);

    http_exchange_begin(&conn->exchange, conn->request, keep_alive && !http_request_has_body(conn->request));
    conn->judged = true;
    conn->spoken = true;
    if (!http_route_admit(&conn->server->conf, &conn->exchange)) {
        conn->handled = true;
        conn->renewed = true;
        return false;
    }
    conn->exchange.open = false;
    conn->exchange.keep_alive = keep_alive;
    return true;
}

static void handle(struct http_conn *conn)
{
    conn->handled = true;
    conn->renewed = true;
    conn->exchange.open = true;
    http_route_handle(&conn->server->conf, &conn->exchange);
}

static void invite_body(struct http_conn *conn)
{
    static const char invitation[] = "HTTP/1.1 100 Continue\r\n\r\n";

    if (http_request_expects_continue(conn->request) && http_request_body(conn->request).len == 0 &&
        buf_append(&conn->out, invitation, sizeof invitation - 1) != STATUS_OK)
        conn->broken = true;
}

/* The request is needed until its exchange is answered; then its memory serves the next. */
static void recycle(struct http_conn *conn)
{
    if (!conn->handled || conn->exchange.open)
        return;
    conn->handled = false;
    conn->judged = false;
    http_request_reset(conn->request);
}

/* Returns the bytes taken. */
static size_t feed(struct http_conn *conn, const uint8_t *data, size_t len)
{
    size_t head;
    size_t body = 0;
    enum http_parse parse = http_request_feed(conn->request, data, len, &head);

    if (parse == HTTP_PARSE_HEADERS && conn->surplus &&
        !http_route_is_probe(&conn->server->conf, conn->request)) {
        http_refuse_full(conn);
        return head;
    }
    if (parse == HTTP_PARSE_HEADERS) {
        if (!admit(conn))
            return head;
        parse = http_request_feed(conn->request, data + head, len - head, &body);
        if (parse == HTTP_PARSE_MORE)
            invite_body(conn);
    }
    if (parse == HTTP_PARSE_COMPLETE)
        handle(conn);
    else if (parse != HTTP_PARSE_MORE)
        http_refuse_request(conn, parse);
    return head + body;
}

static size_t parse(struct http_conn *conn, const uint8_t *data, size_t len)
{
    size_t at = 0;

    while (at < len && may_parse(conn)) {
        recycle(conn);
        if (!http_request_begun(conn->request))
            http_request_limit(conn->request, conn->server->conf.max_header_bytes,
                               conn->server->conf.max_body_bytes);
        at += feed(conn, data + at, len - at);
    }
    return at;
}

/* What a step on the socket came to, but for bytes. */
static void note_outcome(struct http_conn *conn, enum io_outcome outcome)
{
    conn->blocked = outcome == IO_WANT_WRITE;
    if (outcome == IO_FAILED)
        conn->broken = true;
}

static void flush(struct http_conn *conn)
{
    while (unsent(conn) > 0 && !conn->broken) {
        struct io_result result = socket_io_write(&conn->io, conn->out.data + conn->sent, unsent(conn));

        note_outcome(conn, result.outcome == IO_CLOSED ? IO_FAILED : result.outcome);
        if (result.outcome != IO_DONE)
            return;
        conn->sent += result.len;
        if (conn->sent - conn->stepped >= HTTP_WRITE_STEP) {
            conn->stepped = conn->sent;
            conn->renewed = true;
        }
    }
    conn->sent = conn->stepped = 0;
    if (conn->out.cap > HTTP_KEEP)
        buf_fini(&conn->out);
    buf_clear(&conn->out);
}

/* Takes as many of the waiting requests as the answers' way allows. */
static void work(struct http_conn *conn)
{
    do {
        buf_drop_front(&conn->in, parse(conn, conn->in.data, conn->in.len));
        flush(conn);
    } while (conn->in.len > 0 && may_parse(conn));
    if (conn->in.len == 0 && conn->in.cap > 0)
        buf_fini(&conn->in);
    recycle(conn);
}

static void take(struct http_conn *conn, const uint8_t *data, size_t len)
{
    size_t used = conn->in.len == 0 ? parse(conn, data, len) : 0;

    if (!conn->last && buf_append(&conn->in, data + used, len - used) != STATUS_OK)
        conn->broken = true;
}

static void tell_gone(struct http_exchange *exchange)
{
    void (*on_gone)(struct http_exchange *, void *) = exchange->on_gone;

    exchange->on_gone = NULL;
    if (exchange->open && on_gone != NULL)
        on_gone(exchange, exchange->gone_arg);
}

/* Only who waits for more of its body: what is complete costs nothing more. */
static void bound_inflight(struct http_conn *conn)
{
    const struct http_server *server = conn->server;

    if (conn->handled || conn->exchange.open || conn->last)
        return;
    http_phases_count(conn);
    if (conn->inflight > 0 && server->conf.max_inflight > 0 && server->inflight > server->conf.max_inflight)
        http_refuse_inflight(conn);
}

/* A TLS record begins with its type, below 32 (RFC 8446, 5.1), a request with its method. */
static bool speaks_plain(const struct http_conn *conn)
{
    char first;

    return recv(conn->io.fd, &first, 1, MSG_PEEK) == 1 && first >= 'A' && first <= 'Z';
}

static void count_failure(const struct http_conn *conn)
{
    metrics_add(conn->server->conf.rows.tls_failures, 1);
}

static void shake_hands(struct http_conn *conn)
{
    struct io_result result;

    if (!conn->greeted && speaks_plain(conn)) {
        count_failure(conn);
        socket_io_plain(&conn->io);
        conn->shaken = true;
        http_refuse_plain(conn);
        return;
    }
    result = socket_io_shake(&conn->io);
    conn->greeted = true;
    conn->shaken = result.outcome == IO_DONE;
    note_outcome(conn, result.outcome == IO_CLOSED ? IO_FAILED : result.outcome);
    if (conn->broken)
        count_failure(conn);
}

static void receive(struct http_conn *conn)
{
    uint8_t *scratch = conn->server->scratch;
    struct io_result result;

    if (!conn->shaken)
        shake_hands(conn);
    if (!conn->shaken || conn->last || conn->broken)
        return;
    result = socket_io_read(&conn->io, scratch, HTTP_SCRATCH);
    note_outcome(conn, result.outcome);
    conn->held = result.outcome == IO_DONE && socket_io_holds_bytes(&conn->io);
    if (result.outcome == IO_DONE) {
        take(conn, scratch, result.len);
        bound_inflight(conn);
    } else if (result.outcome == IO_CLOSED) {
        conn->eof = true;
        tell_gone(&conn->exchange);
    }
}

static void want(struct event *event, bool *added, bool wanted)
{
    if (*added == wanted)
        return;
    *added = wanted;
    if (wanted)
        event_add(event, NULL);
    else
        event_del(event);
}

static void close_socket(struct http_conn *conn)
{
    want(&conn->reading, &conn->is_reading, false);
    want(&conn->writing, &conn->is_writing, false);
    socket_io_fini(&conn->io, !conn->broken && unsent(conn) == 0);
    conn->closed = true;
}

void http_conn_drop(struct http_conn *conn)
{
    close_socket(conn);
    if (conn->exchange.open) {
        http_phases_move(conn, HTTP_GONE);
        conn->running = true;
        tell_gone(&conn->exchange);
        conn->running = false;
    }
    if (!conn->exchange.open)
        http_phases_end(conn);
}

/* A close with unread input would be a reset, which can overtake the answer (RFC 9112, 9.6). */
static void linger(struct http_conn *conn)
{
    if (conn->eof || !socket_io_end(&conn->io)) {
        http_conn_drop(conn);
        return;
    }
    if (conn->server->lingering >= conn->server->linger_max)
        http_conn_drop(http_phases_first(conn->server, HTTP_LINGERING));
    http_request_free(conn->request);
    conn->request = NULL;
    http_phases_count(conn);
    buf_fini(&conn->in);
    conn->linger_left = HTTP_LINGER_BYTES;
    http_phases_move(conn, HTTP_LINGERING);
    want(&conn->reading, &conn->is_reading, true);
    want(&conn->writing, &conn->is_writing, false);
}

static void discard(struct http_conn *conn)
{
    ssize_t count = recv(conn->io.fd, conn->server->scratch, HTTP_SCRATCH, 0);

    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count <= 0 || (size_t)count > conn->linger_left)
        http_conn_drop(conn);
    else
        conn->linger_left -= (size_t)count;
}

static enum http_phase next_phase(const struct http_conn *conn)
{
    if (unsent(conn) > 0)
        return HTTP_WRITING;
    if (conn->exchange.open)
        return HTTP_HANDLING;
    if (conn->last)
        return HTTP_LINGERING;
    if (conn->eof)
        return HTTP_GONE;
    if (http_request_begun(conn->request))
        return HTTP_READING;
    if (conn->server->draining)
        return HTTP_GONE;
    return conn->spoken ? HTTP_IDLE : HTTP_FRESH;
}

static void settle(struct http_conn *conn)
{
    work(conn);
    http_phases_count(conn);
    conn->running = false;
    enum http_phase phase = conn->broken ? HTTP_GONE : next_phase(conn);
    if (phase == HTTP_GONE) {
        http_conn_drop(conn);
    } else if (phase == HTTP_LINGERING) {
        linger(conn);
    } else {
        http_phases_move(conn, phase);
        want(&conn->reading, &conn->is_reading, !conn->eof && conn->in.len < HTTP_IN_HIGH);
        want(&conn->writing, &conn->is_writing, phase == HTTP_WRITING || conn->blocked);
        if (conn->held && conn->is_reading)
            http_phases_schedule_later(conn);
    }
}

/* The answer goes at the end of the turn: what the handler set off (a push on its way to the gateways) comes
 * before the caller, who would take the core at once. */
static void answer_later(struct http_conn *conn)
{
    conn->running = false;
    http_phases_move(conn, HTTP_WRITING);
    http_phases_schedule(conn);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct http_conn *conn = arg;

    (void)fd;
    (void)what;
    if (conn->phase == HTTP_LINGERING) {
        discard(conn);
        return;
    }
    conn->running = true;
    receive(conn);
    if (unsent(conn) > 0)
        answer_later(conn);
    else
        settle(conn);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct http_conn *conn = arg;

    (void)fd;
    (void)what;
    conn->running = true;
    if (unsent(conn) == 0)
        receive(conn); /* TLS that waited to write */
    settle(conn);
}

void http_conn_advance(struct http_conn *conn)
{
    if (conn->phase == HTTP_LINGERING)
        return;
    conn->running = true;
    /* A request that has come already is answered even while draining. */
    if (conn->phase == HTTP_IDLE || conn->phase == HTTP_FRESH || (conn->held && conn->is_reading))
        receive(conn);
    settle(conn);
}

void http_conn_expire(struct http_conn *conn)
{
    if (conn->phase != HTTP_READING) {
        if (!conn->shaken)
            count_failure(conn);
        http_conn_drop(conn);
        return;
    }
    conn->running = true;
    http_refuse_slow(conn);
    settle(conn);
}

/* Takes both over; NULL, and they are closed, for want of memory. */
static struct http_conn *conn_new(struct http_server *server, int fd, SSL *ssl)
{
    const struct http_server_conf *conf = &server->conf;
    struct http_conn *conn = calloc(1, sizeof *conn);
    struct socket_io io;
    bool ready = socket_io_init(&io, fd, ssl, true);

    if (conn == NULL || !ready ||
        http_request_new(conf->max_header_bytes, conf->max_body_bytes, &conn->request) != STATUS_OK) {
        socket_io_fini(&io, false);
        free(conn);
        return NULL;
    }
    conn->io = io;
    conn->server = server;
    conn->shaken = ssl == NULL;
    conn->phase = HTTP_PHASES;
    buf_init(&conn->in, HTTP_IN_HIGH + HTTP_SCRATCH);
    buf_init(&conn->out, SIZE_MAX);
    list_init(&conn->phase_link);
    list_init(&conn->turn_link);
    list_init(&conn->surplus_link);
    event_assign(&conn->reading, server->base, fd, EV_READ | EV_PERSIST, on_readable, conn);
    event_assign(&conn->writing, server->base, fd, EV_WRITE | EV_PERSIST, on_writable, conn);
    return conn;
}

/* Before its handshake nothing can be said. */
void http_conn_refuse_full(struct http_conn *conn)
{
    if (!conn->shaken) {
        metrics_add(conn->server->conf.rows.refused_full, 1);
        http_conn_drop(conn);
        return;
    }
    conn->running = true;
    http_refuse_full(conn);
    settle(conn);
}

void http_conn_start(struct http_server *server, int fd, enum http_slot slot)
{
    SSL *ssl = server->tls != NULL ? SSL_new(server->tls) : NULL;
    struct http_conn *conn;

    if (server->tls != NULL && ssl == NULL) {
        close(fd);
        return;
    }
    conn = conn_new(server, fd, ssl);
    if (conn == NULL)
        return;
    if (slot != HTTP_SLOT_OWN) {
        conn->surplus = true;
        server->surplus_count++;
        list_add_tail(&server->surplus, &conn->surplus_link);
    }
    http_phases_move(conn, HTTP_FRESH);
    if (slot == HTTP_SLOT_NONE) {
        http_conn_refuse_full(conn);
        return;
    }
    conn->running = true;
    settle(conn);
}
