/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's RPC port: HTTP/2 connections from logics, at most max_connections (past it a new
 * one is closed and counted). The control thread only. */
#ifndef FANFARE_GATEWAY_RPC_SERVER_H
#define FANFARE_GATEWAY_RPC_SERVER_H

#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdbool.h>

#include "gateway/canary.h"
#include "gateway/push_handler.h"
#include "shared/hello.h"
#include "shared/status.h"

struct rpc_server;

struct rpc_server_conf {
    const char *bind;   /* see listener_new */
    int port;           /* 0: a free one */
    SSL_CTX *tls;       /* the caller's, until rpc_server_set_tls; NULL: plain HTTP/2 (RFC 9113, 3.3) */
    struct hello hello; /* what logics are told; its HELLO_RPC_BYTES bounds a request: 413 past it */
    int max_connections;
    struct push_handler *handler; /* the caller's, must outlive the server */
    struct canary *canary;        /* likewise; NULL: /rpc/canary is not known */
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
/* Other limits, told with each hello from now on; requests and connections are bounded by them on connections
 * that come from now on. */
void rpc_server_set_limits(struct rpc_server *server, const int64_t limits[HELLO_LIMIT_COUNT],
                           int max_connections);
/* While held, pushes are applied but their answers wait (bounded by the streams that a connection
 * may have open); false lets them go, in order. Harmless when nothing changes. Legal on NULL. */
void rpc_server_hold(struct rpc_server *server, bool hold);
/* Takes no new connection and no new request (GOAWAY); a connection closes once what it asked is
 * answered. Answers held back are dropped. */
void rpc_server_drain(struct rpc_server *server);
/* How many are open; 0 some time after a drain, when the loop has run. */
size_t rpc_server_connections(const struct rpc_server *server);
int rpc_server_port(const struct rpc_server *server);

#endif
