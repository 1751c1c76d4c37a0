/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses of host names, looked up once for all who wait. Known ones are looked up again after ten
 * seconds, and used meanwhile for another minute; a name server that does not answer, or has nothing any
 * more, leaves those that were known last. Bounded: HOST_CACHE_MAX names, of which the one unused for longest
 * gives way; one more than that waited for at once is refused. The loop's thread. */
#ifndef FANFARE_SHARED_FETCH_HOST_CACHE_H
#define FANFARE_SHARED_FETCH_HOST_CACHE_H

#include <stdint.h>

#include "shared/base/list.h"
#include "shared/base/status.h"
#include "shared/net/resolver.h"

struct host_cache;

enum {
    HOST_CACHE_MAX = 32,
    HOST_KEEP_MS = 10000,
    HOST_STALE_MS = 60000,
    HOST_ADDRESSES_MAX = 16 * 48, /* text: addresses between commas, IPv6 in brackets */
};

/* Waits for addresses; embedded in who asks. */
struct host_wait {
    struct list node;
    /* Once. `addresses` as above, or NULL with `why` (static) it failed. Must not ask within
     * the call; may let others leave. */
    void (*done)(struct host_wait *wait, const char *addresses, const char *why);
};

/* `resolver` must outlive it. */
enum status host_cache_new(struct resolver *resolver, struct host_cache **out);
/* Nobody may wait any more. Legal on NULL. Not from inside a `done`. */
void host_cache_free(struct host_cache *cache);
/* Calls `wait->done`, before this returns when the addresses are known. STATUS_NO_MEMORY, STATUS_FULL,
 * STATUS_INVALID (no name that could exist): it is not called. */
enum status host_cache_ask(struct host_cache *cache, const char *host, int64_t now_ms,
                           struct host_wait *wait);
/* `done` is not called any more. Harmless for one who does not wait; `node` must have been initialised. */
void host_cache_leave(struct host_wait *wait);

#endif
