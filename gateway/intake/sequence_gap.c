/* SPDX-License-Identifier: Apache-2.0 */
/* The one place where a gap begins and ends, so that each is counted once. Pure. */
#include "gateway/intake/sequence_gap.h"

#include "gateway/metrics/gateway_metrics.h"

enum { US_PER_MS = 1000 };

bool sequence_fits(uint64_t applied, uint64_t sequence)
{
    return sequence <= applied || sequence - applied == 1;
}

bool producer_fits(const struct producer *producer, uint64_t sequence)
{
    return sequence_fits(producer->applied, sequence);
}

bool producer_is_past(const struct producer *producer, uint64_t sequence)
{
    return producer->begun && sequence <= producer->applied;
}

void gap_open(struct producer *producer, uint64_t next, int64_t since_ms)
{
    if (!producer->gap.open) {
        producer->gap = (struct gap){.open = true, .since_ms = since_ms};
        metrics_add(M_BUS_GAPS, 1);
    }
    producer->gap.next = next;
}

static void close_gap(struct producer *producer, int64_t now_ms)
{
    int64_t waited_ms = now_ms - producer->gap.since_ms;

    metrics_add(M_BUS_GAP_WAIT, waited_ms > 0 ? (uint64_t)waited_ms * US_PER_MS : 0);
    producer->gap.open = false;
}

void gap_settle(struct producer *producer, int64_t now_ms)
{
    if (!producer->gap.open || !producer_fits(producer, producer->gap.next))
        return;
    metrics_add(M_BUS_GAP_FILLED, 1);
    close_gap(producer, now_ms);
}

void gap_pass_over(struct producer *producer, uint64_t next, int64_t now_ms)
{
    if (producer->begun) {
        gap_open(producer, next, now_ms);
        metrics_add(M_BUS_GAP_PUSHES, next - producer->applied - 1);
    }
    if (producer->gap.open && producer->gap.next <= next)
        close_gap(producer, now_ms);
    producer->applied = next - 1;
}

int64_t gap_due(const struct producer *producer, int64_t wait_ms, int64_t now_ms)
{
    int64_t since_ms = producer->gap.open ? producer->gap.since_ms : now_ms;

    return (since_ms > producer->moved_ms ? since_ms : producer->moved_ms) + wait_ms;
}
