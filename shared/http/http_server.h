/* SPDX-License-Identifier: Apache-2.0 */
/* A small HTTP/1.1 server on the libevent loop: keep-alive, pipelining, limits, time-outs, a route table.
 * Every error it answers by itself is JSON: {"error":{"code":…,"message":…}}. The loop's thread only.
 *
 * What the header section alone decides (filter, 404, 405, a route's own refusals, 413) is answered at its
 * end: no `100 Continue` is sent, and of a body nothing is read, so the connection ends (RFC 9110, 10.1.1).
 *
 * Per connection it holds at most one exchange; while that is open, further requests wait in at most 128 KiB,
 * then in the socket. A connection that the server ends lingers: what still comes is read and thrown away for
 * at most 5 s and 64 MiB, so that the answer is not lost to a reset. Besides those that conf.max_connections
 * counts, as many again may linger, but at most 1,024; the longest lingering gives way.
 *
 * When max_connections are there, a newcomer takes the place of one that is silent: one that has not said a
 * byte for 250 ms, else the one that has waited longest for its next request, else one that has just come.
 * One with a request under way never gives way. When nobody does, up to 64 newcomers (and not more than
 * max_connections) are still listened to, for probes (conf.probes) alone; whatever else they ask is answered
 * 503. */
#ifndef FANFARE_SHARED_HTTP_HTTP_SERVER_H
#define FANFARE_SHARED_HTTP_HTTP_SERVER_H

#include <event2/event.h>
#include <openssl/types.h>

#include "shared/base/status.h"
#include "shared/http/http_request.h"

struct http_server;
struct http_exchange; /* one request and its answer; lives until answered, even if the peer left */

struct http_route {
    const char *method; /* "GET" (answers HEAD too) or "POST" */
    const char *path;   /* matched whole; of one that ends in a slash and a star the star is any one segment,
                           which is not empty and may be percent-encoded (http_text_decode_segment) */
    void (*handle)(struct http_exchange *exchange, void *arg);
    /* Called when the header section is complete, before the body is read; returns true when it answered.
     * May be NULL. */
    bool (*refuses)(struct http_exchange *exchange, void *arg);
    unsigned right; /* what who asks must be allowed, a number of the owner's; 0: nothing */
};

/* Rows of the metrics that it counts in. */
struct http_server_rows {
    unsigned accept_failures;  /* see listener_count_failures */
    unsigned evicted;          /* silent connections closed for a newcomer */
    unsigned refused_full;     /* 503 for want of a connection */
    unsigned refused_inflight; /* 503 past max_inflight */
    unsigned inflight;         /* a gauge: what max_inflight bounds */
    unsigned tls_failures;     /* handshakes that failed or were not through in time */
};

struct http_server_conf {
    size_t max_header_bytes;
    size_t max_body_bytes;
    size_t max_inflight;  /* bytes of all bodies being received, or received and not answered; a request that
                             is not complete is answered 503 past it. 0: no bound */
    int read_timeout_ms;  /* to a connection's first byte; from a request's first byte to its last: 408 */
    int idle_timeout_ms;  /* of a connection between requests */
    int write_timeout_ms; /* a peer that takes less than 4 KiB of an answer in so long is dropped */
    int max_connections;  /* see above; past it 503 with Retry-After */
    struct http_server_rows rows;
    const char *const *probes; /* paths of probes, the last is NULL; must outlive the server. May be NULL */
    const struct http_route *routes; /* must outlive the server */
    size_t route_count;
    /* Called before routing and before the body is read, e.g. for CORS; may add headers, which stand on
     * whatever the answer becomes; returns true when it answered. May be NULL. */
    bool (*filter)(struct http_exchange *exchange, void *arg);
    /* Called for a route with a right, before its own `refuses`; returns false when it answered. NULL: nobody
     * needs one. */
    bool (*permits)(struct http_exchange *exchange, unsigned right, void *arg);
    /* Called for an answer that is given before the filter could see the request (400, 408, 431, 503, 505),
     * to add headers. Only those lines of the request are known that came whole. May be NULL. */
    void (*adorn)(struct http_exchange *exchange, void *arg);
    /* Told of each answer that the server gives by itself (400, 404, 405, 408, 413, 431, 501, 503, 505), to
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
/* HTTPS: connections that come from now on shake hands with a session of `tls`, of which it takes a
 * reference; NULL: they are plain, as they are before this is called. Those that are there go on as they are.
 * A handshake and the first byte have conf.read_timeout_ms together; until it is through, a connection counts
 * as silent. Who speaks plain HTTP is told so (400), and closed. */
void http_server_use_tls(struct http_server *server, SSL_CTX *tls);
/* The port of the first listener, or 0 when there is none or it is a unix socket. */
int http_server_port(const struct http_server *server);
/* How many descriptors its connections can have at most. */
size_t http_server_descriptors(size_t max_connections);
/* Takes no new connection, answers what has begun with `Connection: close`, drops idle ones. */
void http_server_drain(struct http_server *server);
/* Connections with a request that has begun and is not answered, or whose answer has not wholly
 * gone to the socket. */
size_t http_server_busy(const struct http_server *server);
/* Bytes of all bodies: what max_inflight bounds. */
size_t http_server_inflight(const struct http_server *server);
/* Closes everything. Exchanges not yet answered: their `on_gone` is called first. Legal on NULL. */
void http_server_free(struct http_server *server);

/* The parsed request; slices are valid until the exchange is answered. */
const struct http_request *http_exchange_request(const struct http_exchange *exchange);
/* Keeps what the filter found out, as who asks, until the exchange has ended, however it does; then `release`
 * is called with it. Once per exchange. */
void http_exchange_keep(struct http_exchange *exchange, void *kept, void (*release)(void *kept));
/* That, or NULL. */
void *http_exchange_kept(const struct http_exchange *exchange);
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
