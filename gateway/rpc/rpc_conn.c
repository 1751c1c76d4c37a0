/* SPDX-License-Identifier: Apache-2.0 */
/* One connection of a logic: how it is opened, and what h2_conn tells of it. A request goes to the routes,
 * which know nothing of connections; its answer goes out at once, is held with what was applied (rpc_held.c),
 * or is given later by the route (rpc_call.h). The control thread only. */
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway/metrics/gateway_metrics.h"
#include "gateway/rpc/rpc_internal.h"
#include "shared/base/clock.h"
#include "shared/log/log.h"

enum {
    WINDOW = 4 << 20,       /* bytes in flight to us, of a stream and of a connection */
    KEEPALIVE_SECONDS = 60, /* of silence, then the kernel asks whether the peer is there */
    UNACKED_MS = 30 * 1000, /* a peer that acknowledges no byte for so long is gone */
    HOST_LEN = 64,          /* an IPv6 address with its scope */
    PORT_LEN = 8,
    REFUSAL_GAP_MS = 10000, /* between two lines about refused certificates */
};

/* Without the memory to hold an answer back it goes out early: late pressure, no loss. */
static void settle(struct rpc_conn *conn, int32_t stream, struct rpc_answer *answer)
{
    if (answer->status != 200)
        metrics_add(M_RPC_REFUSED, 1);
    if (answer->applied)
        event_active(conn->server->turn, EV_TIMEOUT, 0);
    if (answer->applied && rpc_held_add(conn, stream, answer))
        return;
    rpc_answer_send(conn->h2, stream, answer);
    buf_fini(&answer->body);
}

static void on_request(struct h2_conn *h2, const struct h2_request *request, void *arg)
{
    struct rpc_conn *conn = arg;
    struct rpc_answer answer;
    const struct rpc_call call = {&conn->caller, request, clock_now_ms(), &answer};

    conn->requests++;
    conn->caller.h2 = h2;
    rpc_routes_answer(&conn->server->routes, &call);
    if (answer.later)
        buf_fini(&answer.body);
    else
        settle(conn, request->stream, &answer);
}

static void on_refused(struct h2_conn *h2, int status, void *arg)
{
    (void)h2;
    (void)status;
    (void)arg;
    metrics_add(M_RPC_REFUSED, 1);
}

/* A logic comes again with backoff, so one line stands for many attempts. */
static void note_refused_peer(const struct rpc_conn *conn, const char *reason)
{
    struct rpc_server *server = conn->server;
    int64_t now_ms = clock_now_ms();

    metrics_add(M_RPC_CERTIFICATES_REFUSED, 1);
    server->refused_peers++;
    if (server->refusal_logged_ms && now_ms - server->refusal_logged_ms < REFUSAL_GAP_MS)
        return;
    log_event(LOG_WARN, "rpc client certificate refused", LOG_S("peer", conn->caller.peer),
              LOG_S("reason", reason), LOG_I("times", server->refused_peers));
    server->refusal_logged_ms = now_ms;
    server->refused_peers = 0;
}

static void on_close(struct h2_conn *h2, const char *reason, void *arg)
{
    static const unsigned end_rows[] = {
        [H2_END_LOCAL] = M_RPC_CLOSED_LOCAL,       [H2_END_PEER] = M_RPC_CLOSED_PEER,
        [H2_END_FINISHED] = M_RPC_CLOSED_FINISHED, [H2_END_BROKEN] = M_RPC_CLOSED_BROKEN,
        [H2_END_TIMEOUT] = M_RPC_CLOSED_TIMEOUT,   [H2_END_PROTOCOL] = M_RPC_CLOSED_PROTOCOL,
        [H2_END_FLOOD] = M_RPC_CLOSED_FLOOD,
    };
    struct rpc_conn *conn = arg;

    metrics_add(end_rows[h2_conn_end(h2)], 1);
    if (h2_conn_refused_peer(h2))
        note_refused_peer(conn, reason);
    else
        log_event(h2_conn_end(h2) == H2_END_FLOOD ? LOG_WARN : LOG_INFO, "rpc connection closed",
                  LOG_S("peer", conn->caller.peer), LOG_S("reason", reason),
                  LOG_I("requests", conn->requests));
    rpc_places_end(conn);
}

static void on_reset(struct h2_conn *h2, enum h2_reset why, void *arg)
{
    const struct rpc_conn *conn = arg;
    bool stalled = why == H2_RESET_STALLED;

    (void)h2;
    log_event(LOG_WARN, "rpc request reset", LOG_S("peer", conn->caller.peer),
              LOG_S("reason", stalled ? "it was not complete in time" : "maxRpcInflightBytes are held"));
    metrics_add(stalled ? M_RPC_RESET_TIMEOUT : M_RPC_RESET_BYTES, 1);
}

static void on_established(struct h2_conn *h2, void *arg)
{
    struct rpc_conn *conn = arg;

    if (rpc_places_establish(conn))
        return;
    log_event(LOG_WARN, "rpc connection refused", LOG_S("peer", conn->caller.peer),
              LOG_S("reason", "maxRpcConnections are open"));
    metrics_add(M_RPC_REFUSED, 1);
    h2_conn_close(h2, "maxRpcConnections are open");
}

static void on_coming(void *arg)
{
    const struct rpc_conn *conn = arg;

    conn->server->conf.on_coming(conn->server->conf.arg);
}

static void set_keepalive(int fd)
{
    int one = 1;
    int idle = KEEPALIVE_SECONDS;
    unsigned unacked = UNACKED_MS;

    /* Each may be refused (a unix socket): the connection then only lives longer than its peer. */
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacked, sizeof unacked);
}

static void name_peer(struct rpc_conn *conn, const struct sockaddr *peer, socklen_t len)
{
    char host[HOST_LEN];
    char port[PORT_LEN];

    if (getnameinfo(peer, len, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV))
        snprintf(conn->caller.peer, sizeof conn->caller.peer, "?");
    else
        snprintf(conn->caller.peer, sizeof conn->caller.peer, "%s:%s", host, port);
}

static enum status open_h2(struct rpc_server *server, struct rpc_conn *conn, int fd)
{
    static const struct h2_callbacks callbacks = {
        .on_request = on_request,
        .on_refused = on_refused,
        .on_reset = on_reset,
        .on_established = on_established,
        .on_close = on_close,
        .on_coming = on_coming,
    };
    const struct h2_limits limits = {
        .max_body = conn->caller.max_body,
        .max_streams = RPC_MAX_STREAMS,
        .window = WINDOW,
        .inflight = &server->inflight,
    };
    SSL *ssl = server->conf.tls != NULL ? SSL_new(server->conf.tls) : NULL;
    struct transport *transport;

    if (server->conf.tls != NULL && ssl == NULL) {
        close(fd);
        return STATUS_NO_MEMORY;
    }
    if (transport_new_accepted(server->base, fd, ssl, &transport) != STATUS_OK)
        return STATUS_NO_MEMORY;
    return h2_conn_new_server(server->base, transport, &limits, &callbacks, conn, &conn->h2);
}

enum status rpc_conn_open(struct rpc_server *server, int fd, const struct sockaddr *peer, socklen_t peer_len)
{
    struct rpc_conn *conn = calloc(1, sizeof *conn);

    if (conn == NULL) {
        close(fd);
        return STATUS_NO_MEMORY;
    }
    conn->server = server;
    conn->caller.max_body = (size_t)server->conf.hello.limits[HELLO_RPC_BYTES];
    list_init(&conn->caller.later);
    name_peer(conn, peer, peer_len);
    set_keepalive(fd);
    if (open_h2(server, conn, fd) != STATUS_OK) {
        free(conn);
        return STATUS_NO_MEMORY;
    }
    rpc_places_begin(conn);
    return STATUS_OK;
}
