/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a push with an idempotency key is a repeat (docs/protocol.md, "Idempotency keys"). This logic's own
 * table is asked first; with Redis each first one is then claimed there (SET NX PX), for all logics. Who
 * finds a claim of another logic looks again after 20 ms, doubling to 200 ms, for at most REPEAT_LOOK_MS.
 * Redis that is away, late (redis.timeout) or full, or REPEAT_QUESTIONS_MAX questions under way, hold up
 * nobody: the push goes on as unchecked, and its answer says so. The loop's thread only; nothing blocks. */
#ifndef FANFARE_LOGIC_STORE_REPEATS_H
#define FANFARE_LOGIC_STORE_REPEATS_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "logic/push/push_fault.h"
#include "logic/store/repeat_table.h"
#include "shared/base/buf.h"
#include "shared/redis/redis_client.h"

enum {
    REPEAT_CLAIM_MS = 10000,    /* what a claim in Redis outlives the wait of its push by */
    REPEAT_LOOK_MS = 1000,      /* for another logic's answer */
    REPEAT_QUESTIONS_MAX = 4096 /* to Redis under way */
};

struct repeats;
struct repeat;

/* What to answer a push that does not go on; valid during the call. */
struct repeat_reply {
    const struct push_fault *refused; /* NULL: the first one's answer */
    int status;
    struct slice json;
};

/* Embedded by who asks, for one push; must live until it was told. */
struct repeat {
    /* Exactly one is called, perhaps before repeats_ask returns. `go`: the push is the first one, and
     * repeats_settle must follow. */
    void (*go)(struct repeat *repeat);
    void (*answer)(struct repeat *repeat, const struct repeat_reply *reply);

    struct repeats *repeats; /* the rest is repeats.c's */
    struct repeat_waiter waiter;
    struct repeat_entry *entry;
    bool claimed;   /* in Redis, or perhaps */
    bool unchecked; /* in Redis, which it should have been */
};

/* `prefix` (redis.prefix) is needed with Redis only, and outlives this. */
enum status repeats_new(struct event_base *base, const char *prefix, const struct repeat_bounds *bounds,
                        struct repeats **out);
/* Asks Redis from now on; the client is the owner's. NULL, as before this is called: there is none (any more,
 * and it was freed first, which let go what was asked there); who looks for another logic's answer is
 * refused.
 */
void repeats_use_redis(struct repeats *repeats, struct redis_client *redis);
/* Other bounds of the table. */
void repeats_bound(struct repeats *repeats, const struct repeat_bounds *bounds);
/* Without Redis, and when every push was settled. Legal on NULL. */
void repeats_free(struct repeats *repeats);

/* Asks for a push of that digest under its caller's key, which have passed api_caller_parse and
 * repeat_key_fault, and are not needed afterwards. `wait_ms`: how long the push will wait for the gateways;
 * 0: not at all. True while `go` may still be called; false once it was, or when only an answer can come. */
bool repeats_ask(struct repeats *repeats, const char *caller, struct slice key, uint64_t digest, int wait_ms,
                 struct repeat *repeat);
/* What became of a push that went on. `json` is its answer, to which `"idempotency":"local"` is added when it
 * was accepted unchecked. Whoever waits for it is told, Redis too. */
void repeats_settle(struct repeat *repeat, int status, struct buf *json, bool accepted);

#endif
