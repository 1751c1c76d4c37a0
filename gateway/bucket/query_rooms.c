/* SPDX-License-Identifier: Apache-2.0 */
/* A page is sorted by its keys, so a room's key is its number of connections, written so that more comes
 * first, and its name behind it. */
#include "gateway/bucket/query_rooms.h"

#include <endian.h>

static bool begins_with(struct slice name, struct slice prefix)
{
    return name.len >= prefix.len && (prefix.len == 0 || memcmp(name.data, prefix.data, prefix.len) == 0);
}

static void visit(const struct directory_entry *entry, void *arg)
{
    struct query_part *part = arg;
    struct slice name = entry->node.key;
    uint8_t key[QUERY_ROOMS_MARK + AUDIENCE_NAME_MAX];
    uint32_t count = directory_entry_members(entry);

    if (count == 0 || audience_of(name) != AUDIENCE_ROOM ||
        !begins_with(name, slice_of(part->query->name, part->query->name_len)))
        return;
    uint32_t mark = htobe32(UINT32_MAX - count);
    memcpy(key, &mark, sizeof mark);
    memcpy(key + sizeof mark, name.data, name.len);
    part->found.count++;
    if (query_page_add(&part->found.page, slice_of(key, sizeof mark + name.len), slice_of(NULL, 0), 1) !=
        STATUS_OK)
        part->found.status = STATUS_NO_MEMORY;
}

bool query_rooms_some(struct directory *directory, struct query_part *part, unsigned slots)
{
    part->cursor = directory_scan(directory, part->cursor, slots, visit, part);
    return part->cursor != 0;
}

uint32_t query_rooms_connections(const struct query_entry *entry)
{
    uint32_t mark;

    memcpy(&mark, entry->bytes, sizeof mark);
    return UINT32_MAX - be32toh(mark);
}

struct slice query_rooms_name(const struct query_entry *entry)
{
    return slice_of(entry->bytes + QUERY_ROOMS_MARK, entry->key_len - QUERY_ROOMS_MARK);
}
