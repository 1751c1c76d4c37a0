/* SPDX-License-Identifier: Apache-2.0 */
/* A key lives from its first item until a window passes without one. It stands in one of two
 * lists: `fresh` (quiet until this turn, leading edge only) or `open` (its window runs), sorted by
 * when the window began: all windows have the same length, also when that changes. */
#include "gateway/fanout/merger.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/buf.h"
#include "shared/base/hashmap.h"
#include "shared/base/list.h"

enum { KEEP_CAPACITY = 8192 };

struct merge_key {
    struct hashmap_node node;
    struct list link; /* in fresh or open */
    struct buf items; /* joined by commas */
    uint32_t count;
    int64_t since;  /* monotonic us: when the first of its items came */
    int64_t opened; /* likewise: when its window began; in open only */
    bool fresh;     /* in the list of that name */
    uint8_t name[];
};

struct merger {
    struct merger_conf conf;
    merger_emit *emit;
    void *arg;
    struct hashmap keys;
    struct list fresh;
    struct list open;
    size_t pending;
    bool flushed;
};

enum status merger_new(const struct merger_conf *conf, merger_emit *emit, void *arg, struct merger **out)
{
    struct merger *merger = calloc(1, sizeof *merger);

    if (merger == NULL || hashmap_init(&merger->keys) != STATUS_OK) {
        free(merger);
        return STATUS_NO_MEMORY;
    }
    merger->conf = *conf;
    merger->emit = emit;
    merger->arg = arg;
    list_init(&merger->fresh);
    list_init(&merger->open);
    *out = merger;
    return STATUS_OK;
}

static void key_free(struct merger *merger, struct merge_key *key)
{
    list_remove(&key->link);
    hashmap_remove(&merger->keys, &key->node);
    merger->pending -= key->count;
    buf_fini(&key->items);
    free(key);
}

static void free_list(struct merger *merger, struct list *list)
{
    while (!list_empty(list))
        key_free(merger, container_of(list->next, struct merge_key, link));
}

void merger_free(struct merger *merger)
{
    if (merger == NULL)
        return;
    free_list(merger, &merger->fresh);
    free_list(merger, &merger->open);
    hashmap_fini(&merger->keys);
    free(merger);
}

static void open_window(struct merger *merger, struct merge_key *key, int64_t now)
{
    list_remove(&key->link);
    key->fresh = false;
    key->opened = now;
    list_add_tail(&merger->open, &key->link);
}

static struct merge_key *key_new(struct merger *merger, struct slice name, uint64_t hash, int64_t now)
{
    struct merge_key *key = calloc(1, sizeof *key + name.len);

    if (key == NULL)
        return NULL;
    if (name.len > 0)
        memcpy(key->name, name.data, name.len);
    key->node.key = slice_of(key->name, name.len);
    key->node.hash = hash;
    list_init(&key->link);
    buf_init(&key->items, SIZE_MAX);
    hashmap_add(&merger->keys, &key->node);
    key->fresh = merger->conf.leading;
    if (key->fresh)
        list_add_tail(&merger->fresh, &key->link);
    else
        open_window(merger, key, now);
    return key;
}

static void seal(struct merger *merger, struct merge_key *key)
{
    if (key->count == 0)
        return;
    merger->emit(merger->arg, key->node.key, key->node.hash, slice_of(key->items.data, key->items.len),
                 key->count, key->since);
    merger->pending -= key->count;
    key->count = 0;
    if (key->items.cap > KEEP_CAPACITY)
        buf_fini(&key->items);
    else
        buf_clear(&key->items);
}

/* A batch that is sealed because it is full: the window begins anew with it, so that a key whose batches fill
 * sends no half-full one whenever a window would have ended. A quiet key's rest still goes at the end of the
 * turn. */
static void seal_full(struct merger *merger, struct merge_key *key, int64_t now)
{
    seal(merger, key);
    if (!key->fresh)
        open_window(merger, key, now);
}

static enum status append(struct merge_key *key, struct slice item)
{
    size_t comma = key->count > 0 ? 1 : 0;

    if (buf_reserve(&key->items, item.len + comma) != STATUS_OK)
        return STATUS_NO_MEMORY;
    if (comma == 1)
        (void)buf_append(&key->items, ",", 1);
    return buf_append(&key->items, item.data, item.len);
}

enum status merger_add(struct merger *merger, struct slice name, uint64_t hash, struct slice item,
                       int64_t now)
{
    struct hashmap_node *node = hashmap_find(&merger->keys, name, hash);
    struct merge_key *key =
        node != NULL ? container_of(node, struct merge_key, node) : key_new(merger, name, hash, now);

    if (key == NULL)
        return STATUS_NO_MEMORY;
    if (key->count > 0 && key->items.len + 1 + item.len > merger->conf.max_bytes)
        seal_full(merger, key, now);
    if (!merger->conf.leading && key->count == 0)
        open_window(merger, key, now);
    if (append(key, item) != STATUS_OK)
        return STATUS_NO_MEMORY;
    if (key->count == 0)
        key->since = now;
    key->count++;
    merger->pending++;
    if (key->count >= merger->conf.max_items || key->items.len >= merger->conf.max_bytes)
        seal_full(merger, key, now);
    return STATUS_OK;
}

void merger_end_turn(struct merger *merger, int64_t now)
{
    while (!list_empty(&merger->fresh)) {
        struct merge_key *key = container_of(merger->fresh.next, struct merge_key, link);

        seal(merger, key);
        open_window(merger, key, now);
    }
    if (merger->conf.delay_us == 0)
        merger_expire(merger, now);
}

void merger_expire(struct merger *merger, int64_t now)
{
    while (!list_empty(&merger->open)) {
        struct merge_key *key = container_of(merger->open.next, struct merge_key, link);

        if (key->opened + merger->conf.delay_us > now)
            return;
        if (key->count == 0 || !merger->conf.leading || merger->conf.delay_us == 0) {
            seal(merger, key);
            key_free(merger, key);
        } else {
            seal(merger, key);
            open_window(merger, key, now);
        }
    }
}

int64_t merger_deadline(const struct merger *merger)
{
    if (list_empty(&merger->open))
        return -1;
    return container_of(merger->open.next, struct merge_key, link)->opened + merger->conf.delay_us;
}

static void flush_list(struct merger *merger, struct list *list)
{
    while (!list_empty(list)) {
        struct merge_key *key = container_of(list->next, struct merge_key, link);

        seal(merger, key);
        key_free(merger, key);
    }
}

void merger_flush(struct merger *merger)
{
    flush_list(merger, &merger->fresh);
    flush_list(merger, &merger->open);
    merger->conf.delay_us = 0;
    merger->flushed = true;
}

void merger_set_conf(struct merger *merger, const struct merger_conf *conf)
{
    merger->conf = *conf;
    if (merger->flushed)
        merger->conf.delay_us = 0;
}

size_t merger_pending(const struct merger *merger)
{
    return merger->pending;
}
