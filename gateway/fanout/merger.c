/* SPDX-License-Identifier: Apache-2.0 */
/* A key lives from its first item until a window passes without one. It stands in one of two
 * lists: `fresh` (its batch goes at the end of this turn: it was quiet, with the leading edge, or what waits
 * has a deadline) or `open` (its window runs), sorted by when the window began: all windows have the same
 * length, also when that changes. */
#include "gateway/fanout/merger.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/hashmap.h"
#include "shared/base/list.h"

struct merge_key {
    struct hashmap_node node;
    struct list link; /* in fresh or open */
    struct item_batch batch;
    int64_t since;   /* monotonic us: when the first of its items came */
    int64_t expires; /* likewise: the deadline of all of them; 0: none */
    int64_t opened;  /* likewise: when its window began; in open only */
    bool fresh;      /* in the list of that name */
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
    uint64_t conflated;
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
    merger->pending -= key->batch.count;
    item_batch_fini(&key->batch);
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
    item_batch_init(&key->batch);
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
    if (key->batch.count == 0)
        return;
    item_batch_close(&key->batch);
    const struct sealed_batch sealed = {key->node.key, key->node.hash, &key->batch, key->since, key->expires};
    merger->emit(merger->arg, &sealed);
    merger->pending -= key->batch.count;
    item_batch_empty(&key->batch);
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

void merger_seal(struct merger *merger, struct slice name, uint64_t hash, int64_t now)
{
    struct hashmap_node *node = hashmap_find(&merger->keys, name, hash);
    struct merge_key *key = node != NULL ? container_of(node, struct merge_key, node) : NULL;

    if (key != NULL && key->batch.count > 0)
        seal_full(merger, key, now);
}

/* Where the key waits with its first item. What has a deadline goes with the turn, whatever the edge. */
static void place(struct merger *merger, struct merge_key *key, int64_t now)
{
    if (key->expires != 0 && !key->fresh) {
        list_remove(&key->link);
        key->fresh = true;
        list_add_tail(&merger->fresh, &key->link);
    } else if (key->expires == 0 && !merger->conf.leading) {
        open_window(merger, key, now);
    }
}

static enum status append(struct merger *merger, struct merge_key *key, struct slice item,
                          const struct push_terms *terms)
{
    bool replaced;
    enum status status = item_batch_add(&key->batch, item, terms, &replaced);

    if (status != STATUS_OK)
        return STATUS_NO_MEMORY;
    merger->conflated += replaced;
    merger->pending += !replaced;
    return STATUS_OK;
}

enum status merger_add(struct merger *merger, struct slice name, uint64_t hash, struct slice item,
                       const struct push_terms *terms, int64_t now)
{
    int64_t expires = terms != NULL && terms->has_ttl ? now + terms->ttl_ms * INT64_C(1000) : 0;
    struct hashmap_node *node = hashmap_find(&merger->keys, name, hash);
    struct merge_key *key =
        node != NULL ? container_of(node, struct merge_key, node) : key_new(merger, name, hash, now);

    if (key == NULL)
        return STATUS_NO_MEMORY;
    if (key->batch.count > 0 &&
        (key->expires != expires || !item_batch_fits(&key->batch, item, terms, merger->conf.max_bytes)))
        seal_full(merger, key, now);
    if (key->batch.count == 0) {
        key->expires = expires;
        place(merger, key, now);
    }
    bool first = key->batch.count == 0;
    if (append(merger, key, item, terms) != STATUS_OK)
        return STATUS_NO_MEMORY;
    if (first)
        key->since = now;
    if (key->batch.count >= merger->conf.max_items || item_batch_bytes(&key->batch) >= merger->conf.max_bytes)
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
        if (key->batch.count == 0 || !merger->conf.leading || merger->conf.delay_us == 0) {
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

uint64_t merger_conflated(const struct merger *merger)
{
    return merger->conflated;
}
