/* SPDX-License-Identifier: Apache-2.0 */
/* Dates of a token in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "deploy/tool/token_text.h"

#define NOW INT64_C(1800000000)

static void distances(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } rows[] = {
        {0, "now"},        {1, "in 1 s"},         {119, "in 119 s"},
        {120, "in 2 min"}, {3599, "in 59 min"},   {7199, "in 119 min"},
        {7200, "in 2 h"},  {172799, "in 47 h"},   {172800, "in 2 days"},
        {-1, "1 s ago"},   {-3600, "60 min ago"}, {-864000, "10 days ago"},
    };
    char text[48];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_string_equal(token_text_distance(NOW + rows[i].seconds, NOW, text, sizeof text), rows[i].text);
    }
}

static void dates(void **state)
{
    char text[112];

    (void)state;
    assert_string_equal(token_text_date(NOW + 3540, NOW, text, sizeof text),
                        "2027-01-15 08:59:00 UTC, in 59 min");
    assert_string_equal(token_text_date(0, 90, text, sizeof text), "1970-01-01 00:00:00 UTC, 90 s ago");
    assert_string_equal(token_text_date((INT64_C(1) << 53) - 1, 0, text, sizeof text),
                        "285428751-11-12 07:36:31 UTC, in 104249991374 days");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances),
        cmocka_unit_test(dates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
