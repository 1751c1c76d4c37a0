/* SPDX-License-Identifier: Apache-2.0 */
/* SIGHUP is told once per turn of the loop. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/daemon/hangup.h"

static void count(void *arg)
{
    ++*(int *)arg;
}

static void test_signals_of_one_turn_are_one(void **state)
{
    struct event_base *base = event_base_new();
    struct hangup *hangup;
    int told = 0;

    (void)state;
    assert_int_equal(hangup_new(base, count, &told, &hangup), STATUS_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(raise(SIGHUP), 0);
    while (told == 0)
        assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
    (void)event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(told, 1);

    assert_int_equal(raise(SIGHUP), 0);
    while (told == 1)
        assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
    assert_int_equal(told, 2);
    hangup_free(hangup);
    hangup_free(NULL);
    event_base_free(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_signals_of_one_turn_are_one)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
