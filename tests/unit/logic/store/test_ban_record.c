/* SPDX-License-Identifier: Apache-2.0 */
/* A ban as it stands in Redis: written and read again, and whatever else may stand there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "logic/store/ban_record.h"

static void expect_written(const struct ban *ban, const char *text)
{
    char value[BAN_RECORD_MAX];
    struct ban read;

    assert_int_equal(ban_record_print(ban, value), strlen(text));
    assert_string_equal(value, text);
    assert_int_equal(ban_record_parse(ban->user, slice_str(value), &read), STATUS_OK);
    assert_true(slice_equal(read.user, ban->user));
    assert_true(read.until_s == ban->until_s && read.at_ms == ban->at_ms && read.keep_s == ban->keep_s);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    expect_written(&(struct ban){slice_str("u7"), 1800000600, INT64_C(1800000000123), 1800000600},
                   "1 1800000600 1800000000123 1800000600");
    expect_written(&(struct ban){slice_str("u7"), 0, INT64_C(1800000000123), 1800003600},
                   "1 0 1800000000123 1800003600"); /* lifted */
}

static void nothing_else_is_a_ban(void **state)
{
    static const char *const bad[] = {
        "",
        "1",
        "1 1800000600 1800000000123",
        "1 1800000600 1800000000123 ",
        "1 1800000600 1800000000123 1800000600 ",
        "1 1800000600 1800000000123 1800000600 7",
        "2 1800000600 1800000000123 1800000600", /* a later version */
        "1  1800000600 1800000000123 1800000600",
        "1 01800000600 1800000000123 1800000600",
        "1 -1 1800000000123 1800000600",
        "1 1800000600 +1800000000123 1800000600",
        "1 1800000600 1800000000123 9999999999999999", /* more digits than a time has */
        "1 1800000600 1800000000123 1800000599",       /* forgotten before it is over */
        "1 1802592001 1800000000123 1802592001",       /* longer than 30 days */
    };
    struct ban ban;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (ban_record_parse(slice_str("u7"), slice_str(bad[i]), &ban) != STATUS_INVALID)
            fail_msg("taken: %s", bad[i]);
    assert_int_equal(
        ban_record_parse(slice_str("a\nb"), slice_str("1 1800000600 1800000000123 1800000600"), &ban),
        STATUS_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(nothing_else_is_a_ban),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
