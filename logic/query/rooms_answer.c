/* SPDX-License-Identifier: Apache-2.0 */
/* Sorted by name, so that the counts of one room stand together and become one; then by connections. */
#include "logic/query/rooms_answer.h"

#include <inttypes.h>
#include <stdlib.h>

#include "logic/query/query_text.h"

enum { ROOMS_TOTAL, ROOMS_TOP };

static const struct query_member members[] = {
    [ROOMS_TOTAL] = {"rooms", QUERY_TYPE(JSON_NUMBER)},
    [ROOMS_TOP] = {"top", QUERY_TYPE(JSON_ARRAY)},
};

struct busy_room {
    struct slice name;
    int64_t connections;
};

/* `name` may be NULL when only the form matters. */
static bool read_entry(const struct json_value *entry, const uint8_t *base, char *name, size_t *len,
                       int64_t *connections)
{
    struct json_iter iter = json_iter_of(entry, base);
    struct json_value first, second, more;
    char scratch[QUERY_NAME_MAX];

    if (entry->type != JSON_ARRAY || !json_next_element(&iter, &first) ||
        !json_next_element(&iter, &second) || json_next_element(&iter, &more))
        return false;
    *len = query_name(&first, name != NULL ? name : scratch);
    *connections = query_count(&second);
    return *len > 0 && *connections >= 0;
}

static bool check(const struct query_part *part)
{
    struct json_iter iter = json_iter_of(&part->members[ROOMS_TOP], part->body.data);
    struct json_value entry;
    int64_t connections;
    size_t len, count = 0;

    while (json_next_element(&iter, &entry))
        if (++count > QUERY_LIMIT_MAX || !read_entry(&entry, part->body.data, NULL, &len, &connections))
            return false;
    return query_count(&part->members[ROOMS_TOTAL]) >= 0;
}

const struct query_kind rooms_answer_kind = {members, sizeof members / sizeof *members, check};

/* Everything that was answered. A name takes no more bytes than its text does. */
struct gathering {
    struct busy_room *rooms;
    size_t count;
    uint8_t *names;
    size_t used;
};

static bool gather_room(struct gathering *all, const struct json_value *entry, const uint8_t *base,
                        const struct room_patterns *shown)
{
    char name[QUERY_NAME_MAX];
    struct busy_room *room = &all->rooms[all->count];
    size_t len;

    if (!read_entry(entry, base, name, &len, &room->connections))
        return false;
    if (shown != NULL && !room_patterns_match(shown, slice_of(NULL, 0), slice_of(name, len)))
        return true;
    memcpy(all->names + all->used, name, len);
    room->name = slice_of(all->names + all->used, len);
    all->used += len;
    all->count++;
    return true;
}

static void gather_part(struct gathering *all, const struct query_part *part,
                        const struct room_patterns *shown)
{
    struct json_iter iter = json_iter_of(&part->members[ROOMS_TOP], part->body.data);
    struct json_value entry;

    while (json_next_element(&iter, &entry) && gather_room(all, &entry, part->body.data, shown))
        continue;
}

static int by_name(const void *a, const void *b)
{
    return query_compare(((const struct busy_room *)a)->name, ((const struct busy_room *)b)->name);
}

static int by_connections(const void *a, const void *b)
{
    const struct busy_room *first = a, *second = b;
    int order = (first->connections < second->connections) - (first->connections > second->connections);

    return order != 0 ? order : by_name(a, b);
}

static void fold(struct gathering *all)
{
    size_t kept = 0;

    qsort(all->rooms, all->count, sizeof *all->rooms, by_name);
    for (size_t i = 0; i < all->count; i++) {
        if (kept > 0 && slice_equal(all->rooms[kept - 1].name, all->rooms[i].name))
            all->rooms[kept - 1].connections += all->rooms[i].connections;
        else
            all->rooms[kept++] = all->rooms[i];
    }
    all->count = kept;
    qsort(all->rooms, all->count, sizeof *all->rooms, by_connections);
}

static enum status append_rooms(struct buf *out, const struct gathering *all, size_t top)
{
    enum status status = buf_append_str(out, "[");

    for (size_t i = 0; i < all->count && i < top && status == STATUS_OK; i++) {
        const struct busy_room *room = &all->rooms[i];

        status = buf_append_str(out, i > 0 ? ",{\"room\":" : "{\"room\":");
        if (status == STATUS_OK)
            status = buf_append_json_string(out, room->name.data, room->name.len);
        if (status == STATUS_OK)
            status = buf_printf(out, ",\"connections\":%" PRId64 "}", room->connections);
    }
    return status != STATUS_OK ? status : buf_append_str(out, "]");
}

enum status rooms_answer_append_list(struct buf *out, size_t top, const struct room_patterns *rooms,
                                     const struct query_part *parts, size_t count)
{
    struct gathering all = {0};
    enum status status = STATUS_NO_MEMORY;
    size_t bytes = 0, answered = 0;

    for (size_t i = 0; i < count; i++) {
        answered += parts[i].state == QUERY_ANSWERED;
        bytes += parts[i].state == QUERY_ANSWERED ? parts[i].body.len : 0;
    }
    all.rooms = calloc(answered * QUERY_LIMIT_MAX + 1, sizeof *all.rooms);
    all.names = malloc(bytes + 1);
    if (all.rooms != NULL && all.names != NULL) {
        for (size_t i = 0; i < count; i++)
            if (parts[i].state == QUERY_ANSWERED)
                gather_part(&all, &parts[i], rooms);
        fold(&all);
        status = append_rooms(out, &all, top);
    }
    free(all.rooms);
    free(all.names);
    return status;
}

enum status rooms_answer_append(struct buf *out, size_t top, const struct room_patterns *rooms,
                                const struct query_part *parts, size_t count)
{
    enum status status = buf_append_str(out, "{\"rooms\":");

    if (status == STATUS_OK)
        status = rooms_answer_append_list(out, top, rooms, parts, count);
    if (status == STATUS_OK)
        status = buf_append_str(out, ",\"gateways\":");
    if (status == STATUS_OK)
        status = query_gateways_append(out, parts, count);
    return status != STATUS_OK ? status : buf_append_str(out, "}");
}
