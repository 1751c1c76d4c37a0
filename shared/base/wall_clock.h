/* SPDX-License-Identifier: Apache-2.0 */
/* The time of day, for dates that others have set: certificates, tokens. It may jump; to measure a duration
 * use clock.h. Any thread. */
#ifndef FANFARE_SHARED_BASE_WALL_CLOCK_H
#define FANFARE_SHARED_BASE_WALL_CLOCK_H

#include <stdint.h>

/* Seconds since 1970. */
int64_t wall_clock_s(void);
/* Milliseconds since 1970. */
int64_t wall_clock_ms(void);

#endif
