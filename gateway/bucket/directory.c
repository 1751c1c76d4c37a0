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

/* `count`: metrics_add or metrics_sub. */
static void count_entry(struct slice key, void (*count)(unsigned row, uint64_t amount))
{
    enum audience kind = audience_of(key);

    if (kind == AUDIENCE_ROOM)
        count(M_ROOMS, 1);
    else if (kind == AUDIENCE_USER)
        count(M_USERS, 1);
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
    count_entry(room, metrics_add);
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

/* Under the lock: takes the entry out when nobody needs it any more. Whether it is then to be freed. */
static bool drop_unused(struct directory *directory, struct directory_entry *entry)
{
    if (entry->buckets != 0 || entry->reservations > 0)
        return false;
    hashmap_remove(&directory->rooms, &entry->node);
    count_entry(entry->node.key, metrics_sub);
    return true;
}

void directory_exit(struct directory *directory, struct directory_entry *entry, unsigned bucket)
{
    pthread_mutex_lock(&directory->lock);
    entry->buckets &= ~(UINT64_C(1) << bucket);
    bool unused = drop_unused(directory, entry);
    pthread_mutex_unlock(&directory->lock);
    if (unused)
        free(entry);
}

struct directory_entry *directory_reserve(struct directory *directory, struct slice room, uint64_t hash,
                                          const struct subscribers *who)
{
    pthread_mutex_lock(&directory->lock);
    struct directory_entry *entry = entry_of(directory, room, hash);
    if (entry == NULL)
        entry = entry_add(directory, room, hash);
    if (entry != NULL) {
        entry->reservations++;
        entry->announced_buckets |= who->buckets;
        for (int encoding = 0; encoding < ENCODING_COUNT; encoding++)
            entry->announced[encoding] += who->members[encoding];
    }
    pthread_mutex_unlock(&directory->lock);
    return entry;
}

void directory_release(struct directory *directory, struct directory_entry *entry,
                       const struct subscribers *who)
{
    pthread_mutex_lock(&directory->lock);
    for (int encoding = 0; encoding < ENCODING_COUNT; encoding++)
        entry->announced[encoding] -= who->members[encoding];
    if (--entry->reservations == 0)
        entry->announced_buckets = 0;
    bool unused = drop_unused(directory, entry);
    pthread_mutex_unlock(&directory->lock);
    if (unused)
        free(entry);
}

struct subscribers directory_find(struct directory *directory, struct slice room, uint64_t hash)
{
    struct subscribers here = {0};

    pthread_mutex_lock(&directory->lock);
    const struct directory_entry *entry = entry_of(directory, room, hash);
    if (entry != NULL) {
        here.buckets = entry->buckets | entry->announced_buckets;
        for (int encoding = 0; encoding < ENCODING_COUNT; encoding++)
            here.members[encoding] = atomic_load(&entry->members[encoding]) + entry->announced[encoding];
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

struct walk {
    void (*visit)(const struct directory_entry *entry, void *arg);
    void *arg;
};

static void visit_node(struct hashmap_node *node, void *arg)
{
    const struct walk *walk = arg;

    walk->visit(container_of(node, struct directory_entry, node), walk->arg);
}

size_t directory_scan(struct directory *directory, size_t cursor, unsigned slots,
                      void (*visit)(const struct directory_entry *entry, void *arg), void *arg)
{
    struct walk walk = {visit, arg};

    pthread_mutex_lock(&directory->lock);
    do
        cursor = hashmap_scan(&directory->rooms, cursor, visit_node, &walk);
    while (cursor != 0 && --slots > 0);
    pthread_mutex_unlock(&directory->lock);
    return cursor;
}

uint32_t directory_entry_members(const struct directory_entry *entry)
{
    uint32_t count = 0;

    for (int encoding = 0; encoding < ENCODING_COUNT; encoding++)
        count += atomic_load(&entry->members[encoding]);
    return count;
}
