/* SPDX-License-Identifier: Apache-2.0 */
/* Rates of the last ten seconds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/base/rate_window.h"

static void expect(const struct rate_window *window, int64_t now_ms, uint64_t total, double rate)
{
    double found = rate_window_per_second(window, now_ms, total);

    if (found < rate - 0.001 || found > rate + 0.001)
        fail_msg("%f", found);
}

static void before_the_first_look_there_is_no_rate(void **state)
{
    const struct rate_window window = {0};

    (void)state;
    expect(&window, 5000, 100, 0);
}

static void at_first_the_window_is_as_long_as_it_was_looked_at(void **state)
{
    struct rate_window window = {0};

    (void)state;
    rate_window_note(&window, 1000, 40);
    expect(&window, 1000, 40, 0);
    expect(&window, 1500, 60, 40);
    rate_window_note(&window, 2000, 60);
    expect(&window, 3000, 140, 50);
}

static void later_only_the_last_ten_seconds_count(void **state)
{
    struct rate_window window = {0};
    uint64_t total = 0;

    (void)state;
    for (int second = 0; second < 60; second++) {
        rate_window_note(&window, second * 1000, total);
        total += second < 30 ? 1000 : 7;
    }
    expect(&window, 59000, total - 7, 7);
    expect(&window, 60000, total, 7 * 11 / 11.0);
    for (int second = 60; second < 75; second++)
        rate_window_note(&window, second * 1000, total);
    expect(&window, 75000, total, 0);
}

static void a_counter_or_clock_that_goes_back_is_no_rate(void **state)
{
    struct rate_window window = {0};

    (void)state;
    rate_window_note(&window, 1000, 40);
    expect(&window, 2000, 39, 0);
    expect(&window, 900, 50, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_the_first_look_there_is_no_rate),
        cmocka_unit_test(at_first_the_window_is_as_long_as_it_was_looked_at),
        cmocka_unit_test(later_only_the_last_ten_seconds_count),
        cmocka_unit_test(a_counter_or_clock_that_goes_back_is_no_rate),
    };

    return cmocka_run_group_tests_name("rate_window", tests, NULL, NULL);
}
