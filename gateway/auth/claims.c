/* SPDX-License-Identifier: Apache-2.0 */
/* One short step per claim. A reason is text of ours alone: who reads it may be a stranger with a forged
 * token's claims in mind, or a log. */
#include "gateway/auth/claims.h"

#include <stdlib.h>
#include <string.h>

#include "shared/contract/push.h"

struct reading {
    const struct claims_source *source;
    struct grant *grant;
    const char *why;
};

static enum status refuse(struct reading *reading, const char *why)
{
    reading->why = why;
    return STATUS_INVALID;
}

enum status claims_name(struct grant *grant, const struct claims_source *source, struct slice user)
{
    size_t prefix_len = strlen(source->prefix);
    size_t len = prefix_len + user.len;
    char name[GRANT_USER_MAX];

    if (user.len == 0 || user.len > sizeof name - prefix_len)
        return STATUS_INVALID;
    memcpy(name, source->prefix, prefix_len);
    memcpy(name + prefix_len, user.data, user.len);
    if (push_room_fault(slice_of(name, len), source->max_room_name) != NULL)
        return STATUS_INVALID;
    grant->user = strndup(name, len);
    grant->user_len = (uint16_t)len;
    grant->prefix_len = (uint16_t)prefix_len;
    return grant->user != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

/* `out` has GRANT_USER_MAX bytes. */
static enum status decode_name(struct reading *reading, const struct json_value *value, char *out,
                               size_t *len, const char *why)
{
    if (value->type != JSON_STRING || json_unescape(value->text, out, GRANT_USER_MAX, len) != STATUS_OK)
        return refuse(reading, why);
    return STATUS_OK;
}

static enum status read_user(struct reading *reading, const struct json_value *user)
{
    static const char why[] = "the user is no string that could be a room's name";
    char name[GRANT_USER_MAX];
    size_t len = 0;

    if (user->text.data == NULL)
        return reading->source->needs_user ? refuse(reading, "the user is missing") : STATUS_OK;
    enum status status = decode_name(reading, user, name, &len, why);
    if (status == STATUS_OK)
        status = claims_name(reading->grant, reading->source, slice_of(name, len));
    return status == STATUS_INVALID ? refuse(reading, why) : status;
}

static enum status read_pattern(struct reading *reading, const struct json_value *value,
                                struct room_patterns *out)
{
    char text[ROOM_PATTERN_MAX];
    size_t len = 0;
    enum status status = STATUS_INVALID;

    if (value->type == JSON_STRING && json_unescape(value->text, text, sizeof text, &len) == STATUS_OK)
        status = room_patterns_add(out, slice_of(text, len));
    if (status == STATUS_INVALID)
        return refuse(reading, "a pattern of rooms is no string of 1 to 256 bytes");
    return status == STATUS_FULL ? refuse(reading, "there are more than 64 patterns of rooms") : status;
}

static enum status read_rooms(struct reading *reading, const struct json_value *rooms)
{
    struct json_iter iter;
    struct json_value element;
    enum status status = STATUS_OK;

    if (rooms->text.data == NULL)
        return STATUS_OK;
    if (rooms->type != JSON_ARRAY)
        return refuse(reading, "`rooms` is no list");
    iter = json_iter_of(rooms, rooms->text.data);
    while (status == STATUS_OK && json_next_element(&iter, &element))
        status = read_pattern(reading, &element, &reading->grant->rooms);
    return status;
}

static enum status add_join(struct reading *reading, struct slice room, size_t *used)
{
    struct grant *grant = reading->grant;
    char *grown;

    if (!room_patterns_match(reading->source->limit, grant_sub(grant), room))
        return STATUS_OK;
    grown = realloc(grant->join, *used + room.len + 1);
    if (grown == NULL)
        return STATUS_NO_MEMORY;
    grant->join = grown;
    memcpy(grown + *used, room.data, room.len);
    grown[*used + room.len] = '\0';
    *used += room.len + 1;
    grant->join_count++;
    return STATUS_OK;
}

static enum status read_join(struct reading *reading, const struct json_value *join)
{
    static const char why[] = "`join` has something that is no room's name";
    struct json_iter iter;
    struct json_value element;
    enum status status = STATUS_OK;
    size_t used = 0;

    if (join->text.data == NULL)
        return STATUS_OK;
    if (join->type != JSON_ARRAY)
        return refuse(reading, "`join` is no list");
    iter = json_iter_of(join, join->text.data);
    for (unsigned count = 0; status == STATUS_OK && json_next_element(&iter, &element); count++) {
        char name[GRANT_USER_MAX];
        size_t len = 0;

        if (count >= GRANT_JOINS_MAX)
            return refuse(reading, "`join` has more than 32 rooms");
        status = decode_name(reading, &element, name, &len, why);
        if (status == STATUS_OK)
            status = push_room_fault(slice_of(name, len), reading->source->max_room_name) == NULL
                         ? add_join(reading, slice_of(name, len), &used)
                         : refuse(reading, why);
    }
    return status;
}

static enum status read_info(struct reading *reading, const struct json_value *info)
{
    struct grant *grant = reading->grant;

    if (info->text.data == NULL)
        return STATUS_OK;
    if (info->text.len > GRANT_INFO_MAX)
        return refuse(reading, "`info` has more than 1,024 bytes");
    grant->info = strndup((const char *)info->text.data, info->text.len);
    grant->info_len = (uint16_t)info->text.len;
    return grant->info != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status read_room(struct reading *reading, const struct json_value *room)
{
    struct room_patterns one = {NULL, 0, 0};
    enum status status;

    if (room->text.data == NULL)
        return STATUS_OK;
    status = read_pattern(reading, room, &one);
    if (status == STATUS_OK)
        reading->grant->room_pattern = one.texts; /* the one text, NUL-ended */
    return status;
}

enum status claims_grant(const struct claims *claims, const struct claims_source *source, struct grant **out,
                         const char **why)
{
    struct reading reading = {source, calloc(1, sizeof(struct grant)), NULL};
    enum status status;

    if (reading.grant == NULL)
        return STATUS_NO_MEMORY;
    reading.grant->source = source->source;
    reading.grant->kind = (uint8_t)source->kind;
    reading.grant->expires_s = INT64_MAX;
    status = read_user(&reading, &claims->user);
    if (status == STATUS_OK)
        status = read_rooms(&reading, &claims->rooms);
    if (status == STATUS_OK)
        status = read_join(&reading, &claims->join);
    if (status == STATUS_OK)
        status = read_info(&reading, &claims->info);
    if (status == STATUS_OK)
        status = read_room(&reading, &claims->room);
    *why = reading.why;
    if (status != STATUS_OK) {
        grant_free(reading.grant);
        return status;
    }
    *out = reading.grant;
    return STATUS_OK;
}
