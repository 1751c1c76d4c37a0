/* SPDX-License-Identifier: Apache-2.0 */
/* The members of a connection go out as the gateway wrote them, in the order of the table, once their types
 * are known. */
#include "logic/query/user_answer.h"

#include <inttypes.h>

#include "logic/query/query_text.h"

enum {
    CLIENT_ID,
    CLIENT_SINCE,
    CLIENT_ADDRESS,
    CLIENT_VERSION,
    CLIENT_ROOMS,
    CLIENT_ROOM_COUNT,
    CLIENT_INFO,
    CLIENT_USER
};
enum { USER_CONNECTIONS, USER_COUNT };

static const struct query_member client_members[] = {
    [CLIENT_ID] = {"connection", QUERY_TYPE(JSON_STRING)},
    [CLIENT_SINCE] = {"since", QUERY_TYPE(JSON_NUMBER)},
    [CLIENT_ADDRESS] = {"address", QUERY_TYPE(JSON_STRING)},
    [CLIENT_VERSION] = {"version", QUERY_TYPE(JSON_NUMBER)},
    [CLIENT_ROOMS] = {"rooms", QUERY_TYPE(JSON_ARRAY)},
    [CLIENT_ROOM_COUNT] = {"roomCount", QUERY_TYPE(JSON_NUMBER)},
    [CLIENT_INFO] = {"info", QUERY_ANY},
    [CLIENT_USER] = {"user", QUERY_TYPE(JSON_STRING) | QUERY_TYPE(JSON_NULL)},
};

static const struct query_member user_members[] = {
    [USER_CONNECTIONS] = {"connections", QUERY_TYPE(JSON_ARRAY)},
    [USER_COUNT] = {"count", QUERY_TYPE(JSON_NUMBER)},
};

static const struct query_member whole_members[] = {
    {"client", QUERY_TYPE(JSON_OBJECT) | QUERY_TYPE(JSON_NULL)}};

/* Reads a connection, of a user (without CLIENT_USER) or by itself. */
static bool read_client(const struct json_value *client, bool with_user, struct json_value *out)
{
    struct json_value room;

    if (!query_members_read(client, client_members, with_user ? CLIENT_USER + 1 : CLIENT_USER, out))
        return false;
    struct json_iter rooms = json_iter_of(&out[CLIENT_ROOMS], out[CLIENT_ROOMS].text.data);
    while (json_next_element(&rooms, &room))
        if (room.type != JSON_STRING)
            return false;
    return query_count(&out[CLIENT_SINCE]) >= 0 && query_count(&out[CLIENT_ROOM_COUNT]) >= 0;
}

static bool check_user(const struct query_part *part)
{
    struct json_iter iter = json_iter_of(&part->members[USER_CONNECTIONS], part->body.data);
    struct json_value client, members[CLIENT_USER + 1];
    size_t count = 0;

    while (json_next_element(&iter, &client))
        if (++count > QUERY_LIMIT_MAX || !read_client(&client, false, members))
            return false;
    return query_count(&part->members[USER_COUNT]) >= 0;
}

static bool check_client(const struct query_part *part)
{
    struct json_value members[CLIENT_USER + 1];

    return part->members[0].type == JSON_NULL || read_client(&part->members[0], true, members);
}

const struct query_kind user_answer_kind = {user_members, USER_COUNT + 1, check_user};
const struct query_kind client_answer_kind = {whole_members, 1, check_client};

static enum status append_member(struct buf *out, const char *before, const struct json_value *value)
{
    enum status status = buf_append_str(out, before);

    return status != STATUS_OK ? status : buf_append(out, value->text.data, value->text.len);
}

static bool shows(const struct room_patterns *patterns, const struct json_value *name)
{
    char text[QUERY_NAME_MAX];
    size_t len;

    if (patterns == NULL)
        return true;
    len = query_name(name, text);
    return len > 0 && room_patterns_match(patterns, slice_of(NULL, 0), slice_of(text, len));
}

static enum status append_rooms(struct buf *out, const struct json_value *members,
                                const struct room_patterns *shown)
{
    struct json_iter iter = json_iter_of(&members[CLIENT_ROOMS], members[CLIENT_ROOMS].text.data);
    enum status status = buf_append_str(out, ",\"rooms\":[");
    struct json_value room;
    const char *comma = "";

    while (status == STATUS_OK && json_next_element(&iter, &room)) {
        if (!shows(shown, &room))
            continue;
        status = append_member(out, comma, &room);
        comma = ",";
    }
    if (status == STATUS_OK)
        status = buf_append_str(out, "],\"roomCount\":");
    if (status == STATUS_OK && shown != NULL)
        return buf_append_str(out, "null");
    return status != STATUS_OK ? status : append_member(out, "", &members[CLIENT_ROOM_COUNT]);
}

/* Without the brace that ends it. */
static enum status append_client(struct buf *out, const char *gateway, const struct json_value *members,
                                 const struct room_patterns *rooms)
{
    enum status status = append_member(out, "{\"connection\":", &members[CLIENT_ID]);

    if (status == STATUS_OK)
        status = buf_append_str(out, ",\"gateway\":");
    if (status == STATUS_OK)
        status = buf_append_json_string(out, gateway, strlen(gateway));
    if (status == STATUS_OK)
        status = append_member(out, ",\"since\":", &members[CLIENT_SINCE]);
    if (status == STATUS_OK)
        status = append_member(out, ",\"address\":", &members[CLIENT_ADDRESS]);
    if (status == STATUS_OK)
        status = append_member(out, ",\"version\":", &members[CLIENT_VERSION]);
    if (status == STATUS_OK)
        status = append_rooms(out, members, rooms);
    return status != STATUS_OK ? status : append_member(out, ",\"info\":", &members[CLIENT_INFO]);
}

static enum status append_part(struct buf *out, const struct query_part *part,
                               const struct room_patterns *rooms, const char **comma)
{
    struct json_iter iter = json_iter_of(&part->members[USER_CONNECTIONS], part->body.data);
    struct json_value client, members[CLIENT_USER + 1];
    enum status status = STATUS_OK;

    while (status == STATUS_OK && json_next_element(&iter, &client)) {
        (void)read_client(&client, false, members);
        status = buf_append_str(out, *comma);
        if (status == STATUS_OK)
            status = append_client(out, part->gateway, members, rooms);
        if (status == STATUS_OK)
            status = buf_append_str(out, "}");
        *comma = ",";
    }
    return status;
}

static enum status append_end(struct buf *out, const struct query_part *parts, size_t count)
{
    enum status status = buf_append_str(out, ",\"gateways\":");

    if (status == STATUS_OK)
        status = query_gateways_append(out, parts, count);
    return status != STATUS_OK ? status : buf_append_str(out, "}");
}

enum status user_answer_append(struct buf *out, struct slice user, const struct room_patterns *rooms,
                               const struct query_part *parts, size_t count)
{
    enum status status = buf_append_str(out, "{\"user\":");
    const char *comma = "";
    int64_t number = 0;

    if (status == STATUS_OK)
        status = buf_append_json_string(out, user.data, user.len);
    if (status == STATUS_OK)
        status = buf_append_str(out, ",\"connections\":[");
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        if (parts[i].state != QUERY_ANSWERED)
            continue;
        number += query_count(&parts[i].members[USER_COUNT]);
        status = append_part(out, &parts[i], rooms, &comma);
    }
    if (status == STATUS_OK)
        status = buf_printf(out, "],\"count\":%" PRId64, number);
    return status != STATUS_OK ? status : append_end(out, parts, count);
}

/* The part that has the client, and its members; NULL: nobody has, or it is not shown. */
static const struct query_part *find_client(const struct query_part *parts, size_t count,
                                            const struct room_patterns *users, struct json_value *members)
{
    for (size_t i = 0; i < count; i++) {
        if (parts[i].state != QUERY_ANSWERED || parts[i].members[0].type == JSON_NULL)
            continue;
        (void)read_client(&parts[i].members[0], true, members);
        if (shows(users, &members[CLIENT_USER]))
            return &parts[i];
    }
    return NULL;
}

enum status client_answer_append(struct buf *out, const struct room_patterns *rooms,
                                 const struct room_patterns *users, const struct query_part *parts,
                                 size_t count)
{
    struct json_value members[CLIENT_USER + 1];
    const struct query_part *part = find_client(parts, count, users, members);
    enum status status = buf_append_str(out, "{\"client\":");

    if (status == STATUS_OK && part == NULL)
        status = buf_append_str(out, "null");
    if (status == STATUS_OK && part != NULL) {
        status = append_client(out, part->gateway, members, rooms);
        if (status == STATUS_OK)
            status = append_member(out, ",\"user\":", &members[CLIENT_USER]);
        if (status == STATUS_OK)
            status = buf_append_str(out, "}");
    }
    return status != STATUS_OK ? status : append_end(out, parts, count);
}
