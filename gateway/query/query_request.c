/* SPDX-License-Identifier: Apache-2.0 */
/* A table of operations with the members that each has, a table of members with one reader each. */
#include "gateway/query/query_request.h"

#include <string.h>

#include "shared/contract/push.h"
#include "shared/json/json_scan.h"

enum { REQUEST_DEPTH = 4, KEY_DIGITS = 32, LIMIT_DIGITS = 4 };

enum member { OP, ROOM, PREFIX, USER, CONNECTION, KEY, USERS, AFTER, LIMIT, MEMBERS };

static const char *const names[MEMBERS] = {"op",  "room",  "prefix", "user", "connection",
                                           "key", "users", "after",  "limit"};

#define BIT(member) (1U << (member))

static const struct {
    const char *name;
    unsigned needs;
    unsigned may_have;
} ops[QUERY_OPS] = {
    [QUERY_ROOM] = {"room", BIT(ROOM) | BIT(KEY), BIT(USERS) | BIT(AFTER) | BIT(LIMIT)},
    [QUERY_ROOMS] = {"rooms", 0, BIT(PREFIX) | BIT(LIMIT)},
    [QUERY_USER] = {"user", BIT(USER), BIT(LIMIT)},
    [QUERY_CLIENT] = {"client", BIT(CONNECTION), 0},
    [QUERY_NODE] = {"node", 0, 0},
};

static enum status refuse(struct fault *fault, enum member member, const char *why)
{
    return fault_set(fault, STATUS_INVALID, "%s %s", names[member], why);
}

/* Decodes a string; what is longer than a name can be is none. */
static enum status read_text(const struct json_value *value, enum member member, char out[AUDIENCE_NAME_MAX],
                             size_t *len, struct fault *fault)
{
    if (value->type != JSON_STRING || json_unescape(value->text, out, AUDIENCE_NAME_MAX, len) != STATUS_OK)
        return refuse(fault, member, "must be a string of at most 1024 bytes");
    return STATUS_OK;
}

/* The name of somebody, as the key under which buckets know him. */
static enum status read_name(const struct json_value *value, enum member member, enum audience kind,
                             struct query *out, struct fault *fault)
{
    char text[AUDIENCE_NAME_MAX];
    size_t len = 0;
    enum status status = read_text(value, member, text, &len, fault);

    if (status != STATUS_OK)
        return status;
    const char *why = push_name_fault(kind, slice_of(text, len), AUDIENCE_NAME_MAX);
    if (why != NULL)
        return fault_set(fault, STATUS_INVALID, "%s: %s", names[member], why);
    uint8_t bytes[AUDIENCE_KEY_MAX];
    struct slice key = audience_key_of(kind, slice_of(text, len), bytes);
    memcpy(out->name, key.data, key.len);
    out->name_len = key.len;
    return STATUS_OK;
}

static enum status read_op(const struct json_value *value, struct query *out, struct fault *fault)
{
    for (unsigned op = 0; op < QUERY_OPS && value->type == JSON_STRING; op++) {
        if (json_string_is(value->text, ops[op].name, false)) {
            out->op = (enum query_op)op;
            return STATUS_OK;
        }
    }
    return refuse(fault, OP, "must be one of room, rooms, user, client, node");
}

static enum status read_room(const struct json_value *value, struct query *out, struct fault *fault)
{
    return read_name(value, ROOM, AUDIENCE_ROOM, out, fault);
}

static enum status read_user(const struct json_value *value, struct query *out, struct fault *fault)
{
    return read_name(value, USER, AUDIENCE_USER, out, fault);
}

static enum status read_prefix(const struct json_value *value, struct query *out, struct fault *fault)
{
    char text[AUDIENCE_NAME_MAX];
    enum status status = read_text(value, PREFIX, text, &out->name_len, fault);

    if (status == STATUS_OK)
        memcpy(out->name, text, out->name_len);
    return status;
}

static enum status read_connection(const struct json_value *value, struct query *out, struct fault *fault)
{
    char text[CONNECTION_ID_MAX];
    size_t len = 0;

    if (value->type != JSON_STRING || json_unescape(value->text, text, sizeof text, &len) != STATUS_OK ||
        connection_id_parse(slice_of(text, len), &out->connection) != STATUS_OK)
        return refuse(fault, CONNECTION, "must be the id of a connection, as WELCOME has it");
    return STATUS_OK;
}

/* -1 for what is no lower-case hex digit. */
static int hex_of(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static enum status read_key(const struct json_value *value, struct query *out, struct fault *fault)
{
    char text[KEY_DIGITS];
    size_t len = 0;

    if (value->type != JSON_STRING || json_unescape(value->text, text, sizeof text, &len) != STATUS_OK)
        len = 0;
    out->hash_key[0] = out->hash_key[1] = 0;
    for (size_t i = 0; i < len; i++) {
        int digit = hex_of(text[i]);

        if (digit < 0)
            len = 0;
        else
            out->hash_key[i / 16] = out->hash_key[i / 16] << 4 | (unsigned)digit;
    }
    return len == KEY_DIGITS ? STATUS_OK : refuse(fault, KEY, "must be a string of 32 lower-case hex digits");
}

static enum status read_users(const struct json_value *value, struct query *out, struct fault *fault)
{
    out->users = value->type == JSON_TRUE;
    return out->users || value->type == JSON_FALSE ? STATUS_OK
                                                   : refuse(fault, USERS, "must be true or false");
}

static enum status read_after(const struct json_value *value, struct query *out, struct fault *fault)
{
    char text[AUDIENCE_NAME_MAX];
    enum status status = read_text(value, AFTER, text, &out->after_len, fault);

    if (status == STATUS_OK)
        memcpy(out->after, text, out->after_len);
    return status;
}

static enum status read_limit(const struct json_value *value, struct query *out, struct fault *fault)
{
    uint32_t limit = 0;

    for (size_t i = 0; i < value->text.len && value->text.len <= LIMIT_DIGITS; i++) {
        unsigned digit = (unsigned)value->text.data[i] - '0';

        limit = value->type == JSON_NUMBER && digit <= 9 ? limit * 10 + digit : UINT32_MAX / 16;
    }
    out->limit = limit;
    return limit >= 1 && limit <= QUERY_PAGE_ENTRIES
               ? STATUS_OK
               : refuse(fault, LIMIT, "must be a whole number from 1 to 1000");
}

static enum status (*const readers[MEMBERS])(const struct json_value *value, struct query *out,
                                             struct fault *fault) = {
    [OP] = read_op,
    [ROOM] = read_room,
    [PREFIX] = read_prefix,
    [USER] = read_user,
    [CONNECTION] = read_connection,
    [KEY] = read_key,
    [USERS] = read_users,
    [AFTER] = read_after,
    [LIMIT] = read_limit,
};

static enum member member_of(struct slice key)
{
    unsigned member = 0;

    while (member < MEMBERS && !json_string_is(key, names[member], false))
        member++;
    return (enum member)member;
}

static enum status read_members(const struct json_value *root, const uint8_t *base, struct query *out,
                                unsigned *seen, struct fault *fault)
{
    struct json_iter members = json_iter_of(root, base);
    struct json_value key, value;
    enum status status = STATUS_OK;

    while (status == STATUS_OK && json_next_member(&members, &key, &value)) {
        enum member member = member_of(key.text);

        if (member == MEMBERS)
            return fault_set(fault, STATUS_INVALID, "unknown member %.*s",
                             key.text.len < 64 ? (int)key.text.len : 64, (const char *)key.text.data);
        if ((*seen & BIT(member)) != 0)
            return refuse(fault, member, "stands twice");
        *seen |= BIT(member);
        status = readers[member](&value, out, fault);
    }
    return status;
}

static enum status check_members(const struct query *query, unsigned seen, struct fault *fault)
{
    unsigned needs = BIT(OP) | ops[query->op].needs;

    for (unsigned member = 0; member < MEMBERS; member++) {
        if ((needs & ~seen & BIT(member)) != 0)
            return refuse(fault, (enum member)member, "is missing");
        if ((seen & ~needs & ~ops[query->op].may_have & BIT(member)) != 0)
            return fault_set(fault, STATUS_INVALID, "%s is no member of op %s", names[member],
                             ops[query->op].name);
    }
    return STATUS_OK;
}

enum status query_request_parse(struct slice text, struct query *out, struct fault *fault)
{
    struct json_value root;
    struct json_error error;
    char reason[128];
    unsigned seen = 0;

    *out = (struct query){.limit = QUERY_DEFAULT_LIMIT};
    if (json_scan(text, REQUEST_DEPTH, &root, &error) != STATUS_OK)
        return fault_set(fault, STATUS_INVALID, "%s", json_error_text(&error, reason, sizeof reason));
    if (root.type != JSON_OBJECT)
        return fault_set(fault, STATUS_INVALID, "the body must be a JSON object");
    enum status status = read_members(&root, text.data, out, &seen, fault);
    if (status != STATUS_OK)
        return status;
    if ((seen & BIT(OP)) == 0)
        return refuse(fault, OP, "is missing");
    return check_members(out, seen, fault);
}
