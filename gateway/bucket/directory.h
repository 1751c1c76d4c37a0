/* SPDX-License-Identifier: Apache-2.0 */
/* The room directory: which buckets have members of a room, and how many. The one structure
 * that control and bucket threads share under a lock; taken at a bucket's first join and last
 * leave of a room and once per look-up, never during a fan-out. Everyone and the
 * canary are rooms like any (audience.h). Keeps the gauges fanfare_gateway_rooms, where only those that
 * clients can name count, and fanfare_gateway_users. */
#ifndef FANFARE_GATEWAY_BUCKET_DIRECTORY_H
#define FANFARE_GATEWAY_BUCKET_DIRECTORY_H

#include <stdatomic.h>
#include <stdint.h>

#include "gateway/websocket/encoding.h"
#include "shared/base/hashmap.h"
#include "shared/base/slice.h"
#include "shared/base/status.h"

enum { MAX_BUCKETS = 64 };

struct directory;

/* Lives while at least one bucket is in, or somebody is announced. `node.key` is the room's key, valid as
 * long. */
struct directory_entry {
    struct hashmap_node node;
    atomic_uint members[ENCODING_COUNT]; /* changed by the buckets that are in */
    uint32_t announced[ENCODING_COUNT];  /* who is about to join by a command; under the lock, as the rest */
    uint32_t reservations;               /* how many announcements these are */
    uint64_t buckets;                    /* bit per bucket that is in */
    uint64_t announced_buckets;          /* bit per bucket that somebody was announced for; stays until the
                                          * last reservation is released */
    uint8_t name[];
};

struct subscribers {
    uint64_t buckets;                 /* bit per bucket that has members */
    uint32_t members[ENCODING_COUNT]; /* by the encoding they read */
};

enum status directory_new(struct directory **out);
/* All buckets must have left every room. Legal on NULL. */
void directory_free(struct directory *directory);
/* A bucket's first member of the room. NULL for want of memory. Any thread. */
struct directory_entry *directory_enter(struct directory *directory, struct slice room, uint64_t hash,
                                        unsigned bucket);
/* A bucket's last member has left; the entry is not the bucket's any more. Any thread. */
void directory_exit(struct directory *directory, struct directory_entry *entry, unsigned bucket);
/* Announces `who` in the room: they count as members until the reservation is released, so that what is
 * pushed to the room goes to their buckets, in their encodings, although they have yet to join there. Whoever
 * joins meanwhile counts twice until then. NULL for want of memory. Any thread. */
struct directory_entry *directory_reserve(struct directory *directory, struct slice room, uint64_t hash,
                                          const struct subscribers *who);
/* Ends what directory_reserve began with the same `who`, once they have joined or will not. Any thread. */
void directory_release(struct directory *directory, struct directory_entry *entry,
                       const struct subscribers *who);
/* Who is in the room now or announced; all zero for nobody. Any thread. */
struct subscribers directory_find(struct directory *directory, struct slice room, uint64_t hash);
/* A walk in pieces: visits the entries of at most `slots` more slots of the table, under the lock, and gives
 * the cursor of the next; begin with 0, and 0 is the end (hashmap_scan). Any thread. */
size_t directory_scan(struct directory *directory, size_t cursor, unsigned slots,
                      void (*visit)(const struct directory_entry *entry, void *arg), void *arg);
/* Members of an entry that lives, by all buckets. */
uint32_t directory_entry_members(const struct directory_entry *entry);
/* All members. */
uint32_t subscribers_count(const struct subscribers *here);

#endif
