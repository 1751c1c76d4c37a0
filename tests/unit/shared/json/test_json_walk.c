/* SPDX-License-Identifier: Apache-2.0 */
/* Walking elements and members of checked texts, and decoding and comparing their strings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "shared/json/json_scan.h"

static struct json_value scanned(const char *text)
{
    struct json_value value;
    struct json_error error;

    assert_int_equal(json_scan(slice_str(text), 64, &value, &error), STATUS_OK);
    return value;
}

static void assert_text(struct slice text, const char *expected)
{
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.data, expected, text.len);
}

static void walks_an_array(void **state)
{
    static const char text[] = " [ 1 ,\"a,]\\\"b\",[2,[3]], {\"x\":[\"}\"]}\n,null,-1.5e3,\"\",[],{}\t] ";
    static const char *const expected[] = {
        "1", "\"a,]\\\"b\"", "[2,[3]]", "{\"x\":[\"}\"]}", "null", "-1.5e3", "\"\"", "[]", "{}"};
    struct json_value array = scanned(text), element;
    struct json_iter iter = json_iter_of(&array, (const uint8_t *)text);

    (void)state;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_true(json_next_element(&iter, &element));
        assert_text(element.text, expected[i]);
        assert_memory_equal(text + element.offset, expected[i], strlen(expected[i]));
    }
    assert_false(json_next_element(&iter, &element));
    assert_false(json_next_element(&iter, &element));
}

static void walks_an_object(void **state)
{
    static const char text[] = "{\"a\":1,\"b:\":\"c:\" , \"d\" : {\"e\":2}}";
    struct json_value object = scanned(text), key, value;
    struct json_iter iter = json_iter_of(&object, (const uint8_t *)text);

    (void)state;
    assert_true(json_next_member(&iter, &key, &value));
    assert_text(key.text, "\"a\"");
    assert_text(value.text, "1");
    assert_true(json_next_member(&iter, &key, &value));
    assert_text(key.text, "\"b:\"");
    assert_text(value.text, "\"c:\"");
    assert_true(json_next_member(&iter, &key, &value));
    assert_text(key.text, "\"d\"");
    assert_text(value.text, "{\"e\":2}");
    assert_int_equal(value.type, JSON_OBJECT);
    assert_false(json_next_member(&iter, &key, &value));
}

static void walks_nothing_in_what_is_empty_or_no_container(void **state)
{
    static const char *const texts[] = {"[]", "[ ]", "{}", "{\n}", "1", "\"[1]\"", "null"};
    struct json_value key, element;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct json_value value = scanned(texts[i]);
        struct json_iter iter = json_iter_of(&value, (const uint8_t *)texts[i]);

        assert_false(json_next_element(&iter, &element));
        assert_false(json_next_member(&iter, &key, &element));
    }
}

/* Quotes and backslashes at every place of the eight-byte steps. */
static void finds_the_end_of_every_string(void **state)
{
    char text[64];

    (void)state;
    for (int before = 0; before < 20; before++) {
        for (int behind = 0; behind < 20; behind++) {
            int len = snprintf(text, sizeof text, "[\"%.*s\\\\\\\"%.*s\",7]", before, "xxxxxxxxxxxxxxxxxxxx",
                               behind, "yyyyyyyyyyyyyyyyyyyy");
            struct json_value array = scanned(text), element;
            struct json_iter iter = json_iter_of(&array, (const uint8_t *)text);

            assert_true(json_next_element(&iter, &element));
            assert_int_equal(element.text.len, len - 4);
            assert_true(json_next_element(&iter, &element));
            assert_text(element.text, "7");
        }
    }
}

static void assert_decodes(const char *string, const char *expected, size_t len)
{
    char out[64];
    size_t out_len = 0;

    assert_int_equal(json_unescape(slice_str(string), out, sizeof out, &out_len), STATUS_OK);
    assert_int_equal(out_len, len);
    assert_memory_equal(out, expected, len);
}

static void decodes_strings(void **state)
{
    (void)state;
    assert_decodes("\"\"", "", 0);
    assert_decodes("\"plain\"", "plain", 5);
    assert_decodes("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8);
    assert_decodes("\"\\u0041\\u00e9\\u4F60\\uD83D\\uDE00\"", "A\xc3\xa9\xe4\xbd\xa0\xf0\x9f\x98\x80", 10);
    assert_decodes("\"\\u0000\"", "\0", 1);
    assert_decodes("\"\\u007f\\u0080\\u07ff\\u0800\\uffff\"", "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf",
                   11);
    assert_decodes("\"\\ud800\\udc00\\udbff\\udfff\"", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8);
    assert_decodes("\"\xc3\xa9\"", "\xc3\xa9", 2);
}

static void refuses_lone_surrogates(void **state)
{
    static const char *const strings[] = {"\"\\ud800\"",       "\"\\udc00\"",        "\"a\\ud800b\"",
                                          "\"\\ud800\\n\"",    "\"\\ud800\\ud800\"", "\"\\ud800\\u0041\"",
                                          "\"\\udc00\\ud800\""};
    char out[16];
    size_t len;

    (void)state;
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        assert_int_equal(json_unescape(slice_str(strings[i]), out, sizeof out, &len), STATUS_INVALID);
        assert_false(json_string_is(slice_str(strings[i]), "a", false));
    }
}

static void never_writes_past_the_capacity(void **state)
{
    char out[4] = "....";
    size_t len;

    (void)state;
    assert_int_equal(json_unescape(slice_str("\"abc\""), out, 3, &len), STATUS_OK);
    assert_int_equal(len, 3);
    assert_int_equal(json_unescape(slice_str("\"abcd\""), out, 3, &len), STATUS_TOO_LARGE);
    assert_int_equal(json_unescape(slice_str("\"ab\\u00e9\""), out, 3, &len), STATUS_TOO_LARGE);
    assert_int_equal(out[3], '.');
}

static void compares_strings(void **state)
{
    (void)state;
    assert_true(json_string_is(slice_str("\"type\""), "type", false));
    assert_true(json_string_is(slice_str("\"t\\u0079pe\""), "type", false));
    assert_true(json_string_is(slice_str("\"\""), "", false));
    assert_false(json_string_is(slice_str("\"typ\""), "type", false));
    assert_false(json_string_is(slice_str("\"types\""), "type", false));
    assert_false(json_string_is(slice_str("\"Type\""), "type", false));
    assert_true(json_string_is(slice_str("\"TyPE\""), "type", true));
    assert_true(json_string_is(slice_str("\"\\u0054ype\""), "type", true));
    assert_false(json_string_is(slice_str("\"type\\u0000\""), "type", true));
    assert_true(json_string_is(slice_str("\"AmZ\""), "aMz", true));
    assert_false(json_string_is(slice_str("\"@\""), "`", true));
    assert_false(json_string_is(slice_str("\"[\""), "{", true));
    assert_false(json_string_is(slice_str("\"\xc3\xa9\""), "\xc3\x89", true));
}

static void compares_two_strings_by_their_characters(void **state)
{
    static const struct {
        const char *a, *b;
        bool equal;
    } rows[] = {
        {"\"exp\"", "\"exp\"", true},
        {"\"exp\"", "\"e\\u0078p\"", true},
        {"\"\\u0065xp\"", "\"ex\\u0070\"", true},
        {"\"exp\"", "\"ex\\u0070s\"", false},
        {"\"exps\"", "\"ex\\u0070\"", false},
        {"\"exp\"", "\"exq\"", false},
        {"\"\"", "\"\"", true},
        {"\"\"", "\"\\u0000\"", false},
        {"\"\xc3\xa9\"", "\"\\u00e9\"", true},
        {"\"\xf0\x9f\x98\x80\"", "\"\\ud83d\\ude00\"", true},
        {"\"/\"", "\"\\/\"", true},
        {"\"\\n\"", "\"n\"", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(json_strings_equal(slice_str(rows[i].a), slice_str(rows[i].b)), rows[i].equal);
        assert_int_equal(json_strings_equal(slice_str(rows[i].b), slice_str(rows[i].a)), rows[i].equal);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walks_an_array),
        cmocka_unit_test(walks_an_object),
        cmocka_unit_test(walks_nothing_in_what_is_empty_or_no_container),
        cmocka_unit_test(finds_the_end_of_every_string),
        cmocka_unit_test(decodes_strings),
        cmocka_unit_test(refuses_lone_surrogates),
        cmocka_unit_test(never_writes_past_the_capacity),
        cmocka_unit_test(compares_strings),
        cmocka_unit_test(compares_two_strings_by_their_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
