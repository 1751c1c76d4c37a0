/* SPDX-License-Identifier: Apache-2.0 */
/* A sorted array: sequences only rise, so that adding is appending, to the entries and to the bits alike, and
 * forgetting is cutting at the front. Pure; one thread at a time. */
#include "gateway/intake/ack_cache.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 16, FIRST_BITS = 256, USERS_LEN = sizeof(uint16_t) };

void ack_cache_fini(struct ack_cache *cache)
{
    free(cache->entries);
    free(cache->bits);
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

/* The first `cut` bytes of the bits go. */
static void forget_bits(struct ack_cache *cache, size_t cut)
{
    if (cut == 0)
        return;
    memmove(cache->bits, cache->bits + cut, cache->bits_len - cut);
    cache->bits_len -= cut;
    for (size_t i = 0; i < cache->count; i++) {
        struct reached *entry = &cache->entries[i];

        entry->offline = entry->offline > cut ? entry->offline - (uint32_t)cut : 0;
    }
}

/* Where the bits of the first entry stand that has some at or behind `least`; their end when none has. */
static size_t first_bits(const struct ack_cache *cache, size_t least)
{
    for (size_t i = 0; i < cache->count; i++)
        if (cache->entries[i].offline > least)
            return cache->entries[i].offline - 1;
    return cache->bits_len;
}

/* Nothing is remembered of an entry that has gone. */
static void forget_half(struct ack_cache *cache)
{
    size_t gone = cache->count - cache->count / 2;

    memmove(cache->entries, cache->entries + gone, (cache->count - gone) * sizeof *cache->entries);
    cache->count -= gone;
    forget_bits(cache, first_bits(cache, 0));
}

static enum status reserve_bits(struct ack_cache *cache, size_t extra)
{
    size_t cap = cache->bits_cap > 0 ? cache->bits_cap : FIRST_BITS;
    uint8_t *bits;

    if (cache->bits_len + extra > ACK_CACHE_BITS)
        forget_bits(cache, first_bits(cache, cache->bits_len / 2));
    while (cap < cache->bits_len + extra)
        cap *= 2;
    if (cap == cache->bits_cap)
        return STATUS_OK;
    bits = realloc(cache->bits, cap);
    if (bits == NULL)
        return STATUS_NO_MEMORY;
    cache->bits = bits;
    cache->bits_cap = cap;
    return STATUS_OK;
}

/* Where they stand then, as reached.offline has it. */
static uint32_t keep_bits(struct ack_cache *cache, const struct offline_set *offline)
{
    size_t len = offline_set_bytes(offline->users);
    uint32_t place;

    if (offline->users == 0 || reserve_bits(cache, USERS_LEN + len) != STATUS_OK)
        return 0;
    place = (uint32_t)cache->bits_len + 1;
    memcpy(cache->bits + cache->bits_len, &offline->users, USERS_LEN);
    memcpy(cache->bits + cache->bits_len + USERS_LEN, offline->bits, len);
    cache->bits_len += USERS_LEN + len;
    return place;
}

void ack_cache_add(struct ack_cache *cache, uint64_t sequence, uint32_t clients,
                   const struct offline_set *offline)
{
    uint32_t place;

    if (cache->count == cache->cap)
        forget_half(cache);
    place = keep_bits(cache, offline);
    cache->entries[cache->count++] = (struct reached){sequence, clients, place};
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

const uint8_t *ack_cache_offline(const struct ack_cache *cache, uint64_t sequence, uint16_t *users)
{
    const struct reached *entry = ack_cache_find(cache, sequence);
    const uint8_t *at;

    if (entry == NULL || entry->offline == 0)
        return NULL;
    at = cache->bits + entry->offline - 1;
    memcpy(users, at, USERS_LEN);
    return at + USERS_LEN;
}
