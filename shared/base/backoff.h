/* SPDX-License-Identifier: Apache-2.0 */
/* How long to wait before the next attempt: exponential backoff with jitter. The ceiling doubles with each
 * failure, and the wait is random below it, so that clients that failed together do not come back together.
 * Pure; any thread. */
#ifndef FANFARE_SHARED_BASE_BACKOFF_H
#define FANFARE_SHARED_BASE_BACKOFF_H

#include <stdint.h>

struct backoff {
    uint32_t first_ms; /* the ceiling after no failure; at least 1 */
    uint32_t last_ms;  /* the ceiling never goes past it; at least first_ms, below 2^31 */
    uint32_t divisor;  /* the shortest wait is ceiling / divisor; 0: full jitter, from 0 on */
};

/* The wait in milliseconds, from the shortest to the ceiling, both included. `failures`: how many attempts in
 * a row have failed before. `chance` is any 32 bits. */
uint32_t backoff_ms(const struct backoff *backoff, unsigned failures, uint32_t chance);

#endif
