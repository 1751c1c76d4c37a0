/* SPDX-License-Identifier: Apache-2.0 */
/* One connection to a Redis or a sentinel, from the look-up of its name to its end: hiredis has the socket,
 * the buffers and the protocol, this has the events, the time-outs and who is told which answer. (hiredis's
 * own async layer is not used: it asserts on what a server sends.) The loop's thread only. It never frees
 * itself: on_closed is told once, from the loop. */
#ifndef FANFARE_SHARED_REDIS_REDIS_CONN_H
#define FANFARE_SHARED_REDIS_REDIS_CONN_H

#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/slice.h"
#include "shared/base/status.h"
#include "shared/net/resolver.h"

/* Answers that are due; past it a command is refused with STATUS_FULL. */
enum { REDIS_OWED_MAX = 4096 };

struct redis_conn;

struct redis_conn_events {
    /* Commands are taken from now on. */
    void (*on_connected)(void *arg);
    /* Sees each answer before the one who asked; false: that one is told NULL, once redis_conn_end,
     * which must have been called, has its effect. May be NULL. */
    bool (*judge)(const redisReply *answer, void *arg);
    /* What was published on the channel; valid during the call. NULL without a channel. */
    void (*on_message)(struct slice payload, void *arg);
    /* The connection is over: only redis_conn_free may follow, also inside this call. */
    void (*on_closed)(const char *reason, void *arg);
};

struct redis_conn_conf {
    struct event_base *base;
    struct resolver *dns;
    const char *host; /* needed during redis_conn_new only, as `path` */
    int port;
    const char *path;                       /* of a unix socket, instead of host and port; or NULL */
    const char *channel;                    /* that is subscribed to, outlives the connection; a message of
                                             * another one ends it. NULL: no answer is taken for a message */
    size_t answer_max;                      /* bytes of one answer or message; past it, or one of the
                                             * limits of resp_scan.h, the connection ends */
    int64_t timeout_ms;                     /* until redis_conn_settle for all, then for each answer */
    const struct redis_conn_events *events; /* static */
    void *arg;
};

/* The answer of a command, valid during the call; NULL: the connection ended first. */
typedef void redis_conn_answer(const redisReply *answer, void *arg);

/* Begins to connect; nothing is told before this returns. STATUS_NO_MEMORY. */
enum status redis_conn_new(const struct redis_conn_conf *conf, struct redis_conn **out);
/* Closes at once; commands under way are told NULL, on_closed is not called. Legal on NULL, not
 * inside the connection's callbacks but on_closed. */
void redis_conn_free(struct redis_conn *conn);
/* Sends `count` words (copied) at the end of the loop's turn. STATUS_CLOSED before on_connected and
 * after redis_conn_end, STATUS_FULL, STATUS_NO_MEMORY: `done` is not called then. It may be NULL. */
enum status redis_conn_send(struct redis_conn *conn, redis_conn_answer *done, void *arg,
                            const struct slice *words, size_t count);
/* What was to be made is made: from now on each command has its own time. */
void redis_conn_settle(struct redis_conn *conn);
/* Ends it; on_closed follows from the loop, with the first reason that was given (copied). */
void redis_conn_end(struct redis_conn *conn, const char *reason);
bool redis_conn_is_over(const struct redis_conn *conn);
/* Whether it has ended because the peer does not speak Redis's protocol. False on NULL. */
bool redis_conn_was_noise(const struct redis_conn *conn);
/* Whether no answer is due, and nothing came for `quiet_ms`. Not while paused. */
bool redis_conn_is_idle(const struct redis_conn *conn, int64_t quiet_ms);
/* While paused nothing is read or told, and the time-outs rest. */
void redis_conn_pause(struct redis_conn *conn, bool pause);

#endif
