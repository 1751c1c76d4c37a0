/* SPDX-License-Identifier: Apache-2.0 */
/* When a silent gateway is pinged, and when it is given up. Time-out 3000 ms, idle ping 10 s. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "logic/link/liveness.h"

static struct liveness begin(void)
{
    struct liveness liveness;

    liveness_init(&liveness, 3000, 10000, 1000);
    return liveness;
}

/* Checks every 500 ms until `end`, as the link does; returns when it was found dead, or 0. */
static int64_t watch(struct liveness *liveness, int64_t received, int64_t from, int64_t end, int *pings)
{
    for (int64_t now = from; now <= end; now += 500) {
        enum liveness_verdict verdict = liveness_check(liveness, received, now);

        if (verdict == LIVENESS_DEAD)
            return now;
        *pings += verdict == LIVENESS_PING;
    }
    return 0;
}

static void silent_gateway_that_owes_is_pinged_then_given_up(void **state)
{
    struct liveness liveness = begin();
    int pings = 0;

    (void)state;
    liveness_owe(&liveness, 1000);
    assert_int_equal(watch(&liveness, 1000, 1500, 20000, &pings), 4000);
    assert_int_equal(pings, 2);
}

static void any_byte_keeps_a_gateway_that_holds_its_answer(void **state)
{
    struct liveness liveness = begin();

    (void)state;
    liveness_owe(&liveness, 1000);
    for (int64_t now = 1500; now < 60000; now += 500) {
        int64_t last_pong = now - now % 2500;

        assert_int_not_equal(liveness_check(&liveness, last_pong, now), LIVENESS_DEAD);
    }
}

static void silence_before_the_request_does_not_count(void **state)
{
    struct liveness liveness = begin();
    int pings = 0;

    (void)state;
    assert_int_equal(watch(&liveness, 1000, 1500, 9000, &pings), 0);
    liveness_owe(&liveness, 9000);
    assert_int_equal(watch(&liveness, 1000, 9500, 20000, &pings), 12000);
}

static void idle_gateway_is_pinged_and_given_up_when_it_does_not_answer(void **state)
{
    struct liveness liveness = begin();
    int pings = 0;

    (void)state;
    assert_int_equal(watch(&liveness, 1000, 1500, 10500, &pings), 0);
    assert_int_equal(pings, 0);
    assert_int_equal(watch(&liveness, 1000, 11000, 60000, &pings), 14000);
    assert_int_equal(pings, 1);
}

static void idle_gateway_that_answers_pings_stays(void **state)
{
    struct liveness liveness = begin();
    int64_t received = 1000;
    int pings = 0;

    (void)state;
    for (int64_t now = 1500; now < 100000; now += 500) {
        enum liveness_verdict verdict = liveness_check(&liveness, received, now);

        assert_int_not_equal(verdict, LIVENESS_DEAD);
        if (verdict == LIVENESS_PING) {
            received = now;
            pings++;
        }
    }
    assert_int_equal(pings, 9);
}

static void our_own_suspension_is_not_the_gateways_silence(void **state)
{
    struct liveness liveness = begin();
    int pings = 0;

    (void)state;
    liveness_owe(&liveness, 1000);
    assert_int_equal(liveness_check(&liveness, 1000, 1500), LIVENESS_FINE);
    assert_int_equal(liveness_check(&liveness, 1000, 61500), LIVENESS_FINE);
    assert_int_equal(watch(&liveness, 1000, 62000, 90000, &pings), 64500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silent_gateway_that_owes_is_pinged_then_given_up),
        cmocka_unit_test(any_byte_keeps_a_gateway_that_holds_its_answer),
        cmocka_unit_test(silence_before_the_request_does_not_count),
        cmocka_unit_test(idle_gateway_is_pinged_and_given_up_when_it_does_not_answer),
        cmocka_unit_test(idle_gateway_that_answers_pings_stays),
        cmocka_unit_test(our_own_suspension_is_not_the_gateways_silence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
