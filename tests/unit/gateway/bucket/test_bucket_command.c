/* SPDX-License-Identifier: Apache-2.0 */
/* Commands on a bucket: whom a kick meets, what they get before it, and how they end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/gateway/bucket/client_bench.h"

#define ONE "text:{\"type\":\"PUSH\",\"data\":{\"items\":[1]}} "

static struct job *job_of(struct delivery *delivery)
{
    struct job *job = calloc(1, sizeof *job);

    assert_non_null(delivery);
    job->delivery = delivery;
    return job;
}

static void push(struct client_bench *bench, const char *room)
{
    const uint32_t members[ENCODING_COUNT] = {[ENCODING_WS_V1] = 1};
    struct slice key = slice_str(room);

    rounds_add(&bench->bucket.rounds, rooms_find(&bench->bucket.rooms, key, hashmap_hash(key)),
               job_of(delivery_new(key, hashmap_hash(key), slice_str("1"), 1, members)));
}

static void kick(struct client_bench *bench, const char *room)
{
    const struct command order = {.kind = COMMAND_KICK, .code = 4003, .reason = "kicked", .reason_len = 6};
    struct slice key = slice_str(room);

    bucket_command_take(&bench->bucket,
                        job_of(delivery_new_command(key, hashmap_hash(key), key_command_new_kick(&order))));
}

static void run(struct client_bench *bench)
{
    while (rounds_run(&bench->bucket.rounds))
        continue;
}

static uint64_t waiting(void)
{
    return metrics_get(M_KICKS_WAITING);
}

static void who_is_kicked_gets_what_came_before_and_nothing_after(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = bench_connect(bench, "/connect?join=r");

    push(bench, "r");
    kick(bench, "r");
    push(bench, "r");
    run(bench);
    assert_int_equal(conn->client->phase, CLIENT_KICKED);
    assert_int_equal(conn->client->room_count, 0);
    bench_expect(conn, ONE);
    assert_false(kick_list_close_some(&bench->bucket.kicks, 16));
    bench_expect(conn, "close:4003 kicked ");
    assert_int_equal(waiting(), 0);
}

static void who_joins_while_the_kick_waits_stays(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *first = bench_connect(bench, "/connect?join=r");

    push(bench, "r");
    kick(bench, "r");
    struct ws_conn *second = bench_connect(bench, "/connect?join=r");
    run(bench);
    assert_int_equal(first->client->phase, CLIENT_KICKED);
    assert_int_equal(second->client->phase, CLIENT_OPEN);
    kick(bench, "r");
    run(bench);
    assert_int_equal(second->client->phase, CLIENT_KICKED);
    assert_int_equal(waiting(), 2);
    assert_false(kick_list_close_some(&bench->bucket.kicks, 16));
}

static void two_kicks_close_once(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = bench_connect(bench, "/connect?join=r");

    kick(bench, "r");
    kick(bench, "r");
    run(bench);
    assert_int_equal(waiting(), 1);
    assert_false(kick_list_close_some(&bench->bucket.kicks, 16));
    bench_expect(conn, "close:4003 kicked ");
    assert_null(rooms_find(&bench->bucket.rooms, slice_str("r"), hashmap_hash(slice_str("r"))));
}

static void closes_are_paced(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conns[3];

    for (int i = 0; i < 3; i++)
        conns[i] = bench_connect(bench, "/connect?join=r");
    kick(bench, "r");
    run(bench);
    assert_true(kick_list_close_some(&bench->bucket.kicks, 2));
    assert_int_equal(waiting(), 1);
    assert_false(kick_list_close_some(&bench->bucket.kicks, 2));
    for (int i = 0; i < 3; i++)
        bench_expect(conns[i], "close:4003 kicked ");
}

static void who_goes_while_its_close_waits_is_no_trouble(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *gone = bench_connect(bench, "/connect?join=r");
    struct ws_conn *closing = bench_connect(bench, "/connect?join=r");

    kick(bench, "r");
    run(bench);
    bench_gone(gone);
    bench_frame(closing, 8, "\x03\xe8", 2);
    assert_int_equal(closing->client->phase, CLIENT_KICKED);
    assert_int_equal(waiting(), 1);
    assert_false(kick_list_close_some(&bench->bucket.kicks, 16));
    bench_expect(closing, "close:4003 kicked kill ");
    assert_int_equal(waiting(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_is_kicked_gets_what_came_before_and_nothing_after, bench_setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(who_joins_while_the_kick_waits_stays, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(two_kicks_close_once, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(closes_are_paced, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(who_goes_while_its_close_waits_is_no_trouble, bench_setup,
                                        bench_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
