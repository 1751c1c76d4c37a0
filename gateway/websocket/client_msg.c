/* SPDX-License-Identifier: Apache-2.0 */
/* A message is read in two steps: the members that matter are found, then the room is decoded
 * if the type needs one, since `type` may stand behind `data`. */
#include "gateway/websocket/client_msg.h"

#include "shared/contract/push.h"
#include "shared/json/json_scan.h"

struct members {
    struct json_value type; /* each: text.data is NULL when absent */
    struct json_value data;
    struct json_value id;
};

static const struct {
    const char *name;
    enum client_msg_type type;
} types[] = {
    {"PING", CLIENT_MSG_PING},
    {"JOIN", CLIENT_MSG_JOIN},
    {"LEAVE", CLIENT_MSG_LEAVE},
    {"AUTH", CLIENT_MSG_AUTH},
};

static struct members find_members(const struct json_value *object, const uint8_t *base)
{
    struct members found = {0};
    struct json_iter iter = json_iter_of(object, base);
    struct json_value name, value;

    while (json_next_member(&iter, &name, &value)) {
        if (json_string_is(name.text, "type", true)) {
            found.type = value;
        } else if (json_string_is(name.text, "data", true)) {
            found.data = value;
        } else if (json_string_is(name.text, "id", true)) {
            found.id = value;
        }
    }
    return found;
}

static enum client_msg_type type_named(struct slice name)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (json_string_is(name, types[i].name, false)) {
            return types[i].type;
        }
    }
    return CLIENT_MSG_UNKNOWN;
}

/* The last member `wanted` of the data; text.data is NULL when there is none. */
static struct json_value find_in_data(const struct json_value *data, const uint8_t *base, const char *wanted)
{
    struct json_value found = {0};
    struct json_value name, value;
    struct json_iter iter;

    if (data->text.data == NULL || data->type != JSON_OBJECT) {
        return found;
    }
    iter = json_iter_of(data, base);
    while (json_next_member(&iter, &name, &value)) {
        if (json_string_is(name.text, wanted, true)) {
            found = value;
        }
    }
    return found;
}

/* Decodes the room into `out`; the reason why it is none, or NULL. */
static const char *read_room(const struct json_value *room, size_t max_len, struct client_msg *out)
{
    enum status status;

    if (room->text.data == NULL) {
        return "the room is missing";
    }
    if (room->type != JSON_STRING) {
        return "the room is not a string";
    }
    status = json_unescape(room->text, out->room, sizeof out->room, &out->room_len);
    if (status != STATUS_OK) {
        return "the room name is too long"; /* json_scan has passed the escapes */
    }
    return push_room_fault(slice_of(out->room, out->room_len), max_len);
}

enum status client_msg_parse(struct slice text, size_t max_room_len, struct client_msg *out)
{
    struct json_value root, room;
    struct json_error error;
    struct members found;

    if (json_scan(text, CLIENT_MSG_MAX_DEPTH, &root, &error) != STATUS_OK || root.type != JSON_OBJECT) {
        return STATUS_INVALID;
    }
    found = find_members(&root, text.data);
    if (found.type.text.data == NULL || found.type.type != JSON_STRING ||
        found.id.text.len > CLIENT_MSG_MAX_ID) {
        return STATUS_INVALID;
    }
    out->type = type_named(found.type.text);
    out->id = found.id.text;
    out->room_len = 0;
    out->room_fault = NULL;
    out->token = slice_of(NULL, 0);
    if (out->type == CLIENT_MSG_JOIN || out->type == CLIENT_MSG_LEAVE) {
        room = find_in_data(&found.data, text.data, "room");
        out->room_fault = read_room(&room, max_room_len, out);
    }
    if (out->type == CLIENT_MSG_JOIN || out->type == CLIENT_MSG_AUTH) {
        out->token = find_in_data(&found.data, text.data, "token").text;
    }
    return STATUS_OK;
}

enum status client_msg_token(const struct client_msg *msg, char *out, size_t *len)
{
    if (msg->token.data == NULL)
        return STATUS_NOT_FOUND;
    if (msg->token.data[0] != '"')
        return STATUS_INVALID;
    enum status status = json_unescape(msg->token, out, CLIENT_MSG_MAX_TOKEN, len);
    return status == STATUS_OK && *len == 0 ? STATUS_INVALID : status;
}

/* `{"type":"TYPE"`, and the id if there is one. */
static enum status begin(struct buf *out, const char *type, struct slice id)
{
    enum status status = buf_printf(out, "{\"type\":\"%s\"", type);

    if (status == STATUS_OK && id.data != NULL)
        status = buf_append_str(out, ",\"id\":");
    if (status == STATUS_OK && id.data != NULL)
        status = buf_append(out, id.data, id.len);
    return status;
}

static enum status add_string(struct buf *out, const char *before, struct slice text)
{
    enum status status = buf_append_str(out, before);

    return status == STATUS_OK ? buf_append_json_string(out, text.data, text.len) : status;
}

enum status client_msg_ack(struct buf *out, struct slice id)
{
    enum status status = begin(out, "ACK", id);

    return status == STATUS_OK ? buf_append_str(out, "}") : status;
}

enum status client_msg_error(struct buf *out, struct slice id, struct slice room, const char *code,
                             const char *message)
{
    enum status status = begin(out, "ERROR", id);

    if (status == STATUS_OK)
        status = buf_printf(out, ",\"data\":{\"code\":\"%s\"", code);
    if (status == STATUS_OK)
        status = add_string(out, ",\"message\":", slice_str(message));
    if (status == STATUS_OK && room.data != NULL)
        status = add_string(out, ",\"room\":", room);
    return status == STATUS_OK ? buf_append_str(out, "}}") : status;
}

enum status client_msg_left(struct buf *out, struct slice room, const char *reason)
{
    enum status status = begin(out, "LEFT", slice_of(NULL, 0));

    if (status == STATUS_OK)
        status = add_string(out, ",\"data\":{\"room\":", room);
    return status == STATUS_OK ? buf_printf(out, ",\"reason\":\"%s\"}}", reason) : status;
}

enum status client_msg_welcome(struct buf *out, const struct connection_id *id, int64_t heartbeat_s)
{
    char text[CONNECTION_ID_MAX + 1];

    (void)connection_id_print(id, text);
    return buf_printf(out, "{\"type\":\"WELCOME\",\"data\":{\"connection\":\"%s\",\"heartbeat\":%lld}}", text,
                      (long long)heartbeat_s);
}

enum status client_msg_joined(struct buf *out, struct slice room)
{
    enum status status = begin(out, "JOINED", slice_of(NULL, 0));

    if (status == STATUS_OK)
        status = add_string(out, ",\"data\":{\"room\":", room);
    return status == STATUS_OK ? buf_append_str(out, "}}") : status;
}
