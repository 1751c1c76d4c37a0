/* SPDX-License-Identifier: Apache-2.0 */
/* The connection to Redis that keeps state ("state"), and what is kept: the answers of pushes with
 * idempotency keys (repeats.h), and bans (ban_store.h). With redis.url; without, each logic remembers for
 * itself. The loop's thread only. */
#ifndef FANFARE_LOGIC_STORE_STORE_H
#define FANFARE_LOGIC_STORE_STORE_H

#include <event2/event.h>
#include <stdbool.h>

#include "logic/conf/logic_conf.h"
#include "logic/store/repeats.h"
#include "shared/base/status.h"
#include "shared/contract/ban_list.h"
#include "shared/net/resolver.h"
#include "shared/redis/redis_client.h"

struct store;

enum { STORE_BANS_MS = 3000 }; /* a gateway that has just started waits 5 s for its first exchange */

/* What a store works with; outlives it. */
struct store_conf {
    struct event_base *base;
    struct resolver *dns;
    const struct logic_conf *conf;
    struct ban_list *bans; /* kept in Redis too */
    bool *bans_awaited;    /* set, with a redis.url, until those that stand there are in the list, or for
                            * STORE_BANS_MS */
};

/* Starts connecting when there is a redis.url. STATUS_NO_MEMORY. */
enum status store_new(const struct store_conf *conf, struct store **out);
struct repeats *store_repeats(struct store *store);
/* The connection, or NULL: there is none. NULL on NULL. */
const struct redis_client *store_redis(const struct store *store);
/* Takes the bounds that the settings have now. */
void store_apply(struct store *store);
/* Leaves Redis: pushes that were asked about there go on, or are refused, before this returns. Legal on NULL.
 */
void store_stop(struct store *store);
/* When every push was settled. Legal on NULL. */
void store_free(struct store *store);

#endif
