/* SPDX-License-Identifier: Apache-2.0 */
/* A sealed batch on its way to the buckets: the key and its ready frames, immutable, shared
 * by all buckets through an atomic reference count. Or a command about the key's members, which goes the same
 * way, so that it keeps its place among the batches. */
#ifndef FANFARE_GATEWAY_BUCKET_DELIVERY_H
#define FANFARE_GATEWAY_BUCKET_DELIVERY_H

#include <stdatomic.h>

#include "gateway/bucket/exclusions.h"
#include "gateway/bucket/key_command.h"
#include "gateway/websocket/encoding.h"
#include "shared/base/slice.h"

struct delivery {
    atomic_uint refs;
    uint32_t items;
    int64_t came_us;                      /* monotonic: when its first item came; 0: not observed */
    int64_t expires_us;                   /* monotonic: nobody gets it from then on; 0: no deadline */
    struct exclusions *exclusions;        /* whom its items do not reach; NULL: nobody */
    struct frame *frames[ENCODING_COUNT]; /* NULL: nobody here reads it so */
    struct key_command *command;          /* owned; NULL: items */
    uint64_t hash;                        /* hashmap_hash of the key */
    struct slice key;                     /* see audience.h */
    uint8_t name[];
};

/* Encodes `items` (joined by commas) once per encoding with `members`. One reference, the
 * caller's. NULL for want of memory. */
struct delivery *delivery_new(struct slice key, uint64_t hash, struct slice items, uint32_t count,
                              const uint32_t members[ENCODING_COUNT]);
/* Gives it and its frames a deadline. Before it is shared. */
void delivery_expire(struct delivery *delivery, int64_t expires_us);
/* The same with a command, which it takes over in any case, for frames. */
struct delivery *delivery_new_command(struct slice key, uint64_t hash, struct key_command *command);
struct delivery *delivery_ref(struct delivery *delivery);
/* Legal on NULL. Any thread. */
void delivery_unref(struct delivery *delivery);

#endif
