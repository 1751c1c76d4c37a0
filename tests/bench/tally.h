/* SPDX-License-Identifier: Apache-2.0 */
/* What every client got, held against what was pushed: loss, duplicates, order.
 * Pure; the swarm's thread. */
#ifndef FANFARE_BENCH_TALLY_H
#define FANFARE_BENCH_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/item.h"
#include "tests/bench/rooms.h"

struct tally;

struct tally_result {
    uint64_t items;      /* received, duplicates left out */
    uint64_t lost;       /* accepted but not received */
    uint64_t unaccepted; /* received though the caller was told no */
    uint64_t duplicates;
    uint64_t out_of_order; /* came after a later push of the same caller */
    uint64_t
        disagreeing; /* clients that saw the callers interleaved otherwise than the first of their room did */
};

/* For the callers `first_caller` to `first_caller` + `callers` - 1. NULL for want of memory. */
struct tally *tally_new(const struct rooms *rooms, uint32_t first_caller, size_t callers);
/* Legal on NULL. */
void tally_free(struct tally *tally);
/* Whether `item` comes from one of the callers; another bench's items are not ours to count. */
bool tally_knows(const struct tally *tally, const struct item *item);
/* Client `client` got `item`; false for want of memory, or if the item was not for this client
 * or from none of the callers. */
bool tally_note(struct tally *tally, size_t client, const struct item *item);
/* Distinct items so far, over all clients. */
uint64_t tally_items(const struct tally *tally);
/* Holds what was noted against accepted[0] to accepted[pushes - 1], where accepted[n - 1] is
 * whether push number n was. */
struct tally_result tally_result(const struct tally *tally, const bool *accepted, size_t pushes);

#endif
