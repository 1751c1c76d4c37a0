/* SPDX-License-Identifier: Apache-2.0 */
/* What options need stands in `parts`, made with the first item that has any and freed with the batch, so
 * that a batch of plain items is a buffer and a count. Parts cover the buffer, a comma apart: what stood
 * there before the first option is one part. The index of keys is a hash table of nodes that know their
 * item's part, and parts know their node, so that both can be moved. */
#include "gateway/fanout/item_batch.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/hashmap.h"
#include "shared/base/list.h"

enum { KEEP_CAPACITY = 8192 }; /* bytes of items whose memory an empty batch keeps */
enum { FIRST_PARTS = 8 };
enum { SPARE_BYTES = 4096, SPARE_PARTS = 64 }; /* holes that nobody minds */

struct item_key {
    struct hashmap_node node;
    uint32_t part;
    uint8_t name[];
};

struct item_parts {
    struct item_part *all;
    uint32_t count;
    uint32_t capacity;
    uint32_t holes;    /* of them */
    size_t item_bytes; /* of parts that are no holes, without the commas between them */
    struct buf exclusions;
    uint32_t exclusion_count; /* of all parts but holes, however many share the bytes of theirs */
    struct hashmap keys;      /* table NULL: no item had a key yet */
    size_t key_bytes;
};

void item_batch_init(struct item_batch *batch)
{
    buf_init(&batch->items, UINT32_MAX);
    batch->count = 0;
    batch->parts = NULL;
}

static void free_key(struct hashmap_node *node, void *arg)
{
    (void)arg;
    free(container_of(node, struct item_key, node));
}

static void free_parts(struct item_batch *batch)
{
    struct item_parts *parts = batch->parts;

    if (parts == NULL)
        return;
    if (parts->keys.table != NULL) {
        hashmap_each(&parts->keys, free_key, NULL);
        hashmap_fini(&parts->keys);
    }
    buf_fini(&parts->exclusions);
    free(parts->all);
    free(parts);
    batch->parts = NULL;
}

void item_batch_fini(struct item_batch *batch)
{
    free_parts(batch);
    buf_fini(&batch->items);
    batch->count = 0;
}

void item_batch_empty(struct item_batch *batch)
{
    free_parts(batch);
    batch->count = 0;
    if (batch->items.cap > KEEP_CAPACITY)
        buf_fini(&batch->items);
    else
        buf_clear(&batch->items);
}

size_t item_batch_bytes(const struct item_batch *batch)
{
    const struct item_parts *parts = batch->parts;

    if (parts == NULL)
        return batch->items.len;
    uint32_t there = parts->count - parts->holes;
    return parts->item_bytes + (there > 0 ? there - 1 : 0);
}

static struct item_key *find_key(const struct item_batch *batch, struct slice name)
{
    if (name.len == 0 || batch->parts == NULL || batch->parts->keys.table == NULL)
        return NULL;
    struct hashmap_node *node = hashmap_find(&batch->parts->keys, name, hashmap_hash(name));
    return node != NULL ? container_of(node, struct item_key, node) : NULL;
}

struct slice item_part_exclusions(const struct item_batch *batch, const struct item_part *part)
{
    return part->exclusions_len == 0
               ? slice_of(NULL, 0)
               : slice_of(batch->parts->exclusions.data + part->exclusions_at, part->exclusions_len);
}

static const struct item_part *last_part(const struct item_batch *batch)
{
    const struct item_parts *parts = batch->parts;

    return parts != NULL && parts->count > 0 ? &parts->all[parts->count - 1] : NULL;
}

/* Whether the last part excludes the same, so that its exclusions stand for the next one too. */
static bool excludes_as_last(const struct item_batch *batch, struct slice exclusions)
{
    const struct item_part *last = last_part(batch);

    return last != NULL && slice_equal(item_part_exclusions(batch, last), exclusions);
}

static uint32_t count_exclusions(struct slice exclusions)
{
    struct push_exclusion next;
    uint32_t count = 0;

    while (push_next_exclusion(&exclusions, &next))
        count++;
    return count;
}

/* Whether an item with these terms goes on with the last part. */
static bool is_of_last(const struct item_batch *batch, struct slice key, struct slice exclusions)
{
    const struct item_part *last = last_part(batch);

    return key.len == 0 && last != NULL && last->len > 0 && last->key == NULL &&
           excludes_as_last(batch, exclusions);
}

/* Whether what the item brings of keys and exclusions is within the bounds; `old` is the part that it
 * replaces, or NULL. */
static bool terms_fit(const struct item_batch *batch, const struct push_terms *terms,
                      const struct item_part *old, size_t max_bytes)
{
    const struct item_parts *parts = batch->parts;
    bool same = excludes_as_last(batch, terms->exclusions);
    size_t bytes = (old != NULL ? 0 : terms->key.len) + (same ? 0 : terms->exclusions.len);
    uint32_t gone = old != NULL ? count_exclusions(item_part_exclusions(batch, old)) : 0;

    if (parts == NULL || is_of_last(batch, terms->key, terms->exclusions))
        return true;
    if (bytes > 0 && parts->exclusions.len + parts->key_bytes + bytes > max_bytes)
        return false;
    return parts->exclusion_count - gone + count_exclusions(terms->exclusions) <= ITEM_BATCH_EXCLUSIONS;
}

bool item_batch_fits(const struct item_batch *batch, struct slice item, const struct push_terms *terms,
                     size_t max_bytes)
{
    size_t bytes = item_batch_bytes(batch) + 1 + item.len;

    if (batch->count == 0)
        return true;
    if (terms == NULL)
        return bytes <= max_bytes;
    const struct item_key *key = find_key(batch, terms->key);
    const struct item_part *old = key != NULL ? &batch->parts->all[key->part] : NULL;
    if (old != NULL)
        bytes -= old->len + 1;
    return bytes <= max_bytes && terms_fit(batch, terms, old, max_bytes);
}

static enum status make_parts(struct item_batch *batch)
{
    struct item_parts *parts = calloc(1, sizeof *parts);

    if (parts == NULL)
        return STATUS_NO_MEMORY;
    parts->all = calloc(FIRST_PARTS, sizeof *parts->all);
    if (parts->all == NULL) {
        free(parts);
        return STATUS_NO_MEMORY;
    }
    parts->capacity = FIRST_PARTS;
    buf_init(&parts->exclusions, UINT32_MAX);
    if (batch->count > 0)
        parts->all[parts->count++].len = (uint32_t)batch->items.len;
    parts->item_bytes = batch->items.len;
    batch->parts = parts;
    return STATUS_OK;
}

static enum status reserve_part(struct item_parts *parts)
{
    if (parts->count < parts->capacity)
        return STATUS_OK;
    struct item_part *all = realloc(parts->all, 2 * (size_t)parts->capacity * sizeof *all);
    if (all == NULL)
        return STATUS_NO_MEMORY;
    parts->all = all;
    parts->capacity *= 2;
    return STATUS_OK;
}

static struct item_key *add_key(struct item_parts *parts, struct slice name)
{
    if (parts->keys.table == NULL && hashmap_init(&parts->keys) != STATUS_OK)
        return NULL;
    struct item_key *key = calloc(1, sizeof *key + name.len);
    if (key == NULL)
        return NULL;
    memcpy(key->name, name.data, name.len);
    key->node.key = slice_of(key->name, name.len);
    key->node.hash = hashmap_hash(key->node.key);
    hashmap_add(&parts->keys, &key->node);
    parts->key_bytes += name.len;
    return key;
}

static void close_holes(struct item_batch *batch)
{
    struct item_parts *parts = batch->parts;
    uint8_t *bytes = batch->items.data;
    uint32_t count = 0;
    uint32_t to = 0;

    for (uint32_t i = 0; i < parts->count; i++) {
        struct item_part part = parts->all[i];

        if (part.len == 0)
            continue;
        if (to > 0)
            bytes[to++] = ',';
        memmove(bytes + to, bytes + part.at, part.len);
        part.at = to;
        to += part.len;
        if (part.key != NULL)
            part.key->part = count;
        parts->all[count++] = part;
    }
    batch->items.len = to;
    parts->count = count;
    parts->holes = 0;
}

static void make_hole(struct item_batch *batch, uint32_t at)
{
    struct item_parts *parts = batch->parts;
    struct item_part *part = &parts->all[at];

    parts->item_bytes -= part->len;
    parts->exclusion_count -= count_exclusions(item_part_exclusions(batch, part));
    parts->holes++;
    part->len = 0;
    part->key = NULL;
}

static bool has_many_holes(const struct item_batch *batch)
{
    const struct item_parts *parts = batch->parts;

    return parts->holes > parts->count - parts->holes + SPARE_PARTS ||
           batch->items.len > 2 * item_batch_bytes(batch) + SPARE_BYTES;
}

/* There is memory for it. */
static void append(struct item_batch *batch, struct slice item)
{
    if (batch->items.len > 0)
        (void)buf_append(&batch->items, ",", 1);
    (void)buf_append(&batch->items, item.data, item.len);
}

/* Whom the new part excludes, by the last one's bytes where these are the same. There is memory for it. */
static void set_exclusions(struct item_batch *batch, struct item_part *part, struct slice exclusions)
{
    struct buf *all = &batch->parts->exclusions;
    bool same = excludes_as_last(batch, exclusions);

    part->exclusions_at = same ? last_part(batch)->exclusions_at : (uint32_t)all->len;
    part->exclusions_len = (uint32_t)exclusions.len;
    if (!same)
        (void)buf_append(all, exclusions.data, exclusions.len);
    batch->parts->exclusion_count += count_exclusions(exclusions);
}

/* The item is appended, and becomes a part of its own. */
static void add_part(struct item_batch *batch, struct slice item, struct slice exclusions,
                     struct item_key *key)
{
    struct item_parts *parts = batch->parts;
    struct item_part part = {
        .at = (uint32_t)(batch->items.len - item.len), .len = (uint32_t)item.len, .key = key};

    set_exclusions(batch, &part, exclusions);
    if (key != NULL)
        key->part = parts->count;
    parts->all[parts->count++] = part;
    parts->item_bytes += item.len;
}

static void extend_last(struct item_parts *parts, struct slice item)
{
    parts->all[parts->count - 1].len += (uint32_t)item.len + 1;
    parts->item_bytes += item.len + 1;
}

static enum status add_to_parts(struct item_batch *batch, struct slice item, const struct push_terms *terms,
                                bool *replaced)
{
    struct item_parts *parts = batch->parts;
    struct slice name = terms != NULL ? terms->key : slice_of(NULL, 0);
    struct slice exclusions = terms != NULL ? terms->exclusions : slice_of(NULL, 0);
    struct item_key *old = find_key(batch, name);
    struct item_key *key = old;

    if (reserve_part(parts) != STATUS_OK || buf_reserve(&parts->exclusions, exclusions.len) != STATUS_OK)
        return STATUS_NO_MEMORY;
    if (key == NULL && name.len > 0 && (key = add_key(parts, name)) == NULL)
        return STATUS_NO_MEMORY;
    if (old != NULL)
        make_hole(batch, old->part);
    batch->count += old == NULL;
    *replaced = old != NULL;
    append(batch, item);
    if (is_of_last(batch, name, exclusions))
        extend_last(parts, item);
    else
        add_part(batch, item, exclusions, key);
    if (has_many_holes(batch))
        close_holes(batch);
    return STATUS_OK;
}

enum status item_batch_add(struct item_batch *batch, struct slice item, const struct push_terms *terms,
                           bool *replaced)
{
    bool has_terms = terms != NULL && (terms->key.len > 0 || terms->exclusions.len > 0);

    *replaced = false;
    if (buf_reserve(&batch->items, item.len + 1) != STATUS_OK)
        return STATUS_NO_MEMORY;
    if (has_terms && batch->parts == NULL && make_parts(batch) != STATUS_OK)
        return STATUS_NO_MEMORY;
    if (batch->parts != NULL)
        return add_to_parts(batch, item, terms, replaced);
    append(batch, item);
    batch->count++;
    return STATUS_OK;
}

void item_batch_close(struct item_batch *batch)
{
    if (batch->parts != NULL && batch->parts->holes > 0)
        close_holes(batch);
}

bool item_batch_excludes(const struct item_batch *batch)
{
    return batch->parts != NULL && batch->parts->exclusion_count > 0;
}

const struct item_part *item_batch_parts(const struct item_batch *batch, uint32_t *count)
{
    *count = batch->parts->count;
    return batch->parts->all;
}
