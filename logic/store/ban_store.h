/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the bans of a list in Redis too, in the hash <prefix>:bans, so that they outlive a restart of all
 * logics and gateways. When the connection comes up all that stands there is read, page by page, and merged;
 * then all that is known is written, since Redis may have forgotten it, and from then on each change. Of what
 * several logics write of one user the last counts, and each of them writes what it learns from the gateways,
 * so that it is the one that was ordered last. What may be forgotten is deleted. Bounds: the list's own, and
 * BAN_STORE_PAGES pages of one reading. The loop's thread only; nothing blocks. */
#ifndef FANFARE_LOGIC_STORE_BAN_STORE_H
#define FANFARE_LOGIC_STORE_BAN_STORE_H

#include <stdbool.h>

#include "shared/contract/ban_list.h"
#include "shared/redis/redis_client.h"

enum { BAN_STORE_PAGES = 1000, BAN_STORE_PAGE = 500, BAN_STORE_CHUNK = 100 };

struct ban_store;

struct ban_store_conf {
    struct ban_list *list; /* the owner's, as all here; it is told of this list's changes (ban_list_tell) */
    const char *prefix;    /* redis.prefix */
    /* What stood in Redis is in the list. May be called again after an outage. */
    void (*loaded)(void *arg);
    void *arg;
};

/* STATUS_NO_MEMORY. */
enum status ban_store_new(const struct ban_store_conf *conf, struct ban_store **out);
/* The connection is up: reads, then writes. */
void ban_store_up(struct ban_store *store, struct redis_client *redis);
/* It is not any more: changes wait for the next one. Legal on NULL. */
void ban_store_down(struct ban_store *store);
/* Nobody is told any more. Legal on NULL. */
void ban_store_free(struct ban_store *store);

#endif
