/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table of keys and a list of answers. All answers are kept equally long, so the list is sorted by
 * when they end, and its head is both the next to expire and the first to give way. */
#include "logic/store/repeat_table.h"

#include <stdlib.h>
#include <string.h>

struct repeat_entry {
    struct hashmap_node node; /* its key stands in `key` */
    struct list answered;     /* of its own while pending */
    struct list waiters;
    uint64_t digest;
    int64_t until_ms; /* of an answer */
    int status;       /* 0: pending */
    uint8_t *json;
    size_t json_len;
    uint8_t key[];
};

static size_t size_of(const struct repeat_entry *entry)
{
    return sizeof *entry + entry->node.key.len + entry->json_len;
}

static void forget(struct repeat_table *table, struct repeat_entry *entry)
{
    hashmap_remove(&table->map, &entry->node);
    list_remove(&entry->answered);
    table->bytes -= size_of(entry);
    free(entry->json);
    free(entry);
}

static struct repeat_entry *oldest(const struct repeat_table *table)
{
    struct list *node = list_first(&table->answered);

    return node != NULL ? container_of(node, struct repeat_entry, answered) : NULL;
}

static bool is_past(const struct repeat_table *table, size_t entries, size_t bytes)
{
    return table->map.count + entries > table->bounds.entries || table->bytes + bytes > table->bounds.bytes;
}

/* Makes room for so much more. */
static bool make_room(struct repeat_table *table, size_t entries, size_t bytes)
{
    struct repeat_entry *entry;

    while (is_past(table, entries, bytes) && (entry = oldest(table)) != NULL) {
        forget(table, entry);
        table->evicted++;
    }
    return !is_past(table, entries, bytes);
}

enum status repeat_table_init(struct repeat_table *table, const struct repeat_bounds *bounds)
{
    *table = (struct repeat_table){.bounds = *bounds};
    list_init(&table->answered);
    return hashmap_init(&table->map);
}

static void free_entry(struct hashmap_node *node, void *arg)
{
    struct repeat_entry *entry = container_of(node, struct repeat_entry, node);

    (void)arg;
    free(entry->json);
    free(entry);
}

void repeat_table_fini(struct repeat_table *table)
{
    if (table->map.table == NULL)
        return;
    hashmap_each(&table->map, free_entry, NULL);
    hashmap_fini(&table->map);
    *table = (struct repeat_table){0};
}

void repeat_table_bound(struct repeat_table *table, const struct repeat_bounds *bounds)
{
    table->bounds = *bounds;
    (void)make_room(table, 0, 0);
}

size_t repeat_table_count(const struct repeat_table *table)
{
    return table->map.count;
}

static struct repeat_entry *entry_new(struct slice key, uint64_t hash, uint64_t digest)
{
    struct repeat_entry *entry = calloc(1, sizeof *entry + key.len);

    if (entry == NULL)
        return NULL;
    memcpy(entry->key, key.data, key.len);
    entry->node = (struct hashmap_node){.key = slice_of(entry->key, key.len), .hash = hash};
    entry->digest = digest;
    list_init(&entry->answered);
    list_init(&entry->waiters);
    return entry;
}

static enum repeat_verdict claim_new(struct repeat_table *table, struct slice key, uint64_t hash,
                                     uint64_t digest, struct repeat_entry **out)
{
    struct repeat_entry *entry;

    if (!make_room(table, 1, sizeof *entry + key.len))
        return REPEAT_FULL;
    entry = entry_new(key, hash, digest);
    if (entry == NULL)
        return REPEAT_NO_MEMORY;
    hashmap_add(&table->map, &entry->node);
    table->bytes += size_of(entry);
    *out = entry;
    return REPEAT_FIRST;
}

enum repeat_verdict repeat_table_claim(struct repeat_table *table, struct slice key, uint64_t digest,
                                       int64_t now_ms, struct repeat_waiter *waiter,
                                       struct repeat_entry **entry, struct repeat_answer *answer)
{
    uint64_t hash = hashmap_hash(key);

    repeat_table_expire(table, now_ms);
    struct hashmap_node *node = hashmap_find(&table->map, key, hash);
    if (node == NULL)
        return claim_new(table, key, hash, digest, entry);
    struct repeat_entry *found = container_of(node, struct repeat_entry, node);
    if (found->digest != digest)
        return REPEAT_CONFLICT;
    if (found->status == 0) {
        list_add_tail(&found->waiters, &waiter->node);
        return REPEAT_WAITS;
    }
    *answer = (struct repeat_answer){found->status, slice_of(found->json, found->json_len), true};
    return REPEAT_ANSWERED;
}

static bool keep(struct repeat_table *table, struct repeat_entry *entry, const struct repeat_answer *answer,
                 int64_t now_ms)
{
    if (!make_room(table, 0, answer->json.len)) {
        table->evicted++;
        return false;
    }
    entry->json = malloc(answer->json.len);
    if (entry->json == NULL)
        return false;
    memcpy(entry->json, answer->json.data, answer->json.len);
    entry->json_len = answer->json.len;
    table->bytes += entry->json_len;
    entry->status = answer->status;
    entry->until_ms = now_ms + REPEAT_KEPT_MS;
    list_add_tail(&table->answered, &entry->answered);
    return true;
}

/* From here on `waiters` stands by itself: who is told may make the entry go. */
static void take_waiters(struct repeat_entry *entry, struct list *waiters)
{
    struct list *node;

    list_init(waiters);
    while ((node = list_first(&entry->waiters)) != NULL) {
        list_remove(node);
        list_add_tail(waiters, node);
    }
}

static void tell(struct list *waiters, const struct repeat_answer *answer)
{
    struct list *node;

    while ((node = list_first(waiters)) != NULL) {
        struct repeat_waiter *waiter = container_of(node, struct repeat_waiter, node);
        list_remove(node);
        waiter->told(waiter, answer);
    }
}

void repeat_table_settle(struct repeat_table *table, struct repeat_entry *entry,
                         const struct repeat_answer *answer, int64_t now_ms)
{
    struct list waiters;

    take_waiters(entry, &waiters);
    if (!answer->accepted || answer->json.len == 0 || !keep(table, entry, answer, now_ms))
        forget(table, entry);
    tell(&waiters, answer);
}

void repeat_table_pass_on(struct repeat_table *table, struct repeat_entry *entry,
                          const struct repeat_answer *answer)
{
    struct list waiters;

    take_waiters(entry, &waiters);
    forget(table, entry);
    tell(&waiters, answer);
}

struct slice repeat_entry_key(const struct repeat_entry *entry)
{
    return entry->node.key;
}

uint64_t repeat_entry_digest(const struct repeat_entry *entry)
{
    return entry->digest;
}

void repeat_table_expire(struct repeat_table *table, int64_t now_ms)
{
    struct repeat_entry *entry;

    while ((entry = oldest(table)) != NULL && entry->until_ms <= now_ms)
        forget(table, entry);
}
