/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table behind one mutex. Member counts are atomics of the entry: a bucket that is in
 * changes them without the lock. */
#include "gateway/bucket/directory.h"

#include <pthread.h>
#include <stdlib.h>

#include "gateway/metrics/gateway_metrics.h"
#include "shared/base/list.h"
#include "shared/contract/audience.h"

struct directory {
    pthread_mutex_t lock;
    struct hashmap rooms;
};

enum status directory_new(struct directory **out)
{
    struct directory *directory = calloc(1, sizeof *directory);

    if (directory == NULL || hashmap_init(&directory->rooms) != STATUS_OK) {
        free(directory);
        return STATUS_NO_MEMORY;
    }
    pthread_mutex_init(&directory->lock, NULL);
    *out = directory;
    return STATUS_OK;
}

void directory_free(struct directory *directory)
{
    if (directory == NULL)
        return;
    pthread_mutex_destroy(&directory->lock);
    hashmap_fini(&directory->rooms);
    free(directory);
}

static struct directory_entry *entry_of(struct directory *directory, struct slice room, uint64_t hash)
{
    struct hashmap_node *node = hashmap_find(&directory->rooms, room, hash);

    return node != NULL ? container_of(node, struct directory_entry, node) : NULL;
}

static struct directory_entry *entry_add(struct directory *directory, struct slice room, uint64_t hash)
{
    struct directory_entry *entry = calloc(1, sizeof *entry + room.len);

    if (entry == NULL)
        return NULL;
    if (room.len > 0)
        memcpy(entry->name, room.data, room.len);
    entry->node.key = slice_of(entry->name, room.len);
    entry->node.hash = hash;
    hashmap_add(&directory->rooms, &entry->node);
    if (audience_of(room) == AUDIENCE_ROOM)
        metrics_add(M_ROOMS, 1);
    return entry;
}

struct directory_entry *directory_enter(struct directory *directory, struct slice room, uint64_t hash,
                                        unsigned bucket)
{
    pthread_mutex_lock(&directory->lock);
    struct directory_entry *entry = entry_of(directory, room, hash);
    if (entry == NULL)
        entry = entry_add(directory, room, hash);
    if (entry != NULL)
        entry->buckets |= UINT64_C(1) << bucket;
    pthread_mutex_unlock(&directory->lock);
    return entry;
}

void directory_exit(struct directory *directory, struct directory_entry *entry, unsigned bucket)
{
    pthread_mutex_lock(&directory->lock);
    entry->buckets &= ~(UINT64_C(1) << bucket);
    bool last = entry->buckets == 0;
    if (last) {
        hashmap_remove(&directory->rooms, &entry->node);
        if (audience_of(entry->node.key) == AUDIENCE_ROOM)
            metrics_sub(M_ROOMS, 1);
    }
    pthread_mutex_unlock(&directory->lock);
    if (last)
        free(entry);
}

struct subscribers directory_find(struct directory *directory, struct slice room, uint64_t hash)
{
    struct subscribers here = {0};

    pthread_mutex_lock(&directory->lock);
    const struct directory_entry *entry = entry_of(directory, room, hash);
    if (entry != NULL) {
        here.buckets = entry->buckets;
        for (int encoding = 0; encoding < ENCODING_COUNT; encoding++)
            here.members[encoding] = atomic_load(&entry->members[encoding]);
    }
    pthread_mutex_unlock(&directory->lock);
    return here;
}

uint32_t subscribers_count(const struct subscribers *here)
{
    uint32_t count = 0;

    for (int encoding = 0; encoding < ENCODING_COUNT; encoding++)
        count += here->members[encoding];
    return count;
}
