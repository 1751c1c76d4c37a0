/* SPDX-License-Identifier: Apache-2.0 */
/* `*due_us` is the standard's theoretical arrival time. A quiet time is not saved up: it never lies in the
 * past once something came. */
#include "shared/base/cell_rate.h"

enum { SECOND_US = 1000000 };

int64_t cell_rate_step_us(int64_t per_second)
{
    return per_second > 0 ? SECOND_US / per_second : 0;
}

bool cell_rate_admits(const struct cell_rate *rate, int64_t *due_us, int64_t now_us)
{
    if (rate->step_us == 0)
        return true;
    if (*due_us < now_us)
        *due_us = now_us;
    if (*due_us - now_us > rate->burst_us)
        return false;
    *due_us += rate->step_us;
    return true;
}
