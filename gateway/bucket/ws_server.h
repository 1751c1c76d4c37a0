/* SPDX-License-Identifier: Apache-2.0 */
/* The bucket's event loop and sockets: the only file that knows libwebsockets. One context per
 * bucket thread (on libuv), sockets adopted raw: TLS, readiness, time-outs and teardown are the
 * library's; the handshake and RFC 6455's frames are handshake.c, ws_reader.c and frame.c (why:
 * docs/architecture.md). All on the bucket's thread but ws_server_wake. */
#ifndef FANFARE_GATEWAY_BUCKET_WS_SERVER_H
#define FANFARE_GATEWAY_BUCKET_WS_SERVER_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/status.h"

struct ws_server;
struct ws_conn; /* a socket in the server's care */

struct ws_callbacks {
    void (*on_bytes)(void *client, uint8_t *data, size_t len); /* may be changed in place */
    void (*on_writable)(void *client);                         /* once per ws_conn_want_write */
    void (*on_secured)(void *client); /* once: the TLS handshake is through; see ws_conn_is_secured */
    void (*on_gone)(void *client);    /* the last call; the conn is no more */
    void (*on_wake)(void *arg);       /* after ws_server_wake, at least once */
    void (*on_tick)(void *arg);       /* every tick_ms */
};

struct ws_server_conf {
    struct ws_callbacks callbacks;
    void *arg;
    SSL_CTX *certificate; /* of ws_server_use_certificate; NULL: plain sockets */
    int tick_ms;
};

enum status ws_server_new(const struct ws_server_conf *conf, struct ws_server **out, struct fault *fault);
/* Runs until ws_server_stop; then every conn is gone (on_gone is told). */
void ws_server_run(struct ws_server *server);
/* From a callback: ws_server_run returns soon. */
void ws_server_stop(struct ws_server *server);
/* Legal on NULL. */
void ws_server_free(struct ws_server *server);
/* Any thread: on_wake follows on the server's. */
void ws_server_wake(struct ws_server *server);

/* Takes `fd` over in every case; `client` is handed to the callbacks. NULL: closed, no on_gone. */
struct ws_conn *ws_server_adopt(struct ws_server *server, int fd, void *client);
/* Whether nothing of a TLS handshake is to come. A peer that is quick may be through with it before
 * ws_server_adopt returns: on_secured is not called then. True for a plain conn. */
bool ws_conn_is_secured(const struct ws_conn *conn);
/* A new plain conn, once its client knows it: what has come meanwhile need not wait for the loop to say so.
 */
void ws_conn_take_now(struct ws_conn *conn);
bool ws_server_is_tls(const struct ws_server *server);
/* New handshakes show the certificate, chain and key of `certificate`, of which it keeps a reference;
 * sockets that are there keep what they have. Only with TLS. */
void ws_server_use_certificate(struct ws_server *server, SSL_CTX *certificate);
/* Asks for one on_writable when the socket takes bytes again. */
void ws_conn_want_write(struct ws_conn *conn);
/* On TLS: hands ready-made bytes to the library, which takes all of them or none (-EAGAIN),
 * or fails (-EIO). */
int32_t ws_conn_write(struct ws_conn *conn, const uint8_t *data, size_t len);
/* Ends our direction once all bytes are out: the peer reads them all and then the end, with TLS a
 * close_notify (RFC 8446, 6.1), while what it still sends is read. False: the library has bytes left; asks
 * for one on_writable, after which it is to be called again. */
bool ws_conn_end(struct ws_conn *conn, int fd);
/* Closes the socket soon, from anywhere; on_gone follows, other callbacks may come before. */
void ws_conn_kill(struct ws_conn *conn);

#endif
