/* SPDX-License-Identifier: Apache-2.0 */
/* Merging: items of one key (audience.h) gather in a batch until it is full or its
 * window ends; every batch that is sent begins a window. Pure: time is an argument, batches leave through a
 * callback. One thread. Holds at most one batch a key, itself bounded in items and bytes, for at most one
 * window. */
#ifndef FANFARE_GATEWAY_FANOUT_MERGER_H
#define FANFARE_GATEWAY_FANOUT_MERGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/slice.h"
#include "shared/base/status.h"

struct merger;

struct merger_conf {
    int64_t delay_us; /* the window; 0 sends at the end of every turn */
    size_t max_items; /* a batch with so many items is sealed at once */
    size_t max_bytes; /* likewise before its items exceed so many bytes; one item may be larger */
    bool leading;     /* a quiet key sends at the end of the turn and then opens its window */
};

/* A sealed batch: `items` are `count` JSON values joined by commas, the first of which came at
 * `since`, the `now` of its merger_add. Valid during the call; the callback must not call the merger. */
typedef void merger_emit(void *arg, struct slice key, uint64_t hash, struct slice items, uint32_t count,
                         int64_t since);

enum status merger_new(const struct merger_conf *conf, merger_emit *emit, void *arg, struct merger **out);
/* Drops what is pending: flush first. Legal on NULL. */
void merger_free(struct merger *merger);
/* Adds one item to the key's batch; `hash` is hashmap_hash(key); bytes are copied. `now` in
 * monotonic us. STATUS_NO_MEMORY: the item is not taken, the batch is as before. */
enum status merger_add(struct merger *merger, struct slice key, uint64_t hash, struct slice item,
                       int64_t now);
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

#endif
