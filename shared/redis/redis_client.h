/* SPDX-License-Identifier: Apache-2.0 */
/* One connection to Redis that is kept up, on hiredis and a libevent loop: finds the address (the look-up,
 * sentinels, MOVED), connects, authenticates, selects the db, sees that it is a master, and comes back with
 * backoff and jitter (50 ms doubling to 1 s). Nothing blocks. A connection that takes longer than
 * redis.timeout to be made, or owes an answer for so long, is begun anew; an idle one is asked ROLE (a
 * subscriber PING) every second. An answer may have 16 MiB (twice message_max, where that is more) and what
 * resp_scan.h allows; past it the connection is begun anew, before memory was taken for what it announced.
 * READONLY, LOADING, MASTERDOWN, CLUSTERDOWN, NOAUTH, WRONGPASS, a db that is not there, ASK and MOVED
 * (redis_refusal.h) end the connection too, with one clear log line per outage (and every 10 s while it
 * lasts); MOVED makes the next one go to the node that was named. Log lines and faults never hold a password.
 * The loop's thread only. A client never frees itself: redis_client_free may be called anywhere but inside
 * its own callbacks. */
#ifndef FANFARE_SHARED_REDIS_REDIS_CLIENT_H
#define FANFARE_SHARED_REDIS_REDIS_CLIENT_H

#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/slice.h"
#include "shared/base/status.h"
#include "shared/net/resolver.h"
#include "shared/redis/redis_options.h"

struct redis_client;

struct redis_events {
    /* Commands are taken from now on; with a channel: it is subscribed to. */
    void (*on_up)(void *arg);
    /* The connection is over: each command under way has been told NULL. Not called by
     * redis_client_free. May be NULL. */
    void (*on_down)(void *arg);
    /* A message on the channel; valid during the call. NULL without a channel. */
    void (*on_message)(struct slice payload, void *arg);
};

struct redis_client_conf {
    struct event_base *base;
    struct resolver *dns;
    const struct redis_options *options; /* checked by redis_options_check; outlives the client */
    const char *what;                    /* for log lines: "registry", "bus"; a literal */
    const char *channel;                 /* to subscribe to: the client then takes no commands; or NULL */
    const int64_t *message_max;          /* bytes of the largest message that is wanted, read whenever a
                                          * connection is made; up to twice as much is handed on; or NULL */
    const struct redis_events *events;   /* static */
    void *arg;
    unsigned reconnects_row; /* metric: connections that broke or failed and were begun anew */
    unsigned up_row;         /* metric: gauge, 1 while up */
};

/* Starts connecting from the loop. */
enum status redis_client_new(const struct redis_client_conf *conf, struct redis_client **out);
/* Closes at once; commands under way are told NULL, nothing else is called. Legal on NULL. */
void redis_client_free(struct redis_client *client);
bool redis_client_is_up(const struct redis_client *client);
/* "127.0.0.1:6379/0", "unix:/path", "master mymaster": for people; the client's own string. */
const char *redis_client_name(const struct redis_client *client);

struct redis_client_state {
    const char *what;  /* as in the conf */
    bool up;           /* also while it is only tried whether a Redis that had refused us takes us now */
    const char *error; /* why not, for people, the client's own; NULL: unknown yet, or up */
    int64_t down_ms;   /* for so long; 0 when up */
};

void redis_client_describe(const struct redis_client *client, struct redis_client_state *out);

/* The answer of a command, valid during the call; an error answer (REDIS_REPLY_ERROR) other than
 * those above is handed on. NULL: the connection ended first, whether Redis did it is unknown. */
typedef void redis_answer(const redisReply *answer, void *arg);
/* Sends a command of `count` words (copied). STATUS_CLOSED while not up, STATUS_FULL with 4,096
 * answers due, STATUS_NO_MEMORY: `done` is not called then. `done` may be NULL: nobody cares. */
enum status redis_client_command(struct redis_client *client, redis_answer *done, void *arg,
                                 const struct slice *words, size_t count);
/* While paused nothing is read, so that Redis's own buffer for us fills and at last closes us; time-outs and
 * those questions rest. Harmless when nothing changes. Legal on NULL. */
void redis_client_pause(struct redis_client *client, bool pause);

#endif
