/* SPDX-License-Identifier: Apache-2.0 */
/* A client that does not keep up, one that breaks, one that is closed: what it gets, what is dropped, and
 * that every frame is counted out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/gateway/bucket/client_bench.h"

/* What was addressed is delivered, dropped or still queued. */
static void expect_balance(void)
{
    uint64_t out = metrics_get(M_FRAMES_DELIVERED) + metrics_get(M_FRAMES_QUEUED);

    for (unsigned row = M_FRAMES_DROPPED_SLOW; row <= M_FRAMES_DROPPED_MEMORY; row++)
        out += metrics_get(row);
    assert_int_equal(out, metrics_get(M_FRAMES_ADDRESSED));
}

static struct ws_conn *blocked_client(struct client_bench *bench, enum slow_client_policy policy)
{
    struct ws_conn *conn = bench_connect(bench, "/connect?join=r");

    bench->bucket.limits.policy = policy;
    conn->takes = 0;
    return conn;
}

/* Pushes "1", "2", ... */
static void push_many(struct client_bench *bench, int count)
{
    char item[16];

    for (int i = 1; i <= count; i++) {
        snprintf(item, sizeof item, "%d", i);
        bench_push(bench, "r", item);
        bench_run(bench);
    }
}

#define PUSHED(item) "text:{\"type\":\"PUSH\",\"data\":{\"items\":[" item "]}} "

static void what_waits_comes_in_order(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = blocked_client(bench, SLOW_CLOSE);

    push_many(bench, 3);
    bench_expect(conn, "");
    assert_int_equal(metrics_get(M_FRAMES_QUEUED), 3);
    bench_unblock(conn);
    bench_expect(conn, PUSHED("1") PUSHED("2") PUSHED("3"));
    expect_balance();
}

static void a_frame_that_was_begun_is_ended_first(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = blocked_client(bench, SLOW_DROP_OLDEST);

    conn->takes = 5;
    push_many(bench, 12); /* 8 may wait */
    bench_unblock(conn);
    bench_expect(conn, PUSHED("1") PUSHED("6") PUSHED("7") PUSHED("8") PUSHED("9") PUSHED("10") PUSHED("11")
                           PUSHED("12"));
    expect_balance();
}

/* Half a frame would break the stream, so the bounds do not count for its rest. */
static void a_begun_frame_above_the_bounds_is_ended(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = blocked_client(bench, SLOW_DROP_NEWEST);
    char item[5000];

    memset(item, '7', sizeof item - 1);
    item[sizeof item - 1] = '\0';
    conn->takes = 5;
    bench_push(bench, "r", item);
    bench_run(bench);
    assert_int_equal(metrics_get(M_FRAMES_QUEUED), 1);
    bench_unblock(conn);
    assert_true(conn->raw_len - conn->read > sizeof item);
    expect_balance();
}

static void drop_oldest_keeps_the_newest(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = blocked_client(bench, SLOW_DROP_OLDEST);
    uint64_t before = metrics_get(M_FRAMES_DROPPED_OLDEST);

    push_many(bench, 10);
    bench_unblock(conn);
    bench_expect(conn, PUSHED("3") PUSHED("4") PUSHED("5") PUSHED("6") PUSHED("7") PUSHED("8") PUSHED("9")
                           PUSHED("10"));
    assert_int_equal(metrics_get(M_FRAMES_DROPPED_OLDEST) - before, 2);
    expect_balance();
}

static void drop_newest_keeps_the_oldest(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = blocked_client(bench, SLOW_DROP_NEWEST);
    uint64_t before = metrics_get(M_FRAMES_DROPPED_NEWEST);

    push_many(bench, 10);
    bench_unblock(conn);
    bench_expect(conn, PUSHED("1") PUSHED("2") PUSHED("3") PUSHED("4") PUSHED("5") PUSHED("6") PUSHED("7")
                           PUSHED("8"));
    assert_int_equal(metrics_get(M_FRAMES_DROPPED_NEWEST) - before, 2);
    expect_balance();
}

static void the_policy_close_drops_what_waits_and_says_4200(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = blocked_client(bench, SLOW_CLOSE);
    uint64_t before = metrics_get(M_FRAMES_DROPPED_SLOW);
    uint64_t closed = metrics_get(M_CLOSED_4200);

    push_many(bench, 9);
    assert_int_equal(conn->client->phase, CLIENT_CLOSING);
    assert_int_equal(metrics_get(M_CLOSED_4200) - closed, 1);
    assert_int_equal(metrics_get(M_FRAMES_DROPPED_SLOW) - before, 9);
    bench_unblock(conn);
    bench_expect(conn, "close:4200 slow_consumer ");
    push_many(bench, 1); /* it has left its rooms */
    expect_balance();
}

static void a_queue_is_bounded_in_bytes_too(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = blocked_client(bench, SLOW_CLOSE);
    char item[1500];

    memset(item, '7', sizeof item - 1);
    item[sizeof item - 1] = '\0';
    bench_push(bench, "r", item);
    bench_push(bench, "r", item);
    bench_run(bench);
    assert_int_equal(conn->client->phase, CLIENT_OPEN);
    bench_push(bench, "r", item); /* 4,096 B may wait */
    bench_run(bench);
    assert_int_equal(conn->client->phase, CLIENT_CLOSING);
    expect_balance();
}

static void answers_and_pongs_are_bounded(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = blocked_client(bench, SLOW_DROP_OLDEST);

    for (int i = 0; i < 8; i++)
        bench_frame(conn, 9, "x", 1);
    assert_int_equal(conn->client->phase, CLIENT_OPEN);
    bench_frame(conn, 9, "x", 1);
    assert_int_equal(conn->client->phase, CLIENT_CLOSING);
    bench_unblock(conn);
    assert_string_equal(strstr(bench_out(conn), "close:"), "close:4200 slow_consumer ");
}

static void pongs_do_not_drop_pushes(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = blocked_client(bench, SLOW_DROP_OLDEST);

    push_many(bench, 2);
    bench_frame(conn, 9, "x", 1);
    bench_unblock(conn);
    bench_expect(conn, PUSHED("1") PUSHED("2") "pong:x ");
}

/* Nobody gets "item" from `ms` from now on. */
static void push_until(struct client_bench *bench, const char *item, int64_t ms)
{
    bench_push(bench, "r", item);
    delivery_expire(
        rooms_find(&bench->bucket.rooms, slice_str("r"), hashmap_hash(slice_str("r")))->last->delivery,
        bench->now_us + ms * 1000);
    bench_run(bench);
}

static void what_is_late_is_not_written(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = blocked_client(bench, SLOW_CLOSE);
    uint64_t before = metrics_get(M_FRAMES_DROPPED_EXPIRED);

    push_until(bench, "1", 10);
    push_until(bench, "2", 1000);
    push_many(bench, 1);
    bench->now_us += 10 * 1000;
    bench_unblock(conn);
    bench_expect(conn, PUSHED("2") PUSHED("1"));
    assert_int_equal(metrics_get(M_FRAMES_DROPPED_EXPIRED) - before, 1);
    assert_int_equal(metrics_get(M_FRAMES_QUEUED), 0);
    expect_balance();
}

static void a_late_frame_that_was_begun_is_ended(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = blocked_client(bench, SLOW_CLOSE);

    conn->takes = 5;
    push_until(bench, "1", 10);
    push_until(bench, "2", 10);
    bench->now_us += 1000 * 1000;
    bench_unblock(conn);
    bench_expect(conn, PUSHED("1"));
    expect_balance();
}

/* All that fills the queue is late: whoever reads again misses nothing that was still good. */
static void what_is_late_goes_before_the_policy_acts(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = blocked_client(bench, SLOW_CLOSE);
    uint64_t before = metrics_get(M_FRAMES_DROPPED_EXPIRED);

    for (int i = 0; i < 8; i++) /* as many as may wait */
        push_until(bench, "0", 10);
    bench->now_us += 10 * 1000;
    push_many(bench, 1);
    assert_int_equal(conn->client->phase, CLIENT_OPEN);
    assert_int_equal(metrics_get(M_FRAMES_DROPPED_EXPIRED) - before, 8);
    bench_unblock(conn);
    bench_expect(conn, PUSHED("1"));
    expect_balance();
}

static void late_frames_of_tls_are_dropped_too(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = blocked_client(bench, SLOW_CLOSE);

    conn->client->tls = true;
    push_until(bench, "1", 10);
    push_until(bench, "2", 1000);
    bench->now_us += 10 * 1000;
    bench_unblock(conn);
    bench_expect(conn, PUSHED("2"));
    expect_balance();
}

static void a_broken_socket_ends_the_client_and_its_frames(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = blocked_client(bench, SLOW_CLOSE);
    uint64_t before = metrics_get(M_FRAMES_DROPPED_GONE);

    push_many(bench, 2);
    conn->takes = BENCH_UNLIMITED;
    conn->fails = -EPIPE;
    client_on_writable(conn->client);
    bench_expect(conn, "kill ");
    bench_gone(conn);
    assert_int_equal(metrics_get(M_FRAMES_DROPPED_GONE) - before, 2);
    expect_balance();
}

static void what_goes_out_at_once_is_counted(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = bench_connect(bench, "/connect?join=r");
    uint64_t before = metrics_get(M_FRAMES_DELIVERED);

    push_many(bench, 2);
    bench_expect(conn, PUSHED("1") PUSHED("2"));
    assert_int_equal(metrics_get(M_FRAMES_DELIVERED) - before, 2);
    expect_balance();
}

/* TLS is written to by the client, not by a round. */
static struct ws_conn *tls_client(struct client_bench *bench)
{
    struct ws_conn *conn = bench_connect(bench, "/connect?join=r");

    conn->client->tls = true;
    return conn;
}

static void what_goes_to_tls_at_once_is_counted(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = tls_client(bench);
    uint64_t before = metrics_get(M_FRAMES_DELIVERED);

    push_many(bench, 2);
    bench_expect(conn, PUSHED("1") PUSHED("2"));
    assert_int_equal(metrics_get(M_FRAMES_DELIVERED) - before, 2);
    expect_balance();
}

static void what_broken_tls_does_not_take_is_counted(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = tls_client(bench);
    uint64_t before = metrics_get(M_FRAMES_DROPPED_GONE);

    conn->fails = -EPIPE;
    push_many(bench, 1);
    assert_int_equal(metrics_get(M_FRAMES_DROPPED_GONE) - before, 1);
    expect_balance();
}

/* The frame was addressed before the client was closed in the same slice. */
static void a_frame_to_who_is_being_closed_is_counted(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = tls_client(bench);
    uint64_t before = metrics_get(M_FRAMES_DROPPED_GONE);

    client_close(conn->client, CLOSE_normal);
    bench_expect(conn, "close:1000 normal ");
    client_send_push(conn->client, bench->bucket.ping);
    bench_expect(conn, "");
    assert_int_equal(metrics_get(M_FRAMES_DROPPED_GONE) - before, 1);
}

static void the_close_goes_behind_what_is_queued(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = blocked_client(bench, SLOW_CLOSE);

    push_many(bench, 2);
    client_close(conn->client, CLOSE_internal);
    push_many(bench, 1);
    bench_unblock(conn);
    bench_expect(conn, PUSHED("1") PUSHED("2") "close:1011 internal ");
    bench_frame(conn, 8, "\x03\xf3", 2); /* the peer's close: nothing more is to come */
    bench_expect(conn, "kill ");
}

static void a_client_counts_once(void **state)
{
    struct client_bench *bench = *state;
    uint64_t before = metrics_get(M_CLIENTS);
    struct ws_conn *conn = bench_connect(bench, "/connect");

    assert_int_equal(metrics_get(M_CLIENTS) - before, 1);
    assert_int_equal(atomic_load(&bench->bucket.clients), 1);
    client_close(conn->client, CLOSE_normal);
    client_close(conn->client, CLOSE_internal);
    client_kill(conn->client);
    bench_gone(conn);
    assert_int_equal(metrics_get(M_CLIENTS), before);
    assert_int_equal(atomic_load(&bench->bucket.clients), 0);
}

static void its_ticket_goes_back_when_it_is_gone(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = bench_connect(bench, "/connect");

    client_lost(conn->client);
    assert_null(mailbox_take(bench->conf.returns));
    bench_gone(conn);
    assert_ptr_equal(mailbox_take(bench->conf.returns), &conn->ticket.head.mail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_waits_comes_in_order, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(a_frame_that_was_begun_is_ended_first, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(a_begun_frame_above_the_bounds_is_ended, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(drop_oldest_keeps_the_newest, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(drop_newest_keeps_the_oldest, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(the_policy_close_drops_what_waits_and_says_4200, bench_setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(a_queue_is_bounded_in_bytes_too, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(answers_and_pongs_are_bounded, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(what_is_late_is_not_written, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(a_late_frame_that_was_begun_is_ended, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(what_is_late_goes_before_the_policy_acts, bench_setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(late_frames_of_tls_are_dropped_too, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(pongs_do_not_drop_pushes, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(a_broken_socket_ends_the_client_and_its_frames, bench_setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(what_goes_out_at_once_is_counted, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(what_goes_to_tls_at_once_is_counted, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(what_broken_tls_does_not_take_is_counted, bench_setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(a_frame_to_who_is_being_closed_is_counted, bench_setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(the_close_goes_behind_what_is_queued, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(a_client_counts_once, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(its_ticket_goes_back_when_it_is_gone, bench_setup, bench_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
