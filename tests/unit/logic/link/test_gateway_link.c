/* SPDX-License-Identifier: Apache-2.0 */
/* When a link's connection is made, judged and made again; what it takes and gives up meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/logic/link/link_bench.h"

static void a_link_is_up_when_the_hello_is_answered(void **state)
{
    struct bench *bench = *state;

    make_link(bench, "gateway.example");
    assert_string_equal(edge.asked, "gateway.example");
    assert_int_equal(metrics_get(LM_LINKS_CONNECTING), 1);
    push(bench);
    be_ready(bench);
    const struct bench_request *hello = expect_request("/rpc/hello");
    expect_no_request(); /* nothing before the gateway's limits are known */
    assert_false(gateway_link_is_up(bench->link));
    answer(bench, hello, 200, HELLO);
    assert_true(gateway_link_is_up(bench->link));
    assert_int_equal(metrics_get(LM_LINKS_UP), 1);
    assert_int_equal(metrics_get(LM_LINKS_CONNECTING), 0);
    (void)expect_request("/stats");
    expect_batch(expect_request("/rpc/batch"), 1, 1);
    expect_no_request();
}

static void a_gateway_that_knows_no_hello_is_spoken_to(void **state)
{
    struct bench *bench = *state;

    make_link(bench, "192.0.2.9");
    be_ready(bench);
    answer(bench, expect_request("/rpc/hello"), 404, "");
    assert_true(gateway_link_is_up(bench->link));
}

static void a_gateway_that_cannot_answer_the_hello_is_left(void **state)
{
    struct bench *bench = *state;
    struct link_details details;

    make_link(bench, "192.0.2.9");
    be_ready(bench);
    answer(bench, expect_request("/rpc/hello"), 503, "");
    assert_false(gateway_link_is_up(bench->link));
    assert_false(the_conn.open);
    assert_non_null(again);
    gateway_link_describe(bench->link, clock_now_ms(), &details);
    assert_string_equal(details.error, "the gateway answers the hello with HTTP 503");
}

/* With this chance only a ceiling of exactly `ms` makes a pause of `ms`. */
static void choose_longest(int64_t ms)
{
    the_chance = (uint32_t)(2 * ms + 1);
}

static void pauses_double_from_50_ms_to_2_s(void **state)
{
    static const int64_t ceilings[] = {50, 100, 200, 400, 800, 1600, 2000, 2000, 2000};
    struct bench *bench = *state;
    uint64_t before = metrics_get(LM_LINK_RECONNECTS);

    edge.open_error = "no route";
    choose_longest(ceilings[0]);
    make_link(bench, "192.0.2.9");
    for (size_t i = 0; i < sizeof ceilings / sizeof ceilings[0]; i++) {
        assert_int_equal(pause_ms, ceilings[i]);
        assert_int_equal(edge.turn, i); /* addresses take turns */
        choose_longest(i + 1 < sizeof ceilings / sizeof ceilings[0] ? ceilings[i + 1] : 2000);
        end_pause(bench);
    }
    assert_int_equal(metrics_get(LM_LINK_RECONNECTS) - before, 10);
    the_chance = 0; /* full jitter: it may be no pause at all */
    end_pause(bench);
    assert_int_equal(pause_ms, 0);
}

static void fail_four_times(struct bench *bench)
{
    edge.open_error = "no route";
    for (int i = 0; i < 4; i++)
        end_pause(bench);
    edge.open_error = NULL;
    end_pause(bench);
}

/* A connection that answered for a push was a good one: the next pause is short again. */
static void who_served_is_tried_again_soon(void **state)
{
    struct bench *bench = *state;

    edge.open_error = "no route";
    make_link(bench, "192.0.2.9");
    fail_four_times(bench);
    push(bench);
    come_up(bench);
    ack(bench, expect_request("/rpc/batch"), 1);
    choose_longest(50);
    lose_connection(bench, "reset by peer");
    assert_int_equal(pause_ms, 50);
}

static void who_was_there_for_two_seconds_is_tried_again_soon(void **state)
{
    struct bench *bench = *state;

    edge.open_error = "no route";
    make_link(bench, "192.0.2.9");
    fail_four_times(bench);
    come_up(bench);
    pass(2000);
    choose_longest(50);
    lose_connection(bench, "reset by peer");
    assert_int_equal(pause_ms, 50);
}

static void who_comes_and_goes_is_not_tried_sooner(void **state)
{
    struct bench *bench = *state;

    edge.open_error = "no route";
    make_link(bench, "192.0.2.9");
    fail_four_times(bench);
    come_up(bench);
    pass(1999);
    choose_longest(1600);
    lose_connection(bench, "reset by peer");
    assert_int_equal(pause_ms, 1600);
}

static void a_batch_that_cannot_be_taken_now_comes_again(void **state)
{
    static const int passing[] = {500, 503, 408, 429};
    struct bench *bench = *state;
    uint64_t before = metrics_get(LM_LINK_BATCHES);

    make_link(bench, "192.0.2.9");
    come_up(bench);
    push(bench);
    push(bench);
    for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++) {
        const struct bench_request *batch = expect_request("/rpc/batch");

        expect_batch(batch, 1, 1);
        choose_longest(50 << i);
        answer(bench, batch, passing[i], "");
        assert_int_equal(pause_ms, 50 << i);
        expect_no_request(); /* not before the pause is over, even if something new comes */
        if (i == 0)
            push(bench);
        expect_no_request();
        assert_true(gateway_link_is_up(bench->link));
        end_pause(bench);
    }
    ack(bench, expect_request("/rpc/batch"), 1);
    expect_batch(expect_request("/rpc/batch"), 2, 2);
    assert_int_equal(metrics_get(LM_LINK_BATCHES) - before, 6);
    assert_int_equal(gateway_link_queued(bench->link), 2);
}

static void an_answer_makes_the_next_pause_short(void **state)
{
    struct bench *bench = *state;

    make_link(bench, "192.0.2.9");
    come_up(bench);
    push(bench);
    for (int i = 0; i < 3; i++) {
        answer(bench, expect_request("/rpc/batch"), 503, "");
        end_pause(bench);
    }
    ack(bench, expect_request("/rpc/batch"), 1);
    push(bench);
    choose_longest(50);
    answer(bench, expect_request("/rpc/batch"), 503, "");
    assert_int_equal(pause_ms, 50);
}

/* A refused batch is halved at once, down to the push that is refused by itself. */
static void a_refusal_halves_the_batch(void **state)
{
    struct bench *bench = *state;
    uint64_t before = metrics_get(LM_LINK_PUSHES_REFUSED);

    make_link(bench, "192.0.2.9");
    push(bench);
    push(bench);
    come_up(bench);
    const struct bench_request *batch = expect_request("/rpc/batch");
    expect_batch(batch, 1, 2);
    answer(bench, batch, 400, "");
    assert_null(again);
    batch = expect_request("/rpc/batch");
    expect_batch(batch, 1, 1);
    answer(bench, batch, 400, "");
    batch = expect_request("/rpc/batch");
    expect_batch(batch, 2, 1);
    ack(bench, batch, 2);
    assert_int_equal(metrics_get(LM_LINK_PUSHES_REFUSED) - before, 1);
    assert_int_equal(gateway_link_queued(bench->link), 0);
}

static void a_gateway_without_batches_gets_go_pushs_calls(void **state)
{
    struct bench *bench = *state;

    make_link(bench, "192.0.2.9");
    come_up(bench);
    push(bench);
    answer(bench, expect_request("/rpc/batch"), 404, "");
    const struct bench_request *call = expect_request("/push/all");
    assert_memory_equal(call->body, "items=%5B12%5D", strlen("items=%5B12%5D"));
    answer(bench, call, 200, "");
    assert_int_equal(gateway_link_queued(bench->link), 0);
}

static void what_was_not_answered_is_sent_again_on_the_next_connection(void **state)
{
    struct bench *bench = *state;

    make_link(bench, "192.0.2.9");
    come_up(bench);
    push(bench);
    (void)expect_request("/rpc/batch");
    push(bench);
    lose_connection(bench, "reset by peer");
    assert_int_equal(metrics_get(LM_LINKS_WAITING), 1);
    end_pause(bench);
    come_up(bench);
    expect_batch(expect_request("/rpc/batch"), 1, 1);
}

static void a_full_queue_refuses_while_up_and_drops_while_down(void **state)
{
    struct bench *bench = *state;

    make_link(bench, "192.0.2.9");
    come_up(bench);
    for (int i = 0; i < 4; i++)
        push(bench);
    assert_int_equal(offer(bench), LINK_FULL);
    lose_connection(bench, "reset by peer");
    assert_int_equal(offer(bench), LINK_DROPS);
}

/* linkQueueSeconds after the link went down its queue is dropped, and it takes nothing until it is up. */
static void what_waited_too_long_is_dropped(void **state)
{
    struct bench *bench = *state;
    uint64_t before = metrics_get(LM_LINK_PUSHES_EXPIRED);

    make_link(bench, "192.0.2.9");
    come_up(bench);
    lose_connection(bench, "reset by peer");
    edge.open_error = "no route";
    push(bench);
    tick_after(bench, QUEUE_SECONDS * 1000 - 1);
    assert_int_equal(gateway_link_down_ms(bench->link, clock_now_ms()), QUEUE_SECONDS * 1000 - 1);
    assert_int_equal(gateway_link_queued(bench->link), 1);
    assert_int_equal(offer(bench), LINK_TAKES);
    tick_after(bench, 1);
    assert_int_equal(gateway_link_queued(bench->link), 0);
    assert_int_equal(metrics_get(LM_LINK_PUSHES_EXPIRED) - before, 1);
    assert_int_equal(offer(bench), LINK_DROPS);
    edge.open_error = NULL;
    end_pause(bench);
    come_up(bench);
    assert_int_equal(offer(bench), LINK_TAKES);
    assert_int_equal(gateway_link_down_ms(bench->link, clock_now_ms()), 0);
}

/* It takes connections but answers for nothing: it counts as down all the while. */
static void who_answers_for_nothing_is_given_up_too(void **state)
{
    struct bench *bench = *state;
    uint64_t before = metrics_get(LM_LINK_PUSHES_EXPIRED);

    make_link(bench, "192.0.2.9");
    push(bench);
    come_up(bench);
    pass(QUEUE_SECONDS * 1000 / 2);
    lose_connection(bench, "reset by peer");
    end_pause(bench);
    come_up(bench);
    pass(QUEUE_SECONDS * 1000 / 2);
    lose_connection(bench, "reset by peer");
    tick_after(bench, 0);
    assert_int_equal(metrics_get(LM_LINK_PUSHES_EXPIRED) - before, 1);
}

static void a_silent_gateway_is_pinged_and_left(void **state)
{
    struct bench *bench = *state;
    struct link_details details;

    make_link(bench, "192.0.2.9");
    come_up(bench);
    assert_true(tick_ms <= GATEWAY_TIMEOUT_MS / 3);
    push(bench);
    the_conn.received_ms = clock_now_ms();
    tick_after(bench, GATEWAY_TIMEOUT_MS / 6);
    assert_int_equal(the_conn.pings, 0);
    for (int i = 0; i < 4; i++)
        tick_after(bench, GATEWAY_TIMEOUT_MS / 6);
    assert_true(the_conn.pings > 0);
    assert_true(gateway_link_is_up(bench->link));
    tick_after(bench, GATEWAY_TIMEOUT_MS / 6);
    assert_false(gateway_link_is_up(bench->link));
    assert_false(the_conn.open);
    assert_non_null(again);
    gateway_link_describe(bench->link, clock_now_ms(), &details);
    assert_string_equal(details.error, "the gateway is silent");
}

static void a_gateway_whose_bytes_come_is_alive(void **state)
{
    struct bench *bench = *state;

    make_link(bench, "192.0.2.9");
    come_up(bench);
    push(bench);
    for (int i = 0; i < 30; i++) {
        tick_after(bench, GATEWAY_TIMEOUT_MS / 6);
        the_conn.received_ms = clock_now_ms();
    }
    assert_true(gateway_link_is_up(bench->link));
}

/* Nothing is owed any more once a batch was answered: silence is no fault then. */
static void an_idle_gateway_may_be_silent(void **state)
{
    struct bench *bench = *state;

    make_link(bench, "192.0.2.9");
    come_up(bench);
    push(bench);
    ack(bench, expect_request("/rpc/batch"), 1);
    for (int i = 0; i < 12; i++)
        tick_after(bench, GATEWAY_TIMEOUT_MS / 6);
    assert_true(gateway_link_is_up(bench->link));
    assert_int_equal(the_conn.pings, 0);
    for (int i = 0; i < 30; i++)
        tick_after(bench, GATEWAY_TIMEOUT_MS / 6);
    assert_true(the_conn.pings > 0); /* 10 s of silence */
}

static void a_connection_is_waited_for_no_longer_than_gateway_timeout(void **state)
{
    struct bench *bench = *state;
    struct link_details details;

    make_link(bench, "192.0.2.9");
    tick_after(bench, GATEWAY_TIMEOUT_MS - 1);
    assert_true(the_conn.open);
    tick_after(bench, 1);
    assert_false(the_conn.open);
    gateway_link_describe(bench->link, clock_now_ms(), &details);
    assert_string_equal(details.error, "the connection was not made in time");
    end_pause(bench);
    be_ready(bench);
    tick_after(bench, GATEWAY_TIMEOUT_MS);
    gateway_link_describe(bench->link, clock_now_ms(), &details);
    assert_string_equal(details.error, "the gateway has not answered the hello in time");
}

static void name_servers_that_fail_leave_the_last_addresses(void **state)
{
    struct bench *bench = *state;
    struct link_details details;

    make_link(bench, "gateway.example");
    uint32_t first = edge.opened_address;
    lose_connection(bench, "reset by peer");
    edge.result = DNS_SILENCE;
    end_pause(bench);
    assert_true(the_conn.open);
    assert_int_equal(edge.opened_address, first);
    lose_connection(bench, "reset by peer");
    edge.result = DNS_FOUND;
    end_pause(bench);
    assert_int_equal(edge.opened_address, first + 2);
    lose_connection(bench, "reset by peer");
    edge.result = DNS_NO_NAME; /* they have answered: it is gone */
    end_pause(bench);
    assert_false(the_conn.open);
    gateway_link_describe(bench->link, clock_now_ms(), &details);
    assert_string_equal(details.error, "the name has no address");
}

static void who_may_be_back_is_tried_at_once(void **state)
{
    struct bench *bench = *state;

    edge.open_error = "no route";
    make_link(bench, "192.0.2.9");
    for (int i = 0; i < 5; i++)
        end_pause(bench);
    edge.open_error = NULL;
    choose_longest(50);
    gateway_link_retry(bench->link);
    turn(bench);
    assert_true(the_conn.open);
    lose_connection(bench, "reset by peer");
    assert_int_equal(pause_ms, 50);
}

static void a_gateway_that_is_gone_drops_its_queue(void **state)
{
    struct bench *bench = *state;
    uint64_t before = metrics_get(LM_LINK_PUSHES_GONE);

    make_link(bench, "192.0.2.9");
    push(bench);
    gateway_link_give_up(bench->link);
    assert_int_equal(metrics_get(LM_LINK_PUSHES_GONE) - before, 1);
}

static void a_link_that_moves_keeps_its_queue(void **state)
{
    struct bench *bench = *state;

    make_link(bench, "old.example");
    push(bench);
    assert_int_equal(gateway_link_move(bench->link, "new.example", 7799), STATUS_OK);
    turn(bench);
    assert_string_equal(edge.asked, "new.example");
    assert_true(gateway_link_is_at(bench->link, "NEW.example", 7799));
    assert_int_equal(gateway_link_queued(bench->link), 1);
    come_up(bench);
    expect_batch(expect_request("/rpc/batch"), 1, 1);
}

#define SMALL_HELLO                                                                                          \
    "{\"version\":\"9\",\"instance\":\"00112233445566778899aabbccddeeff\",\"limits\":{\"maxItemBytes\":1,"   \
    "\"maxJsonDepth\":64,\"maxRoomNameBytes\":1000,\"maxRpcBytes\":4194304},\"capabilities\":[]}"

/* The hello comes again every 5 s, because a reload of the gateway may have changed its limits. */
static void limits_that_change_are_heard_of(void **state)
{
    struct bench *bench = *state;
    struct push_measure measure;
    struct slice item = slice_str("12");
    const struct push one = {.target = AUDIENCE_EVERYONE, .items = &item, .item_count = 1};
    int64_t allowed;

    make_link(bench, "192.0.2.9");
    come_up(bench);
    tick_after(bench, 4999);
    expect_no_request();
    tick_after(bench, 1);
    const struct bench_request *hello = expect_request("/rpc/hello");
    assert_int_equal(offer(bench), LINK_TAKES);
    answer(bench, hello, 200, SMALL_HELLO);
    assert_true(gateway_link_is_up(bench->link));
    assert_int_equal(offer(bench), LINK_REFUSES);
    push_measure_init(&measure, &one);
    assert_int_equal(gateway_link_passed(bench->link, &measure, &allowed), HELLO_ITEM_BYTES);
    assert_int_equal(allowed, 1);
    lose_connection(bench, "reset by peer");
    assert_int_equal(offer(bench), LINK_TAKES); /* what it said counts for its connection only */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_link_is_up_when_the_hello_is_answered),
        TEST(a_gateway_that_knows_no_hello_is_spoken_to),
        TEST(a_gateway_that_cannot_answer_the_hello_is_left),
        TEST(pauses_double_from_50_ms_to_2_s),
        TEST(who_served_is_tried_again_soon),
        TEST(who_was_there_for_two_seconds_is_tried_again_soon),
        TEST(who_comes_and_goes_is_not_tried_sooner),
        TEST(a_batch_that_cannot_be_taken_now_comes_again),
        TEST(an_answer_makes_the_next_pause_short),
        TEST(a_refusal_halves_the_batch),
        TEST(a_gateway_without_batches_gets_go_pushs_calls),
        TEST(what_was_not_answered_is_sent_again_on_the_next_connection),
        TEST(a_full_queue_refuses_while_up_and_drops_while_down),
        TEST(what_waited_too_long_is_dropped),
        TEST(who_answers_for_nothing_is_given_up_too),
        TEST(a_silent_gateway_is_pinged_and_left),
        TEST(a_gateway_whose_bytes_come_is_alive),
        TEST(an_idle_gateway_may_be_silent),
        TEST(a_connection_is_waited_for_no_longer_than_gateway_timeout),
        TEST(name_servers_that_fail_leave_the_last_addresses),
        TEST(who_may_be_back_is_tried_at_once),
        TEST(a_gateway_that_is_gone_drops_its_queue),
        TEST(a_link_that_moves_keeps_its_queue),
        TEST(limits_that_change_are_heard_of),
    };

    logic_metrics_setup();
    return cmocka_run_group_tests_name("gateway_link", tests, NULL, NULL);
}
