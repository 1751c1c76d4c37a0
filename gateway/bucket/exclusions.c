/* SPDX-License-Identifier: Apache-2.0 */
/* A sorted array: by kind, name (its hash first) and place of the part. The entries of one user or connection
 * stand together, in the order of the parts, so that taking its items out is a merge of at most two runs. */
#include "gateway/bucket/exclusions.h"

#include <stdlib.h>

#include "shared/base/buf.h"
#include "shared/base/hashmap.h"
#include "shared/contract/audience.h"

enum { FIRST_CAPACITY = 4 };

/* One that is excluded from one part. */
struct exclusion {
    uint64_t hash; /* of the name */
    enum exclusion_kind kind;
    uint32_t name_at; /* among the names: a user's key, or the id of a connection */
    uint32_t name_len;
    uint32_t at; /* the part */
    uint32_t len;
};

struct exclusions {
    struct buf items;
    struct buf names;
    struct exclusion *all;
    uint32_t count;
    uint32_t capacity;
    uint32_t first[EXCLUSION_KINDS + 1]; /* of each kind; behind the last: the count */
};

struct exclusions *exclusions_new(struct slice items)
{
    struct exclusions *exclusions = calloc(1, sizeof *exclusions);

    if (exclusions == NULL)
        return NULL;
    buf_init(&exclusions->items, UINT32_MAX);
    buf_init(&exclusions->names, UINT32_MAX);
    if (buf_append(&exclusions->items, items.data, items.len) != STATUS_OK) {
        exclusions_free(exclusions);
        return NULL;
    }
    return exclusions;
}

void exclusions_free(struct exclusions *exclusions)
{
    if (exclusions == NULL)
        return;
    buf_fini(&exclusions->items);
    buf_fini(&exclusions->names);
    free(exclusions->all);
    free(exclusions);
}

static enum status reserve(struct exclusions *exclusions)
{
    if (exclusions->count < exclusions->capacity)
        return STATUS_OK;
    uint32_t capacity = exclusions->capacity == 0 ? FIRST_CAPACITY : 2 * exclusions->capacity;
    struct exclusion *all = realloc(exclusions->all, capacity * sizeof *all);
    if (all == NULL)
        return STATUS_NO_MEMORY;
    exclusions->all = all;
    exclusions->capacity = capacity;
    return STATUS_OK;
}

enum status exclusions_add(struct exclusions *exclusions, uint32_t at, uint32_t len,
                           const struct push_exclusion *who)
{
    uint8_t bytes[AUDIENCE_KEY_MAX];
    struct slice name = who->connection ? who->name : audience_key_of(AUDIENCE_USER, who->name, bytes);

    if (reserve(exclusions) != STATUS_OK || buf_append(&exclusions->names, name.data, name.len) != STATUS_OK)
        return STATUS_NO_MEMORY;
    exclusions->all[exclusions->count++] = (struct exclusion){
        .hash = hashmap_hash(name),
        .kind = who->connection ? EXCLUDES_CONNECTION : EXCLUDES_USER,
        .name_at = (uint32_t)(exclusions->names.len - name.len),
        .name_len = (uint32_t)name.len,
        .at = at,
        .len = len,
    };
    return STATUS_OK;
}

static struct slice name_of(const struct exclusions *exclusions, const struct exclusion *entry)
{
    return slice_of(exclusions->names.data + entry->name_at, entry->name_len);
}

static int compare_names(struct slice a, struct slice b)
{
    int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* The part does not count. */
static int compare_who(const struct exclusions *exclusions, const struct exclusion *a,
                       const struct exclusion *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return compare_names(name_of(exclusions, a), name_of(exclusions, b));
}

static int compare(const void *left, const void *right, void *arg)
{
    const struct exclusion *a = left;
    const struct exclusion *b = right;
    int order = compare_who(arg, a, b);

    return order != 0 ? order : (a->at > b->at) - (a->at < b->at);
}

uint32_t exclusions_sort(struct exclusions *exclusions)
{
    if (exclusions->count > 1)
        qsort_r(exclusions->all, exclusions->count, sizeof *exclusions->all, compare, exclusions);
    for (int kind = 0; kind <= EXCLUSION_KINDS; kind++) {
        uint32_t at = kind == 0 ? 0 : exclusions->first[kind - 1];

        while (at < exclusions->count && (int)exclusions->all[at].kind < kind)
            at++;
        exclusions->first[kind] = at;
    }
    return exclusions->count;
}

/* The first user's entry whose hash is not below this one. */
static uint32_t lower_bound(const struct exclusions *exclusions, uint64_t hash)
{
    uint32_t low = exclusions->first[EXCLUDES_USER];
    uint32_t high = exclusions->first[EXCLUDES_USER + 1];

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (exclusions->all[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int32_t exclusions_find_user(const struct exclusions *exclusions, struct slice key, uint64_t hash)
{
    uint32_t end = exclusions->first[EXCLUDES_USER + 1];

    for (uint32_t at = lower_bound(exclusions, hash); at < end && exclusions->all[at].hash == hash; at++)
        if (slice_equal(name_of(exclusions, &exclusions->all[at]), key))
            return (int32_t)at;
    return EXCLUSION_NONE;
}

int32_t exclusions_next_connection(const struct exclusions *exclusions, int32_t place, struct slice *id)
{
    uint32_t at = exclusions->first[EXCLUDES_CONNECTION];
    uint32_t end = exclusions->first[EXCLUDES_CONNECTION + 1];

    if (place != EXCLUSION_NONE) {
        const struct exclusion *before = &exclusions->all[place];

        at = (uint32_t)place + 1;
        while (at < end && compare_who(exclusions, before, &exclusions->all[at]) == 0)
            at++;
    }
    if (at >= end)
        return EXCLUSION_NONE;
    *id = name_of(exclusions, &exclusions->all[at]);
    return (int32_t)at;
}

/* The entries of one user or connection, one behind the other; `next` EXCLUSION_NONE: none are left. */
struct run {
    const struct exclusions *exclusions;
    int32_t next;
};

static const struct exclusion *run_head(const struct run *run)
{
    return run->next == EXCLUSION_NONE ? NULL : &run->exclusions->all[run->next];
}

static void run_pass(struct run *run)
{
    const struct exclusion *before = run_head(run);
    uint32_t at = (uint32_t)run->next + 1;

    run->next =
        at < run->exclusions->count && compare_who(run->exclusions, before, &run->exclusions->all[at]) == 0
            ? (int32_t)at
            : EXCLUSION_NONE;
}

/* The earlier part of both runs, or NULL at their end. */
static const struct exclusion *next_part(struct run *user, struct run *connection)
{
    const struct exclusion *a = run_head(user);
    const struct exclusion *b = run_head(connection);
    bool from_user = a != NULL && (b == NULL || a->at <= b->at);

    if (from_user)
        run_pass(user);
    else if (b != NULL)
        run_pass(connection);
    return from_user ? a : b;
}

static enum status keep(struct buf *out, const struct buf *items, size_t from, size_t to)
{
    if (from >= to)
        return STATUS_OK;
    if (buf_reserve(out, to - from + 1) != STATUS_OK)
        return STATUS_NO_MEMORY;
    if (out->len > 0)
        (void)buf_append(out, ",", 1);
    return buf_append(out, items->data + from, to - from);
}

/* The items without the parts of both runs. */
static enum status take_out(const struct exclusions *exclusions, struct run user, struct run connection,
                            struct buf *out)
{
    const struct buf *items = &exclusions->items;
    const struct exclusion *part;
    size_t from = 0; /* up to the next part all is kept, but for the comma in front of it */

    while ((part = next_part(&user, &connection)) != NULL) {
        if (part->at > from && keep(out, items, from, part->at - 1) != STATUS_OK)
            return STATUS_NO_MEMORY;
        if ((size_t)part->at + part->len + 1 > from)
            from = (size_t)part->at + part->len + 1;
    }
    return keep(out, items, from, items->len);
}

enum status exclusions_frame(const struct exclusions *exclusions, enum encoding encoding, struct slice key,
                             int32_t user, int32_t connection, struct frame **out)
{
    struct buf left;
    enum status status;

    *out = NULL;
    buf_init(&left, UINT32_MAX);
    status =
        take_out(exclusions, (struct run){exclusions, user}, (struct run){exclusions, connection}, &left);
    if (status == STATUS_OK && left.len > 0) {
        *out = encoding_make(encoding, key, slice_of(left.data, left.len));
        status = *out != NULL ? STATUS_OK : STATUS_NO_MEMORY;
    }
    buf_fini(&left);
    return status;
}
