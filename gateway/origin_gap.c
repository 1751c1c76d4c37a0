/* SPDX-License-Identifier: Apache-2.0 */
/* The one place where a gap begins and ends, so that each is counted once. Pure. */
#include "gateway/origin_gap.h"

#include "gateway/gateway_metrics.h"

enum { US_PER_MS = 1000 };

bool sequence_fits(uint64_t applied, uint64_t sequence)
{
    return sequence <= applied || sequence - applied == 1;
}

bool origin_fits(const struct origin *origin, uint64_t sequence)
{
    return sequence_fits(origin->applied, sequence);
}

bool origin_is_past(const struct origin *origin, uint64_t sequence)
{
    return origin->begun && sequence <= origin->applied;
}

void gap_open(struct origin *origin, uint64_t next, int64_t since_ms)
{
    if (!origin->gap.open) {
        origin->gap = (struct gap){.open = true, .since_ms = since_ms};
        metrics_add(M_BUS_GAPS, 1);
    }
    origin->gap.next = next;
}

static void close_gap(struct origin *origin, int64_t now_ms)
{
    int64_t waited_ms = now_ms - origin->gap.since_ms;

    metrics_add(M_BUS_GAP_WAIT, waited_ms > 0 ? (uint64_t)waited_ms * US_PER_MS : 0);
    origin->gap.open = false;
}

void gap_settle(struct origin *origin, int64_t now_ms)
{
    if (!origin->gap.open || !origin_fits(origin, origin->gap.next))
        return;
    metrics_add(M_BUS_GAP_FILLED, 1);
    close_gap(origin, now_ms);
}

void gap_pass_over(struct origin *origin, uint64_t next, int64_t now_ms)
{
    if (origin->begun) {
        gap_open(origin, next, now_ms);
        metrics_add(M_BUS_GAP_PUSHES, next - origin->applied - 1);
    }
    if (origin->gap.open && origin->gap.next <= next)
        close_gap(origin, now_ms);
    origin->applied = next - 1;
}

int64_t gap_due(const struct origin *origin, int64_t wait_ms, int64_t now_ms)
{
    int64_t since_ms = origin->gap.open ? origin->gap.since_ms : now_ms;

    return (since_ms > origin->moved_ms ? since_ms : origin->moved_ms) + wait_ms;
}
