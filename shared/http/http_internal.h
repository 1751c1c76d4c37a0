/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the HTTP server share: http_server.c owns the set of connections and their
 * time-outs, http_slots.c who of them may stay, http_conn.c one connection, http_reply.c its answers,
 * http_route.c the table. The loop's thread only. */
#ifndef FANFARE_SHARED_HTTP_HTTP_INTERNAL_H
#define FANFARE_SHARED_HTTP_HTTP_INTERNAL_H

#include <event2/event_struct.h>
#include <time.h>

#include "shared/base/buf.h"
#include "shared/base/list.h"
#include "shared/http/http_server.h"
#include "shared/net/listener.h"

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
    int fd;          /* -1 once closed */
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
    struct listener *listeners[HTTP_MAX_LISTENERS];
    size_t listener_count;
    struct list phases[HTTP_PHASES];
    int timeouts_ms[HTTP_PHASES]; /* 0: none */
    struct list turn;
    struct event *turn_event;
    struct event *sweep_event;
    size_t connections;
    size_t lingering;    /* of them; max_connections does not count these */
    struct list surplus; /* of them, nor these; oldest first */
    size_t surplus_count;
    size_t inflight; /* bytes of bodies that are received or not yet answered */
    bool draining;
    bool sweeping; /* sweep_event is added */
    time_t date_at;
    char date[32]; /* of the Date header, made once a second */
    uint8_t scratch[HTTP_SCRATCH];
};

/* http_slots.c */
enum http_slot {
    HTTP_SLOT_OWN,     /* within max_connections, perhaps because a silent one was closed for it */
    HTTP_SLOT_SURPLUS, /* past it: a probe is answered, anything else refused */
    HTTP_SLOT_NONE,    /* not even that: refused at once */
};
/* Where the next connection belongs. Closes the one that gives way to it. */
enum http_slot http_slots_take(struct http_server *server);
/* Takes one out of the surplus; legal when it is not in it. */
void http_slots_leave_surplus(struct http_conn *conn);

/* How many may linger at once. */
size_t http_slots_linger_max(const struct http_server *server);

/* http_conn.c */
/* Takes `fd` over (closed in every case). */
void http_conn_start(struct http_server *server, int fd, enum http_slot slot);
/* Answers 503 before the request is complete, and closes. */
void http_conn_refuse_full(struct http_conn *conn);
/* The phase's time is over. */
void http_conn_expire(struct http_conn *conn);
/* Something changed outside the connection's own callbacks: it goes on in this turn of the loop. */
void http_conn_schedule(struct http_conn *conn);
/* Goes on. */
void http_conn_advance(struct http_conn *conn);
/* Closes at once; frees, unless an exchange is open: http_reply then does. */
void http_conn_drop(struct http_conn *conn);
/* Frees a closed connection without an open exchange. */
void http_conn_free(struct http_conn *conn);

/* http_server.c */
/* The connection that has been in the phase for longest, or NULL. */
struct http_conn *http_server_first(const struct http_server *server, enum http_phase phase);
/* Puts the connection into a phase; its time begins when the phase is new or was renewed. */
void http_server_move(struct http_conn *conn, enum http_phase phase);
/* Takes it out of the set; legal after the server's end. */
void http_server_forget(struct http_conn *conn);
/* The present time as the Date header has it (RFC 9110, 5.6.7). */
const char *http_server_date(struct http_server *server);

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

#endif
