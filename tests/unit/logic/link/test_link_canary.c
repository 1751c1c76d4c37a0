/* SPDX-License-Identifier: Apache-2.0 */
/* When a link sends a canary, and what its answers make of a gateway. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "logic/link/link_canary.h"
#include "logic/metrics/logic_metrics.h"

enum { INTERVAL_US = 5000000, TIMEOUT_US = LINK_CANARY_TIMEOUT_MS * 1000 };

static int32_t sent;    /* the last stream; each is one more */
static char connection; /* whose address is one */
static struct link_canary canary;
static int64_t now_us;

enum status h2_request(struct h2_conn *conn, const char *method, const char *path, const char *content_type,
                       const struct h2_body *body, int32_t *stream)
{
    (void)content_type;
    assert_non_null(conn);
    assert_string_equal(method, "POST");
    assert_string_equal(path, "/rpc/canary");
    assert_null(body);
    *stream = ++sent;
    return STATUS_OK;
}

static int set_up(void **state)
{
    (void)state;
    logic_metrics_setup();
    sent = 0;
    now_us = 1000000;
    link_canary_init(&canary, INTERVAL_US);
    link_canary_start(&canary, (struct h2_conn *)(void *)&connection);
    return 0;
}

static void tick_after(int64_t us)
{
    now_us += us;
    link_canary_tick(&canary, now_us);
}

static void answer(int status)
{
    assert_true(link_canary_answer(&canary, sent, status, now_us));
}

static void it_goes_every_interval(void **state)
{
    (void)state;
    tick_after(0);
    assert_int_equal(sent, 1);
    now_us += 1500;
    answer(200);
    assert_int_equal(canary.us, 1500);
    assert_int_equal(metrics_get(LM_CANARY_ARRIVED), 1);
    tick_after(INTERVAL_US - 1501);
    assert_int_equal(sent, 1);
    tick_after(1);
    assert_int_equal(sent, 2);
}

static void one_is_under_way(void **state)
{
    (void)state;
    canary.interval_us = 1;
    tick_after(0);
    tick_after(TIMEOUT_US - 1);
    assert_int_equal(sent, 1);
    assert_false(link_canary_answer(&canary, sent + 1, 200, now_us)); /* not its answer */
    answer(200);
    assert_false(link_canary_answer(&canary, sent, 200, now_us)); /* nor twice */
}

static void three_failures_in_a_row_are_failing_until_one_arrives(void **state)
{
    (void)state;
    for (int i = 0; i < LINK_CANARY_FAILURES; i++) {
        assert_false(link_canary_is_failing(&canary));
        tick_after(INTERVAL_US);
        answer(500);
    }
    assert_true(link_canary_is_failing(&canary));
    assert_int_equal(canary.us, -1);
    assert_int_equal(metrics_get(LM_CANARY_FAILED), LINK_CANARY_FAILURES);
    link_canary_stop(&canary); /* over connections */
    link_canary_start(&canary, (struct h2_conn *)(void *)&connection);
    assert_true(link_canary_is_failing(&canary));
    tick_after(INTERVAL_US);
    answer(200);
    assert_false(link_canary_is_failing(&canary));
}

static void one_without_an_answer_has_failed(void **state)
{
    (void)state;
    tick_after(0);
    tick_after(TIMEOUT_US - 1);
    assert_int_equal(metrics_get(LM_CANARY_FAILED), 0);
    tick_after(1);
    assert_int_equal(metrics_get(LM_CANARY_FAILED), 1);
    assert_false(link_canary_answer(&canary, sent, 200, now_us)); /* too late */
}

static void who_knows_no_canaries_is_judged_by_none(void **state)
{
    (void)state;
    tick_after(0);
    answer(404);
    tick_after(10 * INTERVAL_US);
    assert_int_equal(sent, 1);
    assert_false(link_canary_is_failing(&canary));
    link_canary_start(&canary, (struct h2_conn *)(void *)&connection); /* it may be another one now */
    tick_after(0);
    assert_int_equal(sent, 2);
}

static void who_drains_has_not_failed(void **state)
{
    (void)state;
    tick_after(0);
    answer(503);
    assert_int_equal(metrics_get(LM_CANARY_FAILED), 0);
    assert_int_equal(canary.failures, 0);
}

static void without_an_interval_or_a_connection_there_are_none(void **state)
{
    (void)state;
    link_canary_stop(&canary);
    tick_after(INTERVAL_US);
    link_canary_init(&canary, 0);
    link_canary_start(&canary, (struct h2_conn *)(void *)&connection);
    tick_after(INTERVAL_US);
    assert_int_equal(sent, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_goes_every_interval),
        TEST(one_is_under_way),
        TEST(three_failures_in_a_row_are_failing_until_one_arrives),
        TEST(one_without_an_answer_has_failed),
        TEST(who_knows_no_canaries_is_judged_by_none),
        TEST(who_drains_has_not_failed),
        TEST(without_an_interval_or_a_connection_there_are_none),
    };

    return cmocka_run_group_tests_name("link_canary", tests, NULL, NULL);
}
