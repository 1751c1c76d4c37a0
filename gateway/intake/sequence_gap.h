/* SPDX-License-Identifier: Apache-2.0 */
/* Which pushes of a logic come next, and the gap in front of those that came too early: when it was
 * first seen, until when it waits, how it ends. Counts M_BUS_GAPS, M_BUS_GAP_FILLED,
 * M_BUS_GAP_PUSHES and M_BUS_GAP_WAIT. Pure; one thread at a time; never applies anything. */
#ifndef FANFARE_GATEWAY_INTAKE_SEQUENCE_GAP_H
#define FANFARE_GATEWAY_INTAKE_SEQUENCE_GAP_H

#include "gateway/intake/producer_table.h"

/* Whether nothing is missing between `applied` and `sequence`. */
bool sequence_fits(uint64_t applied, uint64_t sequence);
/* Whether nothing is missing between what was applied of `producer` and `sequence`. */
bool producer_fits(const struct producer *producer, uint64_t sequence);
/* Whether the push of `sequence` was applied or passed over. */
bool producer_is_past(const struct producer *producer, uint64_t sequence);
/* Pushes before `next`, which does not fit, are missing since `since_ms`. An open gap stays the one
 * that it is, and ends at `next` from now on. */
void gap_open(struct producer *producer, uint64_t next, int64_t since_ms);
/* Closes an open gap that has been filled. */
void gap_settle(struct producer *producer, int64_t now_ms);
/* Gives up what is missing before `next`, which does not fit: then it does. Of a producer that has
 * not begun nothing is known to be missing, and a gap of it stays open up to its own end. */
void gap_pass_over(struct producer *producer, uint64_t next, int64_t now_ms);
/* When the gap, open or first seen at `now_ms`, has waited long enough: `wait_ms` after it was first
 * seen, or after a path last moved on: then what is missing may be on its way. Monotonic ms. */
int64_t gap_due(const struct producer *producer, int64_t wait_ms, int64_t now_ms);

#endif
