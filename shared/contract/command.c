/* SPDX-License-Identifier: Apache-2.0 */
/* The text is scanned once, then walked; each kind has a row with the function that reads what is in it. */
#include "shared/contract/command.h"

#include "shared/base/utf8.h"
#include "shared/contract/close_codes.h"
#include "shared/contract/push.h"

enum { COMMAND_DEPTH = 3, SHOWN_NAME = 40 };

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

struct member {
    const char *name; /* NULL behind the last */
    enum status (*read)(const struct reading *reading, const struct json_value *value);
};

enum { MEMBERS_MAX = 2 };

static const struct {
    const char *name;
    struct member members[MEMBERS_MAX + 1];
} kinds[COMMAND_KINDS] = {
    [COMMAND_KICK] = {"kick", {{"code", read_code}, {"reason", read_reason}}},
    [COMMAND_JOIN] = {"join", {{"rooms", read_rooms}, {"seconds", read_seconds}}},
    [COMMAND_LEAVE] = {"leave", {{"rooms", read_rooms}, {"seconds", read_seconds}}},
};

const char *command_name(enum command_kind kind)
{
    return kinds[kind].name;
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
        return refuse(&reading, "a command", "is an object with one of kick, join and leave");
    return read_members(&reading, &value);
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
    enum status status = buf_printf(out, "{\"kick\":{\"code\":%u,\"reason\":", (unsigned)command->code);

    if (status == STATUS_OK)
        status = buf_append_json_string(out, command->reason, command->reason_len);
    return status == STATUS_OK ? buf_append_str(out, "}}") : status;
}

enum status command_print(const struct command *command, const struct slice *rooms, struct buf *out)
{
    enum status status;

    if (command->kind == COMMAND_KICK)
        return print_kick(command, out);
    status = buf_printf(out, "{\"%s\":{\"rooms\":[", kinds[command->kind].name);
    for (uint32_t i = 0; i < command->room_count && status == STATUS_OK; i++) {
        status = i > 0 ? buf_append_str(out, ",") : STATUS_OK;
        if (status == STATUS_OK)
            status = buf_append_json_string(out, rooms[i].data, rooms[i].len);
    }
    return status == STATUS_OK ? buf_printf(out, "],\"seconds\":%u}}", (unsigned)command->seconds) : status;
}
