/* SPDX-License-Identifier: Apache-2.0 */
/* What is remembered of each logic that pushes to this gateway, so that a push is applied once:
 * bounded, the least recently used goes first. Pure; one thread at a time. */
#ifndef FANFARE_GATEWAY_ORIGIN_TABLE_H
#define FANFARE_GATEWAY_ORIGIN_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/hashmap.h"
#include "shared/list.h"
#include "shared/push.h"

/* How many clients were subscribed when the push was applied. */
struct reached {
    uint64_t sequence;
    uint32_t clients;
};

struct origin {
    struct hashmap_node node;
    struct list used; /* in the table's list, least recently used first */
    uint8_t id[LOGIC_ID_LEN];
    int64_t used_ms;
    bool begun;              /* something was applied */
    uint64_t applied;        /* the highest sequence applied, if begun */
    struct reached *reached; /* of the last batch that brought something new; rising sequences; owned */
    size_t reached_count;
};

struct origin_table;

/* Remembers at most `max` origins (>= 1), each for `idle_ms` after its last use. */
enum status origin_table_new(size_t max, int64_t idle_ms, struct origin_table **out);
void origin_table_free(struct origin_table *table);
/* The origin of that id, made if unknown; it counts as used now. NULL for want of memory. The
 * table's, valid until the next call. */
struct origin *origin_table_get(struct origin_table *table, const uint8_t id[LOGIC_ID_LEN], int64_t now_ms);
size_t origin_table_count(const struct origin_table *table);
/* What `origin` remembers of a push that was applied before, or NULL. */
const struct reached *origin_reached(const struct origin *origin, uint64_t sequence);

#endif
