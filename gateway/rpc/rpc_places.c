/* SPDX-License-Identifier: Apache-2.0 */
/* Which connections of logics there are, and who gives way to a newcomer. Those in their handshakes have
 * shown no certificate yet: they take no logic's place, and the oldest of them goes first. An established one
 * goes when it has been silent for longer than our logics ever are and has no request under way. Requests
 * that stand still are swept away a few times in their time-out. The control thread only. */
#include <stdlib.h>

#include "gateway/metrics/gateway_metrics.h"
#include "gateway/rpc/rpc_internal.h"
#include "shared/base/clock.h"
#include "shared/log/log.h"
#include "shared/net/loop_event.h"

enum {
    TOTAL_FACTOR = 3, /* times read_timeout_ms: for a whole request */
    SWEEPS_PER_TIMEOUT = 4,
    SWEEP_MIN_MS = 20,
    SWEEP_MAX_MS = 1000,
};

void rpc_places_begin(struct rpc_conn *conn)
{
    list_add_tail(&conn->server->handshakes, &conn->node);
    conn->server->handshake_count++;
    metrics_add(M_RPC_HANDSHAKES, 1);
}

void rpc_places_end(struct rpc_conn *conn)
{
    rpc_held_forget(conn->server, conn);
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

void rpc_places_end_all(const struct list *conns)
{
    while (list_first(conns) != NULL)
        rpc_places_end(container_of(list_first(conns), struct rpc_conn, node));
}

static void evict(struct rpc_conn *conn, const char *reason)
{
    log_event(LOG_WARN, "silent rpc connection closed", LOG_S("peer", conn->caller.peer),
              LOG_S("reason", reason));
    metrics_add(M_EVICTED_RPC, 1);
    rpc_places_end(conn);
}

void rpc_places_make_room(struct rpc_server *server)
{
    if (server->handshake_count >= (size_t)server->conf.limits.max_handshakes)
        evict(container_of(list_first(&server->handshakes), struct rpc_conn, node), "too many handshakes");
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

void rpc_places_on_sweep(evutil_socket_t fd, short what, void *arg)
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

bool rpc_places_establish(struct rpc_conn *conn)
{
    struct rpc_server *server = conn->server;

    if (!make_place(server))
        return false;
    list_remove(&conn->node);
    list_add_tail(&server->conns, &conn->node);
    conn->established = true;
    server->handshake_count--;
    server->count++;
    metrics_sub(M_RPC_HANDSHAKES, 1);
    metrics_add(M_RPC_CONNECTIONS, 1);
    if (!evtimer_pending(server->sweep, NULL))
        start_sweep(server);
    return true;
}
