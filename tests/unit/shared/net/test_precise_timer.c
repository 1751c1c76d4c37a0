/* SPDX-License-Identifier: Apache-2.0 */
/* When the timer fires, and that it does so once: never early, at most once, not after a cancel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/base/clock.h"
#include "shared/net/precise_timer.h"

struct fixture {
    struct event_base *base;
    struct precise_timer *timer;
    int fired;
    int64_t fired_us;
    int64_t again_us; /* is set anew by so much when it fires; 0: not */
};

static void on_fire(void *arg)
{
    struct fixture *fixture = arg;

    fixture->fired++;
    fixture->fired_us = clock_now_us();
    assert_false(precise_timer_is_set(fixture->timer));
    if (fixture->again_us > 0)
        precise_timer_set(fixture->timer, fixture->fired_us + fixture->again_us);
}

static int set_up(void **state)
{
    static struct fixture fixture;

    fixture = (struct fixture){.base = event_base_new()};
    assert_int_equal(precise_timer_new(fixture.base, on_fire, &fixture, &fixture.timer), STATUS_OK);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    precise_timer_free(fixture->timer);
    event_base_free(fixture->base);
    return 0;
}

static void run_until(struct fixture *fixture, int fired)
{
    while (fixture->fired < fired)
        event_base_loop(fixture->base, EVLOOP_ONCE);
}

/* Whatever the loop still has of the timer is seen within these turns. */
static void run_for(struct fixture *fixture, int64_t us)
{
    int64_t end = clock_now_us() + us;

    while (clock_now_us() < end)
        event_base_loop(fixture->base, EVLOOP_NONBLOCK);
}

static void fires_once_and_never_early(void **state)
{
    struct fixture *fixture = *state;

    for (int64_t delay_us = 1; delay_us < 5000; delay_us = delay_us * 3 + 7) {
        int64_t deadline = clock_now_us() + delay_us;
        int fired = fixture->fired;

        precise_timer_set(fixture->timer, deadline);
        assert_true(precise_timer_is_set(fixture->timer));
        run_until(fixture, fired + 1);
        assert_true(fixture->fired_us >= deadline);
        run_for(fixture, 1000);
        assert_int_equal(fixture->fired, fired + 1);
    }
}

static void fires_for_what_has_passed(void **state)
{
    struct fixture *fixture = *state;

    precise_timer_set(fixture->timer, clock_now_us() - 1000000);
    run_until(fixture, 1);
    precise_timer_set(fixture->timer, 0);
    run_until(fixture, 2);
    precise_timer_set(fixture->timer, -5);
    run_until(fixture, 3);
}

static void is_set_anew_from_inside(void **state)
{
    struct fixture *fixture = *state;

    fixture->again_us = 300;
    precise_timer_set(fixture->timer, clock_now_us());
    run_until(fixture, 20);
    assert_true(precise_timer_is_set(fixture->timer));
}

static void a_cancelled_one_does_not_fire(void **state)
{
    struct fixture *fixture = *state;

    precise_timer_set(fixture->timer, clock_now_us() + 500);
    precise_timer_cancel(fixture->timer);
    run_for(fixture, 3000);
    precise_timer_set(fixture->timer, clock_now_us());
    precise_timer_cancel(fixture->timer); /* it has expired, and the loop has not seen it */
    run_for(fixture, 3000);
    assert_int_equal(fixture->fired, 0);
    assert_false(precise_timer_is_set(fixture->timer));
}

static void a_later_deadline_replaces_one_that_has_come(void **state)
{
    struct fixture *fixture = *state;
    int64_t later;

    precise_timer_set(fixture->timer, clock_now_us());
    later = clock_now_us() + 4000;
    precise_timer_set(fixture->timer, later);
    run_until(fixture, 1);
    assert_true(fixture->fired_us >= later);
    run_for(fixture, 1000);
    assert_int_equal(fixture->fired, 1);
}

static void cancel(evutil_socket_t fd, short what, void *arg)
{
    struct fixture *fixture = arg;

    (void)fd;
    (void)what;
    precise_timer_cancel(fixture->timer);
}

static void set_later(evutil_socket_t fd, short what, void *arg)
{
    struct fixture *fixture = arg;

    (void)fd;
    (void)what;
    precise_timer_set(fixture->timer, clock_now_us() + 3000);
}

/* Runs `change` in the turn in which the loop has the expiry in hand already, right before it. */
static void change_while_it_is_in_hand(struct fixture *fixture, event_callback_fn change)
{
    struct event *before = event_new(fixture->base, -1, 0, change, fixture);

    precise_timer_set(fixture->timer, clock_now_us() - 1);
    event_active(before, EV_TIMEOUT, 0);
    event_base_loop(fixture->base, EVLOOP_NONBLOCK);
    event_free(before);
}

static void what_is_in_hand_is_told_apart(void **state)
{
    struct fixture *fixture = *state;

    change_while_it_is_in_hand(fixture, cancel);
    assert_int_equal(fixture->fired, 0);
    change_while_it_is_in_hand(fixture, set_later);
    assert_int_equal(fixture->fired, 0);
    run_until(fixture, 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(fires_once_and_never_early),
        TEST(fires_for_what_has_passed),
        TEST(is_set_anew_from_inside),
        TEST(a_cancelled_one_does_not_fire),
        TEST(a_later_deadline_replaces_one_that_has_come),
        TEST(what_is_in_hand_is_told_apart),
    };

    return cmocka_run_group_tests_name("precise_timer", tests, NULL, NULL);
}
