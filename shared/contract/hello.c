/* SPDX-License-Identifier: Apache-2.0 */
/* Prints and reads the hello. Which limits there are stands in one table. */
#include "shared/contract/hello.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "shared/json/json_scan.h"

enum { HELLO_DEPTH = 16, LIMIT_MAX_DIGITS = 15, CAPABILITIES_MAX = 256 };

static const char *const limit_names[HELLO_LIMIT_COUNT] = {
    [HELLO_ITEM_BYTES] = "maxItemBytes",
    [HELLO_JSON_DEPTH] = "maxJsonDepth",
    [HELLO_ROOM_NAME_BYTES] = "maxRoomNameBytes",
    [HELLO_RPC_BYTES] = "maxRpcBytes",
};

#define CAPABILITY_ROW(capability, name, refused) [HELLO_##capability] = {name, refused},
static const struct {
    const char *name;
    const char *refused;
} capabilities[HELLO_CAPABILITY_COUNT] = {HELLO_CAPABILITIES(CAPABILITY_ROW)};
#undef CAPABILITY_ROW

/* The last may be missing. */
enum member {
    MEMBER_VERSION,
    MEMBER_INSTANCE,
    MEMBER_LIMITS,
    MEMBER_CAPABILITIES,
    MEMBER_BANS,
    MEMBER_COUNT
};

static const char *const member_names[MEMBER_COUNT] = {
    [MEMBER_VERSION] = "version",           [MEMBER_INSTANCE] = "instance", [MEMBER_LIMITS] = "limits",
    [MEMBER_CAPABILITIES] = "capabilities", [MEMBER_BANS] = "bans",
};

const char *hello_limit_name(enum hello_limit limit)
{
    return limit_names[limit];
}

const char *hello_refused_without(enum hello_capability capability)
{
    return capabilities[capability].refused;
}

void hello_set_instance(struct hello *hello, const uint8_t *bytes)
{
    for (size_t i = 0; i < HELLO_INSTANCE_LEN / 2; i++)
        snprintf(hello->instance + 2 * i, 3, "%02x", bytes[i]);
}

void hello_set_bans(struct hello *hello, uint64_t digest)
{
    snprintf(hello->bans, sizeof hello->bans, "%016" PRIx64, digest);
}

static enum status print_limits(const struct hello *hello, struct buf *out)
{
    enum status status = buf_append_str(out, ",\"limits\":{");

    for (size_t i = 0; i < HELLO_LIMIT_COUNT && status == STATUS_OK; i++)
        status = buf_printf(out, "%s\"%s\":%" PRId64, i > 0 ? "," : "", limit_names[i], hello->limits[i]);
    return status == STATUS_OK ? buf_append_str(out, "}") : status;
}

static enum status print_capabilities(const struct hello *hello, struct buf *out)
{
    enum status status = buf_append_str(out, ",\"capabilities\":[");
    const char *comma = "";

    for (unsigned i = 0; i < HELLO_CAPABILITY_COUNT && status == STATUS_OK; i++) {
        if (!hello_can(hello, (enum hello_capability)i))
            continue;
        status = buf_printf(out, "%s\"%s\"", comma, capabilities[i].name);
        comma = ",";
    }
    return status == STATUS_OK ? buf_append_str(out, "]") : status;
}

static enum status print_bans(const struct hello *hello, struct buf *out)
{
    return hello->bans[0] != '\0' ? buf_printf(out, ",\"bans\":\"%s\"}", hello->bans)
                                  : buf_append_str(out, "}");
}

enum status hello_print(const struct hello *hello, struct buf *out)
{
    enum status status = buf_append_str(out, "{\"version\":");

    if (status == STATUS_OK)
        status = buf_append_json_string(out, hello->version, strlen(hello->version));
    if (status == STATUS_OK)
        status = buf_printf(out, ",\"instance\":\"%s\"", hello->instance);
    if (status == STATUS_OK)
        status = print_limits(hello, out);
    if (status == STATUS_OK)
        status = print_capabilities(hello, out);
    return status == STATUS_OK ? print_bans(hello, out) : status;
}

static enum status refuse(struct fault *fault, const char *member, const char *reason)
{
    return fault_set(fault, STATUS_INVALID, "hello: %s: %s", member, reason);
}

/* The index of `key` in `names`, or `count`. */
static size_t name_index(struct slice key, const char *const *names, size_t count)
{
    size_t index = 0;

    while (index < count && !json_string_is(key, names[index], false))
        index++;
    return index;
}

/* Puts each known member's value at its index. One that stands twice is refused, or one of the first
 * `required` that is missing; another one that is has no text. */
static enum status collect(const struct json_value *object, const uint8_t *base, const char *const *names,
                           size_t count, size_t required, struct json_value *values, struct fault *fault)
{
    struct json_iter members = json_iter_of(object, base);
    struct json_value key, value;
    unsigned seen = 0;

    memset(values, 0, count * sizeof *values);
    while (json_next_member(&members, &key, &value)) {
        size_t index = name_index(key.text, names, count);

        if (index == count)
            continue;
        if (seen & 1u << index)
            return refuse(fault, names[index], "stands twice");
        seen |= 1u << index;
        values[index] = value;
    }
    for (size_t i = 0; i < required; i++)
        if (!(seen & 1u << i))
            return refuse(fault, names[i], "is missing");
    return STATUS_OK;
}

static bool is_printable(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] < 0x20 || text[i] > 0x7E)
            return false;
    return len > 0;
}

static enum status read_version(const struct json_value *value, struct hello *out, struct fault *fault)
{
    size_t len = 0;

    if (value->type != JSON_STRING ||
        json_unescape(value->text, out->version, HELLO_VERSION_MAX, &len) != STATUS_OK ||
        !is_printable(out->version, len))
        return refuse(fault, "version", "must be a string of 1 to 63 printable ASCII characters");
    out->version[len] = '\0';
    return STATUS_OK;
}

/* Exactly `len` lower-case hex digits, and the NUL behind them. */
static bool read_hex(const struct json_value *value, char *out, size_t len)
{
    size_t had = 0;

    if (value->type != JSON_STRING || json_unescape(value->text, out, len, &had) != STATUS_OK || had != len)
        return false;
    out[len] = '\0';
    return strspn(out, "0123456789abcdef") == len;
}

static enum status read_instance(const struct json_value *value, struct hello *out, struct fault *fault)
{
    return read_hex(value, out->instance, HELLO_INSTANCE_LEN)
               ? STATUS_OK
               : refuse(fault, "instance", "must be a string of 32 lower-case hex digits");
}

static enum status read_bans(const struct json_value *value, struct hello *out, struct fault *fault)
{
    out->bans[0] = '\0';
    return value->text.data == NULL || read_hex(value, out->bans, HELLO_BANS_LEN)
               ? STATUS_OK
               : refuse(fault, "bans", "must be a string of 16 lower-case hex digits");
}

/* 0 when it is no whole number of at least 1. */
static int64_t read_limit(const struct json_value *value)
{
    int64_t number = 0;

    if (value->type != JSON_NUMBER || value->text.len > LIMIT_MAX_DIGITS)
        return 0;
    for (size_t i = 0; i < value->text.len; i++) {
        unsigned digit = (unsigned)value->text.data[i] - '0';

        if (digit > 9)
            return 0;
        number = number * 10 + digit;
    }
    return number;
}

static enum status read_limits(const struct json_value *value, const uint8_t *base, struct hello *out,
                               struct fault *fault)
{
    struct json_value found[HELLO_LIMIT_COUNT];
    enum status status;

    if (value->type != JSON_OBJECT)
        return refuse(fault, "limits", "must be an object");
    status = collect(value, base, limit_names, HELLO_LIMIT_COUNT, HELLO_LIMIT_COUNT, found, fault);
    for (size_t i = 0; i < HELLO_LIMIT_COUNT && status == STATUS_OK; i++) {
        out->limits[i] = read_limit(&found[i]);
        if (out->limits[i] == 0)
            status = refuse(fault, limit_names[i], "must be a whole number from 1, of at most 15 digits");
    }
    return status;
}

/* The bit of the capability of that name; 0: not known here. */
static capability_set capability_named(struct slice name)
{
    for (unsigned i = 0; i < HELLO_CAPABILITY_COUNT; i++)
        if (json_string_is(name, capabilities[i].name, false))
            return 1u << i;
    return 0;
}

static enum status read_capabilities(const struct json_value *value, const uint8_t *base, struct hello *out,
                                     struct fault *fault)
{
    struct json_iter elements = json_iter_of(value, base);
    struct json_value element;
    size_t count = 0;

    if (value->type != JSON_ARRAY)
        return refuse(fault, "capabilities", "must be an array of strings");
    out->capabilities = 0;
    while (json_next_element(&elements, &element)) {
        if (element.type != JSON_STRING || ++count > CAPABILITIES_MAX)
            return refuse(fault, "capabilities", "must be at most 256 strings");
        out->capabilities |= capability_named(element.text);
    }
    return STATUS_OK;
}

enum status hello_parse(struct slice text, struct hello *out, struct fault *fault)
{
    struct json_value root, found[MEMBER_COUNT];
    struct json_error error;
    char reason[128];
    enum status status;

    if (text.len > HELLO_MAX_BYTES)
        return refuse(fault, "the whole text", "longer than 16384 bytes");
    if (json_scan(text, HELLO_DEPTH, &root, &error) != STATUS_OK)
        return refuse(fault, "the whole text", json_error_text(&error, reason, sizeof reason));
    if (root.type != JSON_OBJECT)
        return refuse(fault, "the whole text", "not a JSON object");
    status = collect(&root, text.data, member_names, MEMBER_COUNT, MEMBER_BANS, found, fault);
    if (status == STATUS_OK)
        status = read_version(&found[MEMBER_VERSION], out, fault);
    if (status == STATUS_OK)
        status = read_instance(&found[MEMBER_INSTANCE], out, fault);
    if (status == STATUS_OK)
        status = read_limits(&found[MEMBER_LIMITS], text.data, out, fault);
    if (status == STATUS_OK)
        status = read_capabilities(&found[MEMBER_CAPABILITIES], text.data, out, fault);
    return status == STATUS_OK ? read_bans(&found[MEMBER_BANS], out, fault) : status;
}
