/* SPDX-License-Identifier: Apache-2.0 */
/* A table of what is asked with one short writer each. An array is written entry by entry until the answer is
 * as long as it may be; the room that its end needs is kept free. */
#include "gateway/query/query_answer.h"

#include <endian.h>
#include <inttypes.h>

#include "gateway/bucket/query_rooms.h"
#include "shared/jose/base64url.h"

enum { END_BYTES = 64, HASHES_AT_ONCE = 96 /* three bytes make four characters: without a rest */ };

void query_found_init(struct query_found *found, const struct query *query)
{
    *found = (struct query_found){.status = STATUS_OK};
    query_page_init(&found->page, query->limit);
}

void query_found_fini(struct query_found *found)
{
    distinct_fini(&found->users);
    query_page_fini(&found->page);
}

void query_found_merge(struct query_found *found, struct query_found *from)
{
    const uint64_t *hashes;
    size_t count = distinct_hashes(&from->users, &hashes);
    enum status status = from->status;

    found->count += from->count;
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        status = distinct_add(&found->users, hashes[i]);
    if (status == STATUS_OK)
        status = query_page_merge(&found->page, &from->page);
    if (status != STATUS_OK)
        found->status = status;
}

static enum status append_hashes(struct buf *out, struct distinct *users)
{
    const uint64_t *hashes;
    size_t count = distinct_hashes(users, &hashes);
    enum status status = STATUS_OK;

    for (size_t at = 0; at < count && status == STATUS_OK; at += HASHES_AT_ONCE) {
        uint64_t some[HASHES_AT_ONCE];
        size_t here = count - at < HASHES_AT_ONCE ? count - at : HASHES_AT_ONCE;

        for (size_t i = 0; i < here; i++)
            some[i] = htobe64(hashes[at + i]);
        status = base64url_append(out, slice_of(some, here * sizeof *some));
    }
    return status;
}

/* Whether the page says less than there is. */
struct array {
    enum status (*append)(struct buf *out, const struct query_entry *entry);
    bool cut;
};

/* Entries between commas, as many as fit. */
static enum status append_page(struct buf *out, const struct query_page *page, struct array *array)
{
    bool first = true;

    array->cut = page->ceiling != NULL;
    for (uint32_t i = 0; i < page->count; i++) {
        size_t before = out->len;
        enum status status = STATUS_OK;

        if (page->entries[i]->count == 0)
            continue;
        if (!first)
            status = buf_append_str(out, ",");
        if (status == STATUS_OK)
            status = array->append(out, page->entries[i]);
        if (status == STATUS_NO_MEMORY)
            return status;
        if (status == STATUS_TOO_LARGE || out->len > QUERY_ANSWER_MAX - END_BYTES) {
            out->len = before;
            array->cut = true;
            return STATUS_OK;
        }
        first = false;
    }
    return STATUS_OK;
}

static enum status append_user(struct buf *out, const struct query_entry *entry)
{
    struct slice user = query_entry_key(entry);
    struct slice info = query_entry_payload(entry);
    enum status status = buf_append_str(out, "{\"user\":");

    if (status == STATUS_OK)
        status = buf_append_json_string(out, user.data, user.len);
    if (status == STATUS_OK)
        status = buf_printf(out, ",\"connections\":%" PRIu32 ",\"info\":", entry->count);
    if (status == STATUS_OK)
        status = info.len > 0 ? buf_append(out, info.data, info.len) : buf_append_str(out, "null");
    return status == STATUS_OK ? buf_append_str(out, "}") : status;
}

static enum status append_room(struct buf *out, const struct query_entry *entry)
{
    struct slice name = query_rooms_name(entry);
    enum status status = buf_append_str(out, "[");

    if (status == STATUS_OK)
        status = buf_append_json_string(out, name.data, name.len);
    return status == STATUS_OK ? buf_printf(out, ",%" PRIu32 "]", query_rooms_connections(entry)) : status;
}

static enum status append_client(struct buf *out, const struct query_entry *entry)
{
    struct slice json = query_entry_payload(entry);

    return buf_append(out, json.data, json.len);
}

static enum status print_room(const struct query *query, struct query_found *found, struct buf *out)
{
    struct array users = {.append = append_user};
    enum status status = buf_printf(out, "{\"connections\":%" PRIu64 ",\"hashes\":\"", found->count);

    if (status == STATUS_OK)
        status = append_hashes(out, &found->users);
    if (status == STATUS_OK)
        status = buf_append_str(out, query->users ? "\",\"page\":[" : "\"}");
    if (status != STATUS_OK || !query->users)
        return status;
    status = append_page(out, &found->page, &users);
    return status == STATUS_OK ? buf_printf(out, "],\"more\":%s}", users.cut ? "true" : "false") : status;
}

static enum status print_rooms(const struct query *query, struct query_found *found, struct buf *out)
{
    struct array rooms = {.append = append_room};
    enum status status = buf_printf(out, "{\"rooms\":%" PRIu64 ",\"top\":[", found->count);

    (void)query;
    if (status == STATUS_OK)
        status = append_page(out, &found->page, &rooms);
    return status == STATUS_OK ? buf_append_str(out, "]}") : status;
}

static enum status print_user(const struct query *query, struct query_found *found, struct buf *out)
{
    struct array clients = {.append = append_client};
    enum status status = buf_append_str(out, "{\"connections\":[");

    (void)query;
    if (status == STATUS_OK)
        status = append_page(out, &found->page, &clients);
    return status == STATUS_OK ? buf_printf(out, "],\"count\":%" PRIu64 "}", found->count) : status;
}

static enum status print_client(const struct query *query, struct query_found *found, struct buf *out)
{
    enum status status = buf_append_str(out, "{\"client\":");

    (void)query;
    if (status == STATUS_OK)
        status =
            found->page.count > 0 ? append_client(out, found->page.entries[0]) : buf_append_str(out, "null");
    return status == STATUS_OK ? buf_append_str(out, "}") : status;
}

static enum status (*const printers[QUERY_OPS])(const struct query *query, struct query_found *found,
                                                struct buf *out) = {
    [QUERY_ROOM] = print_room,
    [QUERY_ROOMS] = print_rooms,
    [QUERY_USER] = print_user,
    [QUERY_CLIENT] = print_client,
};

enum status query_answer_print(const struct query *query, struct query_found *found, struct buf *out)
{
    buf_init(out, QUERY_ANSWER_MAX);
    return found->status == STATUS_OK ? printers[query->op](query, found, out) : found->status;
}
