/* SPDX-License-Identifier: Apache-2.0 */
/* Connections per client address: IPv4 whole, IPv6 by its /64, and how many are too many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>

#include "gateway/bucket/address_table.h"

enum { THREADS = 4, ROUNDS = 20000 };

static int setup(void **state)
{
    struct address_table *table;

    assert_int_equal(address_table_new(&table), STATUS_OK);
    *state = table;
    return 0;
}

static int teardown(void **state)
{
    assert_int_equal(address_table_count(*state), 0);
    address_table_free(*state);
    return 0;
}

static bool add(struct address_table *table, const char *text, struct address **out)
{
    uint8_t bytes[CIDR_ADDRESS_LEN];

    assert_true(cidr_address_parse(slice_str(text), bytes));
    return address_table_add(table, bytes, out);
}

static struct address *added(struct address_table *table, const char *text)
{
    struct address *address;

    assert_true(add(table, text, &address));
    assert_non_null(address);
    return address;
}

static void one_address_is_one_count(void **state)
{
    struct address_table *table = *state;

    struct address *first = added(table, "10.0.0.1");
    assert_ptr_equal(added(table, "10.0.0.1"), first);
    struct address *other = added(table, "10.0.0.2");
    assert_ptr_not_equal(other, first);
    assert_int_equal(address_table_count(table), 2);
    address_table_remove(table, other);
    address_table_remove(table, first);
    assert_int_equal(address_table_count(table), 1);
    address_table_remove(table, first);
    address_table_remove(table, NULL);
}

static void a_mapped_address_is_the_ipv4_one(void **state)
{
    struct address_table *table = *state;

    struct address *v4 = added(table, "10.0.0.1");
    assert_ptr_equal(added(table, "::ffff:10.0.0.1"), v4);
    address_table_remove(table, v4);
    address_table_remove(table, v4);
}

/* A /64 of mapped addresses would be all of IPv4. */
static void mapped_addresses_are_told_apart(void **state)
{
    struct address_table *table = *state;

    struct address *one = added(table, "::ffff:10.0.0.1");
    struct address *two = added(table, "::ffff:10.0.0.2");
    struct address *loopback = added(table, "::1");
    assert_int_equal(address_table_count(table), 3);
    address_table_remove(table, one);
    address_table_remove(table, loopback);
    address_table_remove(table, two);
}

static void an_ipv6_network_is_one_address(void **state)
{
    struct address_table *table = *state;

    struct address *network = added(table, "2001:db8:1:2::1");
    assert_ptr_equal(added(table, "2001:db8:1:2:ffff::9"), network);
    struct address *other = added(table, "2001:db8:1:3::1");
    assert_ptr_not_equal(other, network);
    address_table_remove(table, network);
    address_table_remove(table, network);
    address_table_remove(table, other);
}

static void past_the_limit_it_counts_and_is_too_many(void **state)
{
    struct address_table *table = *state;
    struct address *third;

    address_table_limit(table, 2);
    struct address *address = added(table, "10.0.0.1");
    (void)added(table, "10.0.0.1");
    assert_false(add(table, "10.0.0.1", &third));
    assert_ptr_equal(third, address);
    struct address *other = added(table, "10.0.0.2");
    address_table_remove(table, other);
    address_table_remove(table, address);
    assert_false(add(table, "10.0.0.1", &third));
    address_table_remove(table, address);
    address_table_remove(table, address);
    (void)added(table, "10.0.0.1");
    address_table_remove(table, address);
    address_table_remove(table, address);
}

static void another_limit_holds_for_those_who_are_counted(void **state)
{
    struct address_table *table = *state;
    struct address *again;

    struct address *address = added(table, "10.0.0.1");
    (void)added(table, "10.0.0.1");
    address_table_limit(table, 2);
    assert_false(add(table, "10.0.0.1", &again));
    address_table_limit(table, 0);
    (void)added(table, "10.0.0.1");
    for (int i = 0; i < 4; i++)
        address_table_remove(table, address);
}

static void *come_and_go(void *arg)
{
    const uint8_t first[CIDR_ADDRESS_LEN] = {[10] = 0xff, [11] = 0xff, [15] = 1};
    const uint8_t second[CIDR_ADDRESS_LEN] = {[0] = 0x20};
    struct address_table *table = arg;

    for (int i = 0; i < ROUNDS; i++) {
        struct address *one;
        struct address *two;

        (void)address_table_add(table, first, &one);
        (void)address_table_add(table, second, &two);
        address_table_remove(table, two);
        address_table_remove(table, one);
    }
    return NULL;
}

static void threads_count_beside_each_other(void **state)
{
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, *state), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(address_table_count(*state), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_address_is_one_count, setup, teardown),
        cmocka_unit_test_setup_teardown(a_mapped_address_is_the_ipv4_one, setup, teardown),
        cmocka_unit_test_setup_teardown(mapped_addresses_are_told_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(an_ipv6_network_is_one_address, setup, teardown),
        cmocka_unit_test_setup_teardown(past_the_limit_it_counts_and_is_too_many, setup, teardown),
        cmocka_unit_test_setup_teardown(another_limit_holds_for_those_who_are_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(threads_count_beside_each_other, setup, teardown),
    };

    return cmocka_run_group_tests_name("address_table", tests, NULL, NULL);
}
