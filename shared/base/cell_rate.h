/* SPDX-License-Identifier: Apache-2.0 */
/* The generic cell rate algorithm (ITU-T I.371, annex A): a rate limit with a burst, whose state is one
 * number (`due_us`) for each party that is limited. Pure: time is an argument, of a clock that never goes
 * back. One thread at a time. */
#ifndef FANFARE_SHARED_BASE_CELL_RATE_H
#define FANFARE_SHARED_BASE_CELL_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct cell_rate {
    int64_t step_us;  /* between two events at the full rate; 0: no limit */
    int64_t burst_us; /* how far ahead of time an event may come */
};

/* The step_us of a rate, 1 to 1,000,000 events a second; 0, no limit, for any other. */
int64_t cell_rate_step_us(int64_t per_second);
/* Whether an event may happen now. `*due_us` is when the next event would be on time (the "theoretical
 * arrival time"); it begins with any time that is past, and moves on when the event may happen. */
bool cell_rate_admits(const struct cell_rate *rate, int64_t *due_us, int64_t now_us);

#endif
