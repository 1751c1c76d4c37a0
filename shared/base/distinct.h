/* SPDX-License-Identifier: Apache-2.0 */
/* How many different things there are among many, in bounded memory: of their hashes the DISTINCT_MAX
 * smallest are kept (Bar-Yossef and others, 2002, "bottom k"). Sets of two places are one set when they are
 * added to each other, so what stands in both is counted once. With fewer than DISTINCT_MAX the count is
 * exact; else it is estimated from how far the largest of them lies from 0, with an error of about 1.6 % (one
 * standard deviation). Hashes must be spread evenly over 64 bits, as those of hashmap_siphash are. Pure; one
 * thread at a time. */
#ifndef FANFARE_SHARED_BASE_DISTINCT_H
#define FANFARE_SHARED_BASE_DISTINCT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/status.h"

enum { DISTINCT_MAX = 4096 };

/* Zeroed is empty. Embedded; no part of it is the caller's. At most 64 KiB, as many as are needed. */
struct distinct {
    uint64_t *hashes;  /* `sorted` of them ascending and different, then new ones in any order */
    uint32_t count;    /* of both */
    uint32_t capacity; /* at most 2 * DISTINCT_MAX */
    uint32_t sorted;
};

void distinct_fini(struct distinct *distinct);
/* One more hash, that may have been added before. STATUS_NO_MEMORY: it was not. Now and then, at most once in
 * DISTINCT_MAX calls, some hundred microseconds. */
enum status distinct_add(struct distinct *distinct, uint64_t hash);
/* The smallest of them, ascending, each once, at most DISTINCT_MAX; returns how many. Valid until the next
 * call. */
size_t distinct_hashes(struct distinct *distinct, const uint64_t **out);
/* How many different ones were added; whether that is exact. */
uint64_t distinct_count(struct distinct *distinct, bool *exact);

#endif
