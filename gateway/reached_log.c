/* SPDX-License-Identifier: Apache-2.0 */
/* A sorted array: sequences only rise, so that adding is appending. Pure; one thread at a time. */
#include "gateway/reached_log.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 16 };

void reached_log_fini(struct reached_log *log)
{
    free(log->entries);
    *log = (struct reached_log){.entries = NULL};
}

enum status reached_log_reserve(struct reached_log *log, size_t extra)
{
    size_t needed = extra < REACHED_LOG_MAX - log->count ? log->count + extra : REACHED_LOG_MAX;
    size_t cap = log->cap ? log->cap : FIRST_CAP;
    struct reached *entries;

    if (extra == 0 || needed <= log->cap)
        return STATUS_OK;
    while (cap < needed)
        cap *= 2;
    entries = realloc(log->entries, cap * sizeof *entries);
    if (!entries)
        return STATUS_NO_MEMORY;
    log->entries = entries;
    log->cap = cap;
    return STATUS_OK;
}

static void forget_half(struct reached_log *log)
{
    size_t gone = log->count - log->count / 2;

    memmove(log->entries, log->entries + gone, (log->count - gone) * sizeof *log->entries);
    log->count -= gone;
}

void reached_log_add(struct reached_log *log, uint64_t sequence, uint32_t clients)
{
    if (log->count == log->cap)
        forget_half(log);
    log->entries[log->count++] = (struct reached){sequence, clients};
}

static int compare(const void *key, const void *element)
{
    uint64_t sequence = *(const uint64_t *)key;
    uint64_t other = ((const struct reached *)element)->sequence;

    return (sequence > other) - (sequence < other);
}

const struct reached *reached_log_find(const struct reached_log *log, uint64_t sequence)
{
    if (log->count == 0)
        return NULL;
    return bsearch(&sequence, log->entries, log->count, sizeof *log->entries, compare);
}
