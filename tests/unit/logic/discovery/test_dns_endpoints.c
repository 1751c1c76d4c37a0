/* SPDX-License-Identifier: Apache-2.0 */
/* The search list, which family counts, and what answers come to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "logic/discovery/dns_endpoints.h"
#include "shared/net/service_name.h"

static char *domains[] = {"ns.cluster.local", "cluster.local.", "."};

/* All names in their order, separated by blanks. */
static const char *names_of(const char *name, size_t ndots)
{
    const struct dns_search search = {domains, 3, ndots};
    static char all[1024];
    char one[DNS_NAME_MAX + 1];
    size_t len = 0;

    all[0] = '\0';
    for (size_t turn = 0; dns_search_next(&search, name, &turn, one);)
        len += (size_t)snprintf(all + len, sizeof all - len, "%s%s", len ? " " : "", one);
    return all;
}

static void the_search_list(void **state)
{
    char long_name[DNS_NAME_MAX + 1];

    (void)state;
    assert_string_equal(names_of("gw", 1), "gw.ns.cluster.local gw.cluster.local gw gw");
    assert_string_equal(names_of("gw.ns", 1), "gw.ns gw.ns.ns.cluster.local gw.ns.cluster.local gw.ns");
    assert_string_equal(names_of("gw.ns", 5), "gw.ns.ns.cluster.local gw.ns.cluster.local gw.ns gw.ns");
    assert_string_equal(names_of("gw.", 5), "gw");
    memset(long_name, 'a', DNS_NAME_MAX);
    long_name[DNS_NAME_MAX] = '\0';
    for (size_t i = 60; i < DNS_NAME_MAX; i += 61)
        long_name[i] = '.';
    assert_int_equal(strlen(names_of(long_name, 9)), 2 * DNS_NAME_MAX + 1); /* itself, and below the root */
}

static void names_of_services(void **state)
{
    (void)state;
    assert_true(service_name_is("_rpc._tcp.gw"));
    assert_false(service_name_is("gw.example"));
    assert_null(service_name_fault("gw.example"));
    assert_null(service_name_fault("_rpc._tcp.gw"));
    assert_null(service_name_fault("_rpc._TCP.gw."));
    assert_non_null(service_name_fault("_rpc._udp.gw"));
    assert_non_null(service_name_fault("_rpc.gw"));
    assert_non_null(service_name_fault("_rpc._tcp."));
    assert_non_null(service_name_fault("_._tcp.gw"));
}

static int choose(int chosen, enum dns_result v4, enum dns_result v6, bool route4, bool route6)
{
    const struct dns_reply replies[2] = {{.result = v4}, {.result = v6}};
    const bool routed[2] = {route4, route6};

    return dns_family_choose(chosen, replies, routed);
}

static void one_family_is_taken(void **state)
{
    (void)state;
    assert_int_equal(choose(0, DNS_FOUND, DNS_FOUND, true, true), AF_INET);
    assert_int_equal(choose(0, DNS_FOUND, DNS_FOUND, false, false), AF_INET);
    assert_int_equal(choose(0, DNS_FOUND, DNS_FOUND, false, true), AF_INET6);
    assert_int_equal(choose(0, DNS_NO_DATA, DNS_FOUND, false, false), AF_INET6);
    assert_int_equal(choose(0, DNS_SILENCE, DNS_FOUND, false, true), AF_INET6);
    assert_int_equal(choose(0, DNS_NO_DATA, DNS_NO_DATA, false, false), 0);
}

static void and_stays_while_it_has_records(void **state)
{
    (void)state;
    assert_int_equal(choose(AF_INET6, DNS_FOUND, DNS_FOUND, true, true), AF_INET6);
    assert_int_equal(choose(AF_INET, DNS_FOUND, DNS_FOUND, false, true), AF_INET);
    assert_int_equal(choose(AF_INET, DNS_REFUSAL, DNS_FOUND, false, true), 0);
    assert_int_equal(choose(AF_INET, DNS_NO_DATA, DNS_FOUND, false, true), AF_INET6);
    assert_int_equal(choose(AF_INET6, DNS_FOUND, DNS_NO_DATA, true, false), AF_INET);
    assert_int_equal(choose(AF_INET, DNS_NO_DATA, DNS_SILENCE, false, false), 0);
}

static void endpoints_are_sorted_and_single(void **state)
{
    struct dns_record hosts[] = {
        {.address = {10, 0, 0, 2}}, {.address = {10, 0, 0, 1}}, {.address = {10, 0, 0, 2}}};
    struct dns_record services[] = {{.port = 2, .target = "b.example"},
                                    {.port = 2, .target = "a.example"},
                                    {.port = 1, .target = "B.example"},
                                    {.port = 2, .target = "A.EXAMPLE"}};
    struct dns_endpoints out;

    (void)state;
    assert_int_equal(dns_endpoints_of_hosts(&(struct dns_answer){hosts, 3, 1}, AF_INET, 7788, &out),
                     STATUS_OK);
    assert_int_equal(out.count, 2);
    assert_string_equal(out.items[0].host, "10.0.0.1");
    assert_string_equal(out.items[1].host, "10.0.0.2");
    assert_int_equal(out.items[1].port, 7788);
    dns_endpoints_fini(&out);
    assert_int_equal(dns_endpoints_of_services(&(struct dns_answer){services, 4, 1}, &out), STATUS_OK);
    assert_int_equal(out.count, 3);
    assert_int_equal(out.items[1].port, 1);
    assert_string_equal(out.items[2].host, "b.example.");
    dns_endpoints_fini(&out);
}

static void the_next_look_up(void **state)
{
    (void)state;
    assert_int_equal(dns_refresh_after(0, 5), 1);
    assert_int_equal(dns_refresh_after(3, 5), 3);
    assert_int_equal(dns_refresh_after(86400, 5), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_search_list),
        cmocka_unit_test(names_of_services),
        cmocka_unit_test(one_family_is_taken),
        cmocka_unit_test(and_stays_while_it_has_records),
        cmocka_unit_test(endpoints_are_sorted_and_single),
        cmocka_unit_test(the_next_look_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
