/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses pauses. Any thread; keeps no state. */
#include "logic/link/link_backoff.h"

#include <event2/util.h>

enum { FIRST_MS = 50, LAST_MS = 2000, DOUBLINGS_MAX = 6 };

uint32_t link_backoff_ms(unsigned failures)
{
    uint32_t random = 0;
    uint32_t ceiling = (uint32_t)FIRST_MS << (failures < DOUBLINGS_MAX ? failures : DOUBLINGS_MAX);
    if (ceiling > LAST_MS)
        ceiling = LAST_MS;
    evutil_secure_rng_get_bytes(&random, sizeof random);
    return random % (ceiling + 1);
}
