/* SPDX-License-Identifier: Apache-2.0 */
/* Values below 256 have a bucket each; above, the top eight bits name the bucket. */
#include "tests/bench/histogram.h"

#include <math.h>

enum { PER_OCTAVE = 1 << HISTOGRAM_BITS };

static unsigned bucket_of(uint64_t value)
{
    unsigned shift;

    if (value < PER_OCTAVE)
        return (unsigned)value;
    shift = (unsigned)(63 - __builtin_clzll(value)) - HISTOGRAM_BITS;
    return (shift << HISTOGRAM_BITS) + (unsigned)(value >> shift);
}

static uint64_t middle_of(unsigned bucket)
{
    unsigned shift;
    uint64_t low;

    if (bucket < 2 * PER_OCTAVE)
        return bucket;
    shift = (bucket >> HISTOGRAM_BITS) - 1;
    low = (uint64_t)(PER_OCTAVE + bucket % PER_OCTAVE) << shift;
    return low + ((1ULL << shift) - 1) / 2;
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
    histogram->count++;
    histogram->buckets[bucket_of(value)]++;
    if (value > histogram->max)
        histogram->max = value;
}

uint64_t histogram_at(const struct histogram *histogram, double share)
{
    uint64_t wanted = (uint64_t)ceil(share * (double)histogram->count);
    uint64_t passed = 0;

    if (wanted >= histogram->count)
        return histogram->max;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        passed += histogram->buckets[i];
        if (passed >= wanted && passed > 0)
            return middle_of(i) < histogram->max ? middle_of(i) : histogram->max;
    }
    return histogram->max;
}
