/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/jose/numeric_date.h"

static const struct {
    const char *text;
    int64_t down, up; /* -1: refused */
} rows[] = {
    {"0", 0, 0},
    {"1700000000", 1700000000, 1700000000},
    {"1700000000.0", 1700000000, 1700000000},
    {"1700000000.000001", 1700000000, 1700000001},
    {"1700000000.999999999999999999999999999999", 1700000000, 1700000001},
    {"9007199254740991", 9007199254740991, 9007199254740991},
    {"9007199254740991.5", 9007199254740991, 9007199254740992},
    {"9007199254740992", -1, -1},
    {"18446744073709551617", -1, -1},
    {"99999999999999999999999999999999999999999999", -1, -1},
    {"-1", -1, -1},
    {"-0", -1, -1},
    {"-0.5", -1, -1},
    {"1e9", -1, -1},
    {"1.7E+9", -1, -1},
    {"1e400", -1, -1},
    {"1e-400", -1, -1},
    {"\"1700000000\"", -1, -1},
    {"null", -1, -1},
    {"true", -1, -1},
    {"[1700000000]", -1, -1},
    {"{}", -1, -1},
};

static void assert_reads(const char *text, bool up, int64_t expected)
{
    struct json_value value;
    struct json_error error;
    int64_t got = -2;
    bool good;

    assert_int_equal(json_scan(slice_str(text), 8, &value, &error), STATUS_OK);
    good = numeric_date_read(&value, up, &got);
    if (good != (expected >= 0) || (good && got != expected)) {
        fail_msg("%s, %s: %s, %lld", text, up ? "up" : "down", good ? "taken" : "refused", (long long)got);
    }
}

static void each_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_reads(rows[i].text, false, rows[i].down);
        assert_reads(rows[i].text, true, rows[i].up);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
