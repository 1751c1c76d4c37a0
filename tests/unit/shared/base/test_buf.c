/* SPDX-License-Identifier: Apache-2.0 */
/* The growing buffer: its limit, and that a failed append changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shared/base/buf.h"

static void expect(struct buf *buf, const char *text)
{
    assert_int_equal(buf->len, strlen(text));
    assert_memory_equal(buf->data, text, buf->len);
}

static void starts_empty_and_without_memory(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 10);
    assert_null(buf.data);
    assert_int_equal(buf.len, 0);
    assert_int_equal(buf_append(&buf, NULL, 0), STATUS_OK);
    assert_null(buf.data);
    buf_drop_front(&buf, 5);
    buf_fini(&buf);
}

static void fills_to_its_limit_and_not_past_it(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 10);
    assert_int_equal(buf_append_str(&buf, "01234"), STATUS_OK);
    assert_int_equal(buf_append_str(&buf, "567890"), STATUS_TOO_LARGE);
    expect(&buf, "01234");
    assert_int_equal(buf_append_str(&buf, "56789"), STATUS_OK);
    expect(&buf, "0123456789");
    assert_int_equal(buf_append(&buf, "x", 1), STATUS_TOO_LARGE);
    assert_int_equal(buf_reserve(&buf, 0), STATUS_OK);
    assert_int_equal(buf_reserve(&buf, SIZE_MAX), STATUS_TOO_LARGE);
    assert_true(buf.cap <= 10);
    buf_fini(&buf);
    assert_int_equal(buf.max, 10);
}

static void refuses_what_no_memory_can_hold(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, SIZE_MAX);
    assert_int_equal(buf_append_str(&buf, "kept"), STATUS_OK);
    assert_int_equal(buf_reserve(&buf, SIZE_MAX - 4), STATUS_NO_MEMORY);
    assert_int_equal(buf_reserve(&buf, SIZE_MAX), STATUS_TOO_LARGE);
    expect(&buf, "kept");
    buf_fini(&buf);
}

static void grows_and_keeps_its_memory_when_cleared(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 100000);
    for (int i = 0; i < 50000; i++)
        assert_int_equal(buf_append(&buf, "ab", 2), STATUS_OK);
    assert_int_equal(buf.len, 100000);
    assert_int_equal(buf.data[99999], 'b');
    buf_clear(&buf);
    assert_int_equal(buf.len, 0);
    assert_int_equal(buf.cap, 100000);
    buf_fini(&buf);
    assert_null(buf.data);
}

static void prints_up_to_the_last_byte(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 8);
    assert_int_equal(buf_printf(&buf, "%s", ""), STATUS_OK);
    assert_int_equal(buf_printf(&buf, "%d-%s", 123, "abcde"), STATUS_TOO_LARGE);
    expect(&buf, "");
    assert_int_equal(buf_printf(&buf, "%d-%s", 123, "abcd"), STATUS_OK);
    expect(&buf, "123-abcd");
    buf_fini(&buf);
}

static void drops_from_the_front(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 100);
    assert_int_equal(buf_append_str(&buf, "hello world"), STATUS_OK);
    buf_drop_front(&buf, 6);
    expect(&buf, "world");
    buf_drop_front(&buf, 100);
    expect(&buf, "");
    buf_fini(&buf);
}

static void quotes_json(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 1000);
    assert_int_equal(buf_append_json_string(&buf, "", 0), STATUS_OK);
    expect(&buf, "\"\"");
    buf_clear(&buf);
    assert_int_equal(buf_append_json_string(&buf, "a\"\\/\b\t\n\v\f\r\0\x1f\x7f\xc3\xa9", 15), STATUS_OK);
    expect(&buf, "\"a\\\"\\\\/\\b\\t\\n\\u000b\\f\\r\\u0000\\u001f\x7f\xc3\xa9\"");
    buf_fini(&buf);
}

static void a_json_string_that_does_not_fit_leaves_nothing(void **state)
{
    struct buf buf;

    (void)state;
    for (size_t max = 1; max < 12; max++) {
        buf_init(&buf, max);
        assert_int_equal(buf_append_str(&buf, "x"), STATUS_OK);
        assert_int_equal(buf_append_json_string(&buf, "ab\ncd\x01", 6), STATUS_TOO_LARGE);
        expect(&buf, "x");
        buf_fini(&buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_empty_and_without_memory),
        cmocka_unit_test(fills_to_its_limit_and_not_past_it),
        cmocka_unit_test(refuses_what_no_memory_can_hold),
        cmocka_unit_test(grows_and_keeps_its_memory_when_cleared),
        cmocka_unit_test(prints_up_to_the_last_byte),
        cmocka_unit_test(drops_from_the_front),
        cmocka_unit_test(quotes_json),
        cmocka_unit_test(a_json_string_that_does_not_fit_leaves_nothing),
    };

    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
