/* SPDX-License-Identifier: Apache-2.0 */
/* Merging: items of one key (audience.h) gather in a batch until it is full or its
 * window ends; every batch that is sent begins a window. Pure: time is an argument, batches leave through a
 * callback. One thread. Holds at most one batch a key, itself bounded in items and bytes, for at most one
 * window.
 *
 * The terms of a push change when a batch goes and what stands in it, never the order of a key's items:
 * - A batch has one deadline. An item with a ttl seals a batch of another deadline, or of none, at once; so
 *   does a plain item one with a deadline. Batches with a deadline go at the end of the turn, in no window.
 * - An item with a key of conflation takes the place of the one of that key in the open batch: the older one
 *   goes, the newer one stands at the end.
 * - merger_seal sends what waits: an urgent push, or what must come after it. */
#ifndef FANFARE_GATEWAY_FANOUT_MERGER_H
#define FANFARE_GATEWAY_FANOUT_MERGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/fanout/item_batch.h"
#include "shared/base/slice.h"
#include "shared/base/status.h"
#include "shared/contract/push_options.h"

struct merger;

struct merger_conf {
    int64_t delay_us; /* the window; 0 sends at the end of every turn */
    size_t max_items; /* a batch with so many items is sealed at once */
    size_t max_bytes; /* likewise before its items exceed so many bytes; one item may be larger */
    bool leading;     /* a quiet key sends at the end of the turn and then opens its window */
};

/* What goes. `batch` is closed: its items are JSON values joined by commas. */
struct sealed_batch {
    struct slice key; /* audience.h; `hash` is hashmap_hash of it */
    uint64_t hash;
    const struct item_batch *batch;
    int64_t since_us;   /* monotonic: when the first that was in it came, the `now` of its merger_add */
    int64_t expires_us; /* monotonic: no client gets it from then on; 0: no deadline */
};

/* Valid during the call; the callback must not call the merger. */
typedef void merger_emit(void *arg, const struct sealed_batch *sealed);

enum status merger_new(const struct merger_conf *conf, merger_emit *emit, void *arg, struct merger **out);
/* Drops what is pending: flush first. Legal on NULL. */
void merger_free(struct merger *merger);
/* Adds one item to the key's batch; `hash` is hashmap_hash(key); bytes are copied. `terms` NULL: none;
 * whether they are urgent is the caller's affair, who calls merger_seal after the last item of the push.
 * `now` in monotonic us. STATUS_NO_MEMORY: the item is not taken, the batch is as before. */
enum status merger_add(struct merger *merger, struct slice key, uint64_t hash, struct slice item,
                       const struct push_terms *terms, int64_t now);
/* Sends the key's batch at once; its window begins anew. Nothing when none waits. */
void merger_seal(struct merger *merger, struct slice key, uint64_t hash, int64_t now);
/* The end of the loop's turn: keys that were quiet send what the turn brought them. */
void merger_end_turn(struct merger *merger, int64_t now);
/* Sends the batches whose window ended at or before `now`. */
void merger_expire(struct merger *merger, int64_t now);
/* When the next window ends, in monotonic us, or -1 when no window is open. */
int64_t merger_deadline(const struct merger *merger);
/* Sends everything now, whatever its window, and from here on delays nothing. */
void merger_flush(struct merger *merger);
/* Other settings from here on, for the windows that are open too: merger_deadline may be another. After
 * a flush nothing is delayed all the same. */
void merger_set_conf(struct merger *merger, const struct merger_conf *conf);
/* Items that wait. */
size_t merger_pending(const struct merger *merger);
/* Items that newer ones of their key have replaced, ever. */
uint64_t merger_conflated(const struct merger *merger);

#endif
