/* SPDX-License-Identifier: Apache-2.0 */
/* Gateways of the registry: ids, goodbyes, and ids that move to another address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/gateway_bench.h"

static void the_configs_gateways_never_go(void **state)
{
    struct bench *bench = *state;

    gateway_set_add(&bench->set, "127.0.0.1", NOBODY);
    offer_redis(bench, "a", "127.0.0.1", NOBODY);
    assert_string_equal(bench->set.entries[0].id, "a");
    assert_string_equal(bench->set.entries[0].version, "0.1.0");
    assert_int_equal(bench->set.entries[0].clients, 7);
    assert_int_equal(bench->set.entries[0].source, GATEWAY_FROM_LIST);
    read_nothing(bench, GATEWAY_FROM_REDIS);
    gateway_set_goodbye(&bench->set, "a");
    sweep_after(bench, 1000 * 1000);
    assert_int_equal(bench->set.count, 1);
    assert_true(bench->set.entries[0].listed);
    assert_string_equal(bench->set.entries[0].id, "");
    assert_int_equal(bench->set.entries[0].clients, -1);
}

static void the_registrys_gateways_are_waited_for(void **state)
{
    struct bench *bench = *state;

    offer_redis(bench, "a", "127.0.0.1", NOBODY);
    read_nothing(bench, GATEWAY_FROM_REDIS);
    sweep_after(bench, QUEUE_SECONDS * 1000 - 1000);
    assert_int_equal(bench->set.count, 1);
    sweep_after(bench, QUEUE_SECONDS * 1000);
    assert_int_equal(bench->set.count, 0);
}

static void a_listed_gateway_stays_however_long_it_is_down(void **state)
{
    struct bench *bench = *state;

    offer_redis(bench, "a", "127.0.0.1", NOBODY);
    offer_dns(bench, "127.0.0.2", NOBODY);
    sweep_after(bench, 1000 * 1000);
    assert_int_equal(bench->set.count, 2);
}

static void after_a_goodbye_nobody_waits(void **state)
{
    struct bench *bench = *state;

    offer_redis(bench, "a", "127.0.0.1", NOBODY);
    offer_redis(bench, "b", "127.0.0.2", NOBODY);
    gateway_set_goodbye(&bench->set, "a");
    gateway_set_goodbye(&bench->set, "nobody");
    sweep_after(bench, 0);
    assert_int_equal(bench->set.count, 1);
    assert_string_equal(bench->set.entries[0].id, "b");
}

static void it_may_come_back_before_it_is_gone(void **state)
{
    struct bench *bench = *state;

    offer_redis(bench, "a", "127.0.0.1", NOBODY);
    gateway_set_goodbye(&bench->set, "a");
    offer_redis(bench, "a", "127.0.0.1", NOBODY);
    sweep_after(bench, 1000 * 1000);
    assert_int_equal(bench->set.count, 1);
    assert_true(bench->set.entries[0].listed);
}

static void a_link_that_is_not_up_moves_with_its_queue(void **state)
{
    struct bench *bench = *state;

    offer_redis(bench, "a", "127.0.0.1", NOBODY);
    push_one(bench, true);
    push_one(bench, false);
    assert_int_equal(gateway_set_queued(&bench->set), 2);
    offer_redis(bench, "a", "127.0.0.1", bench->gateways[0].port);
    assert_int_equal(bench->set.count, 1);
    assert_int_equal(gateway_set_queued(&bench->set), 2);
    await(bench, bench->gateways[0].applied == 2 && bench->told == 2);
    assert_int_equal(bench->outcome.acked, 1);
    assert_int_equal(metrics_get(LM_LINK_PUSHES_ACKED), 2);
    assert_int_equal(metrics_get(LM_LINK_PUSHES_GONE), 0);
}

static void a_link_that_is_up_does_not_move(void **state)
{
    struct bench *bench = *state;

    offer_redis(bench, "a", "127.0.0.1", bench->gateways[0].port);
    await(bench, gateway_set_up(&bench->set) == 1);
    offer_redis(bench, "a", "127.0.0.1", bench->gateways[1].port);
    await(bench, gateway_set_up(&bench->set) == 2);
    assert_false(bench->set.entries[0].listed);
    assert_true(bench->set.entries[1].listed);
    offer_redis(bench, "a", "127.0.0.1", bench->gateways[1].port);
    assert_int_equal(bench->set.count, 2);
    fake_gateway_stop(&bench->gateways[0]);
    await(bench, gateway_set_up(&bench->set) == 1);
    sweep_after(bench, QUEUE_SECONDS * 1000);
    assert_int_equal(bench->set.count, 1);
    assert_int_equal(bench->gateways[1].accepted, 1);
}

static void two_ids_at_one_address_are_one_gateway(void **state)
{
    struct bench *bench = *state;

    offer_redis(bench, "a", "127.0.0.1", NOBODY);
    offer_redis(bench, "b", "127.0.0.1", NOBODY);
    assert_int_equal(bench->set.count, 1);
    gateway_set_goodbye(&bench->set, "a");
    assert_true(bench->set.entries[0].listed);
    offer_redis(bench, "b", "127.0.0.2", NOBODY);
    offer_redis(bench, "c", "127.0.0.1", NOBODY);
    assert_int_equal(bench->set.count, 2);
}

/* An id moves to an address that another gateway's entry has: one link, and the old one goes. */
static void an_id_moves_to_a_known_address(void **state)
{
    struct bench *bench = *state;

    offer_redis(bench, "a", "127.0.0.1", NOBODY);
    gateway_set_add(&bench->set, "127.0.0.2", NOBODY);
    offer_redis(bench, "a", "127.0.0.2", NOBODY);
    assert_int_equal(bench->set.count, 2);
    assert_false(bench->set.entries[0].listed);
    assert_string_equal(bench->set.entries[1].id, "a");
    sweep_after(bench, QUEUE_SECONDS * 1000);
    assert_int_equal(bench->set.count, 1);
    assert_int_equal(bench->set.entries[0].source, GATEWAY_FROM_LIST);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(the_configs_gateways_never_go),
        CASE(the_registrys_gateways_are_waited_for),
        CASE(a_listed_gateway_stays_however_long_it_is_down),
        CASE(after_a_goodbye_nobody_waits),
        CASE(it_may_come_back_before_it_is_gone),
        CASE(a_link_that_is_not_up_moves_with_its_queue),
        CASE(a_link_that_is_up_does_not_move),
        CASE(two_ids_at_one_address_are_one_gateway),
        CASE(an_id_moves_to_a_known_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
