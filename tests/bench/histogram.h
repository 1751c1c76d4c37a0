/* SPDX-License-Identifier: Apache-2.0 */
/* A log-linear histogram: 128 buckets for every power of two, so that a value read back is
 * less than 1 % away from the one put in. Pure; one thread. */
#ifndef FANFARE_BENCH_HISTOGRAM_H
#define FANFARE_BENCH_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_BITS = 7, HISTOGRAM_BUCKETS = (64 - HISTOGRAM_BITS + 1) << HISTOGRAM_BITS };

struct histogram {
    uint64_t count;
    uint64_t max;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

/* A histogram begins as zeroes. */
void histogram_add(struct histogram *histogram, uint64_t value);
/* The value below or at which `share` (0 to 1) of all lie, rounded to the middle of its bucket
 * and never above the maximum; 0 when empty, the exact maximum for share 1. */
uint64_t histogram_at(const struct histogram *histogram, double share);

#endif
