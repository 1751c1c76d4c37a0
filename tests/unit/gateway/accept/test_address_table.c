/* SPDX-License-Identifier: Apache-2.0 */
/* Connections per client address: IPv4 whole, IPv6 by its /64. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <string.h>

#include "gateway/accept/address_table.h"

static struct sockaddr_storage address_of(const char *text)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        memcpy(&storage, &v4, sizeof v4);
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
        memcpy(&storage, &v6, sizeof v6);
    }
    return storage;
}

static struct address *add(struct hashmap *table, const char *text)
{
    struct sockaddr_storage storage = address_of(text);

    return address_add(table, (const struct sockaddr *)&storage);
}

static void one_address_is_one_count(void **state)
{
    struct hashmap table;

    (void)state;
    assert_int_equal(hashmap_init(&table), STATUS_OK);
    struct address *first = add(&table, "10.0.0.1");
    assert_int_equal(first->count, 1);
    assert_ptr_equal(add(&table, "10.0.0.1"), first);
    assert_int_equal(first->count, 2);
    struct address *other = add(&table, "10.0.0.2");
    assert_ptr_not_equal(other, first);
    address_remove(&table, other);
    address_remove(&table, first);
    assert_int_equal(table.count, 1);
    address_remove(&table, first);
    assert_int_equal(table.count, 0);
    address_remove(&table, NULL);
    hashmap_fini(&table);
}

static void a_mapped_address_is_the_ipv4_one(void **state)
{
    struct hashmap table;

    (void)state;
    assert_int_equal(hashmap_init(&table), STATUS_OK);
    struct address *v4 = add(&table, "10.0.0.1");
    assert_ptr_equal(add(&table, "::ffff:10.0.0.1"), v4);
    address_remove(&table, v4);
    address_remove(&table, v4);
    hashmap_fini(&table);
}

/* A /64 of mapped addresses would be all of IPv4. */
static void mapped_addresses_are_told_apart(void **state)
{
    struct hashmap table;

    (void)state;
    assert_int_equal(hashmap_init(&table), STATUS_OK);
    struct address *one = add(&table, "::ffff:10.0.0.1");
    struct address *two = add(&table, "::ffff:10.0.0.2");
    struct address *loopback = add(&table, "::1");
    assert_int_equal(table.count, 3);
    address_remove(&table, one);
    address_remove(&table, loopback);
    assert_int_equal(two->count, 1);
    address_remove(&table, two);
    assert_int_equal(table.count, 0);
    hashmap_fini(&table);
}

static void an_ipv6_network_is_one_address(void **state)
{
    struct hashmap table;

    (void)state;
    assert_int_equal(hashmap_init(&table), STATUS_OK);
    struct address *network = add(&table, "2001:db8:1:2::1");
    assert_ptr_equal(add(&table, "2001:db8:1:2:ffff::9"), network);
    struct address *other = add(&table, "2001:db8:1:3::1");
    assert_ptr_not_equal(other, network);
    address_remove(&table, network);
    address_remove(&table, network);
    address_remove(&table, other);
    hashmap_fini(&table);
}

static void other_families_have_no_count(void **state)
{
    const struct sockaddr peer = {.sa_family = AF_UNIX};
    struct hashmap table;

    (void)state;
    assert_int_equal(hashmap_init(&table), STATUS_OK);
    assert_null(address_add(&table, &peer));
    hashmap_fini(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_address_is_one_count),        cmocka_unit_test(a_mapped_address_is_the_ipv4_one),
        cmocka_unit_test(mapped_addresses_are_told_apart), cmocka_unit_test(an_ipv6_network_is_one_address),
        cmocka_unit_test(other_families_have_no_count),
    };

    return cmocka_run_group_tests_name("address_table", tests, NULL, NULL);
}
