/* SPDX-License-Identifier: Apache-2.0 */
/* What the scanner takes, what it refuses, and where and why; the texts stand in json_cases.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "shared/json/json_scan.h"
#include "tests/unit/json_cases.h"

/* A copy that ends where the text ends, so that the address sanitizer sees a step too far. */
static struct slice exact_copy(const char *bytes, size_t len)
{
    uint8_t *copy = malloc(len == 0 ? 1 : len);

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    return slice_of(copy, len);
}

static void free_copy(struct slice text)
{
    free((void *)(uintptr_t)text.data);
}

static void takes_what_is_valid(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof json_accepted / sizeof json_accepted[0]; i++) {
        struct slice text = exact_copy(json_accepted[i].bytes, json_accepted[i].len);
        struct json_value value;
        struct json_error error = {0, "", 0};

        if (json_scan(text, 64, &value, &error) != STATUS_OK) {
            fail_msg("refused: %.*s (at byte %zu: %s)", (int)text.len, json_accepted[i].bytes, error.offset,
                     error.reason);
        }
        free_copy(text);
    }
}

static void refuses_with_place_and_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof json_refused / sizeof json_refused[0]; i++) {
        struct slice text = exact_copy(json_refused[i].bytes, json_refused[i].len);
        struct json_value value;
        struct json_error error = {0, "", 0};

        if (json_scan(text, 64, &value, &error) != STATUS_INVALID) {
            fail_msg("passed: %s", json_refused[i].bytes);
        }
        if (error.offset != json_refused[i].offset || strcmp(error.reason, json_refused[i].reason) != 0) {
            fail_msg("%s: at byte %zu: %s, not at byte %zu: %s", json_refused[i].bytes, error.offset,
                     error.reason, json_refused[i].offset, json_refused[i].reason);
        }
        free_copy(text);
    }
}

/* Every prefix of a valid text that is not itself valid ends too early, and is read no further. */
static void refuses_every_prefix(void **state)
{
    static const char whole[] =
        "{\"a\":[1.5e+3,\"\\u00e9\\ud83d\\ude00\\n\",{\"b\":null,\"c\":[true,false,{}]}]}";

    (void)state;
    for (size_t len = 0; len < sizeof whole - 1; len++) {
        struct slice text = exact_copy(whole, len);
        struct json_value value;
        struct json_error error;

        assert_int_equal(json_scan(text, 64, &value, &error), STATUS_INVALID);
        assert_string_equal(error.reason, "unexpected end");
        assert_int_equal(error.offset, len);
        free_copy(text);
    }
}

/* The eight-byte steps must see each kind of byte at each place of a word, whatever stands beside. */
static void sees_every_byte_in_every_place(void **state)
{
    char text[40];

    (void)state;
    for (size_t at = 1; at < 33; at++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            struct json_value value;
            struct json_error error = {0, "", 0};
            bool valid = byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';

            memset(text, at % 2 == 0 ? '!' : '~', sizeof text);
            text[0] = text[34] = '"';
            text[at] = (char)byte;
            assert_int_equal(json_scan(slice_of(text, 35), 1, &value, &error),
                             valid ? STATUS_OK : STATUS_INVALID);
            assert_int_equal(error.offset, valid ? 0 : byte == '"' ? at + 1 : at);
        }
    }
}

static enum status scan_nested(size_t levels, int max_depth, struct json_error *error)
{
    char text[2048];
    struct json_value value;

    for (size_t i = 0; i < levels; i++) {
        text[i] = '[';
        text[2 * levels - 1 - i] = ']';
    }
    return json_scan(slice_of(text, 2 * levels), max_depth, &value, error);
}

static void bounds_the_depth(void **state)
{
    struct json_error error;
    char text[64];

    (void)state;
    assert_int_equal(scan_nested(64, 64, &error), STATUS_OK);
    assert_int_equal(scan_nested(65, 64, &error), STATUS_INVALID);
    assert_int_equal(error.offset, 64);
    assert_string_equal(json_error_text(&error, text, sizeof text), "at byte 64: nesting deeper than 64");
    assert_int_equal(scan_nested(JSON_MAX_DEPTH + 3, JSON_MAX_DEPTH + 3, &error), STATUS_OK);
    assert_int_equal(scan_nested(1000, 100000, &error), STATUS_INVALID);
    assert_int_equal(scan_nested(1, 0, &error), STATUS_INVALID);
}

/* Objects and arrays are told apart at every level, past the first word of the stack too. */
static void remembers_what_is_open_at_every_level(void **state)
{
    char text[4096];
    size_t len = 0;
    struct json_value value;
    struct json_error error;

    (void)state;
    for (int level = 0; level < 256; level++) {
        len += (size_t)snprintf(text + len, sizeof text - len, level % 3 == 0 ? "[" : "{\"k\":");
    }
    text[len++] = '1';
    for (int level = 255; level >= 0; level--) {
        text[len++] = level % 3 == 0 ? ']' : '}';
    }
    assert_int_equal(json_scan(slice_of(text, len), 256, &value, &error), STATUS_OK);
    text[len - 100] ^= ']' ^ '}';
    assert_int_equal(json_scan(slice_of(text, len), 256, &value, &error), STATUS_INVALID);
    assert_int_equal(error.offset, len - 100);
}

static void describes_the_value(void **state)
{
    static const struct {
        const char *text;
        enum json_type type;
    } cases[] = {
        {" {\"a\":1} ", JSON_OBJECT}, {"\n[1]", JSON_ARRAY}, {"\"x\" ", JSON_STRING}, {" -1.5", JSON_NUMBER},
        {"true", JSON_TRUE},          {"false", JSON_FALSE}, {"null", JSON_NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct slice text = slice_str(cases[i].text);
        struct json_value value;
        struct json_error error;

        assert_int_equal(json_scan(text, 8, &value, &error), STATUS_OK);
        assert_int_equal(value.type, cases[i].type);
        assert_ptr_equal(value.text.data, text.data + value.offset);
        assert_int_equal(value.offset, strspn(cases[i].text, " \n"));
        assert_false(value.text.data[value.text.len - 1] == ' ');
    }
}

static void names_the_place_in_text(void **state)
{
    struct json_value value;
    struct json_error error;
    char text[64], little[8];

    (void)state;
    assert_int_equal(json_scan(slice_str("[{\"a\":1},{\"b\":2},]"), 8, &value, &error), STATUS_INVALID);
    assert_string_equal(json_error_text(&error, text, sizeof text), "at byte 16: trailing comma");
    assert_string_equal(json_error_text(&error, little, sizeof little), "at byte");
}

static void takes_no_text_for_an_early_end(void **state)
{
    struct json_value value;
    struct json_error error;

    (void)state;
    assert_int_equal(json_scan(slice_of(NULL, 0), 8, &value, &error), STATUS_INVALID);
    assert_int_equal(error.offset, 0);
    assert_string_equal(error.reason, "unexpected end");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_is_valid),
        cmocka_unit_test(refuses_with_place_and_reason),
        cmocka_unit_test(refuses_every_prefix),
        cmocka_unit_test(sees_every_byte_in_every_place),
        cmocka_unit_test(bounds_the_depth),
        cmocka_unit_test(remembers_what_is_open_at_every_level),
        cmocka_unit_test(describes_the_value),
        cmocka_unit_test(names_the_place_in_text),
        cmocka_unit_test(takes_no_text_for_an_early_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
