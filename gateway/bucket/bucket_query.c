/* SPDX-License-Identifier: Apache-2.0 */
/* A table of what is asked, with one short function each that works for a slice and says whether there is
 * more. Parts take turns, so a small question does not wait for a large room. */
#include "gateway/bucket/bucket_query.h"

#include "gateway/bucket/client_report.h"
#include "gateway/bucket/query_rooms.h"

enum { REPORT_MAX = QUERY_PAGE_BYTES };

static struct query_part *part_of(struct room_scan *scan)
{
    return container_of(scan, struct query_part, scan);
}

static void note(struct query_part *part, enum status status)
{
    if (status != STATUS_OK)
        part->found.status = status;
}

static bool is_after(struct slice user, const struct query *query)
{
    size_t both = user.len < query->after_len ? user.len : query->after_len;
    int order = both > 0 ? memcmp(user.data, query->after, both) : 0;

    return order > 0 || (order == 0 && user.len > query->after_len);
}

static size_t visit_member(struct room_scan *scan, const struct client *client)
{
    struct query_part *part = part_of(scan);
    struct slice user = client_report_user(client);

    if (user.data == NULL)
        return 1;
    note(part, distinct_add(&part->found.users, hashmap_siphash(part->query->hash_key, user)));
    if (part->query->users && is_after(user, part->query))
        note(part, query_page_add(&part->found.page, user, client_report_info(client), 1));
    return 1;
}

static void take_member_back(struct room_scan *scan, const struct client *client)
{
    struct slice user = client_report_user(client);

    if (user.data != NULL)
        query_page_take_back(&part_of(scan)->found.page, user);
}

static void report(struct query_part *part, const struct client *client, bool user)
{
    char text[CONNECTION_ID_MAX + 1];
    struct connection_id id;
    struct buf json;

    if (!client_connection_id(client, &id))
        return;
    size_t len = connection_id_print(&id, text);
    buf_init(&json, REPORT_MAX);
    enum status status = client_report_append(&json, client, &id, user);
    if (status == STATUS_OK)
        status = query_page_add(&part->found.page, slice_of(text, len), slice_of(json.data, json.len), 1);
    note(part, status);
    buf_fini(&json);
}

static size_t visit_connection(struct room_scan *scan, const struct client *client)
{
    report(part_of(scan), client, false);
    return 1 + (client->room_count < CLIENT_REPORT_ROOMS ? client->room_count : CLIENT_REPORT_ROOMS);
}

/* A connection stands in the page once, by its id. */
static void keep_connection(struct room_scan *scan, const struct client *client)
{
    (void)scan;
    (void)client;
}

static const struct room_visitor member_visitor = {visit_member, take_member_back};
static const struct room_visitor connection_visitor = {visit_connection, keep_connection};

static bool scan_some(struct bucket *bucket, struct query_part *part, const struct room_visitor *visitor)
{
    if (!part->begun) {
        struct slice key = slice_of(part->query->name, part->query->name_len);
        const struct room *room = rooms_find(&bucket->rooms, key, hashmap_hash(key));

        part->found.count = room != NULL ? room->count : 0;
        room_scan_begin(&part->scan, &bucket->scans, visitor, room);
    }
    return room_scan_some(&part->scan, QUERY_SLICE);
}

static bool scan_room(struct bucket *bucket, struct query_part *part)
{
    return scan_some(bucket, part, &member_visitor);
}

static bool scan_user(struct bucket *bucket, struct query_part *part)
{
    return scan_some(bucket, part, &connection_visitor);
}

static bool scan_rooms(struct bucket *bucket, struct query_part *part)
{
    return query_rooms_some(bucket->conf->directory, part, QUERY_SLICE);
}

static bool find_client(struct bucket *bucket, struct query_part *part)
{
    const struct client *client =
        connection_table_find(bucket->conf->connections, bucket->index, &part->query->connection);

    if (client != NULL) {
        part->found.count = 1;
        report(part, client, true);
    }
    return false;
}

static bool (*const works[QUERY_OPS])(struct bucket *bucket, struct query_part *part) = {
    [QUERY_ROOM] = scan_room,
    [QUERY_ROOMS] = scan_rooms,
    [QUERY_USER] = scan_user,
    [QUERY_CLIENT] = find_client,
};

static void give_back(struct bucket *bucket, struct query_part *part)
{
    list_remove(&part->link);
    room_scan_end(&part->scan);
    (void)control_post(bucket->conf->returns, &part->back, CONTROL_QUERY);
}

void bucket_query_add(struct bucket *bucket, struct query_part *part)
{
    list_init(&part->scan.link);
    list_add_tail(&bucket->queries, &part->link);
}

bool bucket_query_work(struct bucket *bucket)
{
    struct list *node = list_first(&bucket->queries);

    if (node == NULL)
        return false;
    struct query_part *part = container_of(node, struct query_part, link);
    bool more = !atomic_load(&part->query->given_up) && works[part->query->op](bucket, part);
    part->begun = true;
    if (more) {
        list_remove(&part->link);
        list_add_tail(&bucket->queries, &part->link);
    } else {
        give_back(bucket, part);
    }
    return !list_empty(&bucket->queries);
}

void bucket_query_end(struct bucket *bucket)
{
    struct list *node;

    while ((node = list_first(&bucket->queries)) != NULL)
        give_back(bucket, container_of(node, struct query_part, link));
}
