/* SPDX-License-Identifier: Apache-2.0 */
/* The same numbered pushes by RPC and by the bus: each applied once, in order, whichever way it
 * comes first; what comes too early by the bus waits. One logic unless said otherwise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/push_script.h"

static int set_up(void **state)
{
    *state = script_new(GAP_WAIT, GAP_BYTES);
    return 0;
}

static int tear_down(void **state)
{
    struct script *script = *state;

    script_free(script);
    assert_int_equal(metrics_get(M_BUS_WAITING_BYTES), 0);
    return 0;
}

static void test_whichever_comes_first_is_applied(void **state)
{
    struct script *s = *state;

    rpc(s, "1-3", "1 2 3 ");
    bus(s, "1-5", "4 5 ");
    rpc(s, "4-7", "6 7 ");
    answered(s, "{\"applied\":7,\"pushes\":2,\"duplicates\":2,\"items\":2,\"reached\":[]}");
    bus(s, "6-7", "");
    counted(s, M_PUSHES, 7);
    counted(s, M_APPLIED_RPC, 5);
    counted(s, M_APPLIED_BUS, 2);
    counted(s, M_DUPLICATES_RPC, 2);
    counted(s, M_DUPLICATES_BUS, 5);
    counted(s, M_RPC_BATCHES, 2);
    counted(s, M_BUS_GAPS, 0);
}

/* What a push waits here behind a gap is taken from its time to live. */
static void test_a_time_to_live_runs_while_a_push_waits(void **state)
{
    struct script *s = *state;

    rpc(s, "1", "1 ");
    assert_false(s->told_terms);
    s->ttl_ms = 500;
    bus(s, "2", "2 ");
    assert_int_equal(s->terms.ttl_ms, 500);
    bus(s, "4", "");
    s->now += 125;
    rpc(s, "3", "3 4 ");
    assert_true(s->terms.has_ttl);
    assert_int_equal(s->terms.ttl_ms, 375);
    bus(s, "6", "");
    s->now += GAP_WAIT;
    tick(s, "6 ");
    assert_true(s->terms.has_ttl);
    assert_int_equal(s->terms.ttl_ms, 0);
    s->ttl_ms = 0;
    bus(s, "8", "");
    s->now += 10;
    rpc(s, "7", "7 8 ");
    assert_false(s->told_terms);
}

static void test_what_comes_too_early_by_the_bus_waits_for_rpc(void **state)
{
    struct script *s = *state;

    rpc(s, "1-3", "1 2 3 ");
    bus(s, "5", "");
    assert_true(metrics_get(M_BUS_WAITING_BYTES) > 0);
    assert_int_equal(push_handler_due(s->handler), 1 + GAP_WAIT);
    s->now += 125;
    rpc(s, "4", "4 5 ");
    answered(s, "{\"applied\":5,\"pushes\":1,\"duplicates\":0,\"items\":1,\"reached\":[]}");
    assert_int_equal(metrics_get(M_BUS_WAITING_BYTES), 0);
    assert_int_equal(push_handler_due(s->handler), INT64_MAX);
    counted(s, M_BUS_GAPS, 1);
    counted(s, M_BUS_GAP_FILLED, 1);
    counted(s, M_BUS_GAP_PUSHES, 0);
    counted(s, M_BUS_GAP_WAIT, 125000);
}

static void test_several_batches_wait_each_in_its_place(void **state)
{
    struct script *s = *state;

    rpc(s, "1", "1 ");
    bus(s, "4-5", "");
    bus(s, "8-9", "");
    bus(s, "10", "");
    rpc(s, "2", "2 ");
    rpc(s, "3-6", "3 4 5 6 ");
    counted(s, M_BUS_GAP_FILLED, 1);
    rpc(s, "7", "7 8 9 10 ");
    counted(s, M_BUS_GAPS, 2);
    counted(s, M_BUS_GAP_FILLED, 2);
    counted(s, M_DUPLICATES_BUS, 2);
}

static void test_a_gap_that_nothing_fills_is_passed_over_in_time(void **state)
{
    struct script *s = *state;

    rpc(s, "1", "1 ");
    s->now = 500;
    bus(s, "5", "");
    s->now = 700;
    bus(s, "6", "");
    assert_int_equal(push_handler_due(s->handler), 500 + GAP_WAIT);
    s->now = 500 + GAP_WAIT - 1;
    tick(s, "");
    s->now++;
    tick(s, "5 6 ");
    counted(s, M_BUS_GAPS, 1);
    counted(s, M_BUS_GAP_PUSHES, 3);
    counted(s, M_BUS_GAP_FILLED, 0);
    counted(s, M_BUS_GAP_WAIT, GAP_WAIT * 1000);
    rpc(s, "2-4", "");
    answered(s, "{\"applied\":6,\"pushes\":0,\"duplicates\":3,\"items\":0,\"reached\":[]}");
    rpc(s, "5-7", "7 ");
}

static void test_each_gap_waits_from_when_it_was_seen(void **state)
{
    struct script *s = *state;

    rpc(s, "1", "1 ");
    s->now = 100;
    bus(s, "3", "");
    s->now = 400;
    bus(s, "5", "");
    s->now = 100 + GAP_WAIT;
    tick(s, "3 ");
    assert_int_equal(push_handler_due(s->handler), 400 + GAP_WAIT);
    s->now = 400 + GAP_WAIT;
    tick(s, "5 ");
    counted(s, M_BUS_GAP_PUSHES, 2);
}

static void test_gaps_seen_together_are_passed_over_together(void **state)
{
    struct script *s = *state;

    rpc(s, "1", "1 ");
    bus(s, "3,5", "");
    s->now += GAP_WAIT;
    tick(s, "3 5 ");
    counted(s, M_BUS_GAPS, 2);
    counted(s, M_BUS_GAP_WAIT, 2 * GAP_WAIT * 1000);
}

static void test_what_the_bus_brings_out_of_order_is_put_in_order(void **state)
{
    struct script *s = *state;

    rpc(s, "1", "1 ");
    bus(s, "8-9", "");
    bus(s, "4-5", "");
    bus(s, "4-6", "");
    rpc(s, "2-3", "2 3 4 5 6 ");
    rpc(s, "4-7", "7 8 9 ");
    counted(s, M_DUPLICATES_BUS, 2);
}

static void test_a_gap_waits_on_while_rpc_comes_nearer(void **state)
{
    struct script *s = *state;

    rpc(s, "1", "1 ");
    bus(s, "10", "");
    for (uint64_t sequence = 2; sequence < 9; sequence++) {
        char number[2] = {(char)('0' + sequence), '\0'};
        char expected[] = {number[0], ' ', '\0'};

        s->now += GAP_WAIT - 1;
        tick(s, "");
        rpc(s, number, expected);
    }
    rpc(s, "1-3", "");
    assert_int_equal(push_handler_due(s->handler), s->now + GAP_WAIT);
    s->now += 100;
    rpc(s, "4-8", "");
    assert_int_equal(push_handler_due(s->handler), s->now - 100 + GAP_WAIT);
    rpc(s, "9", "9 10 ");
    counted(s, M_BUS_GAP_FILLED, 1);
}

static void test_a_hole_within_a_batch_is_a_gap_too(void **state)
{
    struct script *s = *state;

    bus(s, "1,2,5-6,9", "1 2 ");
    rpc(s, "1-4", "3 4 5 6 ");
    rpc(s, "5-8", "7 8 9 ");
    counted(s, M_BUS_GAPS, 2);
    counted(s, M_BUS_GAP_FILLED, 2);
    counted(s, M_BUS_GAP_PUSHES, 0);
}

static void test_nothing_waits_for_what_comes_by_the_bus_only(void **state)
{
    struct script *s = *state;

    s->flags = PUSH_BATCH_ONLY;
    bus(s, "100-101", "100 101 ");
    counted(s, M_BUS_GAPS, 0);
    bus(s, "105", "105 ");
    bus(s, "106,108", "106 108 ");
    counted(s, M_BUS_GAPS, 2);
    counted(s, M_BUS_GAP_PUSHES, 4);
    counted(s, M_BUS_GAP_WAIT, 0);
    assert_int_equal(push_handler_due(s->handler), INT64_MAX);
}

static void test_what_waits_is_bounded_and_the_oldest_gap_goes(void **state)
{
    struct script *s = *state;

    bus(s, "1", "1 ");
    s->logic = "M";
    bus(s, "1", "1 ");
    bus(s, "3-5,10-30", "");
    s->now = 2;
    s->logic = "L";
    bus(s, "3-30", "");
    s->now = 3;
    s->logic = "N";
    bus(s, "100-190,192-199", "3 4 5 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 ");
    assert_in_range(metrics_get(M_BUS_WAITING_BYTES), GAP_BYTES / 2, GAP_BYTES);
    counted(s, M_BUS_GAP_PUSHES, 1 + 4);
    s->now = 4;
    s->logic = "L";
    assert_int_equal(script_bus(s, "32-300"), STATUS_OK);
    assert_int_equal(strlen(script_heard(s)), 7 * 2 + 21 * 3 + 99 * 4 + 68 * 3 + 201 * 4);
    assert_int_equal(metrics_get(M_BUS_WAITING_BYTES), 0);
    counted(s, M_BUS_GAP_PUSHES, 1 + 4 + 1 + 1 + 1);
    assert_int_equal(push_handler_due(s->handler), INT64_MAX);
}

static void test_a_logic_that_is_forgotten_gives_up_what_waits(void **state)
{
    struct script *s = *state;
    char name[20];

    bus(s, "1", "1 ");
    bus(s, "3-5", "");
    for (int i = 0; i < 1024; i++) {
        snprintf(name, sizeof name, "logic-%d", i);
        s->logic = name;
        rpc(s, "1", "1 ");
    }
    counted(s, M_BUS_DROPPED, 3);
    assert_int_equal(metrics_get(M_BUS_WAITING_BYTES), 0);
    assert_int_equal(push_handler_due(s->handler), INT64_MAX);
}

static void test_noise_on_the_bus_is_counted_and_changes_nothing(void **state)
{
    struct script *s = *state;
    struct slice batch;

    rpc(s, "1", "1 ");
    batch = script_batch(s, "2-4");
    for (size_t len = 0; len < batch.len; len++)
        assert_int_equal(
            push_handler_batch(s->handler, PUSH_BY_BUS, slice_of(batch.data, len), 1, NULL, &s->fault),
            STATUS_INVALID);
    assert_string_equal(script_heard(s), "");
    counted(s, M_BUS_REFUSED_INVALID, batch.len);
    bus(s, "2-4", "2 3 4 ");
    bus(s, "18446744073709551615", "");
    s->now += GAP_WAIT;
    tick(s, "18446744073709551615 ");
    bus(s, "5", "");
    rpc(s, "18446744073709551615", "");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_whichever_comes_first_is_applied),
        TEST(test_a_time_to_live_runs_while_a_push_waits),
        TEST(test_what_comes_too_early_by_the_bus_waits_for_rpc),
        TEST(test_several_batches_wait_each_in_its_place),
        TEST(test_a_gap_that_nothing_fills_is_passed_over_in_time),
        TEST(test_each_gap_waits_from_when_it_was_seen),
        TEST(test_gaps_seen_together_are_passed_over_together),
        TEST(test_what_the_bus_brings_out_of_order_is_put_in_order),
        TEST(test_a_gap_waits_on_while_rpc_comes_nearer),
        TEST(test_a_hole_within_a_batch_is_a_gap_too),
        TEST(test_nothing_waits_for_what_comes_by_the_bus_only),
        TEST(test_what_waits_is_bounded_and_the_oldest_gap_goes),
        TEST(test_a_logic_that_is_forgotten_gives_up_what_waits),
        TEST(test_noise_on_the_bus_is_counted_and_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
