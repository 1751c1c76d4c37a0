/* SPDX-License-Identifier: Apache-2.0 */
/* What an HTTP/2 connection is to its socket: when bytes move between the session and the transport, and
 * the end of the connection. The loop's thread only. Knows nothing of requests. */
#include "shared/h2/h2_conn.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/clock.h"
#include "shared/h2/h2_internal.h"
#include "shared/net/loop_event.h"

enum {
    OUTPUT_HIGH = 1024 * 1024, /* bytes: the session is not asked for more above this */
    OUTPUT_LOW = 256 * 1024,   /* bytes: it is asked again below this */
    HANDSHAKE_SECONDS = 10,    /* from creation to the peer's SETTINGS */
    LINGER_SECONDS = 1,        /* for the peer to read the last answers and close first */
};

static void set_timer(struct h2_conn *conn, int seconds)
{
    (void)loop_event_after_ms(conn->timer, seconds * INT64_C(1000));
}

void h2_conn_fail(struct h2_conn *conn, enum h2_end end, const char *reason)
{
    if (conn->closing)
        return;
    conn->closing = true;
    conn->end = end;
    snprintf(conn->reason, sizeof conn->reason, "%s", reason);
    transport_stop(conn->transport);
    event_active(conn->wake, EV_TIMEOUT, 0);
}

void h2_conn_close(struct h2_conn *conn, const char *reason)
{
    h2_conn_fail(conn, H2_END_LOCAL, reason);
}

enum h2_end h2_conn_end(const struct h2_conn *conn)
{
    return conn->end;
}

static void finish(struct h2_conn *conn)
{
    if (conn->finished || transport_unsent(conn->transport) > 0)
        return;
    conn->finished = true;
    if (conn->role->server)
        set_timer(conn, LINGER_SECONDS);
    else
        h2_conn_fail(conn, H2_END_FINISHED, "the peer is going away");
}

/* A server whose peer does not read its answers does not read its requests either. A client
 * always reads, so that two full directions cannot wait for each other. */
static void balance_reading(struct h2_conn *conn)
{
    if (conn->role->server && !conn->closing)
        transport_set_reading(conn->transport, transport_unsent(conn->transport) < OUTPUT_HIGH);
}

/* Fills the output up to its limit. 0: the session has more to say; 1: it has not; or nghttp2's error. */
static int fill_output(struct h2_conn *conn)
{
    while (transport_unsent(conn->transport) < OUTPUT_HIGH) {
        const uint8_t *data = NULL;
        ssize_t len = nghttp2_session_mem_send(conn->session, &data);

        if (len <= 0)
            return len == 0 ? 1 : (int)len;
        if (transport_write(conn->transport, data, (size_t)len) != STATUS_OK)
            return NGHTTP2_ERR_NOMEM;
        h2_budget_earn(&conn->budget, (size_t)len);
    }
    return 0;
}

static int send_pending(struct h2_conn *conn)
{
    int result;

    do {
        result = fill_output(conn);
        if (result < 0)
            return result;
        transport_flush(conn->transport);
    } while (result == 0 && transport_unsent(conn->transport) < OUTPUT_HIGH);
    return 0;
}

void h2_conn_flush(struct h2_conn *conn)
{
    int result;

    if (conn->inside || conn->closing || !conn->started)
        return;
    conn->inside++;
    result = send_pending(conn);
    conn->inside--;
    if (result < 0) {
        h2_conn_fail(conn, H2_END_PROTOCOL, nghttp2_strerror(result));
        return;
    }
    balance_reading(conn);
    if (!nghttp2_session_want_read(conn->session) && !nghttp2_session_want_write(conn->session))
        finish(conn);
}

/* The peer has flooded: GOAWAY with ENHANCE_YOUR_CALM (RFC 9113, 7), as far as the socket takes it, and the
 * end. */
static void fail_flood(struct h2_conn *conn)
{
    if (conn->closing)
        return;
    if (nghttp2_session_terminate_session(conn->session, NGHTTP2_ENHANCE_YOUR_CALM) == 0) {
        conn->inside++;
        (void)send_pending(conn);
        conn->inside--;
    }
    h2_conn_fail(conn, H2_END_FLOOD, "the peer floods with frames that bring nothing");
}

static void receive(struct h2_conn *conn, const uint8_t *data, size_t len)
{
    int result = h2_session_receive(conn, data, len);

    if (result == NGHTTP2_ERR_FLOODED)
        fail_flood(conn);
    else if (result != 0)
        h2_conn_fail(conn, H2_END_PROTOCOL, nghttp2_strerror(result));
}

/* With TLS 1.3 a client is through before the server has judged its certificate: only what the server says
 * afterwards shows that it is let in. */
static void tell_ready(struct h2_conn *conn)
{
    conn->ready = true;
    if (conn->callbacks.on_ready != NULL)
        conn->callbacks.on_ready(conn, conn->arg);
}

static void on_bytes(const uint8_t *data, size_t len, void *arg)
{
    struct h2_conn *conn = arg;

    conn->last_received = clock_now_ms();
    if (!conn->finished)
        receive(conn, data, len);
    if (!conn->role->server && !conn->ready && conn->settled && !conn->closing)
        tell_ready(conn);
    h2_conn_flush(conn);
}

static void on_drained(void *arg)
{
    struct h2_conn *conn = arg;

    if (transport_unsent(conn->transport) <= OUTPUT_LOW)
        h2_conn_flush(conn);
}

static bool speaks_h2(const struct h2_conn *conn)
{
    unsigned len;
    const uint8_t *name = transport_alpn(conn->transport, &len);

    return name == NULL || (len == 2 && memcmp(name, "h2", 2) == 0);
}

static void on_open(void *arg)
{
    struct h2_conn *conn = arg;

    if (!speaks_h2(conn)) {
        h2_conn_fail(conn, H2_END_PROTOCOL, "the peer does not speak h2 (ALPN)");
        return;
    }
    conn->started = true;
    conn->last_received = clock_now_ms();
    h2_conn_flush(conn);
}

static void on_end(const char *reason, void *arg)
{
    struct h2_conn *conn = arg;

    if (reason != NULL)
        h2_conn_fail(conn, H2_END_BROKEN, reason);
    else
        h2_conn_fail(conn, H2_END_PEER,
                     conn->started ? "the peer closed the connection"
                                   : "the peer closed the connection in the handshake");
}

static void on_coming(void *arg)
{
    struct h2_conn *conn = arg;

    if (conn->callbacks.on_coming != NULL)
        conn->callbacks.on_coming(conn->arg);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct h2_conn *conn = arg;

    (void)fd;
    (void)what;
    event_del(conn->timer);
    if (conn->callbacks.on_close != NULL)
        conn->callbacks.on_close(conn, conn->reason, conn->arg);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct h2_conn *conn = arg;

    (void)fd;
    (void)what;
    if (conn->finished)
        h2_conn_fail(conn, H2_END_FINISHED, "finished");
    else if (!conn->settled)
        h2_conn_fail(conn, H2_END_TIMEOUT, "handshake timed out");
}

static enum status set_up(struct h2_conn *conn, struct event_base *base, const char *authority)
{
    static const struct transport_callbacks callbacks = {on_open, on_bytes, on_drained, on_end, on_coming};
    enum status status;

    conn->wake = event_new(base, -1, 0, on_wake, conn);
    conn->timer = evtimer_new(base, on_timer, conn);
    conn->authority = authority != NULL ? strdup(authority) : NULL;
    if (conn->wake == NULL || conn->timer == NULL || (authority != NULL && conn->authority == NULL))
        return STATUS_NO_MEMORY;
    status = h2_session_start(conn);
    if (status != STATUS_OK)
        return status;
    set_timer(conn, HANDSHAKE_SECONDS);
    return transport_start(conn->transport, &callbacks, conn);
}

enum status h2_conn_new(struct event_base *base, struct transport *transport, const char *authority,
                        const struct h2_role *role, const struct h2_limits *limits,
                        const struct h2_callbacks *callbacks, void *arg, struct h2_conn **out)
{
    struct h2_conn *conn = calloc(1, sizeof *conn);
    enum status status;

    if (conn == NULL) {
        transport_free(transport);
        return STATUS_NO_MEMORY;
    }
    conn->transport = transport;
    conn->callbacks = *callbacks;
    conn->arg = arg;
    conn->limits = *limits;
    conn->role = role;
    conn->last_received = clock_now_ms();
    h2_budget_init(&conn->budget, role->server, conn->last_received);
    list_init(&conn->streams);
    status = set_up(conn, base, authority);
    if (status != STATUS_OK) {
        h2_conn_free(conn);
        return status;
    }
    *out = conn;
    return STATUS_OK;
}

void h2_conn_free(struct h2_conn *conn)
{
    if (conn == NULL)
        return;
    assert(!conn->inside);
    while (!list_empty(&conn->streams))
        h2_stream_free(conn, container_of(list_first(&conn->streams), struct h2_stream, node));
    nghttp2_session_del(conn->session);
    transport_free(conn->transport);
    loop_event_free(conn->wake);
    loop_event_free(conn->timer);
    free(conn->authority);
    free(conn);
}

bool h2_conn_refused_peer(const struct h2_conn *conn)
{
    return transport_refused_peer(conn->transport);
}

int64_t h2_conn_last_received(const struct h2_conn *conn)
{
    return conn->last_received;
}

void h2_conn_ping(struct h2_conn *conn)
{
    if (conn->closing || !conn->started)
        return;
    nghttp2_submit_ping(conn->session, NGHTTP2_FLAG_NONE, NULL);
    h2_conn_flush(conn);
}
