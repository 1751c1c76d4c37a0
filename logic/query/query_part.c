/* SPDX-License-Identifier: Apache-2.0 */
/* A gateway is believed no more than a caller: its text is scanned whole before anything of it is used. */
#include "logic/query/query_part.h"

#include <string.h>

enum { ANSWER_DEPTH = 128, COUNT_DIGITS = 15 };

static size_t find_member(const struct query_member *members, size_t count, struct slice key)
{
    size_t i = 0;

    while (i < count && !json_string_is(key, members[i].name, false))
        i++;
    return i;
}

bool query_members_read(const struct json_value *object, const struct query_member *members, size_t count,
                        struct json_value *out)
{
    struct json_iter iter = json_iter_of(object, object->text.data);
    struct json_value key, value;
    size_t found = 0;

    if (object->type != JSON_OBJECT)
        return false;
    for (size_t i = 0; i < count; i++)
        out[i].text = slice_of(NULL, 0);
    while (json_next_member(&iter, &key, &value)) {
        size_t i = find_member(members, count, key.text);
        if (i == count)
            continue;
        if (out[i].text.data != NULL || (members[i].types & QUERY_TYPE(value.type)) == 0)
            return false;
        out[i] = value;
        found++;
    }
    return found == count;
}

bool query_part_read(struct query_part *part, const struct query_kind *kind)
{
    struct json_value root;
    struct json_error error;

    return json_scan(part->body, ANSWER_DEPTH, &root, &error) == STATUS_OK &&
           query_members_read(&root, kind->members, kind->count, part->members) &&
           (kind->check == NULL || kind->check(part));
}

int64_t query_count(const struct json_value *value)
{
    int64_t number = 0;

    if (value->type != JSON_NUMBER || value->text.len > COUNT_DIGITS)
        return -1;
    for (size_t i = 0; i < value->text.len; i++) {
        unsigned digit = (unsigned)value->text.data[i] - '0';
        if (digit > 9)
            return -1;
        number = number * 10 + (int64_t)digit;
    }
    return number;
}

size_t query_name(const struct json_value *value, char out[QUERY_NAME_MAX])
{
    size_t len = 0;

    if (value->type != JSON_STRING || json_unescape(value->text, out, QUERY_NAME_MAX, &len) != STATUS_OK)
        return 0;
    return len;
}

int query_compare(struct slice a, struct slice b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len > 0 ? memcmp(a.data, b.data, len) : 0;

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static size_t count_of(const struct query_part *parts, size_t count, enum query_state state)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++)
        found += parts[i].state == state;
    return found;
}

static enum status append_names(struct buf *out, const char *key, const struct query_part *parts,
                                size_t count, enum query_state state)
{
    enum status status = STATUS_OK;
    const char *begin = "[";

    if (count_of(parts, count, state) == 0)
        return STATUS_OK;
    status = buf_printf(out, ",\"%s\":", key);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        if (parts[i].state != state)
            continue;
        status = buf_append_str(out, begin);
        if (status == STATUS_OK)
            status = buf_append_json_string(out, parts[i].gateway, strlen(parts[i].gateway));
        begin = ",";
    }
    return status != STATUS_OK ? status : buf_append_str(out, "]");
}

enum status query_gateways_append(struct buf *out, const struct query_part *parts, size_t count)
{
    size_t not_asked = count_of(parts, count, QUERY_NOT_ASKED) + count_of(parts, count, QUERY_ELSEWHERE);
    enum status status = buf_printf(out, "{\"known\":%zu,\"asked\":%zu,\"answered\":%zu", count,
                                    count - not_asked, count_of(parts, count, QUERY_ANSWERED));

    if (status == STATUS_OK)
        status = append_names(out, "late", parts, count, QUERY_LATE);
    if (status == STATUS_OK)
        status = append_names(out, "failed", parts, count, QUERY_FAILED);
    if (status == STATUS_OK)
        status = append_names(out, "notAsked", parts, count, QUERY_NOT_ASKED);
    return status != STATUS_OK ? status : buf_append_str(out, "}");
}
