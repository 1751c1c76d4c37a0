/* SPDX-License-Identifier: Apache-2.0 */
/* The port as a whole: listens, is held while buckets are behind, drains. Connections stand in rpc_conn.c and
 * rpc_places.c, answers that wait in rpc_held.c. The control thread only; routes know nothing of it. */
#include "gateway/rpc/rpc_server.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/metrics/gateway_metrics.h"
#include "gateway/rpc/rpc_internal.h"
#include "shared/log/log.h"
#include "shared/net/loop_event.h"

static void on_accept(int fd, const struct sockaddr *peer, socklen_t peer_len, void *arg)
{
    struct rpc_server *server = arg;

    rpc_places_make_room(server);
    if (rpc_conn_open(server, fd, peer, peer_len) == STATUS_OK)
        return;
    log_event(LOG_WARN, "rpc connection refused", LOG_S("reason", "out of memory"));
    metrics_add(M_RPC_REFUSED, 1);
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
        rpc_held_release(server);
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
    server->routes = (struct rpc_routes){.handler = conf->handler,
                                         .canary = conf->canary,
                                         .queries = conf->queries,
                                         .hello = &server->conf.hello,
                                         .bans = &server->conf.bans,
                                         .stats = conf->stats,
                                         .arg = conf->arg};
    list_init(&server->conns);
    list_init(&server->handshakes);
    list_init(&server->held);
    server->inflight.max = inflight_max(server);
    server->turn = event_new(base, -1, 0, on_turn, server);
    server->sweep = evtimer_new(base, rpc_places_on_sweep, server);
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

void rpc_server_free(struct rpc_server *server)
{
    if (server == NULL)
        return;
    rpc_places_end_all(&server->conns);
    rpc_places_end_all(&server->handshakes);
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
        rpc_held_release(server);
}

void rpc_server_drain(struct rpc_server *server)
{
    if (server->listener != NULL)
        listener_free(server->listener);
    server->listener = NULL;
    server->holding = false;
    rpc_held_release(server);
    rpc_places_end_all(&server->handshakes);
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
