/* SPDX-License-Identifier: Apache-2.0 */
/* Pauses between attempts: their ceiling, their least, and that they are spread. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/base/backoff.h"

static const struct backoff full = {.first_ms = 50, .last_ms = 2000, .divisor = 0};
static const struct backoff upper_half = {.first_ms = 500, .last_ms = 30000, .divisor = 2};

/* The longest pause: chance 0 to its ceiling gives each pause once. */
static uint32_t longest(const struct backoff *backoff, unsigned failures)
{
    uint32_t most = 0;

    for (uint32_t chance = 0; chance <= backoff->last_ms; chance++) {
        uint32_t ms = backoff_ms(backoff, failures, chance);

        most = ms > most ? ms : most;
    }
    return most;
}

static void the_ceiling_doubles_up_to_the_last(void **state)
{
    static const uint32_t ceilings[] = {50, 100, 200, 400, 800, 1600, 2000, 2000};

    (void)state;
    for (unsigned i = 0; i < sizeof ceilings / sizeof ceilings[0]; i++)
        assert_int_equal(longest(&full, i), ceilings[i]);
    assert_int_equal(longest(&upper_half, 5), 16000);
    assert_int_equal(longest(&upper_half, 6), 30000);
}

static void any_number_of_failures_is_bounded(void **state)
{
    (void)state;
    assert_int_equal(longest(&full, 32), 2000);
    assert_int_equal(longest(&full, UINT_MAX), 2000);
}

static void full_jitter_begins_at_nothing(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(backoff_ms(&full, i, 0), 0);
}

static void the_least_is_a_part_of_the_ceiling(void **state)
{
    static const struct backoff quarter = {.first_ms = 50, .last_ms = 1000, .divisor = 4};

    (void)state;
    assert_int_equal(backoff_ms(&upper_half, 0, 0), 250);
    assert_int_equal(backoff_ms(&upper_half, 9, 0), 15000);
    assert_int_equal(backoff_ms(&quarter, 0, 0), 12);
    assert_int_equal(backoff_ms(&quarter, 9, 0), 250);
}

static void chance_reaches_each_pause(void **state)
{
    (void)state;
    for (uint32_t i = 0; i <= 38; i++) /* of 12 to 50 */
        assert_int_equal(backoff_ms(&(struct backoff){50, 50, 4}, 0, 39 * 1000 + i), 12 + i);
    assert_in_range(backoff_ms(&upper_half, 9, UINT32_MAX), 15000, 30000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ceiling_doubles_up_to_the_last),
        cmocka_unit_test(any_number_of_failures_is_bounded),
        cmocka_unit_test(full_jitter_begins_at_nothing),
        cmocka_unit_test(the_least_is_a_part_of_the_ceiling),
        cmocka_unit_test(chance_reaches_each_pause),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
