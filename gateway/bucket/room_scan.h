/* SPDX-License-Identifier: Apache-2.0 */
/* A walk through a room's members in pieces, with joins and leaves between them. Each member that stays is
 * visited exactly once, and if one that was visited will be visited again, the visitor is told first to take
 * the visit back: who leaves has its place filled by the last member (room.h). Who joins meanwhile may be
 * visited or not. It costs a room nothing that is not walked. Pure; the bucket's thread. */
#ifndef FANFARE_GATEWAY_BUCKET_ROOM_SCAN_H
#define FANFARE_GATEWAY_BUCKET_ROOM_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/bucket/room.h"
#include "shared/base/list.h"

struct room_scan;

struct room_visitor {
    /* Returns what the visit cost, 1 or more. Neither may change a room. */
    size_t (*visit)(struct room_scan *scan, const struct client *client);
    void (*take_back)(struct room_scan *scan, const struct client *client);
};

/* Embedded in what its visitor keeps; no part of it is the caller's. */
struct room_scan {
    struct list link; /* in the bucket's list of scans */
    const struct room_visitor *visitor;
    const struct room *room; /* NULL: at its end */
    uint32_t cursor;         /* members below it are still to visit, */
    uint32_t end;            /* those from there to here have been, those from here on came later */
};

/* At the beginning of `room`, which may be NULL: nobody is there. Into `scans`, until room_scan_end. */
void room_scan_begin(struct room_scan *scan, struct list *scans, const struct room_visitor *visitor,
                     const struct room *room);
/* Visits members until that has cost `budget` or more. True when there are more. */
bool room_scan_some(struct room_scan *scan, size_t budget);
/* Legal again. */
void room_scan_end(struct room_scan *scan);
/* A member has left `room`, and its place `index` has been filled (room_leave); before a room that is empty
 * is closed. */
void room_scan_left(const struct list *scans, const struct room *room, uint32_t index);

#endif
