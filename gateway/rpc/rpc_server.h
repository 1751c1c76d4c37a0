/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's RPC port: HTTP/2 connections from logics. The control thread only.
 *
 * A connection counts once it is established: TLS is through, its certificate verified where rpc.ca asks
 * for one, and its HTTP/2 settings have come, for which it has 10 s. Of those that are not yet, at most
 * max_handshakes are open, and the oldest gives way. Of those that are, at most max_connections; past it
 * the one that has said nothing for longest gives way, if that is longer than quiet_ms and it has no request
 * under way (our logics speak more often), else the newcomer is closed. M_EVICTED_RPC counts who gave way,
 * M_RPC_REFUSED who was closed. */
#ifndef FANFARE_GATEWAY_RPC_RPC_SERVER_H
#define FANFARE_GATEWAY_RPC_RPC_SERVER_H

#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdbool.h>

#include "gateway/intake/push_handler.h"
#include "gateway/query/query_desk.h"
#include "gateway/rpc/canary.h"
#include "gateway/rpc/rpc_bans.h"
#include "shared/base/status.h"
#include "shared/contract/hello.h"

struct rpc_server;

struct rpc_limits {
    size_t max_inflight; /* bytes of all requests that are being received; past it they are reset */
    int max_connections;
    int max_handshakes;
    int read_timeout_ms; /* a request of which nothing comes for so long is reset, and one that is not
                            complete after three times as long */
};

struct rpc_server_conf {
    const char *bind;   /* see listener_new */
    int port;           /* 0: a free one */
    SSL_CTX *tls;       /* the caller's, until rpc_server_set_tls; NULL: plain HTTP/2 (RFC 9113, 3.3) */
    struct hello hello; /* what logics are told; its HELLO_RPC_BYTES bounds a request: 413 past it */
    struct rpc_limits limits;
    int quiet_ms;                 /* see above */
    struct push_handler *handler; /* the caller's, must outlive the server */
    struct canary *canary;        /* likewise; NULL: /rpc/canary is not known */
    struct rpc_bans bans;         /* its table likewise; NULL: /rpc/bans is not known */
    struct query_desk *queries;   /* likewise; NULL: /rpc/query is not known */
    enum status (*stats)(struct buf *out, void *arg);
    /* Something is about to be read from a logic. */
    void (*on_coming)(void *arg);
    /* Pushes were applied in this turn of the loop: called once at its end. */
    void (*on_turn)(void *arg);
    void *arg; /* handed to stats, on_coming and on_turn */
};

/* Listens (`msg=listening what=rpc …`); `bind` is needed during the call only. */
enum status rpc_server_new(struct event_base *base, const struct rpc_server_conf *conf,
                           struct rpc_server **out, struct fault *fault);
/* Closes every connection at once; what was not answered is not. Legal on NULL. */
void rpc_server_free(struct rpc_server *server);
/* Another context for connections that come from now on, the caller's as the first one, which is not used
 * any more: connections hold what they need. */
void rpc_server_set_tls(struct rpc_server *server, SSL_CTX *tls);
/* Other limits, told with each hello from now on; a request's bytes are bounded by them on connections that
 * come from now on, the others hold at once. Nobody is sent away. */
void rpc_server_set_limits(struct rpc_server *server, const int64_t told[HELLO_LIMIT_COUNT],
                           const struct rpc_limits *limits);
/* While held, pushes are applied but their answers wait (bounded by the streams that a connection
 * may have open); false lets them go, in order. Harmless when nothing changes. Legal on NULL. */
void rpc_server_hold(struct rpc_server *server, bool hold);
/* Takes no new connection and no new request (GOAWAY); a connection closes once what it asked is
 * answered. Answers held back are dropped. */
void rpc_server_drain(struct rpc_server *server);
/* Bytes that max_inflight bounds. */
size_t rpc_server_inflight(const struct rpc_server *server);
/* How many are open, established or not; 0 some time after a drain, when the loop has run. */
size_t rpc_server_connections(const struct rpc_server *server);
int rpc_server_port(const struct rpc_server *server);

#endif
