/* SPDX-License-Identifier: Apache-2.0 */
/* What delay an event gets for milliseconds and microseconds; the waiting itself is libevent's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/net/loop_event.h"

enum { SLACK_US = 200 * 1000 }; /* libevent's clock is coarse */

struct fixture {
    struct event_base *base;
    struct event *event;
    int fired;
};

static void on_event(evutil_socket_t fd, short what, void *arg)
{
    struct fixture *fixture = arg;

    (void)fd;
    assert_int_equal(what, EV_TIMEOUT);
    fixture->fired++;
}

static int set_up(void **state)
{
    static struct fixture fixture;

    fixture = (struct fixture){.base = event_base_new()};
    fixture.event = event_new(fixture.base, -1, 0, on_event, &fixture);
    assert_non_null(fixture.event);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    loop_event_free(fixture->event);
    event_base_free(fixture->base);
    return 0;
}

static int64_t us_of(const struct timeval *time)
{
    return time->tv_sec * INT64_C(1000000) + time->tv_usec;
}

static int64_t now_us(void)
{
    struct timeval now;

    assert_int_equal(evutil_gettimeofday(&now, NULL), 0);
    return us_of(&now);
}

static void assert_due_in(const struct fixture *fixture, int64_t before_us, int64_t delay_us)
{
    struct timeval due;

    assert_true(event_pending(fixture->event, EV_TIMEOUT, &due) != 0);
    assert_in_range(us_of(&due) - before_us - delay_us + SLACK_US, 0, now_us() - before_us + 2 * SLACK_US);
}

static void test_milliseconds(void **state)
{
    struct fixture *fixture = *state;
    int64_t before_us = now_us();

    assert_int_equal(loop_event_after_ms(fixture->event, 90500), STATUS_OK);
    assert_due_in(fixture, before_us, 90500000);
}

static void test_microseconds_take_the_place_of_what_was_set(void **state)
{
    struct fixture *fixture = *state;
    int64_t before_us = now_us();

    assert_int_equal(loop_event_after_ms(fixture->event, 90500), STATUS_OK);
    assert_int_equal(loop_event_after_us(fixture->event, 7600000), STATUS_OK);
    assert_due_in(fixture, before_us, 7600000);
}

static void test_a_day_is_no_overflow(void **state)
{
    struct fixture *fixture = *state;
    int64_t before_us = now_us();

    assert_int_equal(loop_event_after_ms(fixture->event, INT64_C(86400) * 1000), STATUS_OK);
    assert_due_in(fixture, before_us, INT64_C(86400) * 1000000);
}

static void test_what_is_overdue_comes_with_the_next_turn(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(loop_event_after_ms(fixture->event, -5), STATUS_OK);
    assert_int_equal(event_base_loop(fixture->base, EVLOOP_ONCE), 0);
    assert_int_equal(fixture->fired, 1);
}

static void test_freed_is_never_heard_of_and_null_is_legal(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(loop_event_after_ms(fixture->event, 0), STATUS_OK);
    loop_event_free(fixture->event);
    fixture->event = NULL;
    (void)event_base_loop(fixture->base, EVLOOP_NONBLOCK);
    assert_int_equal(fixture->fired, 0);
    loop_event_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_milliseconds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_microseconds_take_the_place_of_what_was_set, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_day_is_no_overflow, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_overdue_comes_with_the_next_turn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_freed_is_never_heard_of_and_null_is_legal, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
