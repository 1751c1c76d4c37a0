/* SPDX-License-Identifier: Apache-2.0 */
/* A part is checked whole before the first of its bans is given out, so that nobody applies half of one. */
#include "shared/contract/ban_part.h"

#include <inttypes.h>
#include <string.h>

enum { DEPTH = 8, DIGITS_MAX = 15, AROUND_MAX = 64 /* what stands around the bans of a part */ };

enum member { MEMBER_USER, MEMBER_UNTIL, MEMBER_AT, MEMBER_KEEP, MEMBERS };
enum part_member { PART_FROM, PART_LAST, PART_BANS, PART_MEMBERS };

static const char *const names[MEMBERS] = {
    [MEMBER_USER] = "user",
    [MEMBER_UNTIL] = "until",
    [MEMBER_AT] = "at",
    [MEMBER_KEEP] = "keep",
};
static const char *const part_names[PART_MEMBERS] = {
    [PART_FROM] = "from",
    [PART_LAST] = "last",
    [PART_BANS] = "bans",
};

enum status ban_print(const struct ban *ban, struct buf *out)
{
    enum status status = buf_append_str(out, "{\"user\":");

    if (status == STATUS_OK)
        status = buf_append_json_string(out, ban->user.data, ban->user.len);
    return status == STATUS_OK
               ? buf_printf(out, ",\"until\":%" PRId64 ",\"at\":%" PRId64 ",\"keep\":%" PRId64 "}",
                            ban->until_s, ban->at_ms, ban->keep_s)
               : status;
}

static enum status refuse(struct fault *fault, const char *member, const char *reason)
{
    return fault_set(fault, STATUS_INVALID, "bans: %s: %s", member, reason);
}

/* Puts each known member's value at its index. One that stands twice or is missing is refused. */
static enum status collect(const struct json_value *object, const uint8_t *base, const char *const *known,
                           size_t count, struct json_value *values, struct fault *fault)
{
    struct json_iter members = json_iter_of(object, base);
    struct json_value key, value;
    unsigned seen = 0;

    while (json_next_member(&members, &key, &value)) {
        size_t index = 0;

        while (index < count && !json_string_is(key.text, known[index], false))
            index++;
        if (index == count)
            continue;
        if (seen & 1u << index)
            return refuse(fault, known[index], "stands twice");
        seen |= 1u << index;
        values[index] = value;
    }
    for (size_t i = 0; i < count; i++)
        if (!(seen & 1u << i))
            return refuse(fault, known[i], "is missing");
    return STATUS_OK;
}

/* -1 when it is no whole number from 0 of at most 15 digits. */
static int64_t read_number(const struct json_value *value)
{
    int64_t number = 0;

    if (value->type != JSON_NUMBER || value->text.len > DIGITS_MAX)
        return -1;
    for (size_t i = 0; i < value->text.len; i++) {
        unsigned digit = (unsigned)value->text.data[i] - '0';

        if (digit > 9)
            return -1;
        number = number * 10 + digit;
    }
    return number;
}

static enum status read_times(const struct json_value found[MEMBERS], struct ban *out, struct fault *fault)
{
    int64_t *const times[MEMBERS] = {
        [MEMBER_UNTIL] = &out->until_s, [MEMBER_AT] = &out->at_ms, [MEMBER_KEEP] = &out->keep_s};

    for (size_t i = MEMBER_UNTIL; i < MEMBERS; i++) {
        *times[i] = read_number(&found[i]);
        if (*times[i] < 0)
            return refuse(fault, names[i], "must be a whole number from 0, of at most 15 digits");
    }
    return STATUS_OK;
}

static enum status read_ban(const struct json_value *value, const uint8_t *base, char name[BAN_USER_MAX],
                            struct ban *out, struct fault *fault)
{
    struct json_value found[MEMBERS];
    size_t len = 0;

    if (value->type != JSON_OBJECT)
        return refuse(fault, "a ban", "must be an object");
    enum status status = collect(value, base, names, MEMBERS, found, fault);
    if (status != STATUS_OK)
        return status;
    if (found[MEMBER_USER].type != JSON_STRING ||
        json_unescape(found[MEMBER_USER].text, name, BAN_USER_MAX, &len) != STATUS_OK)
        return refuse(fault, names[MEMBER_USER], "must be a string of at most 1024 bytes");
    out->user = slice_of(name, len);
    status = read_times(found, out, fault);
    const char *wrong = status == STATUS_OK ? ban_fault(out) : NULL;
    return wrong != NULL ? refuse(fault, "a ban", wrong) : status;
}

static enum status scan(struct slice text, size_t max, struct json_value *root, struct fault *fault)
{
    struct json_error error;
    char reason[128];

    if (text.len > max)
        return refuse(fault, "the whole text", "too long");
    if (json_scan(text, DEPTH, root, &error) != STATUS_OK)
        return refuse(fault, "the whole text", json_error_text(&error, reason, sizeof reason));
    return root->type == JSON_OBJECT ? STATUS_OK : refuse(fault, "the whole text", "not a JSON object");
}

enum status ban_parse(struct slice text, char name[BAN_USER_MAX], struct ban *out, struct fault *fault)
{
    struct json_value root;
    enum status status = scan(text, BAN_PART_MAX, &root, fault);

    return status == STATUS_OK ? read_ban(&root, text.data, name, out, fault) : status;
}

/* Those of the range, as long as `out` stays below `room`. */
static enum status print_bans(const struct ban_list *list, struct ban_range *range, size_t room,
                              struct buf *out)
{
    size_t first = range->at;

    for (; range->at < range->end && range->at < ban_list_count(list); range->at++) {
        const struct ban ban = ban_list_get(list, range->at);
        size_t before = out->len;
        enum status status = range->at > first ? buf_append_str(out, ",") : STATUS_OK;

        if (status == STATUS_OK)
            status = ban_print(&ban, out);
        if (status != STATUS_OK)
            return status;
        if (out->len <= room)
            continue;
        out->len = before;
        return range->at > first ? STATUS_OK : STATUS_TOO_LARGE;
    }
    return STATUS_OK;
}

/* `from` and `last` stand in front, and are known once the bans are printed. */
enum status ban_part_print(const struct ban_list *list, struct ban_range *range, const size_t *from,
                           struct buf *out)
{
    struct buf bans;

    if (range->max < AROUND_MAX)
        return STATUS_TOO_LARGE;
    buf_init(&bans, BAN_PART_MAX + BAN_TEXT_MAX);
    enum status status = print_bans(list, range, range->max - AROUND_MAX, &bans);
    bool last = range->at >= range->end || range->at >= ban_list_count(list);
    if (status == STATUS_OK)
        status =
            buf_printf(out, "{\"from\":%zu,\"last\":%s,\"bans\":[%.*s]}", from != NULL ? *from : range->at,
                       last ? "true" : "false", (int)bans.len, (const char *)bans.data);
    buf_fini(&bans);
    return status;
}

static enum status check_bans(const struct json_value *value, const uint8_t *base, struct ban_part *out,
                              struct fault *fault)
{
    struct json_value element;
    char name[BAN_USER_MAX];
    struct ban ban;

    if (value->type != JSON_ARRAY)
        return refuse(fault, "bans", "must be an array");
    out->bans = json_iter_of(value, base);
    for (struct json_iter at = out->bans; json_next_element(&at, &element);) {
        enum status status = read_ban(&element, base, name, &ban, fault);

        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

enum status ban_part_parse(struct slice text, struct ban_part *out, struct fault *fault)
{
    struct json_value root, found[PART_MEMBERS];
    enum status status = scan(text, BAN_PART_MAX, &root, fault);

    if (status == STATUS_OK)
        status = collect(&root, text.data, part_names, PART_MEMBERS, found, fault);
    if (status != STATUS_OK)
        return status;
    int64_t from = read_number(&found[PART_FROM]);
    if (from < 0 || from > BAN_LIST_MAX)
        return refuse(fault, "from", "must be a whole number from 0 to 10000");
    if (found[PART_LAST].type != JSON_TRUE && found[PART_LAST].type != JSON_FALSE)
        return refuse(fault, "last", "must be true or false");
    out->from = (size_t)from;
    out->last = found[PART_LAST].type == JSON_TRUE;
    return check_bans(&found[PART_BANS], text.data, out, fault);
}

bool ban_part_next(struct ban_part *part, char name[BAN_USER_MAX], struct ban *out)
{
    struct json_value element;
    struct fault fault;

    return json_next_element(&part->bans, &element) &&
           read_ban(&element, part->bans.base, name, out, &fault) == STATUS_OK;
}
