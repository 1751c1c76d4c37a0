/* SPDX-License-Identifier: Apache-2.0 */
/* Who gives way when maxClients are there: whoever has not said yet what it wants, and nobody else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/gateway/bucket/client_bench.h"

/* A connection for which the acceptor has found no place. */
static struct ws_conn *come_without_a_place(struct client_bench *bench)
{
    struct ws_conn *conn = &bench->conns[bench->count];

    conn->ticket.refusal = REFUSAL_MAX_CLIENTS;
    return bench_accept(bench);
}

static void expect_refused(const struct ws_conn *newcomer)
{
    assert_int_equal(newcomer->ticket.refusal, REFUSAL_MAX_CLIENTS);
    assert_int_equal(metrics_get(M_REFUSED_EVICTED), 0);
}

static void a_newcomer_takes_a_silent_ones_place(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *open = bench_connect(bench, "/connect");
    struct ws_conn *silent = bench_accept(bench);
    struct ws_conn *newcomer = come_without_a_place(bench);

    assert_true(silent->killed);
    assert_true(silent->ticket.gave_way);
    assert_false(open->killed || newcomer->killed);
    assert_int_equal(newcomer->ticket.refusal, REFUSAL_NONE);
    assert_int_equal(metrics_get(M_REFUSED_EVICTED), 1);
}

static void the_oldest_silent_one_gives_way(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *first = bench_accept(bench);
    struct ws_conn *second = bench_accept(bench);

    (void)come_without_a_place(bench);
    assert_true(first->killed && !second->killed);
    (void)come_without_a_place(bench);
    assert_true(second->killed);
    assert_int_equal(metrics_get(M_REFUSED_EVICTED), 2);
}

static void whoever_is_open_does_not_give_way(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *open = bench_connect(bench, "/connect");

    bench->now_us += 50 * 1000000;
    expect_refused(come_without_a_place(bench));
    assert_false(open->killed);
}

static void whoever_has_begun_its_request_has_a_second(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *begun = bench_accept(bench);

    bench_bytes(begun, "GET /conn", 9);
    bench->now_us += 999 * 1000;
    expect_refused(come_without_a_place(bench));
    assert_false(begun->killed);
}

static void whoever_takes_too_long_over_its_request_gives_way(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *begun = bench_accept(bench);

    bench_bytes(begun, "GET /conn", 9);
    bench->now_us += 1000 * 1000;
    (void)come_without_a_place(bench);
    assert_true(begun->killed);
}

static void the_canary_does_not_give_way(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *canary = &bench->conns[bench->count];

    canary->ticket.canary = true;
    (void)bench_accept(bench);
    expect_refused(come_without_a_place(bench));
    assert_false(canary->killed);
}

/* It takes no place, so closing it frees none. */
static void whoever_is_being_told_503_does_not_give_way(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *first = come_without_a_place(bench);

    expect_refused(first);
    expect_refused(come_without_a_place(bench));
    assert_false(first->killed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_newcomer_takes_a_silent_ones_place),
        TEST(the_oldest_silent_one_gives_way),
        TEST(whoever_is_open_does_not_give_way),
        TEST(whoever_has_begun_its_request_has_a_second),
        TEST(whoever_takes_too_long_over_its_request_gives_way),
        TEST(the_canary_does_not_give_way),
        TEST(whoever_is_being_told_503_does_not_give_way),
    };

    return cmocka_run_group_tests_name("client_places", tests, NULL, NULL);
}
