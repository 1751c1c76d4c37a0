/* SPDX-License-Identifier: Apache-2.0 */
/* Intrusive hash table from byte strings to nodes embedded in the caller's structs.
 * SipHash-1-3 under a random per-process seed, so that callers who choose the keys
 * cannot choose the collisions. One thread at a time; owns only its table of pointers. */
#ifndef FANFARE_SHARED_BASE_HASHMAP_H
#define FANFARE_SHARED_BASE_HASHMAP_H

#include <stddef.h>
#include <stdint.h>

#include "shared/base/slice.h"
#include "shared/base/status.h"

struct hashmap_node {
    struct hashmap_node *next;
    struct slice key; /* the caller's bytes; they must live as long as the node is in */
    uint64_t hash;
};

struct hashmap {
    struct hashmap_node **table;
    size_t mask;  /* table size - 1, a power of two */
    size_t count; /* nodes in the table */
};

/* The hash that every hashmap of this process uses; any thread. */
uint64_t hashmap_hash(struct slice key);
/* SipHash-1-3 of `text` under a given key; any thread. What hashmap_hash is made of. */
uint64_t hashmap_siphash(const uint64_t key[2], struct slice text);

/* An empty table. STATUS_NO_MEMORY. */
enum status hashmap_init(struct hashmap *map);
/* Frees the table; the nodes are the caller's. */
void hashmap_fini(struct hashmap *map);
/* `hash` is hashmap_hash(key). NULL when absent. */
struct hashmap_node *hashmap_find(const struct hashmap *map, struct slice key, uint64_t hash);
/* Adds a node whose key and hash are set and whose key is not in the table. The
 * table grows with its count; when it cannot grow it gets slower, never fails. */
void hashmap_add(struct hashmap *map, struct hashmap_node *node);
void hashmap_remove(struct hashmap *map, struct hashmap_node *node);
/* Calls `visit` for every node; it may free the node, and must not change the table. */
void hashmap_each(const struct hashmap *map, void (*visit)(struct hashmap_node *node, void *arg), void *arg);
/* A walk in pieces: visits the nodes of one slot, and gives the cursor of the next; begin with 0, and 0 is
 * the end. Between the calls the table may change: a node that stays all the time is visited exactly once. */
size_t hashmap_scan(const struct hashmap *map, size_t cursor,
                    void (*visit)(struct hashmap_node *node, void *arg), void *arg);

#endif
