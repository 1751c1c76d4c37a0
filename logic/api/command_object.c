/* SPDX-License-Identifier: Apache-2.0 */
/* Which members a door allows stands in one table, as for pushes. The rooms of a join or leave are read like
 * names of a push, printed into the command, and forgotten before the users are read, who are its target. */
#include "logic/api/command_object.h"

#include <stdio.h>

#include "shared/contract/close_codes.h"
#include "shared/contract/connection_id.h"

enum { TRACEPARENT_MAX_BYTES = 256, SHOWN_NAME = 40, HTTP_UNAVAILABLE = 503 };

enum member {
    MEMBER_USER,
    MEMBER_USERS,
    MEMBER_ROOM,
    MEMBER_ROOMS,
    MEMBER_CONNECTION,
    MEMBER_CODE,
    MEMBER_REASON,
    MEMBER_BAN_SECONDS,
    MEMBER_SECONDS,
    MEMBER_WAIT,
    MEMBER_TRACEPARENT,
    MEMBER_COUNT
};

enum { AT_KICK = 1, AT_MEMBER = 2, AT_UNBAN = 4, ROOMS = AT_KICK | AT_MEMBER, EVERYWHERE = ROOMS | AT_UNBAN };

static const struct {
    const char *name;
    unsigned doors;
} members[MEMBER_COUNT] = {
    [MEMBER_USER] = {"user", EVERYWHERE},
    [MEMBER_USERS] = {"users", EVERYWHERE},
    [MEMBER_ROOM] = {"room", ROOMS},
    [MEMBER_ROOMS] = {"rooms", ROOMS},
    [MEMBER_CONNECTION] = {"connection", AT_KICK},
    [MEMBER_CODE] = {"code", AT_KICK},
    [MEMBER_BAN_SECONDS] = {"banSeconds", AT_KICK},
    [MEMBER_REASON] = {"reason", AT_KICK},
    [MEMBER_SECONDS] = {"seconds", AT_MEMBER},
    [MEMBER_WAIT] = {"wait", EVERYWHERE},
    [MEMBER_TRACEPARENT] = {"traceparent", EVERYWHERE},
};

static const struct {
    enum command_kind kind;
    unsigned bit;
    const char *allowed;
} doors[PUSH_DOOR_COUNT] = {
    [PUSH_DOOR_KICK] = {COMMAND_KICK, AT_KICK,
                        "user, users, room, rooms or connection, code, reason, banSeconds, wait and "
                        "traceparent"},
    [PUSH_DOOR_JOIN] = {COMMAND_JOIN, AT_MEMBER,
                        "user or users, room or rooms, seconds, wait and traceparent"},
    [PUSH_DOOR_LEAVE] = {COMMAND_LEAVE, AT_MEMBER,
                         "user or users, room or rooms, seconds, wait and traceparent"},
    [PUSH_DOOR_UNBAN] = {COMMAND_UNBAN, AT_UNBAN, "user or users, wait and traceparent"},
};

/* The members of one command; a text with data NULL is absent. */
struct found {
    struct json_value values[MEMBER_COUNT];
};

static bool has(const struct found *found, enum member member)
{
    return found->values[member].text.data != NULL;
}

static int shown_len(struct slice name)
{
    size_t len = name.len < SHOWN_NAME ? name.len : SHOWN_NAME;

    while (len < name.len && (name.data[len] & 0xC0) == 0x80)
        len--;
    return (int)len;
}

static enum status add_member(struct push_reading *reading, enum push_door door,
                              const struct json_value *name, const struct json_value *value,
                              struct found *found)
{
    unsigned member = 0;

    while (member < MEMBER_COUNT && !json_string_is(name->text, members[member].name, false))
        member++;
    if (member == MEMBER_COUNT || (members[member].doors & doors[door].bit) == 0)
        return push_refuse(reading->fault, "invalid_request", "member %.*s is not allowed; allowed are %s",
                           shown_len(name->text), (const char *)name->text.data, doors[door].allowed);
    if (has(found, (enum member)member))
        return push_refuse(reading->fault, "invalid_request", "member \"%s\" stands twice",
                           members[member].name);
    found->values[member] = *value;
    return STATUS_OK;
}

static enum status find_members(struct push_reading *reading, enum push_door door,
                                const struct json_value *object, struct found *found)
{
    struct json_iter iter = json_iter_of(object, reading->text.data);
    struct json_value name, value;
    enum status status = STATUS_OK;

    if (object->type != JSON_OBJECT)
        return push_refuse(reading->fault, "invalid_request", "the body must be a JSON object with %s",
                           doors[door].allowed);
    while (status == STATUS_OK && json_next_member(&iter, &name, &value))
        status = add_member(reading, door, &name, &value, found);
    return status;
}

/* One of the two members, not both: one name or an array of them, which the push has afterwards. */
static enum status read_names(struct push_reading *reading, const struct found *found, enum member one,
                              enum audience kind)
{
    enum member many = (enum member)(one + 1);
    const struct json_value *names = &found->values[many];
    struct json_value name;
    enum status status = STATUS_OK;
    char label[32];

    if (has(found, one) && has(found, many))
        return push_refuse(reading->fault, "invalid_request", "only one of %s and %s is allowed",
                           members[one].name, members[many].name);
    if (has(found, one))
        return push_reading_json_name(reading, kind, &found->values[one], members[one].name);
    if (!has(found, many))
        return push_refuse(reading->fault, push_reading_name_code(kind), "%s or %s is missing",
                           members[one].name, members[many].name);
    if (names->type != JSON_ARRAY)
        return push_refuse(reading->fault, "invalid_request", "%s must be an array of strings",
                           members[many].name);
    struct json_iter iter = json_iter_of(names, reading->text.data);
    while (status == STATUS_OK && json_next_element(&iter, &name)) {
        snprintf(label, sizeof label, "%s[%zu]", members[many].name, reading->push.room_count);
        status = push_reading_json_name(reading, kind, &name, label);
    }
    if (status == STATUS_OK && reading->push.room_count == 0)
        return push_refuse(reading->fault, push_reading_name_code(kind),
                           "%s is empty, 1 to %zu %s are allowed", members[many].name,
                           reading->limits->max_rooms, members[many].name);
    return status == STATUS_OK ? push_reading_merge_names(reading) : status;
}

/* A whole number from 0 to `max`, or -1. */
static int64_t whole_number(const struct json_value *value, int64_t max)
{
    int64_t number = 0;

    for (size_t i = 0; value->type == JSON_NUMBER && i < value->text.len && number <= max; i++) {
        uint8_t digit = value->text.data[i];

        if (digit < '0' || digit > '9')
            return -1;
        number = number * 10 + (digit - '0');
    }
    return value->type == JSON_NUMBER && number <= max ? number : -1;
}

static enum status read_code(struct push_reading *reading, const struct found *found, struct command *out)
{
    int64_t code = CLOSE_kicked;

    if (has(found, MEMBER_CODE))
        code = whole_number(&found->values[MEMBER_CODE], UINT16_MAX);
    if (!command_code_is_allowed(code))
        return push_refuse(reading->fault, "invalid_request", "code must be " COMMAND_CODES_ALLOWED);
    out->code = (uint16_t)code;
    return STATUS_OK;
}

static enum status read_reason(struct push_reading *reading, const struct found *found, struct command *out)
{
    const struct json_value *value = &found->values[MEMBER_REASON];
    const char *otherwise = close_code_name(CLOSE_kicked);
    size_t len = strlen(otherwise);

    if (!has(found, MEMBER_REASON))
        memcpy(out->reason, otherwise, len);
    else if (value->type != JSON_STRING)
        return push_refuse(reading->fault, "invalid_request", "reason must be a string");
    else if (json_unescape(value->text, out->reason, sizeof out->reason, &len) != STATUS_OK)
        return push_refuse(reading->fault, "invalid_request", "reason is longer than %d bytes",
                           COMMAND_REASON_MAX);
    const char *fault = command_reason_fault(slice_of(out->reason, len));
    if (fault != NULL)
        return push_refuse(reading->fault, "invalid_request",
                           "%s; at most %d bytes of UTF-8 without control characters are allowed", fault,
                           COMMAND_REASON_MAX);
    out->reason_len = (uint16_t)len;
    return STATUS_OK;
}

static enum status read_seconds(struct push_reading *reading, const struct found *found, struct command *out)
{
    int64_t seconds = 0;

    if (has(found, MEMBER_SECONDS))
        seconds = whole_number(&found->values[MEMBER_SECONDS], COMMAND_SECONDS_MAX);
    if (seconds < 0)
        return push_refuse(reading->fault, "invalid_request", "seconds must be a whole number, 0 to %d",
                           COMMAND_SECONDS_MAX);
    out->seconds = (uint32_t)seconds;
    return STATUS_OK;
}

/* Prints the command behind which no more of the request's slices are names of its own. */
static enum status print(struct push_reading *reading, const struct command *command)
{
    struct push_request *request = reading->request;
    const struct slice *rooms = command->room_count > 0 ? request->slices + reading->first_name : NULL;
    enum status status = command_print(command, rooms, &request->command);

    if (status == STATUS_TOO_LARGE)
        return push_refuse(reading->fault, "invalid_request",
                           "the names of the rooms are too long together: a command has at most %d bytes",
                           COMMAND_MAX_BYTES);
    return status;
}

static enum status read_connection(struct push_reading *reading, const struct json_value *value)
{
    char text[CONNECTION_ID_MAX];
    struct connection_id id;
    size_t len;

    if (value->type != JSON_STRING || json_unescape(value->text, text, sizeof text, &len) != STATUS_OK ||
        connection_id_parse(slice_of(text, len), &id) != STATUS_OK)
        return push_refuse(reading->fault, "invalid_request",
                           "connection must be the id of a connection, as the client's WELCOME has it");
    return push_reading_json_name(reading, AUDIENCE_CONNECTION, value, "connection");
}

static enum status read_kick_target(struct push_reading *reading, const struct found *found)
{
    bool user = has(found, MEMBER_USER) || has(found, MEMBER_USERS);
    bool room = has(found, MEMBER_ROOM) || has(found, MEMBER_ROOMS);

    if (user + room + has(found, MEMBER_CONNECTION) != 1)
        return push_refuse(reading->fault, "invalid_request",
                           "exactly one of user, users, room, rooms and connection is needed");
    if (has(found, MEMBER_CONNECTION))
        return read_connection(reading, &found->values[MEMBER_CONNECTION]);
    return user ? read_names(reading, found, MEMBER_USER, AUDIENCE_USER)
                : read_names(reading, found, MEMBER_ROOM, AUDIENCE_ROOM);
}

/* When what is said of the users' bans counts as ordered. */
static enum status date(struct push_reading *reading, struct command *out)
{
    const struct push_request_limits *limits = reading->limits;
    const struct slice *users = reading->request->slices + reading->first_name;
    size_t count = reading->push.room_count;

    reading->push.bans = true;
    out->at_ms = limits->now_ms;
    if (limits->bans == NULL)
        return STATUS_OK;
    if (!ban_list_has_room(limits->bans, users, count, limits->now_ms / 1000)) {
        *reading->fault = (struct push_fault){.status = HTTP_UNAVAILABLE, .code = "too_many_bans"};
        snprintf(
            reading->fault->message, sizeof reading->fault->message,
            "%d users or %d bytes of their names are all that may be banned at a time; nothing was queued",
            BAN_LIST_MAX, BAN_LIST_NAME_BYTES);
        return STATUS_INVALID;
    }
    out->at_ms = ban_list_moment(limits->bans, users, count, limits->now_ms);
    return STATUS_OK;
}

static enum status read_ban(struct push_reading *reading, const struct found *found, struct command *out)
{
    const struct json_value *value = &found->values[MEMBER_BAN_SECONDS];
    int64_t seconds;

    if (!has(found, MEMBER_BAN_SECONDS))
        return STATUS_OK;
    seconds = whole_number(value, BAN_MAX_S);
    if (seconds < 1)
        return push_refuse(reading->fault, "invalid_request",
                           "banSeconds must be a whole number, 1 to %d (30 days)", BAN_MAX_S);
    if (reading->push.target != AUDIENCE_USER)
        return push_refuse(reading->fault, "invalid_request",
                           "banSeconds goes with user or users: nobody else can be banned");
    out->kind = COMMAND_BAN;
    out->until_s = reading->limits->now_ms / 1000 + seconds;
    return date(reading, out);
}

static enum status read_kick(struct push_reading *reading, const struct found *found)
{
    struct command command = {.kind = COMMAND_KICK};
    enum status status = read_code(reading, found, &command);

    if (status == STATUS_OK)
        status = read_reason(reading, found, &command);
    if (status == STATUS_OK)
        status = read_kick_target(reading, found);
    if (status == STATUS_OK)
        status = read_ban(reading, found, &command);
    return status == STATUS_OK ? print(reading, &command) : status;
}

/* For how long it is known that the bans of these users were lifted: as long as they would have been. */
static int64_t keep_of(const struct push_reading *reading, int64_t at_ms)
{
    int64_t keep_s = at_ms / 1000 + BAN_LIFTED_S;
    struct ban ban;

    for (size_t i = 0; reading->limits->bans != NULL && i < reading->push.room_count; i++)
        if (ban_list_find(reading->limits->bans, reading->request->slices[reading->first_name + i], &ban) &&
            ban.keep_s > keep_s)
            keep_s = ban.keep_s;
    return keep_s;
}

static enum status read_unban(struct push_reading *reading, const struct found *found)
{
    struct command command = {.kind = COMMAND_UNBAN};
    enum status status = read_names(reading, found, MEMBER_USER, AUDIENCE_USER);

    if (status == STATUS_OK)
        status = date(reading, &command);
    if (status != STATUS_OK)
        return status;
    command.keep_s = keep_of(reading, command.at_ms);
    return print(reading, &command);
}

static enum status read_rooms(struct push_reading *reading, const struct found *found, struct command *out)
{
    enum status status = read_names(reading, found, MEMBER_ROOM, AUDIENCE_ROOM);

    if (status == STATUS_OK && reading->push.room_count > COMMAND_ROOMS_MAX)
        return push_refuse(reading->fault, "too_many_rooms",
                           "more than %d rooms, the most that users may join or leave at once",
                           COMMAND_ROOMS_MAX);
    out->room_count = (uint32_t)reading->push.room_count;
    return status;
}

static enum status read_membership(struct push_reading *reading, const struct found *found,
                                   enum command_kind kind)
{
    struct command command = {.kind = kind};
    enum status status = read_rooms(reading, found, &command);

    if (status == STATUS_OK)
        status = read_seconds(reading, found, &command);
    if (status == STATUS_OK)
        status = print(reading, &command);
    if (status != STATUS_OK)
        return status;
    push_reading_forget_names(reading);
    status = read_names(reading, found, MEMBER_USER, AUDIENCE_USER);
    if (status == STATUS_OK && reading->push.room_count * command.room_count > COMMAND_PAIRS_MAX)
        return push_refuse(reading->fault, "invalid_request",
                           "%zu users and %u rooms; their product may be at most %d",
                           reading->push.room_count, (unsigned)command.room_count, COMMAND_PAIRS_MAX);
    return status;
}

static enum status read_wait(struct push_reading *reading, const struct found *found)
{
    enum json_type type = found->values[MEMBER_WAIT].type;

    if (!has(found, MEMBER_WAIT))
        return STATUS_OK;
    if (type != JSON_TRUE && type != JSON_FALSE)
        return push_refuse(reading->fault, "invalid_request", "wait must be true or false");
    reading->push.wait = type == JSON_TRUE;
    return STATUS_OK;
}

/* Before all others, so that what they refuse can be named by it. */
static enum status read_traceparent(struct push_reading *reading, const struct found *found)
{
    const struct json_value *value = &found->values[MEMBER_TRACEPARENT];
    char text[TRACEPARENT_MAX_BYTES];
    size_t len;

    if (!has(found, MEMBER_TRACEPARENT))
        return STATUS_OK;
    if (value->type != JSON_STRING || json_unescape(value->text, text, sizeof text, &len) != STATUS_OK ||
        !traceparent_parse(slice_of(text, len), &reading->push.trace))
        return push_refuse(reading->fault, "invalid_request",
                           "traceparent must be a string of W3C Trace Context, as "
                           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    reading->fault->trace = reading->push.trace;
    return STATUS_OK;
}

enum status command_object_read(struct push_reading *reading, enum push_door door,
                                const struct json_value *object)
{
    struct found found = {0};
    enum status status = find_members(reading, door, object, &found);

    reading->push.command = true;
    if (status == STATUS_OK)
        status = read_traceparent(reading, &found);
    if (status == STATUS_OK)
        status = read_wait(reading, &found);
    if (status == STATUS_OK && doors[door].kind == COMMAND_KICK)
        status = read_kick(reading, &found);
    else if (status == STATUS_OK && doors[door].kind == COMMAND_UNBAN)
        status = read_unban(reading, &found);
    else if (status == STATUS_OK)
        status = read_membership(reading, &found, doors[door].kind);
    if (status != STATUS_OK)
        return status;
    return push_reading_own_item(reading,
                                 slice_of(reading->request->command.data, reading->request->command.len));
}
