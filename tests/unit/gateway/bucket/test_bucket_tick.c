/* SPDX-License-Identifier: Apache-2.0 */
/* What time does to clients, with a clock that the test turns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/gateway/bucket/client_bench.h"

enum { CLIENTS = 10 };

static void who_says_nothing_is_timed_out(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = bench_accept(bench);
    uint64_t before = metrics_get(M_REFUSED_TIMEOUT);

    bench_wait_ms(bench, 1950);
    assert_int_equal(conn->client->phase, CLIENT_HANDSHAKE);
    bench_wait_ms(bench, 50);
    assert_int_not_equal(conn->client->phase, CLIENT_HANDSHAKE);
    assert_int_equal(metrics_get(M_REFUSED_TIMEOUT) - before, 1);
}

static void a_silent_client_is_pinged_and_then_closed(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = bench_connect(bench, "/connect");

    bench_wait_ms(bench, 29950);
    bench_expect(conn, "");
    bench_wait_ms(bench, 50); /* half of 60 s */
    bench_expect(conn, "ping ");
    bench_wait_ms(bench, 29950);
    bench_expect(conn, "");
    bench_wait_ms(bench, 50);
    bench_expect(conn, "close:4201 heartbeat_timeout ");
}

static void a_pong_keeps_a_client(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = bench_connect(bench, "/connect");

    for (int i = 0; i < 4; i++) {
        bench_wait_ms(bench, 30000);
        bench_expect(conn, "ping ");
        bench_frame(conn, 10, "", 0);
    }
    assert_int_equal(conn->client->phase, CLIENT_OPEN);
}

static void a_close_that_is_not_answered_ends(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = bench_connect(bench, "/connect");

    client_close(conn->client, CLOSE_internal);
    bench_expect(conn, "close:1011 internal ");
    bench_wait_ms(bench, CLOSING_MS - TICK_MS);
    bench_expect(conn, "");
    bench_wait_ms(bench, TICK_MS);
    bench_expect(conn, "kill ");
}

static void connect_all(struct client_bench *bench, const char *target)
{
    for (int i = 0; i < CLIENTS; i++)
        (void)bench_connect(bench, target);
}

static void drain(struct client_bench *bench, int64_t duration_ms, int64_t ramp_ms)
{
    const struct drain_order order = {.duration_ms = duration_ms, .ramp_ms = ramp_ms};

    bucket_drain_begin(&bench->bucket, &order);
}

static int closed(const struct client_bench *bench)
{
    int count = 0;

    for (int i = 0; i < bench->count; i++)
        count += bench->conns[i].client->phase != CLIENT_OPEN;
    return count;
}

static void a_drain_is_spread_over_its_time(void **state)
{
    struct client_bench *bench = *state;

    connect_all(bench, "/connect");
    drain(bench, 10000, 10000);
    for (int second = 1; second <= 9; second++) {
        bench_wait_ms(bench, 1000);
        assert_in_range(closed(bench), second, second + 1);
    }
    bench_wait_ms(bench, 1000);
    assert_int_equal(closed(bench), CLIENTS);
}

static void each_is_told_when_to_come_back(void **state)
{
    struct client_bench *bench = *state;

    connect_all(bench, "/connect");
    drain(bench, 1000, 11000); /* 10 s longer than the drain */
    bench_wait_ms(bench, 1000);
    bench_expect(&bench->conns[CLIENTS - 1], "close:1001 going_away retry_ms=0 ");
    bench_expect(&bench->conns[0], "close:1001 going_away retry_ms=9000 ");
}

static void nobody_is_closed_who_is_owed_a_push(void **state)
{
    struct client_bench *bench = *state;

    connect_all(bench, "/connect?join=r");
    bench_push(bench, "r", "1");
    drain(bench, 100, 100);
    bench_wait_ms(bench, 200);
    assert_int_equal(closed(bench), 0);
    bench_run(bench);
    bench_wait_ms(bench, TICK_MS);
    assert_int_equal(closed(bench), CLIENTS);
    bench_expect(&bench->conns[0],
                 "text:{\"type\":\"PUSH\",\"data\":{\"items\":[1]}} close:1001 going_away retry_ms=0 ");
}

static void the_end_closes_even_those(void **state)
{
    struct client_bench *bench = *state;

    connect_all(bench, "/connect?join=r");
    bench_push(bench, "r", "1");
    drain(bench, 100, 100);
    bucket_drain_rest(&bench->bucket);
    assert_int_equal(closed(bench), CLIENTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_says_nothing_is_timed_out, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(a_silent_client_is_pinged_and_then_closed, bench_setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(a_pong_keeps_a_client, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(a_close_that_is_not_answered_ends, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(a_drain_is_spread_over_its_time, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(each_is_told_when_to_come_back, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(nobody_is_closed_who_is_owed_a_push, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(the_end_closes_even_those, bench_setup, bench_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
