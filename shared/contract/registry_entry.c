/* SPDX-License-Identifier: Apache-2.0 */
/* The value is JSON in and out: printed by hand, read with the strict scanner. Pure. */
#include "shared/contract/registry_entry.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json/json_scan.h"

enum { MAX_DEPTH = 8, PORT_MAX = 65535, WEIGHT_MAX = 1000, TEXT_MAX = 4096, DIGITS_MAX = 15 };

static const char *const states[] = {"up", "draining", "gone"};

const char *registry_id_fault(const char *id)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-";
    size_t len = strlen(id);

    if (len < 1 || len > REGISTRY_ID_MAX || strspn(id, allowed) != len)
        return "must be 1 to 128 of A-Z a-z 0-9 . _ : -";
    return NULL;
}

static enum status print_member(struct buf *out, const char *name, const char *value)
{
    enum status status = buf_printf(out, "\"%s\":", name);

    if (status == STATUS_OK)
        status = buf_append_json_string(out, value, strlen(value));
    return status != STATUS_OK ? status : buf_append_str(out, ",");
}

enum status registry_entry_print(const struct registry_entry *entry, struct buf *out)
{
    enum status status = buf_append_str(out, "{");

    if (status == STATUS_OK)
        status = print_member(out, "instance", entry->instance);
    if (status == STATUS_OK)
        status = print_member(out, "id", entry->id);
    if (status == STATUS_OK)
        status = print_member(out, "host", entry->host);
    if (status == STATUS_OK)
        status = buf_printf(out, "\"port\":%d,\"weight\":%" PRId64 ",", entry->port, entry->weight);
    if (status == STATUS_OK)
        status = print_member(out, "state", states[entry->state]);
    if (status == STATUS_OK)
        status = print_member(out, "version", entry->version);
    return status != STATUS_OK ? status : buf_printf(out, "\"clients\":%" PRId64 "}", entry->clients);
}

static bool read_text(const struct json_value *value, char *out, size_t cap)
{
    size_t len = 0;

    if (value->type != JSON_STRING || json_unescape(value->text, out, cap - 1, &len) != STATUS_OK)
        return false;
    out[len] = '\0';
    return strlen(out) == len;
}

/* Whole numbers only, without exponent. */
static bool read_number(const struct json_value *value, int64_t min, int64_t max, int64_t *out)
{
    char digits[DIGITS_MAX + 1];

    if (value->type != JSON_NUMBER || value->text.len > DIGITS_MAX)
        return false;
    memcpy(digits, value->text.data, value->text.len);
    digits[value->text.len] = '\0';
    if (strspn(digits, "-0123456789") != value->text.len)
        return false;
    *out = strtoll(digits, NULL, 10);
    return *out >= min && *out <= max;
}

static bool read_instance(const struct json_value *value, struct registry_entry *out)
{
    if (!read_text(value, out->instance, sizeof out->instance))
        return false;
    size_t len = strlen(out->instance);
    return (len == 0 || len == REGISTRY_INSTANCE_LEN) && strspn(out->instance, "0123456789abcdef") == len;
}

static bool read_id(const struct json_value *value, struct registry_entry *out)
{
    return read_text(value, out->id, sizeof out->id) && registry_id_fault(out->id) == NULL;
}

/* What a host name or an address is made of (RFC 952, RFC 4291), with an underscore. */
static bool read_host(const struct json_value *value, struct registry_entry *out)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:%";

    return read_text(value, out->host, sizeof out->host) && out->host[0] &&
           strspn(out->host, allowed) == strlen(out->host);
}

static bool read_port(const struct json_value *value, struct registry_entry *out)
{
    int64_t port;

    if (!read_number(value, 1, PORT_MAX, &port))
        return false;
    out->port = (int)port;
    return true;
}

static bool read_weight(const struct json_value *value, struct registry_entry *out)
{
    return read_number(value, 0, WEIGHT_MAX, &out->weight);
}

static bool read_state(const struct json_value *value, struct registry_entry *out)
{
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        if (value->type == JSON_STRING && json_string_is(value->text, states[i], false)) {
            out->state = (enum registry_state)i;
            return true;
        }
    }
    return false;
}

static bool read_version(const struct json_value *value, struct registry_entry *out)
{
    return read_text(value, out->version, sizeof out->version);
}

static bool read_clients(const struct json_value *value, struct registry_entry *out)
{
    return read_number(value, -1, INT64_C(1000000000), &out->clients);
}

static const struct member {
    const char *name;
    bool (*read)(const struct json_value *value, struct registry_entry *out);
    bool required;
} members[] = {
    {"instance", read_instance, false}, {"id", read_id, true},
    {"host", read_host, true},          {"port", read_port, true},
    {"weight", read_weight, false},     {"state", read_state, true},
    {"version", read_version, false},   {"clients", read_clients, false},
};

enum { MEMBERS = sizeof members / sizeof *members };

static enum status read_member(const struct json_value *key, const struct json_value *value, bool *seen,
                               struct registry_entry *out, struct fault *fault)
{
    for (size_t i = 0; i < MEMBERS; i++) {
        if (!json_string_is(key->text, members[i].name, false))
            continue;
        if (seen[i] || !members[i].read(value, out))
            return fault_set(fault, STATUS_INVALID, seen[i] ? "%s stands there twice" : "%s is out of range",
                             members[i].name);
        seen[i] = true;
    }
    return STATUS_OK;
}

enum status registry_entry_parse(struct slice text, struct registry_entry *out, struct fault *fault)
{
    struct json_value object, key, value;
    struct json_error error;
    bool seen[MEMBERS] = {false};
    enum status status = STATUS_OK;

    if (text.len > TEXT_MAX || json_scan(text, MAX_DEPTH, &object, &error) != STATUS_OK ||
        object.type != JSON_OBJECT)
        return fault_set(fault, STATUS_INVALID, "not a JSON object of at most %d bytes", TEXT_MAX);
    *out = (struct registry_entry){.weight = 1, .clients = -1};
    struct json_iter iter = json_iter_of(&object, text.data);
    while (status == STATUS_OK && json_next_member(&iter, &key, &value))
        status = read_member(&key, &value, seen, out, fault);
    for (size_t i = 0; status == STATUS_OK && i < MEMBERS; i++)
        if (members[i].required && !seen[i])
            status = fault_set(fault, STATUS_INVALID, "%s is missing", members[i].name);
    return status;
}

enum status registry_key(const char *prefix, const char *id, struct buf *out)
{
    return buf_printf(out, "%s:gateway:%s", prefix, id);
}

enum status registry_channel(const char *prefix, struct buf *out)
{
    return buf_printf(out, "%s:gateways", prefix);
}
