/* SPDX-License-Identifier: Apache-2.0 */
/* The number of those of whom something is known stands beside the lock, so that a gateway without bans pays
 * for a look at it. */
#include "gateway/bucket/ban_table.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "gateway/metrics/gateway_metrics.h"
#include "shared/contract/ban_part.h"

struct ban_table {
    pthread_mutex_t lock;
    struct ban_list *list;
    atomic_size_t count; /* of the list */
};

enum status ban_table_new(struct ban_table **out)
{
    struct ban_table *table = calloc(1, sizeof *table);

    if (table == NULL || ban_list_new(&table->list) != STATUS_OK) {
        free(table);
        return STATUS_NO_MEMORY;
    }
    pthread_mutex_init(&table->lock, NULL);
    *out = table;
    return STATUS_OK;
}

void ban_table_free(struct ban_table *table)
{
    if (table == NULL)
        return;
    ban_list_free(table->list);
    pthread_mutex_destroy(&table->lock);
    free(table);
}

static bool holds(const struct ban_table *table, struct slice user, int64_t now_s)
{
    struct ban ban;

    return ban_list_find(table->list, user, &ban) && ban_holds(&ban, now_s);
}

bool ban_table_holds(struct ban_table *table, struct slice user, int64_t now_s)
{
    if (table == NULL || atomic_load(&table->count) == 0)
        return false;
    pthread_mutex_lock(&table->lock);
    bool held = holds(table, user, now_s);
    pthread_mutex_unlock(&table->lock);
    return held;
}

static void count_dropped(enum status status)
{
    if (status == STATUS_FULL)
        metrics_add(M_BANS_DROPPED_FULL, 1);
    else if (status == STATUS_INVALID)
        metrics_add(M_BANS_DROPPED_CLOCK, 1);
    else if (status != STATUS_OK)
        metrics_add(M_BANS_DROPPED_MEMORY, 1);
}

/* The caller has the lock. */
static void expire(struct ban_table *table, int64_t now_s)
{
    ban_list_expire(table->list, now_s);
    atomic_store(&table->count, ban_list_count(table->list));
}

bool ban_table_add(struct ban_table *table, const struct ban *ban, int64_t now_s)
{
    pthread_mutex_lock(&table->lock);
    expire(table, now_s);
    bool before = holds(table, ban->user, now_s);
    enum status status = ban_list_merge(table->list, ban, now_s);
    bool fresh = !before && holds(table, ban->user, now_s);
    atomic_store(&table->count, ban_list_count(table->list));
    pthread_mutex_unlock(&table->lock);
    count_dropped(status);
    return fresh;
}

enum status ban_table_print(struct ban_table *table, size_t from, struct buf *out)
{
    struct ban_range range = {.at = from, .end = SIZE_MAX, .max = BAN_PART_MAX};

    pthread_mutex_lock(&table->lock);
    enum status status = ban_part_print(table->list, &range, NULL, out);
    pthread_mutex_unlock(&table->lock);
    return status;
}

uint64_t ban_table_digest(struct ban_table *table, int64_t now_s)
{
    pthread_mutex_lock(&table->lock);
    expire(table, now_s);
    uint64_t digest = ban_list_digest(table->list);
    pthread_mutex_unlock(&table->lock);
    return digest;
}

size_t ban_table_in_force(struct ban_table *table, int64_t now_s)
{
    pthread_mutex_lock(&table->lock);
    size_t count = ban_list_in_force(table->list, now_s);
    pthread_mutex_unlock(&table->lock);
    return count;
}
