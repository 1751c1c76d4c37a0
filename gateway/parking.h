/* SPDX-License-Identifier: Apache-2.0 */
/* Pushes from the bus that wait behind a gap of their logic: copies, each origin's in the order of
 * their sequences. Bound: `max_bytes` of all origins together; past it parking_is_over says so, and
 * the caller passes a gap over (push_handler.h). Gauge: M_BUS_WAITING_BYTES. Pure; one thread at a
 * time. */
#ifndef FANFARE_GATEWAY_PARKING_H
#define FANFARE_GATEWAY_PARKING_H

#include "gateway/origin_table.h"

/* The records of one batch that were not applied yet. */
struct parked {
    struct list node;
    int64_t came_ms;
    uint64_t first;    /* the sequence of the first record of `rest` */
    struct slice rest; /* in `bytes` */
    size_t waits;      /* records of `rest` that somebody waits for */
    size_t len;
    uint8_t bytes[];
};

struct parking {
    struct list origins; /* those with something parked, by their `waiting` */
    size_t bytes;        /* of the copies and what they are kept in */
    size_t max_bytes;
};

void parking_init(struct parking *parking, size_t max_bytes);
/* A copy of checked records (at least one), the caller's until parking_add. NULL for want of memory. */
struct parked *parked_new(struct slice records, int64_t now_ms);
/* Takes `parked` over. */
void parking_add(struct parking *parking, struct origin *origin, struct parked *parked);
/* What comes first of `origin`, or NULL; the parking's. */
struct parked *parking_first(const struct origin *origin);
/* Cuts the first record off `parked` (which has one), whose bytes live until parking_put_back. */
struct push_record parking_cut(struct origin *origin, struct parked *parked);
/* After cutting: puts parking_first(origin) where it belongs now, or frees it when nothing is left. */
void parking_put_back(struct parking *parking, struct origin *origin, struct parked *parked);
/* Drops all that waits of `origin`; returns how many pushes. */
size_t parking_clear(struct parking *parking, struct origin *origin);
bool parking_is_over(const struct parking *parking);

#endif
