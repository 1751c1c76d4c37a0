/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes: a fault lies within them, and what passes can be walked down to its last scalar,
 * each part of it valid by itself. */
#include <stdlib.h>

#include "shared/json/json_scan.h"
#include "tests/fuzz/fuzz.h"

enum { MAX_DEPTH = 64, MAX_VISITS = 2000 };

static int visits;

static void check_string(struct slice string)
{
    char out[4096];
    size_t len = 0;
    enum status status = json_unescape(string, out, sizeof out, &len);

    fuzz_check(status != STATUS_INVALID);
    if (status == STATUS_OK) {
        fuzz_check(len <= string.len - 2);
        fuzz_check(utf8_valid(slice_of(out, len), NULL));
    }
}

static void check_value(const struct json_value *value, const uint8_t *base, int depth)
{
    struct json_iter iter = json_iter_of(value, base);
    struct json_value key, part;
    struct json_error error;

    fuzz_check(value->text.data == base + value->offset);
    fuzz_check(json_scan(value->text, depth, &part, &error) == STATUS_OK);
    fuzz_check(slice_equal(part.text, value->text) && part.type == value->type);
    if (value->type == JSON_STRING) {
        check_string(value->text);
    }
    while (visits++ < MAX_VISITS && value->type == JSON_ARRAY && json_next_element(&iter, &part)) {
        check_value(&part, base, depth - 1);
    }
    while (visits++ < MAX_VISITS && value->type == JSON_OBJECT && json_next_member(&iter, &key, &part)) {
        fuzz_check(key.type == JSON_STRING);
        check_string(key.text);
        check_value(&part, base, depth - 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_value value;
    struct json_error error = {0, NULL, 0};

    visits = 0;
    if (json_scan(slice_of(data, size), MAX_DEPTH, &value, &error) != STATUS_OK) {
        fuzz_check(error.offset <= size && error.reason != NULL);
        return 0;
    }
    fuzz_check(utf8_valid(slice_of(data, size), NULL));
    check_value(&value, data, MAX_DEPTH);
    return 0;
}
