/* SPDX-License-Identifier: Apache-2.0 */
/* A small HTTP/1.1 server on the libevent loop: keep-alive, pipelining, limits, time-outs, a
 * route table. Every error it answers by itself is JSON: {"error":{"code":…,"message":…}}.
 * The loop's thread only.
 *
 * What the header section alone decides (filter, 404, 405, a route's own refusals, 413) is answered at its
 * end: no `100 Continue` is sent, and of a body nothing is read, so the connection ends (RFC 9110, 10.1.1).
 *
 * Per connection it holds at most one exchange; while that is open, further requests wait in at
 * most 128 KiB, then in the socket. A connection that the server ends lingers: what still comes
 * is read and thrown away for at most 5 s and 64 MiB, so that the answer is not lost to a reset.
 * At most 1,024 connections linger besides those that conf.max_connections counts. */
#ifndef FANFARE_SHARED_HTTP_SERVER_H
#define FANFARE_SHARED_HTTP_SERVER_H

#include <event2/event.h>

#include "shared/http_request.h"
#include "shared/status.h"

struct http_server;
struct http_exchange; /* one request and its answer; lives until answered, even if the peer left */

struct http_route {
    const char *method; /* "GET" (answers HEAD too) or "POST" */
    const char *path;   /* matched whole */
    void (*handle)(struct http_exchange *exchange, void *arg);
    /* Called when the header section is complete, before the body is read; returns true when it answered.
     * May be NULL. */
    bool (*refuses)(struct http_exchange *exchange, void *arg);
};

struct http_server_conf {
    size_t max_header_bytes;
    size_t max_body_bytes;
    int read_timeout_ms;             /* from a request's first byte to its last; 408 past it */
    int idle_timeout_ms;             /* of a connection between requests, or before its first */
    int write_timeout_ms;            /* a peer that takes no byte of an answer for so long is dropped */
    unsigned accept_failures_row;    /* of the metrics: see listener_count_failures */
    int max_connections;             /* past it a new connection gets 503 with Retry-After and is closed */
    const struct http_route *routes; /* must outlive the server */
    size_t route_count;
    /* Called before routing and before the body is read, e.g. for CORS; may add headers, which stand on
     * whatever the answer becomes; returns true when it answered. May be NULL. */
    bool (*filter)(struct http_exchange *exchange, void *arg);
    /* Told of each answer that the server gives by itself (400, 404, 405, 408, 413, 431, 503), to
     * count it. May be NULL. */
    void (*on_refused)(int status, void *arg);
    void *arg; /* handed to the callbacks and handlers, which must not free the server */
};

enum status http_server_new(struct event_base *base, const struct http_server_conf *conf,
                            struct http_server **out);
/* Adds a listener (see listener_new for `what`, `bind`, `port`). Call once per address, at most 8. */
enum status http_server_listen(struct http_server *server, const char *what, const char *bind, int port,
                               struct fault *fault);
/* Takes the byte limits, the time-outs and max_connections of `conf`, nothing else of it. The bytes count
 * from each connection's next request on, the time-outs at once, also for what has begun; connections past a
 * smaller max_connections stay. */
void http_server_limit(struct http_server *server, const struct http_server_conf *conf);
/* The port of the first listener, or 0 when there is none or it is a unix socket. */
int http_server_port(const struct http_server *server);
/* Takes no new connection, answers what has begun with `Connection: close`, drops idle ones. */
void http_server_drain(struct http_server *server);
/* Connections with a request that has begun and is not answered, or whose answer has not wholly
 * gone to the socket. */
size_t http_server_busy(const struct http_server *server);
/* Closes everything. Exchanges not yet answered: their `on_gone` is called first. Legal on NULL. */
void http_server_free(struct http_server *server);

/* The parsed request; slices are valid until the exchange is answered. */
const struct http_request *http_exchange_request(const struct http_exchange *exchange);
/* Adds an answer header; both strings are copied; a value with CR or LF is refused (assert). */
void http_exchange_header(struct http_exchange *exchange, const char *name, const char *value);
/* For answers given later: called once if the peer leaves or the server ends before the answer.
 * The exchange must still be ended with one http_reply, inside `on_gone` or later (it sends
 * nothing, but to a peer that has only ended its own direction). */
void http_exchange_on_gone(struct http_exchange *exchange, void (*on_gone)(struct http_exchange *, void *arg),
                           void *arg);
/* Answers and ends the exchange; `body` is copied. `content_type` may be NULL with len 0. */
void http_reply(struct http_exchange *exchange, int status, const char *content_type, const void *body,
                size_t len);
/* Answers {"error":{"code":code,"message":…}}. */
void http_reply_error(struct http_exchange *exchange, int status, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
