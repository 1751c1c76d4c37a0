/* SPDX-License-Identifier: Apache-2.0 */
/* From a host's name, or a unix socket's path, to a connected socket: tries one address after the
 * other. Part of redis_conn. The loop's thread only; blocks for nothing. */
#ifndef FANFARE_SHARED_REDIS_REDIS_DIAL_H
#define FANFARE_SHARED_REDIS_REDIS_DIAL_H

#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

#include "shared/net/lookup.h"

enum { REDIS_DIAL_ADDRESSES = 8, REDIS_DIAL_ADDRESS_MAX = 64, REDIS_DIAL_ERROR_MAX = 192 };

/* Connected: `context` is the receiver's. Else it is NULL and `error` says why, valid during the call. */
typedef void redis_dial_done(redisContext *context, const char *error, void *arg);

struct redis_dial_conf {
    struct event_base *base;
    struct resolver *dns;
    const char *host; /* a name or an address without brackets; needed during redis_dial_start only */
    int port;
    const char *path;   /* of a unix socket, instead of host and port; or NULL */
    int64_t timeout_ms; /* shared by the addresses; the caller itself stops the last one (redis_dial_stop) */
    redis_dial_done *done;
    void *arg;
};

/* Embedded. All zero: nothing is under way. */
struct redis_dial {
    struct redis_dial_conf conf;
    int64_t deadline_ms;
    struct lookup *lookup;                                        /* while the name is looked up, or NULL */
    redisContext *context;                                        /* while it connects, or NULL */
    struct event *connected;                                      /* its socket's */
    char addresses[REDIS_DIAL_ADDRESSES][REDIS_DIAL_ADDRESS_MAX]; /* numeric */
    size_t count;
    size_t next;
    char error[REDIS_DIAL_ERROR_MAX]; /* of the last address that failed */
};

/* `done` is called once, perhaps before this returns. */
void redis_dial_start(struct redis_dial *dial, const struct redis_dial_conf *conf);
/* `done` is not called any more. Harmless when it is over. */
void redis_dial_stop(struct redis_dial *dial);
bool redis_dial_is_looking_up(const struct redis_dial *dial);

#endif
