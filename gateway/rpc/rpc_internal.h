/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the RPC port share, from the ground up: rpc_held.c (answers that wait), rpc_places.c
 * (which connections there are, and who gives way), rpc_conn.c (what one connection tells), rpc_server.c (the
 * port as a whole). The control thread only. */
#ifndef FANFARE_GATEWAY_RPC_RPC_INTERNAL_H
#define FANFARE_GATEWAY_RPC_RPC_INTERNAL_H

#include <event2/event.h>

#include "gateway/rpc/rpc_call.h"
#include "gateway/rpc/rpc_routes.h"
#include "gateway/rpc/rpc_server.h"
#include "shared/base/list.h"
#include "shared/h2/h2_conn.h"
#include "shared/net/listener.h"

enum { RPC_MAX_STREAMS = 128 }; /* requests under way on one connection, and so the answers held for it */

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

/* rpc_held.c */

/* Keeps the answer, its body with it, until rpc_held_release. False without memory: it is the caller's still.
 */
bool rpc_held_add(struct rpc_conn *conn, int32_t stream, const struct rpc_answer *answer);
/* Sends them, the oldest first. */
void rpc_held_release(struct rpc_server *server);
/* The connection is over: its answers are dropped. */
void rpc_held_forget(struct rpc_server *server, const struct rpc_conn *conn);

/* rpc_places.c */

/* A connection has come, and is in its handshakes; before, the oldest of too many gives way. */
void rpc_places_make_room(struct rpc_server *server);
void rpc_places_begin(struct rpc_conn *conn);
/* Its handshakes are through. False: maxRpcConnections are open and nobody gives way. */
bool rpc_places_establish(struct rpc_conn *conn);
/* Closes and frees the connection, and what waits for it: the one place where one dies. */
void rpc_places_end(struct rpc_conn *conn);
/* server->sweep: resets requests that stand still. */
void rpc_places_on_sweep(evutil_socket_t fd, short what, void *arg);
/* rpc_places_end for all of that list. */
void rpc_places_end_all(const struct list *conns);

/* rpc_conn.c */

/* Takes `fd` over in every case. STATUS_NO_MEMORY: it is closed. */
enum status rpc_conn_open(struct rpc_server *server, int fd, const struct sockaddr *peer, socklen_t peer_len);

#endif
