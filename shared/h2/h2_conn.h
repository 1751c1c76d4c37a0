/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP/2 connection (RFC 9113): nghttp2 on a transport, server or client side.
 * The loop's thread only. Never frees itself inside its own callbacks: on_close is told once,
 * from the loop, after which only h2_conn_free may follow. */
#ifndef FANFARE_SHARED_H2_H2_CONN_H
#define FANFARE_SHARED_H2_H2_CONN_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/slice.h"
#include "shared/base/status.h"
#include "shared/net/transport.h"

struct h2_conn;

/* The server side's view of one request, complete with its body. Valid during the call. */
struct h2_request {
    int32_t stream; /* names the request in h2_reply */
    const char *method;
    const char *path;         /* with the query */
    const char *content_type; /* "" when absent */
    struct slice body;
};

/* Why a connection ended; for metrics, as the reason is for the log. */
enum h2_end {
    H2_END_LOCAL,    /* h2_conn_close */
    H2_END_PEER,     /* the peer closed it */
    H2_END_FINISHED, /* all was answered after a GOAWAY of either side */
    H2_END_BROKEN,   /* the socket or TLS failed */
    H2_END_TIMEOUT,  /* the handshake took too long */
    H2_END_PROTOCOL, /* the peer broke RFC 9113 or does not speak h2 */
    H2_END_FLOOD,    /* the peer sent frames that bring nothing, see h2_budget.h */
};

/* Why a request was reset before it was complete. */
enum h2_reset { H2_RESET_STALLED, H2_RESET_BYTES };

struct h2_callbacks {
    /* Client: the server's SETTINGS came (RFC 9113, 3.4), so that it has let us in; requests may be sent. */
    void (*on_ready)(struct h2_conn *conn, void *arg);
    /* Server: answer now or later with h2_reply on the same loop. */
    void (*on_request)(struct h2_conn *conn, const struct h2_request *request, void *arg);
    /* Server: the connection itself answered a request with 413 or 431. May be NULL. */
    void (*on_refused)(struct h2_conn *conn, int status, void *arg);
    /* Client: a whole answer. status 0: the stream was reset or the answer was past the limit;
     * `body` is then empty. */
    void (*on_response)(struct h2_conn *conn, int32_t stream, int status, struct slice body, void *arg);
    /* Server: the connection itself reset a request that was not complete. May be NULL. */
    void (*on_reset)(struct h2_conn *conn, enum h2_reset why, void *arg);
    /* Server: TLS is through, the peer's certificate verified where one is asked for, and its first SETTINGS
     * have come. Called once, before any request. May be NULL. */
    void (*on_established)(struct h2_conn *conn, void *arg);
    /* The connection is over; `reason` is for the log. */
    void (*on_close)(struct h2_conn *conn, const char *reason, void *arg);
    /* Something is about to be read, see transport.h. May be NULL. */
    void (*on_coming)(void *arg);
};

/* Bytes of request bodies that all connections of a server hold, from their first until on_request. Each
 * connection may have one frame (16 KiB) past it, so that small requests always go through. */
struct h2_inflight {
    size_t used;
    size_t max;
};

struct h2_limits {
    size_t max_body; /* request body on a server (413 past it, the connection lives), answer on a client */
    uint32_t max_streams;         /* concurrent, server side */
    uint32_t window;              /* flow-control window in bytes of a stream and of the connection */
    struct h2_inflight *inflight; /* server side, must outlive the connection; NULL: none */
};

/* Takes `transport` over (freed with the connection, in every case) and starts it. The loop's timers run on
 * `base`, the transport's own. On TLS, ALPN other than h2 closes. */
enum status h2_conn_new_server(struct event_base *base, struct transport *transport,
                               const struct h2_limits *limits, const struct h2_callbacks *callbacks,
                               void *arg, struct h2_conn **out);
enum status h2_conn_new_client(struct event_base *base, struct transport *transport, const char *authority,
                               const struct h2_limits *limits, const struct h2_callbacks *callbacks,
                               void *arg, struct h2_conn **out);
/* Closes at once and frees; calls nothing back. Legal on NULL, inside on_close, and anywhere but
 * inside another callback of this connection, where h2_conn_close is the way. */
void h2_conn_free(struct h2_conn *conn);
/* Ends the connection from anywhere, callbacks included: on_close follows from the loop, and
 * nothing else is called before it. */
void h2_conn_close(struct h2_conn *conn, const char *reason);
/* In on_close: why. */
enum h2_end h2_conn_end(const struct h2_conn *conn);
/* Server: GOAWAY (RFC 9113, 6.8), no new streams; closes when the open ones are answered. */
void h2_conn_drain(struct h2_conn *conn);

/* Server: resets the requests of which nothing has come for `stall_ms`, or that are not complete `total_ms`
 * after they began; closes a connection whose header section stands still. `now_ms` is clock_now_ms. From
 * the loop. */
void h2_conn_expire(struct h2_conn *conn, int64_t now_ms, int stall_ms, int total_ms);
/* Server: whether a request is under way: begun and not answered. */
bool h2_conn_is_busy(const struct h2_conn *conn);

/* Client: the body is read when the peer's window allows. Returns the number of bytes written
 * to `out` (at most `len`), sets `*eof` with the last of them; never 0 without eof. Called until
 * eof or until the answer or on_close came; the source must live so long. */
struct h2_body {
    size_t (*read)(void *arg, uint8_t *out, size_t len, int *eof);
    void *arg;
};
/* Client: sends `method` ("GET", "POST") `path`; `body` may be NULL. `*stream` names it in
 * on_response. STATUS_CLOSED when the connection is ending. */
enum status h2_request(struct h2_conn *conn, const char *method, const char *path, const char *content_type,
                       const struct h2_body *body, int32_t *stream);
/* Server: answers; `body` is copied. Harmless when the stream is gone. */
void h2_reply(struct h2_conn *conn, int32_t stream, int status, const char *content_type, const void *body,
              size_t len);
/* Server: one more header of the answer that h2_reply will give to `stream`. Both strings must
 * live until then (literals); a second call replaces the first. Harmless when the stream is gone. */
void h2_reply_header(struct h2_conn *conn, int32_t stream, const char *name, const char *value);
/* Client or server: an h2 PING (RFC 9113, 6.7); its answer counts as received bytes. */
void h2_conn_ping(struct h2_conn *conn);
/* Whether the end came because our side refused the peer's certificate, or that it showed none. */
bool h2_conn_refused_peer(const struct h2_conn *conn);
/* Monotonic ms (clock.h) when the last byte came from the peer; what liveness is judged by. */
int64_t h2_conn_last_received(const struct h2_conn *conn);

#endif
