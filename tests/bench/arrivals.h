/* SPDX-License-Identifier: Apache-2.0 */
/* When the last client of a push had it: the latency of the whole fan-out, one value a push.
 * Pure; the swarm's thread. */
#ifndef FANFARE_BENCH_ARRIVALS_H
#define FANFARE_BENCH_ARRIVALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/histogram.h"

/* Begins as zeroes but for `members`. */
struct arrivals {
    size_t members; /* clients that get each push, at least 1 */
    uint32_t *counts;
    size_t capacity;
    struct histogram last;
};

/* A client got push `number` (from 1), `latency_us` after it was due. False for want of memory. */
bool arrivals_note(struct arrivals *arrivals, uint32_t number, uint64_t latency_us);
void arrivals_fini(struct arrivals *arrivals);

#endif
