/* SPDX-License-Identifier: Apache-2.0 */
/* One pass checks the grammar, one looks for U+0000, one finds the members. Names without a backslash are
 * compared as bytes; only where one has some are both decoded. */
#include "shared/jose/jose_object.h"

#include <string.h>

/* In valid JSON a backslash stands in strings only, and only as \u0000 can U+0000 be written (a raw one is a
 * control character). */
static bool has_null(struct slice text)
{
    const uint8_t *at = text.data;
    const uint8_t *end = text.data + text.len;

    while ((at = memchr(at, '\\', (size_t)(end - at))) != NULL) {
        if (at[1] == 'u' && memcmp(at + 2, "0000", 4) == 0) {
            return true;
        }
        at += 2;
    }
    return false;
}

static bool is_repeated(const struct slice *names, size_t count)
{
    for (size_t i = 0; i + 1 < count; i++) {
        if (json_strings_equal(names[i], names[count - 1])) {
            return true;
        }
    }
    return false;
}

static void note(struct jose_member *wanted, size_t count, struct slice name, const struct json_value *value)
{
    for (size_t i = 0; i < count; i++) {
        if (!wanted[i].found && json_string_is(name, wanted[i].name, false)) {
            wanted[i].found = true;
            wanted[i].value = *value;
            return;
        }
    }
}

static const char *read_members(const struct json_value *object, struct jose_member *wanted, size_t count)
{
    struct json_iter iter = json_iter_of(object, object->text.data);
    struct slice names[JOSE_MEMBERS_MAX];
    struct json_value name, value;
    size_t seen = 0;

    while (json_next_member(&iter, &name, &value)) {
        if (seen == JOSE_MEMBERS_MAX) {
            return "more than 64 members";
        }
        names[seen++] = name.text;
        if (is_repeated(names, seen)) {
            return "a member stands there twice";
        }
        note(wanted, count, name.text, &value);
    }
    return NULL;
}

const char *jose_object_read(struct slice text, struct jose_member *wanted, size_t count,
                             struct json_value *object)
{
    struct json_error error;
    struct json_value value;

    for (size_t i = 0; i < count; i++) {
        wanted[i].found = false;
    }
    if (json_scan(text, JOSE_DEPTH_MAX, &value, &error) != STATUS_OK) {
        return error.depth > 0 ? "nested deeper than 16" : "not valid JSON";
    }
    if (value.type != JSON_OBJECT) {
        return "not a JSON object";
    }
    if (has_null(value.text)) {
        return "U+0000 in a string";
    }
    if (object != NULL) {
        *object = value;
    }
    return read_members(&value, wanted, count);
}

bool jose_string(const struct json_value *value, char *out, size_t cap, size_t *len)
{
    return value->type == JSON_STRING && json_unescape(value->text, out, cap, len) == STATUS_OK;
}
