/* SPDX-License-Identifier: Apache-2.0 */
/* One allocation an entry: its question, then its answer. What has ended stays until it is asked for, or
 * gives way as the least used. */
#include "gateway/auth/hook_cache.h"

#include <stdlib.h>

#include "shared/base/hashmap.h"
#include "shared/base/list.h"

struct entry {
    struct hashmap_node node;
    struct list age; /* who was used last at the end */
    int64_t expires_s;
    size_t asked_len, answer_len;
    uint8_t bytes[];
};

struct hook_cache {
    struct hashmap map;
    struct list by_age;
    size_t max_entries;
    size_t bytes;
};

enum status hook_cache_new(size_t max_entries, struct hook_cache **out)
{
    struct hook_cache *cache = calloc(1, sizeof *cache);

    if (cache == NULL || hashmap_init(&cache->map) != STATUS_OK) {
        free(cache);
        return STATUS_NO_MEMORY;
    }
    cache->max_entries = max_entries;
    list_init(&cache->by_age);
    *out = cache;
    return STATUS_OK;
}

static size_t size_of(const struct entry *entry)
{
    return sizeof *entry + entry->asked_len + entry->answer_len;
}

static void drop(struct hook_cache *cache, struct entry *entry)
{
    hashmap_remove(&cache->map, &entry->node);
    list_remove(&entry->age);
    cache->bytes -= size_of(entry);
    free(entry);
}

static void drop_oldest_until(struct hook_cache *cache, size_t entries, size_t bytes)
{
    while (cache->map.count > entries || cache->bytes > bytes)
        drop(cache, container_of(list_first(&cache->by_age), struct entry, age));
}

void hook_cache_free(struct hook_cache *cache)
{
    if (cache == NULL)
        return;
    drop_oldest_until(cache, 0, 0);
    hashmap_fini(&cache->map);
    free(cache);
}

void hook_cache_reset(struct hook_cache *cache, size_t max_entries)
{
    drop_oldest_until(cache, 0, 0);
    cache->max_entries = max_entries;
}

static struct entry *find(const struct hook_cache *cache, struct slice asked)
{
    struct hashmap_node *node = hashmap_find(&cache->map, asked, hashmap_hash(asked));

    return node != NULL ? container_of(node, struct entry, node) : NULL;
}

bool hook_cache_find(struct hook_cache *cache, struct slice asked, int64_t now_s, struct hook_kept *out)
{
    struct entry *entry = find(cache, asked);

    if (entry == NULL)
        return false;
    if (entry->expires_s <= now_s) {
        drop(cache, entry);
        return false;
    }
    list_remove(&entry->age);
    list_add_tail(&cache->by_age, &entry->age);
    *out = (struct hook_kept){slice_of(entry->bytes + entry->asked_len, entry->answer_len), entry->expires_s};
    return true;
}

static struct entry *entry_new(struct slice asked, struct slice answer, int64_t expires_s)
{
    struct entry *entry = malloc(sizeof *entry + asked.len + answer.len);

    if (entry == NULL)
        return NULL;
    *entry = (struct entry){.expires_s = expires_s, .asked_len = asked.len, .answer_len = answer.len};
    memcpy(entry->bytes, asked.data, asked.len);
    memcpy(entry->bytes + asked.len, answer.data, answer.len);
    entry->node.key = slice_of(entry->bytes, asked.len);
    entry->node.hash = hashmap_hash(entry->node.key);
    return entry;
}

void hook_cache_keep(struct hook_cache *cache, struct slice asked, struct slice answer, int64_t expires_s)
{
    size_t size = sizeof(struct entry) + asked.len + answer.len;
    struct entry *old = find(cache, asked);

    if (old != NULL)
        drop(cache, old);
    if (cache->max_entries == 0 || size > HOOK_CACHE_BYTES)
        return;
    struct entry *entry = entry_new(asked, answer, expires_s);
    if (entry == NULL)
        return;
    drop_oldest_until(cache, cache->max_entries - 1, HOOK_CACHE_BYTES - size);
    hashmap_add(&cache->map, &entry->node);
    list_add_tail(&cache->by_age, &entry->age);
    cache->bytes += size;
}

size_t hook_cache_count(const struct hook_cache *cache)
{
    return cache->map.count;
}
