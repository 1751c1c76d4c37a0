/* SPDX-License-Identifier: Apache-2.0 */
/* The gateways that this logic knows, each with its link, in the order in which they became
 * known. Three sources name them: the list in the config, which never changes, and DNS or the
 * registry in Redis, whose gateways come and go. What a source does not name any more stays for
 * as long as its link works; then it goes, and what was queued for it is dropped and counted as
 * "gone": a DNS entry at once, one of the registry at once after its goodbye, else after
 * linkQueueSeconds without a connection.
 * Bound: GATEWAY_SET_MAX gateways; one more is refused, logged and counted
 * (fanfare_logic_gateways_refused_total). The loop's thread only; nothing here may be called
 * from inside dispatch_push. */
#ifndef FANFARE_LOGIC_DISCOVERY_GATEWAY_SET_H
#define FANFARE_LOGIC_DISCOVERY_GATEWAY_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "logic/link/gateway_link.h"
#include "shared/base/status.h"
#include "shared/contract/registry_entry.h"

enum { GATEWAY_SET_MAX = 1024 };

/* The order of the rows LM_GATEWAYS_STATIC and after. */
enum gateway_source { GATEWAY_FROM_LIST, GATEWAY_FROM_DNS, GATEWAY_FROM_REDIS };

struct gateway_entry {
    struct gateway_link *link;
    enum gateway_source source;             /* that made it known */
    char id[REGISTRY_ID_MAX + 1];           /* in the registry, or "" */
    char version[REGISTRY_VERSION_MAX + 1]; /* as the registry says, or "" */
    int64_t clients;                        /* as the registry says, or -1 */
    bool draining;                          /* as the registry says */
    bool listed;                            /* its source names it now */
    bool goodbye;                           /* it has left by itself */
    bool offered;                           /* since gateway_set_begin of its source */
};

struct gateway_set {
    struct link_env *env; /* the owner's, outlives the set */
    struct gateway_entry *entries;
    size_t count;
    size_t cap;
    struct event *sweep; /* NULL before the first offer; pending while an entry is unlisted */
    int64_t refusal_logged_ms;
};

/* What a source says of a gateway; the strings are copied. */
struct gateway_offer {
    enum gateway_source source; /* not GATEWAY_FROM_LIST */
    const char *id;             /* GATEWAY_FROM_REDIS: 1 to REGISTRY_ID_MAX bytes; else "" */
    const char *host; /* a name or an address, at most REGISTRY_HOST_MAX bytes; brackets are allowed */
    int port;
    bool draining;
    int64_t clients;     /* -1: unknown */
    const char *version; /* at most REGISTRY_VERSION_MAX bytes count; "": unknown */
};

/* "static", "dns", "redis". */
const char *gateway_source_name(enum gateway_source source);
/* Allocates nothing; `env` may be filled later, but before the first gateway. */
void gateway_set_init(struct gateway_set *set, struct link_env *env);
/* Frees all links (see gateway_link_free); the set is empty afterwards. */
void gateway_set_fini(struct gateway_set *set);
/* Adds a gateway of the config's list and starts its link. `hostname` may have the brackets of an
 * IPv6 address. One that is known already is left alone. STATUS_NO_MEMORY, STATUS_FULL,
 * STATUS_INVALID. */
enum status gateway_set_add(struct gateway_set *set, const char *hostname, int port);
/* Adds a gateway, or brings what is known of it up to date: its source names it. A gateway is
 * known by its address; what comes from the registry also by its id. An id with a new address
 * takes its link along when that is not up; one that is up stays as it is, unlisted, beside a new
 * one. STATUS_NO_MEMORY, STATUS_FULL, STATUS_INVALID (no such host): the set is as before. */
enum status gateway_set_offer(struct gateway_set *set, const struct gateway_offer *offer);
/* A whole, successful reading of a source: its gateways that are not offered between the two
 * become unlisted. */
void gateway_set_begin(struct gateway_set *set, enum gateway_source source);
void gateway_set_end(struct gateway_set *set, enum gateway_source source);
/* The registry says that this gateway has left by itself. One that is not known is no matter. */
void gateway_set_goodbye(struct gateway_set *set, const char *id);
/* Removes what is unlisted and may go at `now_ms` (clock_now_ms). The set does this by itself,
 * every 100 ms while there is something unlisted. */
void gateway_set_sweep(struct gateway_set *set, int64_t now_ms);
/* Each link takes the settings anew, see gateway_link_apply. */
void gateway_set_apply(struct gateway_set *set);
/* How many links are up. */
size_t gateway_set_up(const struct gateway_set *set);
/* Of those, how many the canaries pass, or are not judged by any. */
size_t gateway_set_passing(const struct gateway_set *set);
/* Pushes queued on all links together. */
size_t gateway_set_queued(const struct gateway_set *set);

#endif
