/* SPDX-License-Identifier: Apache-2.0 */
/* When `fanfare tail` comes back, by close code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "deploy/tool/follow.h"

enum { LONG_MS = 60000, MOMENT_MS = 10 };

static struct follow_plan after_code(struct follow *follow, int code, const char *reason, int64_t open_ms)
{
    struct ws_ending ending = {.code = code};

    snprintf(ending.text, sizeof ending.text, "%s", reason);
    return follow_after(follow, &ending, open_ms, 0);
}

static void a_drain_is_obeyed_to_the_millisecond(void **state)
{
    struct follow follow = {0};
    struct follow_plan plan = after_code(&follow, 1001, "going_away retry_ms=2350", LONG_MS);

    (void)state;
    assert_int_equal(plan.step, FOLLOW_AGAIN);
    assert_int_equal(plan.wait_ms, 2350);
    assert_true(plan.other);
}

static void what_needs_repair_is_not_repeated(void **state)
{
    static const int codes[] = {1002, 1007, 1009, 4000, 4001};

    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        struct follow follow = {0};

        assert_int_equal(after_code(&follow, codes[i], "", LONG_MS).step, FOLLOW_STOP);
    }
}

static void codes_42xx_come_back_now_but_not_in_a_circle(void **state)
{
    struct follow follow = {0};

    (void)state;
    assert_int_equal(after_code(&follow, 4200, "slow_consumer", LONG_MS).wait_ms, 0);
    assert_false(after_code(&follow, 4201, "", LONG_MS).other);
    assert_true(after_code(&follow, 4200, "", MOMENT_MS).wait_ms > 0);
}

static void codes_41xx_back_off_further_each_time(void **state)
{
    struct follow follow = {0};
    int64_t before = 0;

    (void)state;
    for (int i = 0; i < 6; i++) {
        struct follow_plan plan = after_code(&follow, 4100, "rate_limited", MOMENT_MS);

        assert_int_equal(plan.step, FOLLOW_AGAIN);
        assert_true(plan.wait_ms > before);
        before = plan.wait_ms;
    }
    for (int i = 0; i < 20; i++)
        assert_in_range(after_code(&follow, 4100, "", MOMENT_MS).wait_ms, before, 30000);
}

static void a_long_connection_forgives(void **state)
{
    struct follow follow = {0};
    int64_t first = after_code(&follow, 1006, "", MOMENT_MS).wait_ms;

    (void)state;
    for (int i = 0; i < 5; i++)
        (void)after_code(&follow, 1006, "", MOMENT_MS);
    assert_int_equal(after_code(&follow, 1006, "", LONG_MS).wait_ms, first);
}

static void chance_spreads_those_who_come_back(void **state)
{
    struct ws_ending ending = {.code = 1006};
    struct follow one = {0};
    struct follow two = {0};

    (void)state;
    assert_int_not_equal(follow_after(&one, &ending, LONG_MS, 1).wait_ms,
                         follow_after(&two, &ending, LONG_MS, 100).wait_ms);
}

static void a_refused_handshake(void **state)
{
    struct ws_ending full = {.http_status = 503, .retry_after = 3};
    struct ws_ending lost = {.http_status = 404};
    struct follow follow = {0};
    struct follow_plan plan = follow_after(&follow, &full, 0, 0);

    (void)state;
    assert_int_equal(plan.step, FOLLOW_AGAIN);
    assert_int_equal(plan.wait_ms, 3000);
    assert_true(plan.other);
    assert_int_equal(follow_after(&follow, &lost, 0, 0).step, FOLLOW_STOP);
}

static void an_address_that_never_worked_is_not_tried_for_ever(void **state)
{
    struct follow follow = {0};

    (void)state;
    assert_int_equal(after_code(&follow, 0, "Connection refused", 0).step, FOLLOW_STOP);
    assert_int_equal(after_code(&follow, 1006, "", MOMENT_MS).step, FOLLOW_AGAIN);
    assert_int_equal(after_code(&follow, 0, "Connection refused", 0).step, FOLLOW_AGAIN);
}

static void nonsense_in_the_reason_is_not_obeyed(void **state)
{
    struct follow follow = {0};

    (void)state;
    assert_in_range(after_code(&follow, 1001, "retry_ms=99999999999999999999", LONG_MS).wait_ms, 0, 30000);
    assert_in_range(after_code(&follow, 1001, "retry_ms=-5", LONG_MS).wait_ms, 0, 30000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_drain_is_obeyed_to_the_millisecond),
        cmocka_unit_test(what_needs_repair_is_not_repeated),
        cmocka_unit_test(codes_42xx_come_back_now_but_not_in_a_circle),
        cmocka_unit_test(codes_41xx_back_off_further_each_time),
        cmocka_unit_test(a_long_connection_forgives),
        cmocka_unit_test(chance_spreads_those_who_come_back),
        cmocka_unit_test(a_refused_handshake),
        cmocka_unit_test(an_address_that_never_worked_is_not_tried_for_ever),
        cmocka_unit_test(nonsense_in_the_reason_is_not_obeyed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
