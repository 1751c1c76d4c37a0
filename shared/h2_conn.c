/* SPDX-License-Identifier: Apache-2.0 */
/* The transport of an HTTP/2 connection: owns the bufferevent, when bytes move, and the end of
 * the connection. The loop's thread only. Knows nothing of requests. */
#include "shared/h2_conn.h"

#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "shared/clock.h"
#include "shared/h2_internal.h"
#include "shared/tls.h"

enum {
    OUTPUT_HIGH = 1024 * 1024, /* bytes: the session is not asked for more above this */
    OUTPUT_LOW = 256 * 1024,   /* bytes: it is asked again below this */
    READ_AT_ONCE = 256 * 1024, /* bytes taken from a socket in one turn of the loop */
    HANDSHAKE_SECONDS = 10,    /* from creation to the peer's SETTINGS */
    LINGER_SECONDS = 1,        /* for the peer to read the last answers and close first */
};

static void set_timer(struct h2_conn *conn, int seconds)
{
    struct timeval delay = {.tv_sec = seconds};

    event_add(conn->timer, &delay);
}

void h2_conn_close(struct h2_conn *conn, const char *reason)
{
    if (conn->closing)
        return;
    conn->closing = true;
    snprintf(conn->reason, sizeof conn->reason, "%s", reason);
    bufferevent_disable(conn->bev, EV_READ | EV_WRITE);
    event_active(conn->wake, EV_TIMEOUT, 0);
}

static void finish(struct h2_conn *conn)
{
    if (conn->finished || evbuffer_get_length(bufferevent_get_output(conn->bev)) > 0)
        return;
    conn->finished = true;
    if (conn->server)
        set_timer(conn, LINGER_SECONDS);
    else
        h2_conn_close(conn, "the peer is going away");
}

/* A server whose peer does not read its answers does not read its requests either. A client
 * always reads, so that two full directions cannot wait for each other. */
static void balance_reading(struct h2_conn *conn)
{
    bool full = evbuffer_get_length(bufferevent_get_output(conn->bev)) >= OUTPUT_HIGH;

    if (!conn->server || conn->closing)
        return;
    if (full)
        bufferevent_disable(conn->bev, EV_READ);
    else if (!(bufferevent_get_enabled(conn->bev) & EV_READ))
        bufferevent_enable(conn->bev, EV_READ);
}

static ssize_t send_pending(struct h2_conn *conn)
{
    struct evbuffer *output = bufferevent_get_output(conn->bev);
    const uint8_t *data = NULL;
    ssize_t len = 0;

    while (evbuffer_get_length(output) < OUTPUT_HIGH) {
        len = nghttp2_session_mem_send(conn->session, &data);
        if (len <= 0)
            return len;
        if (evbuffer_add(output, data, (size_t)len))
            return NGHTTP2_ERR_NOMEM;
    }
    return 0;
}

void h2_conn_flush(struct h2_conn *conn)
{
    ssize_t result;

    if (conn->inside || conn->closing || !conn->started)
        return;
    conn->inside++;
    result = send_pending(conn);
    conn->inside--;
    if (result < 0) {
        h2_conn_close(conn, nghttp2_strerror((int)result));
        return;
    }
    balance_reading(conn);
    if (!nghttp2_session_want_read(conn->session) && !nghttp2_session_want_write(conn->session))
        finish(conn);
}

static void take_input(struct h2_conn *conn)
{
    struct evbuffer *input = bufferevent_get_input(conn->bev);
    struct evbuffer_iovec piece;

    conn->last_received = clock_now_ms();
    while (!conn->closing && evbuffer_get_length(input) > 0) {
        if (evbuffer_peek(input, -1, NULL, &piece, 1) < 1)
            return;
        if (!conn->finished)
            h2_session_receive(conn, piece.iov_base, piece.iov_len);
        evbuffer_drain(input, piece.iov_len);
    }
}

static void on_readable(struct bufferevent *bev, void *arg)
{
    struct h2_conn *conn = arg;

    (void)bev;
    if (!conn->started || conn->inside || conn->closing)
        return;
    take_input(conn);
    h2_conn_flush(conn);
}

static void on_writable(struct bufferevent *bev, void *arg)
{
    (void)bev;
    h2_conn_flush(arg);
}

static bool speaks_h2(const struct h2_conn *conn)
{
    const unsigned char *name = NULL;
    unsigned len = 0;

    if (!conn->tls)
        return true;
    SSL_get0_alpn_selected(bufferevent_openssl_get_ssl(conn->bev), &name, &len);
    return len == 2 && memcmp(name, "h2", 2) == 0;
}

static void start(struct h2_conn *conn)
{
    int one = 1;

    if (conn->started || conn->closing)
        return;
    if (!speaks_h2(conn)) {
        h2_conn_close(conn, "the peer does not speak h2 (ALPN)");
        return;
    }
    /* Refused on a unix socket, where it means nothing. */
    (void)setsockopt(bufferevent_getfd(conn->bev), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    conn->started = true;
    conn->last_received = clock_now_ms();
    if (!conn->server && conn->callbacks.on_ready)
        conn->callbacks.on_ready(conn, conn->arg);
    on_readable(conn->bev, conn);
    h2_conn_flush(conn);
}

static void close_on_error(struct h2_conn *conn)
{
    int socket_error = errno;
    unsigned long code = conn->tls ? bufferevent_get_openssl_error(conn->bev) : 0;
    long verified = conn->tls ? SSL_get_verify_result(bufferevent_openssl_get_ssl(conn->bev)) : X509_V_OK;
    const char *text = code ? ERR_reason_error_string(code) : NULL;
    char reason[sizeof conn->reason];

    if (verified != X509_V_OK && !conn->started)
        snprintf(reason, sizeof reason, "TLS: certificate: %s", X509_verify_cert_error_string(verified));
    else if (text)
        snprintf(reason, sizeof reason, "TLS: %s", text);
    else
        snprintf(reason, sizeof reason, "%s", socket_error ? strerror(socket_error) : "the connection broke");
    ERR_clear_error();
    h2_conn_close(conn, reason);
}

static void on_transport(struct bufferevent *bev, short what, void *arg)
{
    struct h2_conn *conn = arg;

    if (what & BEV_EVENT_CONNECTED)
        start(conn);
    if (what & BEV_EVENT_ERROR)
        close_on_error(conn);
    if (what & BEV_EVENT_EOF) {
        on_readable(bev, conn);
        h2_conn_close(conn, conn->started ? "the peer closed the connection"
                                          : "the peer closed the connection in the handshake");
    }
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct h2_conn *conn = arg;

    (void)fd;
    (void)what;
    if (!conn->closing) {
        start(conn);
        return;
    }
    event_del(conn->timer);
    if (conn->callbacks.on_close)
        conn->callbacks.on_close(conn, conn->reason, conn->arg);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct h2_conn *conn = arg;

    (void)fd;
    (void)what;
    if (conn->finished)
        h2_conn_close(conn, "finished");
    else if (!conn->settled)
        h2_conn_close(conn, "handshake timed out");
}

/* Whether no "connected" event will come, because that is already the case. */
static bool transport_is_open(const struct h2_conn *conn)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;

    if (conn->tls)
        return SSL_is_init_finished(bufferevent_openssl_get_ssl(conn->bev));
    return getpeername(bufferevent_getfd(conn->bev), (struct sockaddr *)&peer, &len) == 0;
}

static enum status set_up(struct h2_conn *conn, const char *authority)
{
    struct event_base *base = bufferevent_get_base(conn->bev);
    enum status status;

    conn->wake = event_new(base, -1, 0, on_wake, conn);
    conn->timer = evtimer_new(base, on_timer, conn);
    conn->authority = authority ? strdup(authority) : NULL;
    if (!conn->wake || !conn->timer || (authority && !conn->authority))
        return STATUS_NO_MEMORY;
    status = h2_session_start(conn);
    if (status)
        return status;
    bufferevent_setcb(conn->bev, on_readable, on_writable, on_transport, conn);
    bufferevent_setwatermark(conn->bev, EV_WRITE, OUTPUT_LOW, 0);
    bufferevent_set_max_single_read(conn->bev, READ_AT_ONCE);
    bufferevent_set_max_single_write(conn->bev, READ_AT_ONCE);
    if (bufferevent_enable(conn->bev, EV_READ | EV_WRITE))
        return STATUS_IO;
    set_timer(conn, HANDSHAKE_SECONDS);
    if (transport_is_open(conn))
        event_active(conn->wake, EV_TIMEOUT, 0);
    return STATUS_OK;
}

static enum status conn_new(struct bufferevent *bev, const char *authority, bool server,
                            const struct h2_limits *limits, const struct h2_callbacks *callbacks, void *arg,
                            struct h2_conn **out)
{
    struct h2_conn *conn = calloc(1, sizeof *conn);
    enum status status;

    if (!conn) {
        bufferevent_free(bev);
        return STATUS_NO_MEMORY;
    }
    conn->bev = bev;
    conn->callbacks = *callbacks;
    conn->arg = arg;
    conn->limits = *limits;
    conn->server = server;
    conn->tls = bufferevent_openssl_get_ssl(bev) != NULL;
    conn->last_received = clock_now_ms();
    list_init(&conn->streams);
    status = set_up(conn, authority);
    if (status) {
        h2_conn_free(conn);
        return status;
    }
    *out = conn;
    return STATUS_OK;
}

enum status h2_conn_new_server(struct bufferevent *bev, const struct h2_limits *limits,
                               const struct h2_callbacks *callbacks, void *arg, struct h2_conn **out)
{
    return conn_new(bev, NULL, true, limits, callbacks, arg, out);
}

enum status h2_conn_new_client(struct bufferevent *bev, const char *authority, const struct h2_limits *limits,
                               const struct h2_callbacks *callbacks, void *arg, struct h2_conn **out)
{
    return conn_new(bev, authority, false, limits, callbacks, arg, out);
}

/* One close_notify, sent if the socket takes it (RFC 8446, 6.1); nobody waits for the peer's. */
static void say_goodbye(struct h2_conn *conn)
{
    if (conn->tls && conn->started)
        SSL_shutdown(bufferevent_openssl_get_ssl(conn->bev));
    ERR_clear_error();
}

void h2_conn_free(struct h2_conn *conn)
{
    if (!conn)
        return;
    assert(!conn->inside);
    while (!list_empty(&conn->streams))
        h2_stream_free(conn, container_of(list_first(&conn->streams), struct h2_stream, node));
    nghttp2_session_del(conn->session);
    say_goodbye(conn);
    bufferevent_free(conn->bev);
    if (conn->wake)
        event_free(conn->wake);
    if (conn->timer)
        event_free(conn->timer);
    free(conn->authority);
    free(conn);
}

int64_t h2_conn_last_received(const struct h2_conn *conn)
{
    return conn->last_received;
}
