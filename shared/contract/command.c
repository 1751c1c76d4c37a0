/* SPDX-License-Identifier: Apache-2.0 */
/* The text is scanned once, then walked; each kind has a row with the function that reads what is in it. */
#include "shared/contract/command.h"

#include <inttypes.h>

#include "shared/base/utf8.h"
#include "shared/contract/close_codes.h"
#include "shared/contract/push.h"

enum { COMMAND_DEPTH = 3, SHOWN_NAME = 40 };

static const int64_t TIME_MAX = INT64_C(999999999999999);

/* What a command is read with. */
struct reading {
    const uint8_t *base;
    size_t max_room_len;
    struct command *out;
    struct fault *fault;
};

bool command_code_is_allowed(int64_t code)
{
    return code == CLOSE_kicked || close_code_is_free(code);
}

const char *command_reason_fault(struct slice reason)
{
    const char *fault = reason.len == 0 ? NULL : push_name_fault(AUDIENCE_ROOM, reason, COMMAND_REASON_MAX);

    if (fault == NULL)
        return NULL;
    if (reason.len > COMMAND_REASON_MAX)
        return "reason is longer than 100 bytes";
    return utf8_valid(reason, NULL) ? "reason has a control character" : "reason is not valid UTF-8";
}

static enum status refuse(const struct reading *reading, const char *what, const char *why)
{
    return fault_set(reading->fault, STATUS_INVALID, "%s %s", what, why);
}

/* A number without sign, point or exponent; -1 when it is none, or above `max`. */
static int64_t whole_number(const struct json_value *value, int64_t max)
{
    int64_t number = 0;

    if (value->type != JSON_NUMBER)
        return -1;
    for (size_t i = 0; i < value->text.len; i++) {
        uint8_t digit = value->text.data[i];

        if (digit < '0' || digit > '9')
            return -1;
        number = number * 10 + (digit - '0');
        if (number > max)
            return -1;
    }
    return number;
}

static enum status read_code(const struct reading *reading, const struct json_value *value)
{
    int64_t code = whole_number(value, UINT16_MAX);

    if (!command_code_is_allowed(code))
        return refuse(reading, "code", "must be " COMMAND_CODES_ALLOWED);
    reading->out->code = (uint16_t)code;
    return STATUS_OK;
}

static enum status read_reason(const struct reading *reading, const struct json_value *value)
{
    struct command *out = reading->out;
    size_t len = 0;

    if (value->type != JSON_STRING)
        return refuse(reading, "reason", "must be a string");
    if (json_unescape(value->text, out->reason, sizeof out->reason, &len) != STATUS_OK)
        return refuse(reading, "reason", "is longer than 100 bytes");
    const char *fault = command_reason_fault(slice_of(out->reason, len));
    if (fault != NULL)
        return fault_set(reading->fault, STATUS_INVALID, "%s", fault);
    out->reason_len = (uint16_t)len;
    return STATUS_OK;
}

static enum status read_seconds(const struct reading *reading, const struct json_value *value)
{
    int64_t seconds = whole_number(value, COMMAND_SECONDS_MAX);

    if (seconds < 0)
        return refuse(reading, "seconds", "must be a whole number, 0 to 86400");
    reading->out->seconds = (uint32_t)seconds;
    return STATUS_OK;
}

static enum status read_room(const struct reading *reading, const struct json_value *value)
{
    char bytes[AUDIENCE_NAME_MAX];
    size_t len = 0;

    if (value->type != JSON_STRING)
        return refuse(reading, "rooms", "must be strings");
    if (json_unescape(value->text, bytes, sizeof bytes, &len) != STATUS_OK)
        return refuse(reading, "rooms:", "the room name is too long");
    const char *fault = push_name_fault(AUDIENCE_ROOM, slice_of(bytes, len), reading->max_room_len);
    return fault != NULL ? refuse(reading, "rooms:", fault) : STATUS_OK;
}

static enum status read_rooms(const struct reading *reading, const struct json_value *value)
{
    struct json_iter iter = json_iter_of(value, reading->base);
    struct json_value room;
    enum status status = STATUS_OK;

    if (value->type != JSON_ARRAY)
        return refuse(reading, "rooms", "must be an array");
    reading->out->rooms = slice_of(value->text.data + 1, value->text.len - 2);
    while (status == STATUS_OK && json_next_element(&iter, &room)) {
        if (++reading->out->room_count > COMMAND_ROOMS_MAX)
            return refuse(reading, "rooms", "must be at most 100");
        status = read_room(reading, &room);
    }
    if (status == STATUS_OK && reading->out->room_count == 0)
        return refuse(reading, "rooms", "is empty");
    return status;
}

static enum status read_time(const struct reading *reading, const struct json_value *value, const char *name,
                             int64_t *out)
{
    *out = whole_number(value, TIME_MAX);
    return *out >= 0 ? STATUS_OK : refuse(reading, name, "must be a whole number of at most 15 digits");
}

static enum status read_until(const struct reading *reading, const struct json_value *value)
{
    return read_time(reading, value, "until", &reading->out->until_s);
}

static enum status read_at(const struct reading *reading, const struct json_value *value)
{
    return read_time(reading, value, "at", &reading->out->at_ms);
}

static enum status read_keep(const struct reading *reading, const struct json_value *value)
{
    return read_time(reading, value, "keep", &reading->out->keep_s);
}

struct member {
    const char *name; /* NULL behind the last */
    enum status (*read)(const struct reading *reading, const struct json_value *value);
};

enum { MEMBERS_MAX = 4 };

static const struct {
    const char *name;
    struct member members[MEMBERS_MAX + 1];
} kinds[COMMAND_KINDS] = {
    [COMMAND_KICK] = {"kick", {{"code", read_code}, {"reason", read_reason}}},
    [COMMAND_JOIN] = {"join", {{"rooms", read_rooms}, {"seconds", read_seconds}}},
    [COMMAND_LEAVE] = {"leave", {{"rooms", read_rooms}, {"seconds", read_seconds}}},
    [COMMAND_BAN] = {"ban",
                     {{"code", read_code}, {"reason", read_reason}, {"until", read_until}, {"at", read_at}}},
    [COMMAND_UNBAN] = {"unban", {{"at", read_at}, {"keep", read_keep}}},
};

const char *command_name(enum command_kind kind)
{
    return kinds[kind].name;
}

struct ban command_ban(const struct command *command, struct slice user)
{
    int64_t at_s = command->at_ms / 1000;

    if (command->kind == COMMAND_UNBAN)
        return (struct ban){user, 0, command->at_ms, command->keep_s};
    return (struct ban){user, command->until_s, command->at_ms,
                        command->until_s > at_s ? command->until_s : at_s};
}

bool command_fits(enum command_kind kind, enum audience target)
{
    return target == AUDIENCE_USER ||
           (kind == COMMAND_KICK && (target == AUDIENCE_ROOM || target == AUDIENCE_CONNECTION));
}

/* Reads one member, whose bit in `*seen` must not be set. */
static enum status read_member(const struct reading *reading, const struct json_value *name,
                               const struct json_value *value, unsigned *seen)
{
    const struct member *members = kinds[reading->out->kind].members;
    unsigned i = 0;

    while (members[i].name != NULL && !json_string_is(name->text, members[i].name, false))
        i++;
    if (members[i].name == NULL)
        return fault_set(reading->fault, STATUS_INVALID, "unknown member %.*s of a command",
                         name->text.len < SHOWN_NAME ? (int)name->text.len : SHOWN_NAME,
                         (const char *)name->text.data);
    if (*seen & 1u << i)
        return refuse(reading, members[i].name, "stands twice");
    *seen |= 1u << i;
    return members[i].read(reading, value);
}

static enum status read_members(const struct reading *reading, const struct json_value *object)
{
    const struct member *members = kinds[reading->out->kind].members;
    struct json_iter iter = json_iter_of(object, reading->base);
    struct json_value name, value;
    enum status status = STATUS_OK;
    unsigned seen = 0;

    if (object->type != JSON_OBJECT)
        return refuse(reading, kinds[reading->out->kind].name, "must be an object");
    while (status == STATUS_OK && json_next_member(&iter, &name, &value))
        status = read_member(reading, &name, &value, &seen);
    for (unsigned i = 0; status == STATUS_OK && members[i].name != NULL; i++)
        if ((seen & 1u << i) == 0)
            status = refuse(reading, members[i].name, "is missing");
    return status;
}

/* Of whichever user. */
static enum status check_ban(const struct reading *reading)
{
    const struct ban ban = command_ban(reading->out, slice_str("u"));

    if (reading->out->kind != COMMAND_BAN && reading->out->kind != COMMAND_UNBAN)
        return STATUS_OK;
    const char *fault = ban_fault(&ban);
    return fault != NULL ? refuse(reading, "the ban:", fault) : STATUS_OK;
}

static bool kind_named(struct slice name, enum command_kind *out)
{
    for (unsigned kind = 0; kind < COMMAND_KINDS; kind++) {
        if (json_string_is(name, kinds[kind].name, false)) {
            *out = (enum command_kind)kind;
            return true;
        }
    }
    return false;
}

enum status command_parse(struct slice text, size_t max_room_len, struct command *out, struct fault *fault)
{
    const struct reading reading = {text.data, max_room_len, out, fault};
    struct json_error error;
    struct json_value root, name, value, more;
    char shown[128];

    *out = (struct command){.kind = COMMAND_KICK};
    if (text.len > COMMAND_MAX_BYTES)
        return refuse(&reading, "a command", "has at most 65536 bytes");
    if (json_scan(text, COMMAND_DEPTH, &root, &error) != STATUS_OK)
        return fault_set(fault, STATUS_INVALID, "%s", json_error_text(&error, shown, sizeof shown));
    struct json_iter iter = json_iter_of(&root, text.data);
    if (root.type != JSON_OBJECT || !json_next_member(&iter, &name, &value) ||
        !kind_named(name.text, &out->kind) || json_next_member(&iter, &name, &more))
        return refuse(&reading, "a command", "is an object with one of kick, join, leave, ban and unban");
    enum status status = read_members(&reading, &value);
    return status == STATUS_OK ? check_ban(&reading) : status;
}

bool command_next_room(struct slice *rest, char bytes[AUDIENCE_NAME_MAX], struct slice *room)
{
    struct json_iter iter = {rest->data, rest->data, rest->data + rest->len};
    struct json_value value;
    size_t len = 0;

    if (!json_next_element(&iter, &value) ||
        json_unescape(value.text, bytes, AUDIENCE_NAME_MAX, &len) != STATUS_OK)
        return false;
    *rest = slice_of(iter.at, (size_t)(iter.end - iter.at));
    *room = slice_of(bytes, len);
    return true;
}

static enum status print_kick(const struct command *command, struct buf *out)
{
    enum status status = buf_printf(out, "{\"%s\":{\"code\":%u,\"reason\":", kinds[command->kind].name,
                                    (unsigned)command->code);

    if (status == STATUS_OK)
        status = buf_append_json_string(out, command->reason, command->reason_len);
    if (status == STATUS_OK && command->kind == COMMAND_BAN)
        status = buf_printf(out, ",\"until\":%" PRId64 ",\"at\":%" PRId64, command->until_s, command->at_ms);
    return status == STATUS_OK ? buf_append_str(out, "}}") : status;
}

enum status command_print(const struct command *command, const struct slice *rooms, struct buf *out)
{
    enum status status;

    if (command->kind == COMMAND_KICK || command->kind == COMMAND_BAN)
        return print_kick(command, out);
    if (command->kind == COMMAND_UNBAN)
        return buf_printf(out, "{\"unban\":{\"at\":%" PRId64 ",\"keep\":%" PRId64 "}}", command->at_ms,
                          command->keep_s);
    status = buf_printf(out, "{\"%s\":{\"rooms\":[", kinds[command->kind].name);
    for (uint32_t i = 0; i < command->room_count && status == STATUS_OK; i++) {
        status = i > 0 ? buf_append_str(out, ",") : STATUS_OK;
        if (status == STATUS_OK)
            status = buf_append_json_string(out, rooms[i].data, rooms[i].len);
    }
    return status == STATUS_OK ? buf_printf(out, "],\"seconds\":%u}}", (unsigned)command->seconds) : status;
}
