/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in Redis under a key: written and read again, and whatever else may stand there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "logic/store/repeat_record.h"

static void expect_written(const struct repeat_record *record, const char *text)
{
    struct repeat_record read;
    struct buf out;

    buf_init(&out, SIZE_MAX);
    assert_int_equal(repeat_record_append(&out, record), STATUS_OK);
    assert_true(slice_equal(slice_of(out.data, out.len), slice_str(text)));
    assert_int_equal(repeat_record_parse(slice_of(out.data, out.len), &read), STATUS_OK);
    assert_true(read.digest == record->digest);
    assert_int_equal(read.status, record->status);
    assert_true(slice_equal(read.json, record->json));
    buf_fini(&out);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    expect_written(&(struct repeat_record){UINT64_C(0x0123456789abcdef), 0, {NULL, 0}}, "1 0123456789abcdef");
    expect_written(&(struct repeat_record){0, 0, {NULL, 0}}, "1 0000000000000000");
    expect_written(&(struct repeat_record){UINT64_MAX, 200, slice_str("{\"id\":\"a-1\"}")},
                   "1 ffffffffffffffff 200 {\"id\":\"a-1\"}");
    expect_written(&(struct repeat_record){1, 504, slice_str("{\"error\":{\"code\":\"x\"}}")},
                   "1 0000000000000001 504 {\"error\":{\"code\":\"x\"}}");
}

static void a_record_that_does_not_fit_leaves_nothing(void **state)
{
    const struct repeat_record record = {1, 200, slice_str("{\"id\":1}")};
    struct buf out;

    (void)state;
    buf_init(&out, 25);
    assert_int_equal(buf_append_str(&out, "x"), STATUS_OK);
    assert_int_not_equal(repeat_record_append(&out, &record), STATUS_OK);
    assert_int_equal(out.len, 1);
    buf_fini(&out);
}

static void nothing_else_is_a_record(void **state)
{
    static const char *const bad[] = {
        "",
        "1",
        "1 ",
        "1 0123456789abcde",  /* short */
        "2 0123456789abcdef", /* a later version */
        "10123456789abcdef0",
        "1 0123456789abcdeF", /* not as we write it */
        "1 0123456789abcdeg",
        "1 0123456789abcdef ",
        "1 0123456789abcdefx200 {\"a\":1}",
        "1 0123456789abcdef 200x{\"a\":1}",
        "1 0123456789abcdef 20 {\"a\":1}",
        "1 0123456789abcdef 2000 {\"a\":1}",
        "1 0123456789abcdef 199 {\"a\":1}", /* 200 to 599 */
        "1 0123456789abcdef 600 {\"a\":1}",
        "1 0123456789abcdef -01 {\"a\":1}",
        "1 0123456789abcdef 200 ",
        "1 0123456789abcdef 200 {}", /* no members to add to */
        "1 0123456789abcdef 200 { }",
        "1 0123456789abcdef 200 []",
        "1 0123456789abcdef 200 [\"a\"]",
        "1 0123456789abcdef 200 {\"a\":1} ",
        "1 0123456789abcdef 200  {\"a\":1}",
        "1 0123456789abcdef 200 {\"a\":1}}",
        "1 0123456789abcdef 200 {\"a\":01}",
        "1 0123456789abcdef 200 {\"a\":\"\xff\"}",
        "1 0123456789abcdef 200 {\"a\":[[[[[[[[1]]]]]]]]}", /* deeper than an answer is */
    };
    struct repeat_record record;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (repeat_record_parse(slice_str(bad[i]), &record) != STATUS_INVALID)
            fail_msg("taken: %s", bad[i]);
    assert_int_equal(repeat_record_parse(slice_of("1 0\0cdef0123456789ab", 18), &record), STATUS_INVALID);
}

static void the_bounds_of_the_status_are_within(void **state)
{
    struct repeat_record record;

    (void)state;
    assert_int_equal(repeat_record_parse(slice_str("1 0123456789abcdef 200 {\"a\":1}"), &record), STATUS_OK);
    assert_int_equal(record.status, 200);
    assert_int_equal(repeat_record_parse(slice_str("1 0123456789abcdef 599 {\"a\":1}"), &record), STATUS_OK);
    assert_int_equal(record.status, 599);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_record_that_does_not_fit_leaves_nothing),
        cmocka_unit_test(nothing_else_is_a_record),
        cmocka_unit_test(the_bounds_of_the_status_are_within),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
