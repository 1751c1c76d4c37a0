/* SPDX-License-Identifier: Apache-2.0 */
/* What is remembered of each logic that pushes to this gateway, so that a push is applied once and
 * in order: bounded, the least recently used goes first. Pure; one thread at a time. */
#ifndef FANFARE_GATEWAY_ORIGIN_TABLE_H
#define FANFARE_GATEWAY_ORIGIN_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/reached_log.h"
#include "shared/hashmap.h"
#include "shared/list.h"
#include "shared/push.h"

/* Pushes that one path has not brought and the other may; see origin_gap.h. */
struct gap {
    bool open;
    uint64_t next;    /* the first sequence behind it */
    int64_t since_ms; /* when it was first seen */
};

struct origin {
    struct hashmap_node node;
    struct list used; /* in the table's list, least recently used first */
    uint8_t id[LOGIC_ID_LEN];
    int64_t used_ms;
    bool begun;       /* something was applied */
    uint64_t applied; /* the highest sequence that was applied or passed over; 0 before */
    bool on_bus;      /* the bus has brought something of it */
    uint64_t by_rpc;  /* the highest sequence that RPC has brought */
    int64_t moved_ms; /* when a path last brought what it had not brought before */
    struct gap gap;
    struct list parked;  /* what waits behind the gap, by sequence; see parking.h */
    size_t parked_waits; /* how many of the parked pushes somebody waits for */
    struct list waiting; /* in the parking's list of origins, while something is parked */
    struct reached_log reached;
};

struct origin_table;

/* Called before an origin is forgotten, and for each by origin_table_free. */
typedef void origin_forgotten(struct origin *origin, void *arg);

/* Remembers at most `max` origins (>= 1), each for `idle_ms` after its last use. */
enum status origin_table_new(size_t max, int64_t idle_ms, origin_forgotten *on_forget, void *arg,
                             struct origin_table **out);
void origin_table_free(struct origin_table *table);
/* The origin of that id, made if unknown; it counts as used now. NULL for want of memory. The
 * table's, valid until the next call. */
struct origin *origin_table_get(struct origin_table *table, const uint8_t id[LOGIC_ID_LEN], int64_t now_ms);
size_t origin_table_count(const struct origin_table *table);

#endif
