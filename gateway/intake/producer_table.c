/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table by logic id and a list in the order of use. */
#include "gateway/intake/producer_table.h"

#include <stdlib.h>
#include <string.h>

struct producer_table {
    struct hashmap map;
    struct list used;
    size_t max;
    int64_t idle_ms;
    producer_forgotten *on_forget;
    void *arg;
};

enum status producer_table_new(size_t max, int64_t idle_ms, producer_forgotten *on_forget, void *arg,
                               struct producer_table **out)
{
    struct producer_table *table = calloc(1, sizeof *table);
    enum status status = table != NULL ? hashmap_init(&table->map) : STATUS_NO_MEMORY;

    if (status != STATUS_OK) {
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

static void forget(struct producer_table *table, struct producer *producer)
{
    table->on_forget(producer, table->arg);
    hashmap_remove(&table->map, &producer->node);
    list_remove(&producer->used);
    ack_cache_fini(&producer->reached);
    free(producer);
}

static struct producer *oldest(const struct producer_table *table)
{
    struct list *first = list_first(&table->used);

    return first != NULL ? container_of(first, struct producer, used) : NULL;
}

void producer_table_free(struct producer_table *table)
{
    if (table == NULL)
        return;
    while (oldest(table) != NULL)
        forget(table, oldest(table));
    hashmap_fini(&table->map);
    free(table);
}

static void forget_idle(struct producer_table *table, int64_t now_ms)
{
    while (oldest(table) != NULL && now_ms - oldest(table)->used_ms >= table->idle_ms)
        forget(table, oldest(table));
}

static struct producer *add(struct producer_table *table, struct slice id, uint64_t hash)
{
    struct producer *producer = calloc(1, sizeof *producer);

    if (producer == NULL)
        return NULL;
    if (table->map.count >= table->max)
        forget(table, oldest(table));
    memcpy(producer->id, id.data, sizeof producer->id);
    producer->node.key = slice_of(producer->id, sizeof producer->id);
    producer->node.hash = hash;
    hashmap_add(&table->map, &producer->node);
    list_init(&producer->used);
    list_init(&producer->early);
    list_init(&producer->waiting);
    return producer;
}

struct producer *producer_table_get(struct producer_table *table, const uint8_t id[LOGIC_ID_LEN],
                                    int64_t now_ms)
{
    struct slice key = slice_of(id, LOGIC_ID_LEN);
    uint64_t hash = hashmap_hash(key);
    struct hashmap_node *node;
    struct producer *producer;

    forget_idle(table, now_ms);
    node = hashmap_find(&table->map, key, hash);
    producer = node != NULL ? container_of(node, struct producer, node) : add(table, key, hash);
    if (producer == NULL)
        return NULL;
    producer->used_ms = now_ms;
    list_remove(&producer->used);
    list_add_tail(&table->used, &producer->used);
    return producer;
}
