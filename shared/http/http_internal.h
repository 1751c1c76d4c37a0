/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the HTTP server share, from the ground up: http_phases.c (the set of connections and
 * their time-outs), http_reply.c (answers), http_route.c (the table) and http_refuse.c (answers without a
 * route), http_conn.c (one connection), http_slots.c (who may stay), http_server.c. The loop's thread only.
 */
#ifndef FANFARE_SHARED_HTTP_HTTP_INTERNAL_H
#define FANFARE_SHARED_HTTP_HTTP_INTERNAL_H

#include <event2/event_struct.h>
#include <time.h>

#include "shared/base/buf.h"
#include "shared/base/list.h"
#include "shared/http/http_server.h"
#include "shared/net/listener.h"
#include "shared/net/socket_io.h"

enum {
    HTTP_SCRATCH = 65536,  /* bytes of one read */
    HTTP_IN_HIGH = 65536,  /* waiting input past which the socket is not read */
    HTTP_OUT_HIGH = 65536, /* unsent answers past which no further request is begun */
    HTTP_KEEP = 16384,     /* buffers up to this size are kept between requests */
    HTTP_LINGER_MS = 5000,
    HTTP_LINGER_BYTES = 64 << 20,
    HTTP_WRITE_STEP = 4096, /* bytes of an answer that the peer must take within the write time-out */
    HTTP_MAX_LISTENERS = 8,
};

/* What a connection waits for, and so which time-out holds. */
enum http_phase {
    HTTP_FRESH,     /* its first byte */
    HTTP_IDLE,      /* another request */
    HTTP_READING,   /* the rest of a request */
    HTTP_HANDLING,  /* its handler: no time-out */
    HTTP_WRITING,   /* the peer to take an answer */
    HTTP_LINGERING, /* the peer to close */
    HTTP_GONE,      /* its handler, the peer having left */
    HTTP_PHASES,
};

struct http_exchange {
    struct buf headers;             /* added lines */
    const struct http_route *route; /* from http_route_admit on */
    void (*on_gone)(struct http_exchange *exchange, void *arg);
    void *gone_arg;
    void *kept; /* the owner's, until `release` */
    void (*release)(void *kept);
    bool open; /* begun and not answered */
    bool keep_alive;
    bool http10;
    bool head; /* HEAD: no body in the answer */
};

struct http_conn {
    struct http_server *server; /* NULL when it has ended before its exchanges */
    struct list phase_link;     /* in server->phases, in the order of deadlines */
    struct list turn_link;      /* in server->turn when something waits to be done */
    struct list surplus_link;   /* in server->surplus while it is past max_connections */
    struct http_exchange exchange;
    struct http_request *request; /* NULL once it lingers */
    struct event reading;
    struct event writing;
    struct buf in;  /* came while it could not be parsed */
    struct buf out; /* answers, of which `sent` bytes have gone */
    size_t sent;
    size_t stepped;  /* of `sent`: when the write time-out was last renewed */
    size_t inflight; /* bytes of its request that server->inflight counts */
    size_t linger_left;
    int64_t deadline; /* of the phase, in clock_now_ms time */
    enum http_phase phase;
    struct socket_io io;
    bool closed;     /* the socket is */
    bool shaken;     /* TLS is established, or there is none */
    bool greeted;    /* a step of the handshake was taken */
    bool blocked;    /* the last step on the socket waits to write */
    bool held;       /* OpenSSL has more than the socket shows */
    bool surplus;    /* past max_connections: only a probe is answered */
    bool spoken;     /* it has made a request */
    bool running;    /* inside its own callbacks, at whose end it goes on by itself */
    bool judged;     /* by its header section: it may go on to its handler, or is answered */
    bool handled;    /* the request is answered, or has been handed to its handler */
    bool renewed;    /* the phase's time counts anew */
    bool last;       /* no request follows the present one */
    bool eof;        /* the peer has ended its direction */
    bool broken;     /* nothing can be sent or received */
    bool is_reading; /* the event is added */
    bool is_writing;
};

struct http_server {
    struct event_base *base;
    struct http_server_conf conf;
    SSL_CTX *tls; /* of new connections; NULL: plain */
    struct listener *listeners[HTTP_MAX_LISTENERS];
    size_t listener_count;
    struct list phases[HTTP_PHASES];
    int timeouts_ms[HTTP_PHASES]; /* 0: none */
    struct list turn;
    struct event *turn_event;
    struct event *sweep_event;
    size_t connections;
    size_t lingering;    /* of them; max_connections does not count these */
    size_t linger_max;   /* how many may */
    struct list surplus; /* of them, nor these; oldest first */
    size_t surplus_count;
    size_t inflight; /* bytes of bodies that are received or not yet answered */
    bool draining;
    bool sweeping; /* sweep_event is added */
    time_t date_at;
    char date[32]; /* of the Date header, made once a second */
    uint8_t scratch[HTTP_SCRATCH];
};

/* Gives back what was kept for the exchange. */
static inline void http_exchange_release(struct http_exchange *exchange)
{
    if (exchange->kept != NULL)
        exchange->release(exchange->kept);
    exchange->kept = NULL;
}

/* http_phases.c */
/* An empty set, with the time-outs of server->conf. */
void http_phases_init(struct http_server *server);
/* Takes the time-outs of server->conf anew, also for what has begun. */
void http_phases_limit(struct http_server *server);
/* The connection that has been in the phase for longest, or NULL. */
struct http_conn *http_phases_first(const struct http_server *server, enum http_phase phase);
/* Puts the connection into a phase; its time begins when the phase is new or was renewed. */
void http_phases_move(struct http_conn *conn, enum http_phase phase);
/* Calls `expire` with each connection whose phase's time is over; it must take it out of the phase. */
void http_phases_sweep(struct http_server *server, void (*expire)(struct http_conn *conn));
/* As http_phases_schedule, but with the loop's next turn: a peer that always has more must not keep the
 * others waiting. */
void http_phases_schedule_later(struct http_conn *conn);
/* Something changed outside the connection's own callbacks: it goes on in this turn of the loop. */
void http_phases_schedule(struct http_conn *conn);
/* Calls `advance` with each that was scheduled. */
void http_phases_turn(struct http_server *server, void (*advance)(struct http_conn *conn));
/* Counts the bytes that the connection holds of its request, now, in server->inflight. */
void http_phases_count(struct http_conn *conn);
/* Takes it out of the set; legal after the server's end. */
void http_phases_forget(struct http_conn *conn);
/* Takes a closed connection without an open exchange out of the set, and frees it; legal after the server's
 * end. */
void http_phases_end(struct http_conn *conn);

/* http_reply.c */
/* Opens the exchange without any headers. The request may have come in part. */
void http_exchange_begin(struct http_exchange *exchange, const struct http_request *request, bool keep_alive);
struct http_conn *http_exchange_conn(const struct http_exchange *exchange);

/* http_route.c */
/* Whether the request is a probe, which is answered in any case. */
bool http_route_is_probe(const struct http_server_conf *conf, const struct http_request *request);
/* Judges the open exchange by its header section: filter, path, method, and what the route says. Returns
 * false when it has answered. */
bool http_route_admit(const struct http_server_conf *conf, struct http_exchange *exchange);
/* Hands an admitted exchange, whose body is complete, to its handler. */
void http_route_handle(const struct http_server_conf *conf, struct http_exchange *exchange);

/* http_refuse.c. Each answers, perhaps before the request is complete, so that the connection ends then. */
/* 503: too many connections. */
void http_refuse_full(struct http_conn *conn);
/* 400: plain HTTP where TLS is spoken. */
void http_refuse_plain(struct http_conn *conn);
/* 503: the bodies of all requests are too many bytes. */
void http_refuse_inflight(struct http_conn *conn);
/* 408: the request was not complete in time. */
void http_refuse_slow(struct http_conn *conn);
/* What the parser ended with, anything but HTTP_PARSE_MORE, _HEADERS, _COMPLETE: 400, 413, 431, 505. */
void http_refuse_request(struct http_conn *conn, enum http_parse parse);

/* http_conn.c */
/* Where a connection belongs. */
enum http_slot {
    HTTP_SLOT_OWN,     /* within max_connections, perhaps because a silent one was closed for it */
    HTTP_SLOT_SURPLUS, /* past it: a probe is answered, anything else refused */
    HTTP_SLOT_NONE,    /* not even that: refused at once */
};
/* Takes `fd` over (closed in every case). */
void http_conn_start(struct http_server *server, int fd, enum http_slot slot);
/* Answers 503 before the request is complete, and closes. */
void http_conn_refuse_full(struct http_conn *conn);
/* The phase's time is over. */
void http_conn_expire(struct http_conn *conn);
/* Goes on. */
void http_conn_advance(struct http_conn *conn);
/* Closes at once; frees, unless an exchange is open: http_reply then does. */
void http_conn_drop(struct http_conn *conn);

/* http_slots.c */
/* Where the next connection belongs. Closes the one that gives way to it. */
enum http_slot http_slots_take(struct http_server *server);
/* How many may linger at once. */
size_t http_slots_linger_max(int max_connections);

#endif
