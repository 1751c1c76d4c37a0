/* SPDX-License-Identifier: Apache-2.0 */
/* A sorted array: sequences only rise, so that adding is appending. Pure; one thread at a time. */
#include "gateway/intake/ack_cache.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 16 };

void ack_cache_fini(struct ack_cache *cache)
{
    free(cache->entries);
    *cache = (struct ack_cache){.entries = NULL};
}

enum status ack_cache_reserve(struct ack_cache *cache, size_t extra)
{
    size_t needed = extra < ACK_CACHE_MAX - cache->count ? cache->count + extra : ACK_CACHE_MAX;
    size_t cap = cache->cap ? cache->cap : FIRST_CAP;
    struct reached *entries;

    if (extra == 0 || needed <= cache->cap)
        return STATUS_OK;
    while (cap < needed)
        cap *= 2;
    entries = realloc(cache->entries, cap * sizeof *entries);
    if (entries == NULL)
        return STATUS_NO_MEMORY;
    cache->entries = entries;
    cache->cap = cap;
    return STATUS_OK;
}

static void forget_half(struct ack_cache *cache)
{
    size_t gone = cache->count - cache->count / 2;

    memmove(cache->entries, cache->entries + gone, (cache->count - gone) * sizeof *cache->entries);
    cache->count -= gone;
}

void ack_cache_add(struct ack_cache *cache, uint64_t sequence, uint32_t clients)
{
    if (cache->count == cache->cap)
        forget_half(cache);
    cache->entries[cache->count++] = (struct reached){sequence, clients};
}

static int compare(const void *key, const void *element)
{
    uint64_t sequence = *(const uint64_t *)key;
    uint64_t other = ((const struct reached *)element)->sequence;

    return (sequence > other) - (sequence < other);
}

const struct reached *ack_cache_find(const struct ack_cache *cache, uint64_t sequence)
{
    if (cache->count == 0)
        return NULL;
    return bsearch(&sequence, cache->entries, cache->count, sizeof *cache->entries, compare);
}
