/* SPDX-License-Identifier: Apache-2.0 */
/* The rate at which clients are let in, and the queue of those who are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "gateway/accept/admission.h"

enum { SECOND = 1000000, START = 7 * SECOND };

static int admitted(struct admission *admission, int64_t from_us, int64_t until_us, int64_t step_us)
{
    int count = 0;
    int retry;

    for (int64_t now = from_us; now < until_us; now += step_us)
        count += admission_admit(admission, now, &retry);
    return count;
}

static void without_a_rate_everybody_is_let_in(void **state)
{
    struct admission admission;

    (void)state;

    admission_init(&admission, 0, START);
    assert_int_equal(admitted(&admission, START, START + SECOND, 10), SECOND / 10);
}

static void a_storm_is_let_in_at_the_rate_and_a_tenth_of_a_second_at_once(void **state)
{
    struct admission admission;

    (void)state;

    admission_init(&admission, 1000, START);
    assert_int_equal(admitted(&admission, START + SECOND, START + SECOND + 1, 1), 1);
    int more = admitted(&admission, START + SECOND, START + 3 * SECOND, 100);
    assert_in_range(more, 2000, 2101);
}

static void a_slow_rate_lets_one_in_at_a_time(void **state)
{
    struct admission admission;
    int retry = 0;

    (void)state;

    admission_init(&admission, 1, START);
    assert_true(admission_admit(&admission, START, &retry));
    assert_false(admission_admit(&admission, START + 1, &retry));
    assert_int_equal(retry, 1);
    assert_true(admission_admit(&admission, START + SECOND, &retry));
}

static void another_rate_holds_at_once(void **state)
{
    struct admission admission;
    int retry = 0;

    (void)state;

    admission_init(&admission, 0, START);
    assert_true(admission_admit(&admission, START + 9 * SECOND, &retry));
    admission_set_rate(&admission, 10);
    assert_in_range(admitted(&admission, START + 9 * SECOND, START + 11 * SECOND, 100), 20, 22);
    admission_set_rate(&admission, 1000);
    assert_in_range(admitted(&admission, START + 11 * SECOND, START + 12 * SECOND, 100), 900, 1101);
    admission_set_rate(&admission, 0);
    assert_int_equal(admitted(&admission, START + 12 * SECOND, START + 13 * SECOND, 10), SECOND / 10);
}

/* 100 a second: of 1,000 who come at once and are refused, 100 are told each second. */
static void the_refused_come_back_at_the_rate(void **state)
{
    struct admission admission;
    int told[ADMISSION_RETRY_MAX + 1] = {0};
    int retry = 0;

    (void)state;

    admission_init(&admission, 100, START);
    while (admission_admit(&admission, START, &retry))
        continue;
    for (int i = 0; i < 1000; i++) {
        assert_false(admission_admit(&admission, START, &retry));
        assert_in_range(retry, 1, ADMISSION_RETRY_MAX);
        told[retry]++;
    }
    for (int second = 2; second <= 10; second++)
        assert_in_range(told[second], 98, 102);
}

static void nobody_waits_longer_than_the_bound(void **state)
{
    struct admission admission;
    int retry = 0;

    (void)state;

    admission_init(&admission, 1, START);
    assert_true(admission_admit(&admission, START, &retry));
    for (int i = 0; i < 1000; i++)
        assert_false(admission_admit(&admission, START, &retry));
    assert_int_equal(retry, ADMISSION_RETRY_MAX);
}

static void a_quiet_time_is_not_saved_up(void **state)
{
    struct admission admission;

    (void)state;

    admission_init(&admission, 1000, START);
    assert_in_range(admitted(&admission, START + 3600LL * SECOND, START + 3600LL * SECOND + 1000, 1), 100,
                    103);
}

static void what_is_given_back_is_the_next_ones(void **state)
{
    struct admission admission;
    int retry = 0;

    (void)state;

    admission_init(&admission, 1, START);
    for (int probe = 0; probe < 100; probe++) {
        assert_true(admission_admit(&admission, START, &retry));
        admission_give_back(&admission);
    }
    assert_true(admission_admit(&admission, START, &retry));
    assert_false(admission_admit(&admission, START, &retry));
    admission_init(&admission, 0, START);
    admission_give_back(&admission);
    assert_true(admission_admit(&admission, START, &retry));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_rate_everybody_is_let_in),
        cmocka_unit_test(a_storm_is_let_in_at_the_rate_and_a_tenth_of_a_second_at_once),
        cmocka_unit_test(a_slow_rate_lets_one_in_at_a_time),
        cmocka_unit_test(the_refused_come_back_at_the_rate),
        cmocka_unit_test(nobody_waits_longer_than_the_bound),
        cmocka_unit_test(a_quiet_time_is_not_saved_up),
        cmocka_unit_test(another_rate_holds_at_once),
        cmocka_unit_test(what_is_given_back_is_the_next_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
