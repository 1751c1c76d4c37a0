/* SPDX-License-Identifier: Apache-2.0 */
/* Asks the sentinels where the master is, one after the other, each on a connection of its own that
 * ends with the answer. The loop's thread only. */
#ifndef FANFARE_SHARED_REDIS_REDIS_SENTINEL_H
#define FANFARE_SHARED_REDIS_REDIS_SENTINEL_H

#include <event2/event.h>

#include "shared/base/status.h"
#include "shared/net/resolver.h"
#include "shared/redis/redis_options.h"
#include "shared/redis/redis_url.h"

struct redis_conn;

/* `host` is NULL when no sentinel could say; `error` is then the last one's reason, and `remedy` what
 * may help, or NULL when none of them could be reached. Valid during the call. */
typedef void redis_sentinel_done(const char *host, int port, const char *error, const char *remedy,
                                 void *arg);

/* Embedded in the client. */
struct redis_sentinel {
    struct event_base *base;
    struct resolver *dns;
    const struct redis_options *options; /* outlives it */
    redis_sentinel_done *done;
    void *arg;
    struct redis_conn *conn; /* while one is asked, or NULL */
    size_t next;             /* the one to begin with */
    size_t tried;            /* of this question */
    char host[REDIS_HOST_MAX + 1];
    int port;
    const char *remedy;
};

/* `done` is called once, perhaps before this returns, unless redis_sentinel_stop is called first. */
void redis_sentinel_ask(struct redis_sentinel *sentinel);
/* The next question begins with the next sentinel: what this one said was not true. */
void redis_sentinel_pass_over(struct redis_sentinel *sentinel);
/* Harmless when none is asked. */
void redis_sentinel_stop(struct redis_sentinel *sentinel);

#endif
