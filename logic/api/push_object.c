/* SPDX-License-Identifier: Apache-2.0 */
/* Which members a door allows stands in one table; each is then read by a function of its own. Pure;
 * any thread. */
#include "logic/api/push_object.h"

#include <stdio.h>

#include "logic/api/option_members.h"
#include "logic/store/repeat_key.h"

enum { TRACEPARENT_MAX_BYTES = 256 }; /* of a later version of the standard */

enum member {
    MEMBER_ALL,
    MEMBER_ROOM,
    MEMBER_ROOMS,
    MEMBER_USER,
    MEMBER_USERS,
    MEMBER_ITEMS,
    MEMBER_WAIT,
    MEMBER_TRACEPARENT,
    MEMBER_EXCLUDE,
    MEMBER_TTL,
    MEMBER_KEY,
    MEMBER_URGENT,
    MEMBER_IDEMPOTENCY_KEY,
    MEMBER_COUNT
};

static const struct {
    const char *name;
    bool doors[PUSH_DOOR_COMMANDS]; /* where it is allowed, by enum push_door */
} members[MEMBER_COUNT] = {
    [MEMBER_ALL] = {"all", {[PUSH_DOOR_BATCH] = true}},
    [MEMBER_ROOM] = {"room", {[PUSH_DOOR_ROOM] = true, [PUSH_DOOR_BATCH] = true}},
    [MEMBER_ROOMS] = {"rooms", {[PUSH_DOOR_ROOM] = true, [PUSH_DOOR_BATCH] = true}},
    [MEMBER_USER] = {"user", {[PUSH_DOOR_USER] = true, [PUSH_DOOR_BATCH] = true}},
    [MEMBER_USERS] = {"users", {[PUSH_DOOR_USER] = true, [PUSH_DOOR_BATCH] = true}},
    [MEMBER_ITEMS] = {"items", {true, true, true, true}},
    [MEMBER_WAIT] = {"wait", {true, true, true, true}},
    [MEMBER_TRACEPARENT] = {"traceparent", {true, true, true, true}},
    [MEMBER_EXCLUDE] = {"exclude", {true, true, true, true}},
    [MEMBER_TTL] = {"ttlMs", {true, true, true, true}},
    [MEMBER_KEY] = {"key", {true, true, true, true}},
    [MEMBER_URGENT] = {"urgent", {true, true, true, true}},
    [MEMBER_IDEMPOTENCY_KEY] = {"idempotencyKey", {true, true, true, true}},
};

#define EVERYWHERE "items, wait, traceparent, exclude, ttlMs, key, urgent and idempotencyKey"

static const char *const allowed_members[] = {
    [PUSH_DOOR_ALL] = EVERYWHERE,
    [PUSH_DOOR_ROOM] = "room or rooms, " EVERYWHERE,
    [PUSH_DOOR_BATCH] = "all, room, rooms, user or users, " EVERYWHERE,
    [PUSH_DOOR_USER] = "user or users, " EVERYWHERE,
};

/* The members of one JSON push; a text with data NULL is absent. */
struct push_members {
    struct json_value values[MEMBER_COUNT];
};

static bool has(const struct push_members *found, enum member member)
{
    return found->values[member].text.data != NULL;
}

static enum member member_named(struct slice name)
{
    enum member member = 0;

    while (member < MEMBER_COUNT && !json_string_is(name, members[member].name, false)) {
        member++;
    }
    return member;
}

/* Cuts a member's name for a message, at a whole character. */
static int shown_len(struct slice name)
{
    size_t len = name.len < 40 ? name.len : 40;

    while (len < name.len && (name.data[len] & 0xC0) == 0x80) {
        len--;
    }
    return (int)len;
}

static enum status add_member(struct push_reading *reading, enum push_door door,
                              const struct json_value *name, const struct json_value *value,
                              struct push_members *found)
{
    enum member member = member_named(name->text);

    if (member == MEMBER_COUNT || !members[member].doors[door]) {
        return push_refuse(reading->fault, "invalid_request", "member %.*s is not allowed; allowed are %s",
                           shown_len(name->text), (const char *)name->text.data, allowed_members[door]);
    }
    if (has(found, member)) {
        return push_refuse(reading->fault, "invalid_request", "member \"%s\" stands twice",
                           members[member].name);
    }
    found->values[member] = *value;
    return STATUS_OK;
}

static enum status find_members(struct push_reading *reading, enum push_door door,
                                const struct json_value *object, struct push_members *found)
{
    struct json_iter iter = json_iter_of(object, reading->text.data);
    struct json_value name, value;
    enum status status = STATUS_OK;

    if (object->type != JSON_OBJECT) {
        return push_refuse(reading->fault, "invalid_request", "a push must be a JSON object with %s",
                           allowed_members[door]);
    }
    while (status == STATUS_OK && json_next_member(&iter, &name, &value)) {
        status = add_member(reading, door, &name, &value, found);
    }
    return status;
}

/* An array of names of that kind; the kind's name is the member's. */
static enum status read_names(struct push_reading *reading, enum audience kind,
                              const struct json_value *names)
{
    struct json_iter iter = json_iter_of(names, reading->text.data);
    struct json_value name;
    enum status status = STATUS_OK;
    char label[32];

    if (names->type != JSON_ARRAY) {
        return push_refuse(reading->fault, "invalid_request", "%s must be an array of strings",
                           audience_name(kind));
    }
    while (status == STATUS_OK && json_next_element(&iter, &name)) {
        snprintf(label, sizeof label, "%s[%zu]", audience_name(kind), reading->push.room_count);
        status = push_reading_json_name(reading, kind, &name, label);
    }
    if (status == STATUS_OK && reading->push.room_count == 0) {
        return push_refuse(reading->fault, push_reading_name_code(kind),
                           "%s is empty, 1 to %zu %s are allowed", audience_name(kind),
                           reading->limits->max_rooms, audience_name(kind));
    }
    return status == STATUS_OK ? push_reading_merge_names(reading) : status;
}

/* The members that say whom a push is for. */
static const struct {
    enum member member;
    enum audience kind;
    bool many;
} targets[] = {
    {MEMBER_ALL, AUDIENCE_EVERYONE, false}, {MEMBER_ROOM, AUDIENCE_ROOM, false},
    {MEMBER_ROOMS, AUDIENCE_ROOM, true},    {MEMBER_USER, AUDIENCE_USER, false},
    {MEMBER_USERS, AUDIENCE_USER, true},
};

enum { TARGETS = sizeof targets / sizeof targets[0] };

static const char *const choices[] = {
    [PUSH_DOOR_ALL] = "",
    [PUSH_DOOR_ROOM] = "room and rooms",
    [PUSH_DOOR_BATCH] = "all, room, rooms, user and users",
    [PUSH_DOOR_USER] = "user and users",
};

/* Of a push with no member that says whom it is for. */
static enum status judge_no_target(struct push_reading *reading, enum push_door door)
{
    switch (door) {
    case PUSH_DOOR_ROOM:
        return push_refuse(reading->fault, "invalid_room", "room or rooms is missing");
    case PUSH_DOOR_USER:
        return push_refuse(reading->fault, "invalid_user", "user or users is missing");
    case PUSH_DOOR_BATCH:
        return push_refuse(reading->fault, "invalid_request", "one of %s is missing", choices[door]);
    default:
        break;
    }
    return STATUS_OK;
}

static enum status read_target(struct push_reading *reading, enum push_door door,
                               const struct push_members *found)
{
    size_t count = 0, index = 0;

    for (size_t i = 0; i < TARGETS; i++) {
        if (has(found, targets[i].member)) {
            count++;
            index = i;
        }
    }
    if (count > 1) {
        return push_refuse(reading->fault, "invalid_request", "only one of %s is allowed", choices[door]);
    }
    if (count == 0) {
        return judge_no_target(reading, door);
    }
    const struct json_value *value = &found->values[targets[index].member];
    if (targets[index].many) {
        return read_names(reading, targets[index].kind, value);
    }
    if (targets[index].kind != AUDIENCE_EVERYONE) {
        return push_reading_json_name(reading, targets[index].kind, value,
                                      audience_noun(targets[index].kind));
    }
    return value->type == JSON_TRUE ? STATUS_OK
                                    : push_refuse(reading->fault, "invalid_request", "all must be true");
}

static enum status read_wait(struct push_reading *reading, const struct push_members *found)
{
    enum json_type type = found->values[MEMBER_WAIT].type;

    if (!has(found, MEMBER_WAIT)) {
        return STATUS_OK;
    }
    if (type != JSON_TRUE && type != JSON_FALSE) {
        return push_refuse(reading->fault, "invalid_request", "wait must be true or false");
    }
    reading->push.wait = type == JSON_TRUE;
    return STATUS_OK;
}

/* Before all others, so that what they refuse can be named by it. */
static enum status read_traceparent(struct push_reading *reading, const struct push_members *found)
{
    const struct json_value *value = &found->values[MEMBER_TRACEPARENT];
    char text[TRACEPARENT_MAX_BYTES];
    size_t len;

    if (!has(found, MEMBER_TRACEPARENT)) {
        return STATUS_OK;
    }
    if (value->type != JSON_STRING || json_unescape(value->text, text, sizeof text, &len) != STATUS_OK ||
        !traceparent_parse(slice_of(text, len), &reading->push.trace)) {
        return push_refuse(reading->fault, "invalid_request",
                           "traceparent must be a string of W3C Trace Context, as "
                           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    }
    reading->fault->trace = reading->push.trace;
    return STATUS_OK;
}

static const struct json_value *value_of(const struct push_members *found, enum member member)
{
    return has(found, member) ? &found->values[member] : NULL;
}

static enum status read_options(struct push_reading *reading, const struct push_members *found)
{
    const struct option_members options = {.exclude = value_of(found, MEMBER_EXCLUDE),
                                           .ttl_ms = value_of(found, MEMBER_TTL),
                                           .key = value_of(found, MEMBER_KEY),
                                           .urgent = value_of(found, MEMBER_URGENT)};

    return option_members_read(reading, &options);
}

static enum status read_idempotency_key(struct push_reading *reading, const struct push_members *found)
{
    const struct json_value *value = value_of(found, MEMBER_IDEMPOTENCY_KEY);
    const char *reason = NULL;
    enum status status = STATUS_OK;

    if (value == NULL) {
        return STATUS_OK;
    }
    status = push_reading_text(reading, value, "idempotencyKey", &reading->idempotency_key);
    if (status == STATUS_OK) {
        reason = repeat_key_fault(reading->idempotency_key);
    }
    return reason == NULL
               ? status
               : push_refuse(
                     reading->fault, "invalid_request",
                     "idempotencyKey: %s; allowed are 1 to %d bytes of UTF-8 without control characters",
                     reason, REPEAT_KEY_MAX);
}

enum status push_object_read(struct push_reading *reading, enum push_door door,
                             const struct json_value *object)
{
    struct push_members found = {0};
    enum status status = find_members(reading, door, object, &found);

    if (status == STATUS_OK) {
        status = read_traceparent(reading, &found);
    }
    if (status == STATUS_OK) {
        status = read_target(reading, door, &found);
    }
    if (status == STATUS_OK) {
        status = read_wait(reading, &found);
    }
    if (status == STATUS_OK) {
        status = read_options(reading, &found);
    }
    if (status == STATUS_OK) {
        status = read_idempotency_key(reading, &found);
    }
    if (status == STATUS_OK && !has(&found, MEMBER_ITEMS)) {
        return push_refuse(reading->fault, "invalid_request",
                           "items is missing, an array of 1 to %zu JSON values", reading->limits->max_items);
    }
    return status == STATUS_OK ? push_reading_items(reading, &found.values[MEMBER_ITEMS]) : status;
}
