/* SPDX-License-Identifier: Apache-2.0 */
/* A file of its own, so that a test can play it. */
#include "shared/base/wall_clock.h"

#include <time.h>

int64_t wall_clock_s(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return (int64_t)now.tv_sec;
}

int64_t wall_clock_ms(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
