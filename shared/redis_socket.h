/* SPDX-License-Identifier: Apache-2.0 */
/* hiredis's socket on a libevent loop, with reads that can be paused. The loop's thread only. */
#ifndef FANFARE_SHARED_REDIS_SOCKET_H
#define FANFARE_SHARED_REDIS_SOCKET_H

#include <event2/event.h>
#include <hiredis/async.h>
#include <stdbool.h>
#include <stdint.h>

#include "shared/status.h"

struct redis_socket {
    redisAsyncContext *redis; /* NULL when there is none, or when hiredis has freed it */
    struct event *readable;
    struct event *writable;
    bool want_read; /* hiredis's wish */
    bool paused;
    int64_t heard_ms; /* when something last came (clock.h) */
};

/* Takes `redis` over; all zero before. On failure redis_socket_fini is due all the same. */
enum status redis_socket_init(struct redis_socket *socket, struct event_base *base, redisAsyncContext *redis);
/* Closes and frees; hiredis's callbacks are called with NULL. Not inside one of them. */
void redis_socket_fini(struct redis_socket *socket);
/* Harmless when nothing changes. */
void redis_socket_pause(struct redis_socket *socket, bool pause);

#endif
