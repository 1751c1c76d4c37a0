/* SPDX-License-Identifier: Apache-2.0 */
/* The loop ends at the last ceiling, so any number of failures costs at most 31 turns. */
#include "shared/base/backoff.h"

uint32_t backoff_ms(const struct backoff *backoff, unsigned failures, uint32_t chance)
{
    uint32_t ceiling = backoff->first_ms;

    for (unsigned i = 0; i < failures && ceiling < backoff->last_ms; i++)
        ceiling *= 2;
    if (ceiling > backoff->last_ms)
        ceiling = backoff->last_ms;
    uint32_t least = backoff->divisor > 0 ? ceiling / backoff->divisor : 0;
    return least + chance % (ceiling - least + 1);
}
