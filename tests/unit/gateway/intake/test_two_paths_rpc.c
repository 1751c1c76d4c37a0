/* SPDX-License-Identifier: Apache-2.0 */
/* RPC beside the bus: a gap in what RPC brings waits for the bus, if the bus may fill it; and how a
 * logic begins. One logic unless said otherwise. */
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

static void test_a_batch_of_the_bus_only_is_refused_by_rpc(void **state)
{
    struct script *s = *state;

    s->flags = PUSH_BATCH_ONLY;
    assert_int_equal(script_rpc(s, "1"), STATUS_INVALID);
    assert_string_equal(s->fault.text, "at byte 5: a batch of the bus only");
    assert_string_equal(script_heard(s), "");
}

static void test_a_logic_that_begins_by_the_bus(void **state)
{
    struct script *s = *state;

    bus(s, "1-2", "1 2 ");
    s->logic = "M";
    bus(s, "50", "");
    bus(s, "51", "");
    rpc(s, "40-49", "40 41 42 43 44 45 46 47 48 49 50 51 ");
    s->logic = "N";
    bus(s, "50-52", "");
    rpc(s, "52-53", "50 51 52 53 ");
    s->logic = "O";
    bus(s, "50", "");
    rpc(s, "40-41", "40 41 ");
    s->logic = "P";
    bus(s, "50", "");
    s->now += GAP_WAIT;
    tick(s, "50 50 ");
    counted(s, M_BUS_GAPS, 4);
    counted(s, M_BUS_GAP_FILLED, 1);
    counted(s, M_BUS_GAP_PUSHES, 8);
    rpc(s, "40-51", "51 ");
}

static void test_a_logic_that_begins_by_rpc_has_no_gap(void **state)
{
    struct script *s = *state;

    rpc(s, "40", "40 ");
    s->logic = "M";
    push_handler_set_bus(s->handler, false);
    rpc(s, "70,75", "70 75 ");
    counted(s, M_BUS_GAPS, 1);
    counted(s, M_BUS_GAP_PUSHES, 4);
}

static void test_rpc_waits_for_what_the_bus_may_bring(void **state)
{
    struct script *s = *state;

    bus(s, "1", "1 ");
    rpc(s, "1", "");
    rpc_again(s, "5-6", "");
    assert_string_equal(s->fault.text, "pushes from 2 on are missing, the bus may bring them");
    assert_string_equal((const char *)s->answer.data, "");
    s->now += 50;
    bus(s, "2-3", "2 3 ");
    s->now += GAP_WAIT - 1;
    rpc_again(s, "5-6", "");
    bus(s, "4-5", "4 5 ");
    rpc(s, "5-6", "6 ");
    answered(s, "{\"applied\":6,\"pushes\":1,\"duplicates\":1,\"items\":1,\"reached\":[]}");
    counted(s, M_BUS_GAPS, 1);
    counted(s, M_BUS_GAP_FILLED, 1);
    counted(s, M_BUS_GAP_WAIT, (50 + GAP_WAIT - 1) * 1000);
    assert_int_equal(push_handler_due(s->handler), INT64_MAX);
}

static void test_rpc_waits_within_a_batch_too(void **state)
{
    struct script *s = *state;

    bus(s, "1", "1 ");
    rpc_again(s, "2-3,6", "2 3 ");
    bus(s, "2-5", "4 5 ");
    rpc(s, "2-3,6", "6 ");
}

static void test_rpc_waits_for_the_bus_no_longer_than_gap_wait(void **state)
{
    struct script *s = *state;

    bus(s, "1", "1 ");
    s->now += 10 * GAP_WAIT;
    rpc_again(s, "5", "");
    s->now += GAP_WAIT - 1;
    rpc_again(s, "5", "");
    s->now++;
    rpc(s, "5", "5 ");
    counted(s, M_BUS_GAPS, 1);
    counted(s, M_BUS_GAP_PUSHES, 3);
    counted(s, M_BUS_GAP_WAIT, GAP_WAIT * 1000);
    bus(s, "2-5", "");
}

static void test_rpc_does_not_wait_for_a_bus_that_will_not_bring_it(void **state)
{
    struct script *s = *state;

    rpc(s, "1", "1 ");
    rpc(s, "3", "3 ");
    counted(s, M_BUS_GAP_PUSHES, 1);
    bus(s, "4", "4 ");
    rpc_again(s, "6", "");
    push_handler_set_bus(s->handler, false);
    rpc(s, "6", "6 ");
    counted(s, M_BUS_GAPS, 2);
    counted(s, M_BUS_GAP_PUSHES, 2);
}

static void test_rpc_waits_again_behind_what_both_lack(void **state)
{
    struct script *s = *state;

    bus(s, "1-4", "1 2 3 4 ");
    bus(s, "7", "");
    rpc_again(s, "10", "7 ");
    counted(s, M_BUS_GAP_PUSHES, 2);
    bus(s, "8-9", "8 9 ");
    rpc(s, "10", "10 ");
    counted(s, M_BUS_GAPS, 2);
    counted(s, M_BUS_GAP_FILLED, 1);
}

static void test_what_both_paths_lack_is_passed_over_at_once(void **state)
{
    struct script *s = *state;

    bus(s, "1-4", "1 2 3 4 ");
    bus(s, "10-12", "");
    rpc(s, "7-8", "7 8 ");
    counted(s, M_BUS_GAPS, 2);
    counted(s, M_BUS_GAP_PUSHES, 2);
    rpc(s, "9", "9 10 11 12 ");
    counted(s, M_BUS_GAP_PUSHES, 2);
    counted(s, M_BUS_GAP_FILLED, 1);
    bus(s, "15", "");
    rpc_again(s, "17", "15 ");
    bus(s, "18", "");
    rpc(s, "17", "17 18 ");
    counted(s, M_BUS_GAP_PUSHES, 5);
}

static void test_rpc_asked_to_wait_sees_that_the_bus_lacks_it_too(void **state)
{
    struct script *s = *state;

    bus(s, "1", "1 ");
    rpc_again(s, "5-6", "");
    bus(s, "4", "");
    rpc(s, "5-6", "4 5 6 ");
    counted(s, M_BUS_GAPS, 1);
    counted(s, M_BUS_GAP_PUSHES, 2);
}

static void test_nothing_is_given_up_while_held(void **state)
{
    struct script *s = *state;

    bus(s, "1", "1 ");
    bus(s, "3", "");
    push_handler_hold(s->handler, true, s->now);
    s->now += 5 * GAP_WAIT;
    tick(s, "");
    assert_int_equal(push_handler_due(s->handler), s->now + GAP_WAIT);
    s->now += 100;
    push_handler_hold(s->handler, false, s->now);
    push_handler_hold(s->handler, false, s->now + 700);
    assert_int_equal(push_handler_due(s->handler), s->now + GAP_WAIT);
    rpc(s, "2", "2 3 ");
    rpc_again(s, "6", "");
    push_handler_hold(s->handler, true, s->now);
    s->now += 2 * GAP_WAIT;
    rpc_again(s, "6", "");
    push_handler_hold(s->handler, false, s->now);
    s->now += GAP_WAIT - 1;
    rpc_again(s, "6", "");
    s->now++;
    rpc(s, "6", "6 ");
    counted(s, M_BUS_GAP_PUSHES, 2);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_batch_of_the_bus_only_is_refused_by_rpc),
        TEST(test_a_logic_that_begins_by_the_bus),
        TEST(test_a_logic_that_begins_by_rpc_has_no_gap),
        TEST(test_rpc_waits_for_what_the_bus_may_bring),
        TEST(test_rpc_waits_within_a_batch_too),
        TEST(test_rpc_waits_for_the_bus_no_longer_than_gap_wait),
        TEST(test_rpc_does_not_wait_for_a_bus_that_will_not_bring_it),
        TEST(test_rpc_waits_again_behind_what_both_lack),
        TEST(test_what_both_paths_lack_is_passed_over_at_once),
        TEST(test_rpc_asked_to_wait_sees_that_the_bus_lacks_it_too),
        TEST(test_nothing_is_given_up_while_held),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
