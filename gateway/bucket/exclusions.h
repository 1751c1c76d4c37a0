/* SPDX-License-Identifier: Apache-2.0 */
/* Whom the items of one delivery do not reach, and the bytes of those items, so that who is excluded from
 * some can get a frame with the others. Only a delivery with exclusions has one. Filled on the control
 * thread, immutable from exclusions_sort on: then any thread may read. Pure. */
#ifndef FANFARE_GATEWAY_BUCKET_EXCLUSIONS_H
#define FANFARE_GATEWAY_BUCKET_EXCLUSIONS_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/websocket/encoding.h"
#include "shared/base/slice.h"
#include "shared/base/status.h"
#include "shared/contract/push_options.h"

struct exclusions;

/* Where one who is excluded stands. */
enum { EXCLUSION_NONE = -1 };
enum exclusion_kind { EXCLUDES_USER, EXCLUDES_CONNECTION, EXCLUSION_KINDS };

/* Copies `items` (joined by commas). NULL for want of memory. */
struct exclusions *exclusions_new(struct slice items);
/* Legal on NULL. */
void exclusions_free(struct exclusions *exclusions);
/* The `len` bytes of items at `at`, one item or several with the commas between them, do not reach `who`.
 * STATUS_NO_MEMORY. */
enum status exclusions_add(struct exclusions *exclusions, uint32_t at, uint32_t len,
                           const struct push_exclusion *who);
/* All are there. Returns how many. */
uint32_t exclusions_sort(struct exclusions *exclusions);

/* Where the user whose key (audience.h) this is stands, or EXCLUSION_NONE; `hash` is hashmap_hash of the key.
 */
int32_t exclusions_find_user(const struct exclusions *exclusions, struct slice key, uint64_t hash);
/* Walks the excluded connections: the place of the first with `place` EXCLUSION_NONE, else of the next one,
 * and its id; EXCLUSION_NONE at the end. */
int32_t exclusions_next_connection(const struct exclusions *exclusions, int32_t place, struct slice *id);

/* The frame for who is excluded as `user` and as `connection`, places or EXCLUSION_NONE, one of them at
 * least: a push of the items that are left. STATUS_OK with `*out` NULL: none is left. The frame has one
 * reference, the caller's. STATUS_NO_MEMORY. */
enum status exclusions_frame(const struct exclusions *exclusions, enum encoding encoding, struct slice key,
                             int32_t user, int32_t connection, struct frame **out);

#endif
