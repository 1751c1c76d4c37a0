/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the connections from logics and the answers held back. A connection dies in one place,
 * on_close, told by h2_conn from the loop. The control thread only; routes know nothing of it. */
#include "gateway/rpc/rpc_server.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/metrics/gateway_metrics.h"
#include "gateway/rpc/rpc_call.h"
#include "gateway/rpc/rpc_routes.h"
#include "shared/base/clock.h"
#include "shared/base/list.h"
#include "shared/h2/h2_conn.h"
#include "shared/log/log.h"
#include "shared/net/listener.h"
#include "shared/net/loop_event.h"

enum {
    MAX_STREAMS = 128,      /* requests under way on one connection */
    WINDOW = 4 << 20,       /* bytes in flight to us, of a stream and of a connection */
    KEEPALIVE_SECONDS = 60, /* of silence, then the kernel asks whether the peer is there */
    UNACKED_MS = 30 * 1000, /* a peer that acknowledges no byte for so long is gone */
    HOST_LEN = 64,          /* an IPv6 address with its scope */
    PORT_LEN = 8,
    REFUSAL_GAP_MS = 10000, /* between two lines about refused certificates */
    TOTAL_FACTOR = 3,       /* times read_timeout_ms: for a whole request */
    SWEEPS_PER_TIMEOUT = 4,
    SWEEP_MIN_MS = 20,
    SWEEP_MAX_MS = 1000,
};

struct rpc_server {
    struct event_base *base;
    struct rpc_server_conf conf;
    struct rpc_routes routes;
    struct listener *listener; /* NULL once draining */
    int port;
    struct event *turn;
    struct list conns;      /* established */
    struct list handshakes; /* not yet; oldest first */
    struct list held;       /* answers, oldest first */
    size_t count;
    size_t handshake_count;
    struct h2_inflight inflight;
    struct event *sweep; /* for requests that stand still */
    bool holding;
    int64_t refused_peers;     /* since the last line about them */
    int64_t refusal_logged_ms; /* 0: never */
};

struct rpc_conn {
    struct list node;
    struct rpc_server *server;
    struct h2_conn *h2;
    struct rpc_caller caller; /* to the routes */
    bool established;
    int64_t requests;
};

struct held_answer {
    struct list node;
    struct rpc_conn *conn;
    int32_t stream;
    struct rpc_answer answer;
};

/* Without the memory to hold an answer back it goes out early: late pressure, no loss. */
static bool hold_answer(struct rpc_conn *conn, int32_t stream, const struct rpc_answer *answer)
{
    struct held_answer *held = calloc(1, sizeof *held);

    if (held == NULL)
        return false;
    held->conn = conn;
    held->stream = stream;
    held->answer = *answer;
    list_add_tail(&conn->server->held, &held->node);
    return true;
}

static void settle(struct rpc_conn *conn, int32_t stream, struct rpc_answer *answer)
{
    if (answer->status != 200)
        metrics_add(M_RPC_REFUSED, 1);
    if (answer->applied)
        event_active(conn->server->turn, EV_TIMEOUT, 0);
    if (answer->applied && hold_answer(conn, stream, answer))
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

static void drop_held(struct held_answer *held)
{
    list_remove(&held->node);
    buf_fini(&held->answer.body);
    free(held);
}

static void drop_held_of(struct rpc_server *server, const struct rpc_conn *conn)
{
    for (struct list *at = server->held.next, *next; at != &server->held; at = next) {
        struct held_answer *held = container_of(at, struct held_answer, node);

        next = at->next;
        if (held->conn == conn)
            drop_held(held);
    }
}

static void conn_free(struct rpc_conn *conn)
{
    drop_held_of(conn->server, conn);
    rpc_caller_forget(&conn->caller);
    h2_conn_free(conn->h2);
    list_remove(&conn->node);
    if (conn->established)
        conn->server->count--;
    else
        conn->server->handshake_count--;
    metrics_sub(conn->established ? M_RPC_CONNECTIONS : M_RPC_HANDSHAKES, 1);
    free(conn);
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
    conn_free(conn);
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

static void evict(struct rpc_conn *conn, const char *reason)
{
    log_event(LOG_WARN, "silent rpc connection closed", LOG_S("peer", conn->caller.peer),
              LOG_S("reason", reason));
    metrics_add(M_EVICTED_RPC, 1);
    conn_free(conn);
}

/* Who has been silent for longest, if that is long enough to be nobody's link; or NULL. */
static struct rpc_conn *find_quiet(const struct rpc_server *server)
{
    int64_t before_ms = clock_now_ms() - server->conf.quiet_ms;
    struct rpc_conn *quiet = NULL;

    for (struct list *at = server->conns.next; at != &server->conns; at = at->next) {
        struct rpc_conn *conn = container_of(at, struct rpc_conn, node);
        int64_t heard_ms = h2_conn_last_received(conn->h2);

        if (heard_ms <= before_ms && !h2_conn_is_busy(conn->h2)) {
            before_ms = heard_ms;
            quiet = conn;
        }
    }
    return quiet;
}

static bool make_place(const struct rpc_server *server)
{
    struct rpc_conn *quiet;

    if (server->count < (size_t)server->conf.limits.max_connections)
        return true;
    quiet = find_quiet(server);
    if (quiet != NULL)
        evict(quiet, "maxRpcConnections are open");
    return quiet != NULL;
}

static void start_sweep(struct rpc_server *server)
{
    int period_ms = server->conf.limits.read_timeout_ms / SWEEPS_PER_TIMEOUT;

    period_ms = period_ms < SWEEP_MIN_MS ? SWEEP_MIN_MS : period_ms > SWEEP_MAX_MS ? SWEEP_MAX_MS : period_ms;
    (void)loop_event_after_ms(server->sweep, period_ms);
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
    struct rpc_server *server = arg;
    int stall_ms = server->conf.limits.read_timeout_ms;
    int64_t now_ms = clock_now_ms();

    (void)fd;
    (void)what;
    for (struct list *at = server->conns.next; at != &server->conns; at = at->next)
        h2_conn_expire(container_of(at, struct rpc_conn, node)->h2, now_ms, stall_ms,
                       stall_ms * TOTAL_FACTOR);
    if (server->count > 0)
        start_sweep(server);
}

static void on_established(struct h2_conn *h2, void *arg)
{
    struct rpc_conn *conn = arg;
    struct rpc_server *server = conn->server;

    if (!make_place(server)) {
        log_event(LOG_WARN, "rpc connection refused", LOG_S("peer", conn->caller.peer),
                  LOG_S("reason", "maxRpcConnections are open"));
        metrics_add(M_RPC_REFUSED, 1);
        h2_conn_close(h2, "maxRpcConnections are open");
        return;
    }
    list_remove(&conn->node);
    list_add_tail(&server->conns, &conn->node);
    conn->established = true;
    server->handshake_count--;
    server->count++;
    metrics_sub(M_RPC_HANDSHAKES, 1);
    metrics_add(M_RPC_CONNECTIONS, 1);
    if (!evtimer_pending(server->sweep, NULL))
        start_sweep(server);
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

static enum status open_conn(struct rpc_server *server, struct rpc_conn *conn, int fd)
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
        .max_streams = MAX_STREAMS,
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

static void refuse(int fd, const char *reason)
{
    log_event(LOG_WARN, "rpc connection refused", LOG_S("reason", reason));
    metrics_add(M_RPC_REFUSED, 1);
    if (fd >= 0)
        close(fd);
}

static void on_accept(int fd, const struct sockaddr *peer, socklen_t peer_len, void *arg)
{
    struct rpc_server *server = arg;
    struct rpc_conn *conn;

    if (server->handshake_count >= (size_t)server->conf.limits.max_handshakes)
        evict(container_of(list_first(&server->handshakes), struct rpc_conn, node), "too many handshakes");
    conn = calloc(1, sizeof *conn);
    if (conn == NULL) {
        refuse(fd, "out of memory");
        return;
    }
    conn->server = server;
    conn->caller.max_body = (size_t)server->conf.hello.limits[HELLO_RPC_BYTES];
    list_init(&conn->caller.later);
    name_peer(conn, peer, peer_len);
    set_keepalive(fd);
    if (open_conn(server, conn, fd) != STATUS_OK) {
        refuse(-1, "out of memory");
        free(conn);
        return;
    }
    list_add_tail(&server->handshakes, &conn->node);
    server->handshake_count++;
    metrics_add(M_RPC_HANDSHAKES, 1);
}

static void release(struct rpc_server *server)
{
    while (!list_empty(&server->held)) {
        struct held_answer *held = container_of(list_first(&server->held), struct held_answer, node);

        rpc_answer_send(held->conn->h2, held->stream, &held->answer);
        drop_held(held);
    }
}

/* What was applied is on its way to the buckets before its answer goes: whether they are behind is
 * judged with it. */
static void on_turn(evutil_socket_t fd, short what, void *arg)
{
    struct rpc_server *server = arg;

    (void)fd;
    (void)what;
    server->conf.on_turn(server->conf.arg);
    if (!server->holding)
        release(server);
}

/* One whole request must always fit. */
static size_t inflight_max(const struct rpc_server *server)
{
    size_t max_body = (size_t)server->conf.hello.limits[HELLO_RPC_BYTES];

    return server->conf.limits.max_inflight > max_body ? server->conf.limits.max_inflight : max_body;
}

enum status rpc_server_new(struct event_base *base, const struct rpc_server_conf *conf,
                           struct rpc_server **out, struct fault *fault)
{
    struct rpc_server *server = calloc(1, sizeof *server);
    enum status status;

    if (server == NULL)
        return fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    server->base = base;
    server->conf = *conf;
    server->conf.bind = NULL;
    server->routes =
        (struct rpc_routes){conf->handler, conf->canary, &server->conf.hello, conf->stats, conf->arg};
    list_init(&server->conns);
    list_init(&server->handshakes);
    list_init(&server->held);
    server->inflight.max = inflight_max(server);
    server->turn = event_new(base, -1, 0, on_turn, server);
    server->sweep = evtimer_new(base, on_sweep, server);
    status =
        server->turn != NULL && server->sweep != NULL
            ? listener_new(base, "rpc", conf->bind, conf->port, on_accept, server, &server->listener, fault)
            : fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    if (status != STATUS_OK) {
        rpc_server_free(server);
        return status;
    }
    listener_count_failures(server->listener, M_ACCEPT_FAILURES_RPC);
    server->port = listener_port(server->listener);
    *out = server;
    return STATUS_OK;
}

static struct rpc_conn *first_conn(const struct list *conns)
{
    struct list *first = list_first(conns);

    return first != NULL ? container_of(first, struct rpc_conn, node) : NULL;
}

static void free_conns(const struct list *conns)
{
    while (first_conn(conns) != NULL)
        conn_free(first_conn(conns));
}

void rpc_server_free(struct rpc_server *server)
{
    if (server == NULL)
        return;
    free_conns(&server->conns);
    free_conns(&server->handshakes);
    if (server->listener != NULL)
        listener_free(server->listener);
    loop_event_free(server->turn);
    loop_event_free(server->sweep);
    free(server);
}

void rpc_server_set_tls(struct rpc_server *server, SSL_CTX *tls)
{
    server->conf.tls = tls;
}

void rpc_server_set_limits(struct rpc_server *server, const int64_t told[HELLO_LIMIT_COUNT],
                           const struct rpc_limits *limits)
{
    memcpy(server->conf.hello.limits, told, sizeof server->conf.hello.limits);
    server->conf.limits = *limits;
    server->inflight.max = inflight_max(server);
}

size_t rpc_server_inflight(const struct rpc_server *server)
{
    return server->inflight.used;
}

void rpc_server_hold(struct rpc_server *server, bool hold)
{
    if (server == NULL || server->listener == NULL || server->holding == hold)
        return;
    server->holding = hold;
    if (!hold)
        release(server);
}

void rpc_server_drain(struct rpc_server *server)
{
    if (server->listener != NULL)
        listener_free(server->listener);
    server->listener = NULL;
    server->holding = false;
    release(server);
    free_conns(&server->handshakes);
    for (struct list *at = server->conns.next; at != &server->conns; at = at->next)
        h2_conn_drain(container_of(at, struct rpc_conn, node)->h2);
}

size_t rpc_server_connections(const struct rpc_server *server)
{
    return server->count + server->handshake_count;
}

int rpc_server_port(const struct rpc_server *server)
{
    return server->port;
}
