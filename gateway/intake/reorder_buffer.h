/* SPDX-License-Identifier: Apache-2.0 */
/* Pushes from the bus that wait behind a gap of their logic: copies, each producer's in the order of
 * their sequences. Bound: `max_bytes` of all producers together; past it reorder_buffer_is_over says so, and
 * the caller passes a gap over (push_handler.h). Gauge: M_BUS_WAITING_BYTES. Pure; one thread at a
 * time. */
#ifndef FANFARE_GATEWAY_INTAKE_REORDER_BUFFER_H
#define FANFARE_GATEWAY_INTAKE_REORDER_BUFFER_H

#include "gateway/intake/producer_table.h"

/* The records of one batch that were not applied yet. */
struct early {
    struct list node;
    int64_t came_ms;
    uint64_t first;    /* the sequence of the first record of `rest` */
    struct slice rest; /* in `bytes` */
    size_t waits;      /* records of `rest` that somebody waits for */
    size_t len;
    uint8_t bytes[];
};

struct reorder_buffer {
    struct list producers; /* those with something early, by their `waiting` */
    size_t bytes;          /* of the copies and what they are kept in */
    size_t max_bytes;
};

void reorder_buffer_init(struct reorder_buffer *buffer, size_t max_bytes);
/* A copy of checked records (at least one), the caller's until reorder_buffer_add. NULL for want of memory.
 */
struct early *early_new(struct slice records, int64_t now_ms);
/* Takes `early` over. */
void reorder_buffer_add(struct reorder_buffer *buffer, struct producer *producer, struct early *early);
/* What comes first of `producer`, or NULL; the reorder buffer's. */
struct early *reorder_buffer_first(const struct producer *producer);
/* Cuts the first record off `early` (which has one), whose bytes live until reorder_buffer_put_back. */
struct push_record reorder_buffer_cut(struct producer *producer, struct early *early);
/* After cutting: puts reorder_buffer_first(producer) where it belongs now, or frees it when nothing is left.
 */
void reorder_buffer_put_back(struct reorder_buffer *buffer, struct producer *producer, struct early *early);
/* Drops all that waits of `producer`; returns how many pushes. */
size_t reorder_buffer_clear(struct reorder_buffer *buffer, struct producer *producer);
bool reorder_buffer_is_over(const struct reorder_buffer *buffer);

#endif
