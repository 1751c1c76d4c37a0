/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of HTTP/2 share, from the ground up: h2_stream.c (streams), h2_session.c (nghttp2),
 * h2_conn.c (transport), h2_server.c and h2_client.c (the two roles). The loop's thread only. */
#ifndef FANFARE_SHARED_H2_H2_INTERNAL_H
#define FANFARE_SHARED_H2_H2_INTERNAL_H

#include <event2/event.h>
#include <nghttp2/nghttp2.h>
#include <stdbool.h>

#include "shared/base/buf.h"
#include "shared/base/list.h"
#include "shared/h2/h2_budget.h"
#include "shared/h2/h2_conn.h"

struct h2_stream {
    struct list node; /* in conn->streams */
    int32_t id;
    struct buf body; /* what the peer sent: request body (server), answer body (client) */
    bool told;       /* on_request or on_response has been called, or never will be */

    /* Server. */
    char *method;
    char *path;
    char *content_type;
    size_t header_bytes;
    int64_t begun_ms;
    int64_t moved_ms; /* when a byte of its body last came, at first when it began */
    bool headed;      /* the header section is complete */
    bool ended;       /* the peer has sent all of it, or we have reset it */
    int refusal;      /* the status with which the connection itself answers, or 0 */
    size_t discarded; /* body bytes that came after a refusal */
    bool replied;
    const char *extra_name; /* one more header of the answer, or NULL */
    const char *extra_value;
    struct buf reply;
    size_t reply_sent;

    /* Client. */
    int status;
    struct h2_body source; /* read is NULL once the body is not wanted any more */
};

/* What one of the two roles does with the session's events. Each returns what its callback returns to
 * nghttp2. */
struct h2_role {
    bool server;
    int (*begin)(struct h2_conn *conn, const nghttp2_frame *frame); /* NULL: nothing */
    int (*header)(struct h2_conn *conn, const nghttp2_frame *frame, struct slice name, struct slice value);
    int (*data)(struct h2_conn *conn, struct h2_stream *stream, struct slice data);
    int (*frame)(struct h2_conn *conn, const nghttp2_frame *frame, struct h2_stream *stream);
    void (*closed)(struct h2_conn *conn, struct h2_stream *stream); /* NULL: nothing */
};

struct h2_conn {
    const struct h2_role *role;
    struct transport *transport;
    nghttp2_session *session;
    struct h2_callbacks callbacks;
    void *arg;
    struct h2_limits limits;
    char *authority;     /* client only */
    bool started;        /* the transport is ready for HTTP/2 */
    bool settled;        /* the peer's SETTINGS came */
    bool ready;          /* client: on_ready has been called */
    bool finished;       /* the session has nothing left to do: waiting for the peer to close */
    bool closing;        /* on_close is due */
    int inside;          /* depth of nghttp2 calls: its callbacks must not re-enter it */
    struct event *wake;  /* on_close, from the loop */
    struct event *timer; /* handshake, later lingering close */
    struct list streams;
    size_t gathered; /* body bytes held by all streams */
    int64_t last_received;
    struct h2_budget budget; /* of frames that the peer may still send */
    bool flooded;            /* it could not pay for one */
    enum h2_end end;
    char reason[160];
};

/* h2_stream.c */
/* NULL for want of memory. */
struct h2_stream *h2_stream_new(struct h2_conn *conn);
void h2_stream_free(struct h2_conn *conn, struct h2_stream *stream);
/* The stream of that id, or NULL. */
struct h2_stream *h2_stream_find(const struct h2_conn *conn, int32_t id);
/* Keeps body bytes. STATUS_TOO_LARGE past the stream's limit, STATUS_FULL past the connection's or that of
 * all connections. */
enum status h2_stream_gather(struct h2_conn *conn, struct h2_stream *stream, const void *data, size_t len);
void h2_stream_forget_body(struct h2_conn *conn, struct h2_stream *stream);
nghttp2_nv h2_header(const char *name, const char *value);
/* For callbacks: the peer pays `units` more. What the callback returns to nghttp2. */
int h2_charge(struct h2_conn *conn, size_t units);
/* What a callback returns to nghttp2: ends its work when the connection is closing. */
int h2_callback_result(const struct h2_conn *conn);

/* h2_session.c */
enum status h2_session_start(struct h2_conn *conn);
/* Feeds received bytes. 0, or nghttp2's error; NGHTTP2_ERR_FLOODED: the peer sends too many frames. */
int h2_session_receive(struct h2_conn *conn, const uint8_t *data, size_t len);

/* h2_conn.c */
/* As h2_conn_new_server and h2_conn_new_client, whose `role` is static. */
enum status h2_conn_new(struct event_base *base, struct transport *transport, const char *authority,
                        const struct h2_role *role, const struct h2_limits *limits,
                        const struct h2_callbacks *callbacks, void *arg, struct h2_conn **out);
/* Moves what the session has to say into the output buffer, as far as it is allowed to grow, and notices the
 * end. Nothing happens inside nghttp2's callbacks: who called nghttp2 flushes afterwards. */
void h2_conn_flush(struct h2_conn *conn);
/* As h2_conn_close, with why. */
void h2_conn_fail(struct h2_conn *conn, enum h2_end end, const char *reason);

#endif
