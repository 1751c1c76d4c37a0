/* SPDX-License-Identifier: Apache-2.0 */
/* The open batch of one key (audience.h): items joined by commas, ready to be a frame. Pure; one thread.
 *
 * Plain items are appended, and nothing else is known of them. Once an item has a key of conflation, or
 * excludes somebody, the batch also keeps its parts: where an item, or a run of items with the same terms,
 * stands. An item that a newer one of its key has replaced leaves a hole, which is closed when holes are more
 * than what is left, and when the batch is closed. Bounded by item_batch_fits: the bytes of its items by its
 * caller, keys and exclusions by as many bytes again, and by ITEM_BATCH_EXCLUSIONS. */
#ifndef FANFARE_GATEWAY_FANOUT_ITEM_BATCH_H
#define FANFARE_GATEWAY_FANOUT_ITEM_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/buf.h"
#include "shared/base/slice.h"
#include "shared/base/status.h"
#include "shared/contract/push_options.h"

enum { ITEM_BATCH_EXCLUSIONS = 1024 }; /* in a batch; one item may have more */

struct item_key;

/* One item with a key, or items with the same exclusions, one behind the other. */
struct item_part {
    uint32_t at;            /* of its first byte among the items; parts are a comma apart */
    uint32_t len;           /* 0: a hole, its item was replaced */
    uint32_t exclusions_at; /* among the batch's */
    uint32_t exclusions_len;
    struct item_key *key; /* NULL: nothing replaces it */
};

struct item_parts;

struct item_batch {
    struct buf items;         /* joined by commas; holes too while it is open */
    uint32_t count;           /* items, without those that were replaced */
    struct item_parts *parts; /* NULL: plain items only */
};

/* Allocates nothing. */
void item_batch_init(struct item_batch *batch);
/* Frees all; as after item_batch_init. */
void item_batch_fini(struct item_batch *batch);
/* Whether the item may join: it leaves the batch within `max_bytes` of items, and within the bounds above.
 * Always true of an empty one. `terms` NULL: none. Only key and exclusions are looked at, here and below. */
bool item_batch_fits(const struct item_batch *batch, struct slice item, const struct push_terms *terms,
                     size_t max_bytes);
/* Appends the item, one or more bytes, which are copied; the one with the same key that stood in the batch is
 * gone then, and `*replaced` true. STATUS_NO_MEMORY: the batch is as before, which bytes it has aside. */
enum status item_batch_add(struct item_batch *batch, struct slice item, const struct push_terms *terms,
                           bool *replaced);
/* Bytes of its items with the commas between them, without holes. */
size_t item_batch_bytes(const struct item_batch *batch);
/* Closes the holes, so that `items` is what a frame has. Nothing may be added until it is emptied. */
void item_batch_close(struct item_batch *batch);
/* Forgets the items; keeps memory for few. */
void item_batch_empty(struct item_batch *batch);

/* Whether an item excludes somebody: then the parts matter to whoever takes the batch. */
bool item_batch_excludes(const struct item_batch *batch);
/* Of a closed batch that has parts: all of them, in order. */
const struct item_part *item_batch_parts(const struct item_batch *batch, uint32_t *count);
/* Whom a part excludes, for push_next_exclusion. */
struct slice item_part_exclusions(const struct item_batch *batch, const struct item_part *part);

#endif
