/* SPDX-License-Identifier: Apache-2.0 */
/* Everything ends once, not before its time and soon after it, with bounded work a call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "gateway/bucket/expiry_wheel.h"

enum { NOW = 1700000000, MANY = 2000, ENOUGH = 100000 };

static struct expiry_wheel wheel;
static struct expiry entries[MANY];

static int setup(void **state)
{
    (void)state;
    expiry_wheel_init(&wheel, NOW);
    for (int i = 0; i < MANY; i++)
        expiry_init(&entries[i]);
    return 0;
}

/* How many end at `now_s`. */
static int ended(int64_t now_s)
{
    size_t looks = ENOUGH;
    int count = 0;

    for (struct expiry *each; (each = expiry_wheel_next(&wheel, now_s, &looks)) != NULL; count++)
        assert_true(each->due_s <= now_s);
    return count;
}

static void each_ends_in_its_second(void **state)
{
    (void)state;
    expiry_wheel_add(&wheel, &entries[0], NOW + 5);
    expiry_wheel_add(&wheel, &entries[1], NOW + 5 + EXPIRY_SLOTS);
    expiry_wheel_add(&wheel, &entries[2], NOW + 86400);
    for (int64_t now = NOW; now <= NOW + 86400; now++) {
        bool due = now == NOW + 5 || now == NOW + 5 + EXPIRY_SLOTS || now == NOW + 86400;

        assert_int_equal(ended(now), due);
    }
}

static void what_is_over_ends_next(void **state)
{
    (void)state;
    expiry_wheel_add(&wheel, &entries[0], NOW - 1000);
    expiry_wheel_add(&wheel, &entries[1], NOW);
    assert_int_equal(ended(NOW), 0);
    assert_int_equal(ended(NOW + 1), 2);
}

static void one_that_is_extended_ends_later_and_once(void **state)
{
    (void)state;
    expiry_wheel_add(&wheel, &entries[0], NOW + 3);
    expiry_wheel_add(&wheel, &entries[0], NOW + 9);
    assert_int_equal(ended(NOW + 8), 0);
    assert_int_equal(ended(NOW + 9), 1);
    expiry_wheel_add(&wheel, &entries[0], NOW + 12);
    expiry_wheel_add(&wheel, &entries[0], INT64_MAX);
    assert_int_equal(ended(NOW + 5000), 0);
}

static void one_that_is_removed_never_ends(void **state)
{
    (void)state;
    expiry_wheel_add(&wheel, &entries[0], NOW + 3);
    expiry_remove(&entries[0]);
    expiry_remove(&entries[0]);
    assert_int_equal(ended(NOW + 10), 0);
}

static void many_at_once_are_taken_in_parts(void **state)
{
    size_t looks = 100;
    int count = 0;

    (void)state;
    for (int i = 0; i < MANY; i++)
        expiry_wheel_add(&wheel, &entries[i], NOW + 1);
    while (expiry_wheel_next(&wheel, NOW + 1, &looks) != NULL)
        count++;
    assert_int_equal(looks, 0);
    assert_true(count >= 99 && count <= 100);
    expiry_remove(&entries[MANY - 1]); /* while its slot is looked through */
    assert_int_equal(ended(NOW + 1), MANY - count - 1);
}

/* Rounds to come cost a look each, and no call takes more than it may. */
static void later_rounds_are_passed_by(void **state)
{
    size_t looks = 10;

    (void)state;
    for (int i = 0; i < 50; i++)
        expiry_wheel_add(&wheel, &entries[i], NOW + 1 + EXPIRY_SLOTS);
    expiry_wheel_add(&wheel, &entries[50], NOW + 1);
    for (int calls = 0; calls < 5; calls++, looks = 10)
        assert_null(expiry_wheel_next(&wheel, NOW + 1, &looks));
    assert_ptr_equal(expiry_wheel_next(&wheel, NOW + 1, &looks), &entries[50]);
    assert_int_equal(ended(NOW + 1 + EXPIRY_SLOTS), 50);
}

static void a_clock_that_jumps_ahead_ends_what_is_over(void **state)
{
    (void)state;
    for (int i = 0; i < MANY; i++)
        expiry_wheel_add(&wheel, &entries[i], NOW + 1 + i * 7);
    assert_int_equal(ended(NOW + 1 + MANY * 7), MANY);
}

static void a_clock_that_is_set_back_is_followed(void **state)
{
    (void)state;
    expiry_wheel_add(&wheel, &entries[0], NOW + 50);
    assert_int_equal(ended(NOW + 40), 0);
    assert_int_equal(ended(NOW + 10), 0);
    expiry_wheel_add(&wheel, &entries[1], NOW + 20);
    assert_int_equal(ended(NOW + 20), 1);
    assert_int_equal(ended(NOW + 49), 0);
    assert_int_equal(ended(NOW + 50), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_ends_in_its_second, setup),
        cmocka_unit_test_setup(what_is_over_ends_next, setup),
        cmocka_unit_test_setup(one_that_is_extended_ends_later_and_once, setup),
        cmocka_unit_test_setup(one_that_is_removed_never_ends, setup),
        cmocka_unit_test_setup(many_at_once_are_taken_in_parts, setup),
        cmocka_unit_test_setup(later_rounds_are_passed_by, setup),
        cmocka_unit_test_setup(a_clock_that_jumps_ahead_ends_what_is_over, setup),
        cmocka_unit_test_setup(a_clock_that_is_set_back_is_followed, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
