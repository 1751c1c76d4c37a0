/* SPDX-License-Identifier: Apache-2.0 */
/* How many events are let through, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/base/cell_rate.h"

enum { SECOND = 1000000, START = 7 * SECOND };

/* How many of those that come at once are let through. */
static int at_once(const struct cell_rate *rate, int64_t *due_us, int64_t now_us)
{
    int count = 0;

    while (count < 1000 && cell_rate_admits(rate, due_us, now_us))
        count++;
    return count;
}

static void a_step_is_the_share_of_a_second(void **state)
{
    (void)state;
    assert_int_equal(cell_rate_step_us(100), 10000);
    assert_int_equal(cell_rate_step_us(1), SECOND);
    assert_int_equal(cell_rate_step_us(SECOND), 1);
    assert_int_equal(cell_rate_step_us(0), 0);
}

static void without_a_rate_all_are_let_through(void **state)
{
    const struct cell_rate rate = {0};
    int64_t due = 0;

    (void)state;
    assert_int_equal(at_once(&rate, &due, START), 1000);
    assert_int_equal(due, 0);
}

static void a_burst_and_then_the_rate(void **state)
{
    const struct cell_rate rate = {.step_us = 10, .burst_us = 40};
    int64_t due = 0;

    (void)state;
    assert_int_equal(at_once(&rate, &due, START), 5);
    assert_int_equal(at_once(&rate, &due, START + 9), 0);
    assert_int_equal(at_once(&rate, &due, START + 10), 1);
    assert_int_equal(at_once(&rate, &due, START + 30), 2);
}

static void without_a_burst_one_at_a_time(void **state)
{
    const struct cell_rate rate = {.step_us = 10, .burst_us = 0};
    int64_t due = 0;

    (void)state;
    for (int i = 0; i < 20; i++)
        assert_int_equal(at_once(&rate, &due, START + i * 10), 1);
}

static void a_quiet_time_is_not_saved_up(void **state)
{
    const struct cell_rate rate = {.step_us = 10, .burst_us = 40};
    int64_t due = 0;

    (void)state;
    assert_int_equal(at_once(&rate, &due, START), 5);
    assert_int_equal(at_once(&rate, &due, START + INT64_C(3600) * SECOND), 5);
}

static void who_is_refused_pays_nothing(void **state)
{
    const struct cell_rate rate = {.step_us = 10, .burst_us = 0};
    int64_t due = 0;

    (void)state;
    assert_true(cell_rate_admits(&rate, &due, START));
    for (int i = 0; i < 100; i++)
        assert_false(cell_rate_admits(&rate, &due, START + 9));
    assert_true(cell_rate_admits(&rate, &due, START + 10));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_is_the_share_of_a_second),
        cmocka_unit_test(without_a_rate_all_are_let_through),
        cmocka_unit_test(a_burst_and_then_the_rate),
        cmocka_unit_test(without_a_burst_one_at_a_time),
        cmocka_unit_test(a_quiet_time_is_not_saved_up),
        cmocka_unit_test(who_is_refused_pays_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
