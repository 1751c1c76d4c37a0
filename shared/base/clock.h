/* SPDX-License-Identifier: Apache-2.0 */
/* Time that never jumps: CLOCK_MONOTONIC, any thread. */
#ifndef FANFARE_SHARED_BASE_CLOCK_H
#define FANFARE_SHARED_BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds and microseconds since some fixed point in the past. */
int64_t clock_now_ms(void);
int64_t clock_now_us(void);

#endif
