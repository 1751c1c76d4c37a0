/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics as the tool reads them, and foreign bytes on a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "deploy/tool/printable.h"
#include "deploy/tool/prom.h"

static const char text[] = "# HELP a_total A.\n# TYPE a_total counter\n"
                           "a_total{reason=\"x\"} 3\na_total{reason=\"y}\\\"\"} 4.5\n"
                           "b 1e3 1700000000\nbroken\nc{x=\"1\" 5\nab 7\ninf +Inf";

static void sums(void **state)
{
    struct slice all = slice_str(text);

    (void)state;
    assert_true(prom_sum(all, "a_total", NULL) == 7.5);
    assert_true(prom_sum(all, "a_total", "reason=\"x\"") == 3);
    assert_true(prom_sum(all, "b", "") == 1000);
    assert_true(isinf(prom_sum(all, "inf", NULL)));
    assert_true(isnan(prom_sum(all, "a", NULL)));
    assert_true(isnan(prom_sum(all, "c", NULL)));
    assert_true(isnan(prom_sum(slice_str(""), "a", NULL)));
}

static void no_byte_that_a_terminal_obeys(void **state)
{
    char out[32];
    char *json = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&json, &len);

    (void)state;
    printable_copy(slice_str("a\033[31m\xC2\x9B\x7F\xC3\xA4"), out, sizeof out);
    assert_string_equal(out, "a?[31m??\xC3\xA4");
    printable_copy(slice_str("too long"), out, 4);
    assert_string_equal(out, "too");
    assert_non_null(file);
    printable_json(slice_str("{\"a\":\r\n\"\xC2\x9B\x7F\xC3\xA4\"}"), file);
    (void)fclose(file);
    assert_string_equal(json, "{\"a\":  \"\\u009b\\u007f\xC3\xA4\"}");
    free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums),
        cmocka_unit_test(no_byte_that_a_terminal_obeys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
