/* SPDX-License-Identifier: Apache-2.0 */
/* Gateways that come and go: what a source may add and take away, and what becomes of what is
 * queued. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/gateway_bench.h"

static void one_address_is_one_gateway(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(gateway_set_add(&bench->set, "127.0.0.1", NOBODY), STATUS_OK);
    assert_int_equal(gateway_set_add(&bench->set, "127.0.0.1", NOBODY), STATUS_OK);
    assert_int_equal(gateway_set_add(&bench->set, "[::1]", NOBODY), STATUS_OK);
    assert_int_equal(offer_dns(bench, "0:0:0:0:0:0:0:1", NOBODY), STATUS_OK);
    assert_int_equal(gateway_set_add(&bench->set, "localHost", NOBODY), STATUS_OK);
    assert_int_equal(offer_redis(bench, "a", "LOCALhost", NOBODY), STATUS_OK);
    assert_int_equal(offer_dns(bench, "127.0.0.1", NOBODY + 1), STATUS_OK);
    assert_int_equal(bench->set.count, 4);
    assert_string_equal(name_at(bench, 0), "127.0.0.1:9");
    assert_string_equal(name_at(bench, 1), "[::1]:9");
    assert_string_equal(name_at(bench, 2), "localHost:9");
    assert_int_equal(metrics_get(LM_GATEWAYS_STATIC), 3);
    assert_int_equal(metrics_get(LM_GATEWAYS_DNS), 1);
}

static void strange_hosts_are_refused(void **state)
{
    struct bench *bench = *state;
    char host[REGISTRY_HOST_MAX + 2];

    memset(host, 'a', sizeof host);
    host[sizeof host - 1] = '\0';
    assert_int_equal(offer_dns(bench, host, NOBODY), STATUS_INVALID);
    assert_int_equal(gateway_set_add(&bench->set, "", NOBODY), STATUS_INVALID);
    assert_int_equal(bench->set.count, 0);
}

static void a_reading_of_one_source_leaves_anothers_alone(void **state)
{
    struct bench *bench = *state;

    gateway_set_begin(&bench->set, GATEWAY_FROM_DNS);
    offer_dns(bench, "127.0.0.1", NOBODY);
    gateway_set_begin(&bench->set, GATEWAY_FROM_REDIS);
    gateway_set_end(&bench->set, GATEWAY_FROM_REDIS);
    gateway_set_end(&bench->set, GATEWAY_FROM_DNS);
    assert_true(bench->set.entries[0].listed);
}

static void dns_takes_away_what_is_not_up(void **state)
{
    struct bench *bench = *state;

    gateway_set_begin(&bench->set, GATEWAY_FROM_DNS);
    offer_dns(bench, "127.0.0.1", NOBODY);
    offer_dns(bench, "127.0.0.2", NOBODY);
    gateway_set_end(&bench->set, GATEWAY_FROM_DNS);
    sweep_after(bench, 0);
    assert_int_equal(bench->set.count, 2);
    gateway_set_begin(&bench->set, GATEWAY_FROM_DNS);
    offer_dns(bench, "127.0.0.2", NOBODY);
    gateway_set_end(&bench->set, GATEWAY_FROM_DNS);
    assert_false(bench->set.entries[0].listed);
    sweep_after(bench, 0);
    assert_int_equal(bench->set.count, 1);
    assert_string_equal(name_at(bench, 0), "127.0.0.2:9");
    assert_int_equal(metrics_get(LM_GATEWAYS_DNS), 1);
}

static void the_set_sweeps_by_itself(void **state)
{
    struct bench *bench = *state;

    offer_dns(bench, "127.0.0.1", NOBODY);
    offer_dns(bench, "127.0.0.1", bench->gateways[0].port);
    await(bench, gateway_set_up(&bench->set) == 1);
    read_nothing(bench, GATEWAY_FROM_DNS);
    await(bench, bench->set.count == 1);
    assert_false(bench->set.entries[0].listed);
    fake_gateway_stop(&bench->gateways[0]);
    await(bench, bench->set.count == 0);
}

static void what_works_stays(void **state)
{
    struct bench *bench = *state;

    offer_dns(bench, "127.0.0.1", bench->gateways[0].port);
    offer_redis(bench, "a", "127.0.0.1", bench->gateways[1].port);
    await(bench, gateway_set_up(&bench->set) == 2);
    read_nothing(bench, GATEWAY_FROM_DNS);
    gateway_set_goodbye(&bench->set, "a");
    sweep_after(bench, 1000 * 1000);
    assert_int_equal(bench->set.count, 2);
    push_one(bench, true);
    await(bench, bench->told == 1);
    assert_int_equal(bench->outcome.acked, 2);
}

static void what_was_queued_is_dropped_as_gone(void **state)
{
    struct bench *bench = *state;

    offer_redis(bench, "a", "127.0.0.1", NOBODY);
    push_one(bench, true);
    push_one(bench, false);
    assert_int_equal(bench->told, 1);
    gateway_set_goodbye(&bench->set, "a");
    sweep_after(bench, 0);
    assert_int_equal(bench->told, 2);
    assert_int_equal(bench->outcome.verdict, PUSH_WAIT_TIMEOUT);
    assert_int_equal(bench->outcome.acked, 0);
    assert_int_equal(metrics_get(LM_LINK_PUSHES_GONE), 2);
    assert_int_equal(metrics_get(LM_LINK_ITEMS_GONE), 2);
    assert_int_equal(metrics_get(LM_LINK_PUSHES_ACCEPTED), 2);
    assert_int_equal(metrics_get(LM_LINK_PUSHES_QUEUED), 0);
    assert_int_equal(metrics_get(LM_LINK_PUSHES_SHUTDOWN), 0);
}

/* Whoever hears that its push is gone may push again at once: to who is left. */
static void who_is_told_may_push_again(void **state)
{
    struct bench *bench = *state;

    offer_redis(bench, "a", "127.0.0.1", NOBODY);
    push_one(bench, true);
    offer_redis(bench, "b", "127.0.0.2", NOBODY);
    gateway_set_goodbye(&bench->set, "a");
    bench->push_again = true;
    sweep_after(bench, 0);
    assert_int_equal(bench->told, 2);
    assert_int_equal(bench->outcome.verdict, PUSH_TAKEN);
    assert_int_equal(bench->outcome.known, 1);
    assert_int_equal(bench->outcome.queued, 1);
    assert_int_equal(metrics_get(LM_LINK_PUSHES_GONE), 1);
    assert_int_equal(gateway_set_queued(&bench->set), 1);
}

static void the_last_one_gone_leaves_no_gateway(void **state)
{
    struct bench *bench = *state;

    offer_dns(bench, "127.0.0.1", NOBODY);
    push_one(bench, true);
    read_nothing(bench, GATEWAY_FROM_DNS);
    bench->push_again = true;
    sweep_after(bench, 0);
    assert_int_equal(bench->outcome.verdict, PUSH_NO_GATEWAY);
}

static void there_is_a_bound(void **state)
{
    struct bench *bench = *state;
    char host[32];

    gateway_set_begin(&bench->set, GATEWAY_FROM_DNS);
    for (int i = 0; i < GATEWAY_SET_MAX; i++) {
        snprintf(host, sizeof host, "127.1.%d.%d", i / 256, i % 256);
        assert_int_equal(offer_dns(bench, host, NOBODY), STATUS_OK);
    }
    assert_int_equal(offer_dns(bench, "127.2.0.1", NOBODY), STATUS_FULL);
    assert_int_equal(offer_dns(bench, "127.1.3.255", NOBODY), STATUS_OK);
    gateway_set_end(&bench->set, GATEWAY_FROM_DNS);
    assert_int_equal(gateway_set_add(&bench->set, "127.2.0.1", NOBODY), STATUS_FULL);
    assert_int_equal(bench->set.count, GATEWAY_SET_MAX);
    assert_int_equal(metrics_get(LM_GATEWAYS_REFUSED), 2);
    read_nothing(bench, GATEWAY_FROM_DNS);
    sweep_after(bench, 0);
    assert_int_equal(bench->set.count, 0);
    assert_int_equal(offer_dns(bench, "127.2.0.1", NOBODY), STATUS_OK);
}

static int64_t clients_of(const struct bench *bench, size_t index)
{
    struct link_details link;

    gateway_link_describe(bench->set.entries[index].link, clock_now_ms(), &link);
    return link.clients;
}

static void details(void **state)
{
    struct bench *bench = *state;
    struct link_details link;

    offer_dns(bench, "127.0.0.1", bench->gateways[0].port);
    gateway_link_describe(bench->set.entries[0].link, clock_now_ms(), &link);
    assert_false(link.up);
    assert_false(link.given_up);
    assert_int_equal(link.rtt_us, -1);
    assert_null(link.error);
    gateway_link_describe(bench->set.entries[0].link, clock_now_ms() + QUEUE_SECONDS * 1000, &link);
    assert_true(link.given_up);
    await(bench, bench->gateways[0].probes == 1 && clients_of(bench, 0) >= 0);
    gateway_link_describe(bench->set.entries[0].link, clock_now_ms(), &link);
    assert_true(link.up);
    assert_int_equal(link.clients, 118);
    assert_true(link.rtt_us >= 0);
    fake_gateway_stop(&bench->gateways[0]);
    await(bench, gateway_set_up(&bench->set) == 0);
    gateway_link_describe(bench->set.entries[0].link, clock_now_ms(), &link);
    assert_non_null(link.error);
    assert_int_equal(link.clients, -1);
    assert_int_equal(link.rtt_us, -1);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(one_address_is_one_gateway),
        CASE(strange_hosts_are_refused),
        CASE(a_reading_of_one_source_leaves_anothers_alone),
        CASE(dns_takes_away_what_is_not_up),
        CASE(the_set_sweeps_by_itself),
        CASE(what_works_stays),
        CASE(what_was_queued_is_dropped_as_gone),
        CASE(who_is_told_may_push_again),
        CASE(the_last_one_gone_leaves_no_gateway),
        CASE(there_is_a_bound),
        CASE(details),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
