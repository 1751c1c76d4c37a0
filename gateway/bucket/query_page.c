/* SPDX-License-Identifier: Apache-2.0 */
/* A sorted array of pointers. What gives way from its end becomes the ceiling, and what is not below the
 * ceiling is passed over: so an entry that is in was in from the first time that it came, and its count is
 * right. */
#include "gateway/bucket/query_page.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 16 };

void query_page_init(struct query_page *page, uint32_t limit)
{
    *page = (struct query_page){.limit = limit};
}

void query_page_fini(struct query_page *page)
{
    for (uint32_t i = 0; i < page->count; i++)
        free(page->entries[i]);
    free(page->entries);
    free(page->ceiling);
    query_page_init(page, page->limit);
}

struct slice query_entry_key(const struct query_entry *entry)
{
    return slice_of(entry->bytes, entry->key_len);
}

struct slice query_entry_payload(const struct query_entry *entry)
{
    return slice_of(entry->bytes + entry->key_len, entry->payload_len);
}

static size_t size_of(const struct query_entry *entry)
{
    return sizeof *entry + entry->key_len + entry->payload_len;
}

static int compare(struct slice a, struct slice b)
{
    size_t both = a.len < b.len ? a.len : b.len;
    int order = both > 0 ? memcmp(a.data, b.data, both) : 0;

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* Where the key stands, or would. */
static uint32_t place_of(const struct query_page *page, struct slice key, bool *there)
{
    uint32_t low = 0, high = page->count;

    *there = false;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare(query_entry_key(page->entries[middle]), key);

        if (order == 0) {
            *there = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct query_entry *entry_new(struct slice key, struct slice payload, uint32_t count)
{
    struct query_entry *entry = malloc(sizeof *entry + key.len + payload.len);

    if (entry == NULL)
        return NULL;
    *entry = (struct query_entry){
        .count = count, .key_len = (uint32_t)key.len, .payload_len = (uint32_t)payload.len};
    if (key.len > 0)
        memcpy(entry->bytes, key.data, key.len);
    if (payload.len > 0)
        memcpy(entry->bytes + key.len, payload.data, payload.len);
    return entry;
}

static enum status make_room(struct query_page *page)
{
    if (page->count < page->capacity)
        return STATUS_OK;
    uint32_t capacity = page->capacity == 0 ? FIRST_CAPACITY : page->capacity * 2;
    struct query_entry **entries = realloc(page->entries, capacity * sizeof(struct query_entry *));
    if (entries == NULL)
        return STATUS_NO_MEMORY;
    page->entries = entries;
    page->capacity = capacity;
    return STATUS_OK;
}

/* The last one gives way; it is below what gave way before. */
static void drop_last(struct query_page *page)
{
    struct query_entry *last = page->entries[--page->count];

    page->bytes -= size_of(last);
    free(page->ceiling);
    page->ceiling = last;
}

static bool is_full(const struct query_page *page)
{
    return page->count > page->limit || page->bytes > QUERY_PAGE_BYTES;
}

static enum status insert(struct query_page *page, uint32_t place, struct slice key, struct slice payload,
                          uint32_t count)
{
    struct query_entry *entry = make_room(page) == STATUS_OK ? entry_new(key, payload, count) : NULL;

    if (entry == NULL)
        return STATUS_NO_MEMORY;
    memmove(page->entries + place + 1, page->entries + place,
            (page->count - place) * sizeof(struct query_entry *));
    page->entries[place] = entry;
    page->count++;
    page->bytes += size_of(entry);
    while (is_full(page))
        drop_last(page);
    return STATUS_OK;
}

/* A payload came with one that had none. */
static enum status replace(struct query_page *page, uint32_t place, struct slice payload)
{
    struct query_entry *old = page->entries[place];
    struct query_entry *entry = entry_new(query_entry_key(old), payload, old->count);

    if (entry == NULL)
        return STATUS_NO_MEMORY;
    page->entries[place] = entry;
    page->bytes += size_of(entry) - size_of(old);
    free(old);
    while (is_full(page))
        drop_last(page);
    return STATUS_OK;
}

enum status query_page_add(struct query_page *page, struct slice key, struct slice payload, uint32_t count)
{
    bool there;

    if (page->ceiling != NULL && compare(key, query_entry_key(page->ceiling)) >= 0)
        return STATUS_OK;
    uint32_t place = place_of(page, key, &there);
    if (!there)
        return insert(page, place, key, payload, count);
    page->entries[place]->count += count;
    return page->entries[place]->payload_len == 0 && payload.len > 0 ? replace(page, place, payload)
                                                                     : STATUS_OK;
}

void query_page_take_back(struct query_page *page, struct slice key)
{
    bool there;
    uint32_t place = place_of(page, key, &there);

    if (there && page->entries[place]->count > 0)
        page->entries[place]->count--;
}

/* Nothing from `key` on is complete. */
static enum status lower(struct query_page *page, struct slice key)
{
    if (page->ceiling != NULL && compare(query_entry_key(page->ceiling), key) <= 0)
        return STATUS_OK;
    struct query_entry *ceiling = entry_new(key, slice_of(NULL, 0), 0);
    if (ceiling == NULL)
        return STATUS_NO_MEMORY;
    while (page->count > 0 && compare(query_entry_key(page->entries[page->count - 1]), key) >= 0)
        drop_last(page);
    free(page->ceiling);
    page->ceiling = ceiling;
    return STATUS_OK;
}

enum status query_page_merge(struct query_page *page, const struct query_page *from)
{
    enum status status = from->ceiling != NULL ? lower(page, query_entry_key(from->ceiling)) : STATUS_OK;

    for (uint32_t i = 0; i < from->count && status == STATUS_OK; i++)
        status = query_page_add(page, query_entry_key(from->entries[i]),
                                query_entry_payload(from->entries[i]), from->entries[i]->count);
    return status;
}
