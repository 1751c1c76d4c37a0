/* SPDX-License-Identifier: Apache-2.0 */
/* New hashes gather behind the sorted ones and are sorted in when the array is full: so a hash costs a
 * comparison, and an append for the few that are among the smallest. */
#include "shared/base/distinct.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 16 };

void distinct_fini(struct distinct *distinct)
{
    free(distinct->hashes);
    *distinct = (struct distinct){0};
}

static int compare(const void *a, const void *b)
{
    uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;

    return (first > second) - (first < second);
}

/* Sorts the new ones in, and keeps the smallest. */
static void settle(struct distinct *distinct)
{
    uint32_t kept = 0;

    if (distinct->sorted == distinct->count)
        return;
    qsort(distinct->hashes, distinct->count, sizeof *distinct->hashes, compare);
    for (uint32_t i = 0; i < distinct->count && kept < DISTINCT_MAX; i++)
        if (kept == 0 || distinct->hashes[i] != distinct->hashes[kept - 1])
            distinct->hashes[kept++] = distinct->hashes[i];
    distinct->count = kept;
    distinct->sorted = kept;
}

static enum status grow(struct distinct *distinct)
{
    uint32_t capacity = distinct->capacity == 0 ? FIRST_CAPACITY : distinct->capacity * 2;
    uint64_t *hashes = realloc(distinct->hashes, capacity * sizeof *hashes);

    if (hashes == NULL)
        return STATUS_NO_MEMORY;
    distinct->hashes = hashes;
    distinct->capacity = capacity;
    return STATUS_OK;
}

enum status distinct_add(struct distinct *distinct, uint64_t hash)
{
    if (distinct->sorted == DISTINCT_MAX && hash >= distinct->hashes[DISTINCT_MAX - 1])
        return STATUS_OK;
    if (distinct->count == distinct->capacity) {
        settle(distinct);
        bool crowded = distinct->count >= distinct->capacity / 2 && distinct->capacity < 2 * DISTINCT_MAX;
        if (crowded && grow(distinct) != STATUS_OK)
            return STATUS_NO_MEMORY;
    }
    distinct->hashes[distinct->count++] = hash;
    return STATUS_OK;
}

size_t distinct_hashes(struct distinct *distinct, const uint64_t **out)
{
    settle(distinct);
    *out = distinct->hashes;
    return distinct->count;
}

uint64_t distinct_count(struct distinct *distinct, bool *exact)
{
    settle(distinct);
    *exact = distinct->count < DISTINCT_MAX;
    if (*exact)
        return distinct->count;
    double reach = ((double)distinct->hashes[DISTINCT_MAX - 1] + 1) / 18446744073709551616.0; /* 2^64 */
    double count = (DISTINCT_MAX - 1) / reach;
    return count < 18446744073709549568.0 ? (uint64_t)count : UINT64_MAX; /* the largest double below 2^64 */
}
