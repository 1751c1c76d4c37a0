/* SPDX-License-Identifier: Apache-2.0 */
/* How long to wait before the next attempt: a ceiling that doubles with each failure, and below it a time by
 * chance, so that those who failed together do not come back together. Pure; any thread. */
#ifndef FANFARE_SHARED_BASE_BACKOFF_H
#define FANFARE_SHARED_BASE_BACKOFF_H

#include <stdint.h>

struct backoff {
    uint32_t first_ms; /* the ceiling after no failure; at least 1 */
    uint32_t last_ms;  /* the ceiling never goes past it; at least first_ms, below 2^31 */
    uint32_t divisor;  /* the least is this part of the ceiling; 0: full jitter, which begins at 0 */
};

/* Milliseconds, from the least to the ceiling, both included. `failures`: how many attempts in a row have
 * failed before. `chance` is any 32 bits. */
uint32_t backoff_ms(const struct backoff *backoff, unsigned failures, uint32_t chance);

#endif
