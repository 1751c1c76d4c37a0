/* SPDX-License-Identifier: Apache-2.0 */
/* Each gateway gives the names that are smallest at it, in order. So the smallest of all come first in one of
 * these pages, and merging them looks at no more than it shows. Behind the last name of a page its gateway
 * may have more, and says so: nothing is shown past it. */
#include "logic/query/room_answer.h"

#include <inttypes.h>
#include <stdlib.h>

#include "logic/query/query_cursor.h"
#include "logic/query/user_hashes.h"

enum { ROOM_CONNECTIONS, ROOM_HASHES, ROOM_PAGE, ROOM_MORE };
enum { USER_NAME, USER_CONNECTIONS, USER_INFO, USER_MEMBERS };

static const struct query_member room_members[] = {
    [ROOM_CONNECTIONS] = {"connections", QUERY_TYPE(JSON_NUMBER)},
    [ROOM_HASHES] = {"hashes", QUERY_TYPE(JSON_STRING)},
    [ROOM_PAGE] = {"page", QUERY_TYPE(JSON_ARRAY)},
    [ROOM_MORE] = {"more", QUERY_BOOL},
};

static const struct query_member user_members[USER_MEMBERS] = {
    [USER_NAME] = {"user", QUERY_TYPE(JSON_STRING)},
    [USER_CONNECTIONS] = {"connections", QUERY_TYPE(JSON_NUMBER)},
    [USER_INFO] = {"info", QUERY_ANY},
};

/* Where the merging stands in one gateway's page. */
struct page_head {
    struct json_iter rest;
    bool there; /* the rest is of the user at which it stands */
    bool more;  /* behind the page's last user the gateway has others */
    int64_t connections;
    struct slice info;
    size_t len;
    char name[QUERY_NAME_MAX];
};

static struct slice name_of(const struct page_head *head)
{
    return slice_of(head->name, head->len);
}

/* Steps to the next user; false for something else. */
static bool step(struct page_head *head)
{
    struct json_value user, members[USER_MEMBERS];

    head->there = json_next_element(&head->rest, &user);
    if (!head->there)
        return true;
    if (!query_members_read(&user, user_members, USER_MEMBERS, members))
        return false;
    head->len = query_name(&members[USER_NAME], head->name);
    head->connections = query_count(&members[USER_CONNECTIONS]);
    head->info = members[USER_INFO].text;
    return head->len > 0 && head->connections >= 0;
}

static bool begin(struct page_head *head, const struct query_part *part)
{
    head->rest = json_iter_of(&part->members[ROOM_PAGE], part->body.data);
    head->more = part->members[ROOM_MORE].type == JSON_TRUE;
    return step(head);
}

static bool check_page(const struct query_part *part)
{
    struct page_head *heads = calloc(2, sizeof *heads); /* the user before, and this one */
    bool good = heads != NULL && begin(&heads[1], part) && (heads[1].there || !heads[1].more);

    while (good && heads[1].there) {
        heads[0] = heads[1];
        good =
            step(&heads[1]) && (!heads[1].there || query_compare(name_of(&heads[0]), name_of(&heads[1])) < 0);
    }
    free(heads);
    return good;
}

static struct slice inside(const struct json_value *string)
{
    return slice_of(string->text.data + 1, string->text.len - 2);
}

static bool check_room(const struct query_part *part)
{
    return query_count(&part->members[ROOM_CONNECTIONS]) >= 0 &&
           user_hashes_valid(inside(&part->members[ROOM_HASHES]));
}

static bool check_both(const struct query_part *part)
{
    return check_room(part) && check_page(part);
}

const struct query_kind room_answer_kind = {room_members, ROOM_PAGE, check_room};
const struct query_kind room_answer_kind_users = {room_members, ROOM_MORE + 1, check_both};

/* The merging of a page. */
struct merge {
    const struct query_room *ask;
    const struct room_patterns *users; /* that may be shown; NULL: all */
    size_t show;                       /* how many */
    struct page_head *heads;
    size_t count;
    size_t shown;
    struct buf last; /* the last name that was shown, or of which nothing is said as long as none was */
};

/* The head of the smallest name, or NULL: no more names, or a gateway's page has ended that has more. */
static struct page_head *smallest(const struct merge *merge)
{
    struct page_head *found = NULL;

    for (size_t i = 0; i < merge->count; i++) {
        struct page_head *head = &merge->heads[i];
        if (!head->there && head->more)
            return NULL;
        if (head->there && (found == NULL || query_compare(name_of(head), name_of(found)) < 0))
            found = head;
    }
    return found;
}

static bool is_null(struct slice text)
{
    return slice_equal(text, slice_str("null"));
}

/* The user of `first`, whom others may have too; all of these step on. */
static enum status append_user(struct buf *out, struct merge *merge, struct page_head *first, bool show)
{
    struct slice info = slice_str("null");
    int64_t connections = 0;
    struct buf *name = &merge->last;
    enum status status = STATUS_OK;

    if (show || merge->shown == 0) {
        buf_clear(name);
        status = buf_append(name, first->name, first->len);
    }
    struct page_head copy = *first;
    for (size_t i = 0; i < merge->count; i++) {
        struct page_head *head = &merge->heads[i];
        if (!head->there || !slice_equal(name_of(head), name_of(&copy)))
            continue;
        connections += head->connections;
        if (is_null(info))
            info = head->info;
        (void)step(head);
    }
    if (!show || status != STATUS_OK)
        return status;
    status = buf_append_str(out, merge->shown++ > 0 ? ",{\"user\":" : "{\"user\":");
    if (status == STATUS_OK)
        status = buf_append_json_string(out, copy.name, copy.len);
    if (status == STATUS_OK)
        status = buf_printf(out, ",\"connections\":%" PRId64 ",\"info\":", connections);
    if (status == STATUS_OK)
        status = buf_append(out, info.data, info.len);
    return status != STATUS_OK ? status : buf_append_str(out, "}");
}

static enum status append_users(struct buf *out, struct merge *merge)
{
    enum status status = STATUS_OK;
    struct page_head *head;

    while (status == STATUS_OK && merge->shown < merge->show && (head = smallest(merge)) != NULL) {
        bool show =
            merge->users == NULL || room_patterns_match(merge->users, slice_of(NULL, 0), name_of(head));
        status = append_user(out, merge, head, show);
    }
    return status;
}

static bool is_more(const struct merge *merge)
{
    for (size_t i = 0; i < merge->count; i++)
        if (merge->heads[i].there || merge->heads[i].more)
            return true;
    return false;
}

static enum status append_page(struct buf *out, struct merge *merge, const struct query_part *parts,
                               size_t count, enum room_page *page)
{
    for (size_t i = 0; i < count; i++)
        if (parts[i].state == QUERY_ANSWERED)
            (void)begin(&merge->heads[merge->count++], &parts[i]);
    enum status status = buf_append_str(out, ",\"page\":[");
    if (status == STATUS_OK)
        status = append_users(out, merge);
    bool more = is_more(merge);
    *page = more && merge->shown == 0 ? ROOM_PAGE_HIDDEN : ROOM_PAGE_DONE;
    if (status == STATUS_OK)
        status = buf_append_str(out, more ? "],\"next\":\"" : "],\"next\":null");
    if (status == STATUS_OK && more)
        status = query_cursor_append(out, merge->ask->room, slice_of(merge->last.data, merge->last.len));
    return status == STATUS_OK && more ? buf_append_str(out, "\"") : status;
}

static enum status append_merged(struct buf *out, struct merge *merge, const struct query_part *parts,
                                 size_t count, enum room_page *page)
{
    merge->heads = calloc(count + 1, sizeof *merge->heads);
    if (merge->heads == NULL)
        return STATUS_NO_MEMORY;
    enum status status = append_page(out, merge, parts, count, page);
    free(merge->heads);
    return status;
}

/* The connections and users of all gateways together. */
static enum status count_all(const struct query_part *parts, size_t count, int64_t *connections,
                             uint64_t *users, bool *exact)
{
    struct distinct hashes = {0};
    enum status status = STATUS_OK;

    *connections = 0;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        if (parts[i].state != QUERY_ANSWERED)
            continue;
        *connections += query_count(&parts[i].members[ROOM_CONNECTIONS]);
        status = user_hashes_add(&hashes, inside(&parts[i].members[ROOM_HASHES]));
    }
    *users = distinct_count(&hashes, exact);
    distinct_fini(&hashes);
    return status;
}

static enum status append_counts(struct buf *out, const struct query_room *ask,
                                 const struct query_part *parts, size_t count)
{
    int64_t connections;
    uint64_t users;
    bool exact;
    enum status status = count_all(parts, count, &connections, &users, &exact);

    if (status == STATUS_OK)
        status = buf_append_str(out, "{\"room\":");
    if (status == STATUS_OK)
        status = buf_append_json_string(out, ask->room.data, ask->room.len);
    return status != STATUS_OK
               ? status
               : buf_printf(out, ",\"connections\":%" PRId64 ",\"users\":%" PRIu64 ",\"usersExact\":%s",
                            connections, users, exact ? "true" : "false");
}

enum status room_answer_append(struct buf *out, const struct query_room *ask, size_t show,
                               const struct room_patterns *users, const struct query_part *parts,
                               size_t count, enum room_page *page, struct buf *last)
{
    struct merge merge = {.ask = ask, .users = users, .show = show};
    size_t before = out->len;

    *page = ROOM_PAGE_DONE;
    buf_init(&merge.last, QUERY_NAME_MAX);
    enum status status = append_counts(out, ask, parts, count);
    if (status == STATUS_OK && ask->users)
        status = append_merged(out, &merge, parts, count, page);
    if (status == STATUS_OK && *page == ROOM_PAGE_HIDDEN) {
        out->len = before;
        status = buf_append(last, merge.last.data, merge.last.len);
        buf_fini(&merge.last);
        return status;
    }
    buf_fini(&merge.last);
    if (status == STATUS_OK)
        status = buf_append_str(out, ",\"gateways\":");
    if (status == STATUS_OK)
        status = query_gateways_append(out, parts, count);
    return status != STATUS_OK ? status : buf_append_str(out, "}");
}
