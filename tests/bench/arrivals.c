/* SPDX-License-Identifier: Apache-2.0 */
/* Clients are read in the order in which the kernel says that they can be, so the one that
 * completes the count is the last. */
#include "tests/bench/arrivals.h"

#include <stdlib.h>
#include <string.h>

static bool grow(struct arrivals *arrivals, size_t wanted)
{
    size_t larger = wanted + wanted / 2 + 64;
    uint32_t *longer = realloc(arrivals->counts, larger * sizeof *longer);

    if (longer == NULL)
        return false;
    memset(longer + arrivals->capacity, 0, (larger - arrivals->capacity) * sizeof *longer);
    arrivals->counts = longer;
    arrivals->capacity = larger;
    return true;
}

bool arrivals_note(struct arrivals *arrivals, uint32_t number, uint64_t latency_us)
{
    if (number >= arrivals->capacity && !grow(arrivals, number))
        return false;
    if (++arrivals->counts[number] == arrivals->members)
        histogram_add(&arrivals->last, latency_us);
    return true;
}

void arrivals_fini(struct arrivals *arrivals)
{
    free(arrivals->counts);
    *arrivals = (struct arrivals){0};
}
