/* SPDX-License-Identifier: Apache-2.0 */
/* One connection to one Redis (or sentinel), from its connect to its single death: hiredis on a
 * libevent loop, with time-outs of our own, and the first commands (AUTH, SELECT, ROLE, SUBSCRIBE).
 * The loop's thread only. It is told over once, from the loop; redis_conn_free may follow there. */
#ifndef FANFARE_SHARED_REDIS_CONN_H
#define FANFARE_SHARED_REDIS_CONN_H

#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <stdbool.h>

#include "shared/slice.h"
#include "shared/status.h"

enum { REDIS_REASON_MAX = 256 };

struct redis_conn;

struct redis_conn_events {
    void (*on_ready)(void *arg);
    /* `refused`: Redis itself said so, in `reason`'s words. */
    void (*on_over)(bool refused, const char *reason, void *arg);
    void (*on_message)(struct slice payload, void *arg); /* with a channel */
};

struct redis_conn_conf {
    struct event_base *base;
    const char *address; /* numeric; needed during redis_conn_new only, as `path` */
    int port;
    const char *path;     /* of a unix socket, or NULL */
    const char *user;     /* "": none; what follows outlives the connection */
    const char *password; /* "": no AUTH */
    int db;
    bool master;         /* ROLE must say so */
    const char *probe;   /* a key to ask for, so that a cluster says MOVED, or Redis LOADING; or NULL */
    const char *channel; /* to subscribe to, or NULL */
    int timeout_ms;
    const struct redis_conn_events *events; /* static */
    void *arg;
};

typedef void redis_conn_answer(const redisReply *answer, void *arg);

enum status redis_conn_new(const struct redis_conn_conf *conf, struct redis_conn **out);
/* Closes at once; commands under way are told NULL. Legal on NULL and inside on_over; not inside
 * another callback of this connection. */
void redis_conn_free(struct redis_conn *conn);
/* See redis_client_command. */
enum status redis_conn_command(struct redis_conn *conn, redis_conn_answer *done, void *arg,
                               const struct slice *words, size_t count);
/* See redis_client_pause. */
void redis_conn_pause(struct redis_conn *conn, bool pause);

#endif
