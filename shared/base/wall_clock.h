/* SPDX-License-Identifier: Apache-2.0 */
/* What time it is, for what others have dated: certificates, tokens. It may jump; to measure use clock.h. Any
 * thread. */
#ifndef FANFARE_SHARED_BASE_WALL_CLOCK_H
#define FANFARE_SHARED_BASE_WALL_CLOCK_H

#include <stdint.h>

/* Seconds since 1970. */
int64_t wall_clock_s(void);

#endif
