/* SPDX-License-Identifier: Apache-2.0 */
/* What is remembered of each logic that pushes to this gateway, so that a push is applied once and
 * in order: bounded, the least recently used goes first. Pure; one thread at a time. */
#ifndef FANFARE_GATEWAY_INTAKE_PRODUCER_TABLE_H
#define FANFARE_GATEWAY_INTAKE_PRODUCER_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/intake/ack_cache.h"
#include "shared/base/hashmap.h"
#include "shared/base/list.h"
#include "shared/contract/push.h"

/* Pushes that one path has not brought and the other may; see sequence_gap.h. */
struct gap {
    bool open;
    uint64_t next;    /* the first sequence behind it */
    int64_t since_ms; /* when it was first seen */
};

struct producer {
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
    struct list early;   /* what waits behind the gap, by sequence; see reorder_buffer.h */
    size_t early_waits;  /* how many of the early pushes somebody waits for */
    struct list waiting; /* in the reorder buffer's list of producers, while something is early */
    struct ack_cache reached;
};

struct producer_table;

/* Called before a producer is forgotten, and for each by producer_table_free. */
typedef void producer_forgotten(struct producer *producer, void *arg);

/* Remembers at most `max` producers (>= 1), each for `idle_ms` after its last use. */
enum status producer_table_new(size_t max, int64_t idle_ms, producer_forgotten *on_forget, void *arg,
                               struct producer_table **out);
void producer_table_free(struct producer_table *table);
/* The producer of that id, made if unknown; it counts as used now. NULL for want of memory. The
 * table's, valid until the next call. */
struct producer *producer_table_get(struct producer_table *table, const uint8_t id[LOGIC_ID_LEN],
                                    int64_t now_ms);

#endif
