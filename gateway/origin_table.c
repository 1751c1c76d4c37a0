/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table by logic id and a list in the order of use. */
#include "gateway/origin_table.h"

#include <stdlib.h>
#include <string.h>

struct origin_table {
    struct hashmap map;
    struct list used;
    size_t max;
    int64_t idle_ms;
    origin_forgotten *on_forget;
    void *arg;
};

enum status origin_table_new(size_t max, int64_t idle_ms, origin_forgotten *on_forget, void *arg,
                             struct origin_table **out)
{
    struct origin_table *table = calloc(1, sizeof *table);
    enum status status = table ? hashmap_init(&table->map) : STATUS_NO_MEMORY;

    if (status) {
        free(table);
        return status;
    }
    list_init(&table->used);
    table->max = max;
    table->idle_ms = idle_ms;
    table->on_forget = on_forget;
    table->arg = arg;
    *out = table;
    return STATUS_OK;
}

static void forget(struct origin_table *table, struct origin *origin)
{
    table->on_forget(origin, table->arg);
    hashmap_remove(&table->map, &origin->node);
    list_remove(&origin->used);
    reached_log_fini(&origin->reached);
    free(origin);
}

static struct origin *oldest(const struct origin_table *table)
{
    struct list *first = list_first(&table->used);

    return first ? container_of(first, struct origin, used) : NULL;
}

void origin_table_free(struct origin_table *table)
{
    if (!table)
        return;
    while (oldest(table))
        forget(table, oldest(table));
    hashmap_fini(&table->map);
    free(table);
}

static void forget_idle(struct origin_table *table, int64_t now_ms)
{
    while (oldest(table) && now_ms - oldest(table)->used_ms >= table->idle_ms)
        forget(table, oldest(table));
}

static struct origin *add(struct origin_table *table, struct slice id, uint64_t hash)
{
    struct origin *origin = calloc(1, sizeof *origin);

    if (!origin)
        return NULL;
    if (table->map.count >= table->max)
        forget(table, oldest(table));
    memcpy(origin->id, id.data, sizeof origin->id);
    origin->node.key = slice_of(origin->id, sizeof origin->id);
    origin->node.hash = hash;
    hashmap_add(&table->map, &origin->node);
    list_init(&origin->used);
    list_init(&origin->parked);
    list_init(&origin->waiting);
    return origin;
}

struct origin *origin_table_get(struct origin_table *table, const uint8_t id[LOGIC_ID_LEN], int64_t now_ms)
{
    struct slice key = slice_of(id, LOGIC_ID_LEN);
    uint64_t hash = hashmap_hash(key);
    struct hashmap_node *node;
    struct origin *origin;

    forget_idle(table, now_ms);
    node = hashmap_find(&table->map, key, hash);
    origin = node ? container_of(node, struct origin, node) : add(table, key, hash);
    if (!origin)
        return NULL;
    origin->used_ms = now_ms;
    list_remove(&origin->used);
    list_add_tail(&table->used, &origin->used);
    return origin;
}

size_t origin_table_count(const struct origin_table *table)
{
    return table->map.count;
}
