/* SPDX-License-Identifier: Apache-2.0 */
/* Which texts are networks, and which addresses lie in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdio.h>

#include "shared/net/cidr.h"

static bool lies_in(const char *network, const char *address)
{
    struct fault fault = {""};
    uint8_t bytes[CIDR_ADDRESS_LEN];
    struct cidr cidr;

    assert_true(cidr_address_parse(slice_str(address), bytes));
    if (cidr_parse(network, &cidr, &fault) != STATUS_OK)
        fail_msg("%s: %s", network, fault.text);
    return cidr_has(&cidr, bytes);
}

static void expect_refused(const char *text, const char *why)
{
    struct fault fault = {""};
    struct cidr cidr;

    assert_int_equal(cidr_parse(text, &cidr, &fault), STATUS_INVALID);
    if (strstr(fault.text, why) == NULL)
        fail_msg("%s: \"%s\" is not in \"%s\"", text, why, fault.text);
}

static void expect_printed(const char *text, const char *expected)
{
    char printed[CIDR_TEXT_MAX];
    struct cidr cidr;

    assert_int_equal(cidr_parse(text, &cidr, NULL), STATUS_OK);
    cidr_print(&cidr, printed);
    assert_string_equal(printed, expected);
}

static void a_network_holds_its_first_and_last_address(void **state)
{
    (void)state;
    assert_true(lies_in("10.0.0.0/8", "10.0.0.0"));
    assert_true(lies_in("10.0.0.0/8", "10.255.255.255"));
    assert_false(lies_in("10.0.0.0/8", "9.255.255.255"));
    assert_false(lies_in("10.0.0.0/8", "11.0.0.0"));
    assert_true(lies_in("2001:db8::/32", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"));
    assert_false(lies_in("2001:db8::/32", "2001:db9::"));
}

static void a_prefix_may_end_within_a_byte(void **state)
{
    (void)state;
    assert_true(lies_in("172.16.0.0/12", "172.31.255.255"));
    assert_false(lies_in("172.16.0.0/12", "172.32.0.0"));
    assert_false(lies_in("172.16.0.0/12", "172.15.255.255"));
    assert_true(lies_in("192.0.2.6/31", "192.0.2.7"));
    assert_false(lies_in("192.0.2.6/31", "192.0.2.8"));
    assert_true(lies_in("fe80::/10", "febf::1"));
    assert_false(lies_in("fe80::/10", "fec0::1"));
    assert_true(lies_in("2001:db8::2/127", "2001:db8::3"));
    assert_false(lies_in("2001:db8::2/127", "2001:db8::4"));
}

static void one_address_is_a_network_of_its_own(void **state)
{
    (void)state;
    assert_true(lies_in("192.0.2.7", "192.0.2.7"));
    assert_false(lies_in("192.0.2.7", "192.0.2.6"));
    assert_true(lies_in("2001:db8::7", "2001:db8:0:0::7"));
    assert_false(lies_in("2001:db8::7", "2001:db8::6"));
    assert_true(lies_in("192.0.2.7/32", "192.0.2.7"));
    assert_true(lies_in("2001:db8::7/128", "2001:db8::7"));
}

static void mapped_and_dotted_are_the_same(void **state)
{
    (void)state;
    assert_true(lies_in("10.0.0.0/8", "::ffff:10.1.2.3"));
    assert_true(lies_in("::ffff:10.0.0.0/104", "10.1.2.3"));
    assert_true(lies_in("::ffff:192.0.2.7", "192.0.2.7"));
    assert_false(lies_in("::ffff:192.0.2.7", "192.0.2.8"));
    expect_printed("::ffff:10.0.0.0/104", "10.0.0.0/8");
}

static void everybody_of_one_family_is_nobody_of_the_other(void **state)
{
    (void)state;
    assert_true(lies_in("0.0.0.0/0", "203.0.113.9"));
    assert_false(lies_in("0.0.0.0/0", "2001:db8::1"));
    assert_true(lies_in("::/0", "2001:db8::1"));
    assert_false(lies_in("::/0", "203.0.113.9"));
    assert_false(lies_in("::/80", "203.0.113.9"));
    assert_true(lies_in("::ffff:0:0/96", "203.0.113.9"));
}

static void bits_behind_the_prefix_are_refused_with_the_network_that_was_meant(void **state)
{
    (void)state;
    expect_refused("10.1.2.3/8", "\"10.1.2.3/8\" has bits set behind its prefix: the network is 10.0.0.0/8");
    expect_refused("172.24.0.0/12", "the network is 172.16.0.0/12");
    expect_refused("0.0.0.1/0", "the network is 0.0.0.0/0");
    expect_refused("2001:db8::1/32", "the network is 2001:db8::/32");
    expect_refused("::ffff:10.0.0.1/104", "the network is 10.0.0.0/8");
    expect_refused("::ffff:10.0.0.0/95", "the network is ::fffe:0:0/95");
}

static void what_is_no_address_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "/",
                                      "/8",
                                      "localhost",
                                      "10.0.0/8",
                                      "10.0.0.256",
                                      "010.0.0.1",
                                      "0x0a.0.0.1",
                                      "10.0.0.1 ",
                                      " 10.0.0.1",
                                      "10.0.0.1:80",
                                      "[2001:db8::1]",
                                      "fe80::1%lo",
                                      "2001:db8",
                                      "2001:db8:::",
                                      "1.2.3.4.5",
                                      "*",
                                      ":::",
                                      "1:2:3:4:5:6:7:8:9",
                                      "::ffff:1.2.3.256",
                                      "10.0.0.0 /8"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        expect_refused(bad[i], "is not an address or network");
}

static void what_is_no_prefix_is_refused(void **state)
{
    (void)state;
    expect_refused("10.0.0.0/33", "a prefix of 0 to 32 bits is allowed");
    expect_refused("10.0.0.0/", "a prefix of 0 to 32 bits is allowed");
    expect_refused("10.0.0.0/08", "a prefix of 0 to 32 bits is allowed");
    expect_refused("10.0.0.0/+8", "a prefix of 0 to 32 bits is allowed");
    expect_refused("10.0.0.0/8/8", "a prefix of 0 to 32 bits is allowed");
    expect_refused("10.0.0.0/255.0.0.0", "a prefix of 0 to 32 bits is allowed");
    expect_refused("2001:db8::/129", "a prefix of 0 to 128 bits is allowed");
    expect_refused("2001:db8::/4294967328", "a prefix of 0 to 128 bits is allowed");
}

static void an_address_of_a_socket_is_mapped(void **state)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct sockaddr unix_socket = {.sa_family = AF_UNIX};
    char text[INET6_ADDRSTRLEN];
    uint8_t bytes[CIDR_ADDRESS_LEN];

    (void)state;
    v4.sin_addr.s_addr = htonl(0xc0000207);
    assert_true(cidr_address_of((struct sockaddr *)&v4, bytes));
    cidr_address_print(bytes, text);
    assert_string_equal(text, "192.0.2.7");
    assert_int_equal(inet_pton(AF_INET6, "2001:db8::7", &v6.sin6_addr), 1);
    assert_true(cidr_address_of((struct sockaddr *)&v6, bytes));
    cidr_address_print(bytes, text);
    assert_string_equal(text, "2001:db8::7");
    assert_false(cidr_address_of(&unix_socket, bytes));
    assert_memory_equal(bytes, (uint8_t[CIDR_ADDRESS_LEN]){0}, CIDR_ADDRESS_LEN);
}

static void an_address_ends_where_its_slice_does(void **state)
{
    uint8_t bytes[CIDR_ADDRESS_LEN];
    char text[INET6_ADDRSTRLEN];

    (void)state;
    assert_true(cidr_address_parse(slice_of("192.0.2.77", 9), bytes));
    cidr_address_print(bytes, text);
    assert_string_equal(text, "192.0.2.7");
    assert_false(cidr_address_parse(slice_of("192.0.2.7\0", 10), bytes));
    assert_false(cidr_address_parse(slice_of("", 0), bytes));
}

static void a_list_holds_what_one_of_its_networks_holds(void **state)
{
    char *const texts[] = {"10.0.0.0/8", "2001:db8::/32"};
    struct cidr_list *list;
    uint8_t bytes[CIDR_ADDRESS_LEN];
    struct fault fault;

    (void)state;
    assert_int_equal(cidr_list_new("trustedProxies", texts, 2, &list, &fault), STATUS_OK);
    assert_ptr_equal(cidr_list_ref(list), list);
    cidr_list_unref(list);
    assert_true(cidr_address_parse(slice_str("10.1.2.3"), bytes));
    assert_true(cidr_list_has(list, bytes));
    assert_true(cidr_address_parse(slice_str("2001:db8::1"), bytes));
    assert_true(cidr_list_has(list, bytes));
    assert_true(cidr_address_parse(slice_str("192.0.2.7"), bytes));
    assert_false(cidr_list_has(list, bytes));
    cidr_list_unref(list);
}

static void nobody_lies_in_an_empty_list(void **state)
{
    uint8_t bytes[CIDR_ADDRESS_LEN] = {0};
    struct cidr_list *list = NULL;
    struct fault fault;

    (void)state;
    assert_int_equal(cidr_list_new("trustedProxies", NULL, 0, &list, &fault), STATUS_OK);
    assert_null(list);
    assert_null(cidr_list_ref(NULL));
    assert_false(cidr_list_has(NULL, bytes));
    cidr_list_unref(NULL);
}

static void a_list_names_its_option_and_the_one_that_is_wrong(void **state)
{
    char *const texts[] = {"10.0.0.0/8", "10.1.2.3/8"};
    char *many[CIDR_LIST_MAX + 1];
    struct cidr_list *list = NULL;
    struct fault fault;

    (void)state;
    assert_int_equal(cidr_list_new("trustedProxies", texts, 2, &list, &fault), STATUS_INVALID);
    assert_string_equal(fault.text,
                        "trustedProxies: \"10.1.2.3/8\" has bits set behind its prefix: the network "
                        "is 10.0.0.0/8");
    for (size_t i = 0; i < CIDR_LIST_MAX + 1; i++)
        many[i] = texts[0];
    assert_int_equal(cidr_list_new("trustedProxies", many, CIDR_LIST_MAX, NULL, &fault), STATUS_OK);
    assert_int_equal(cidr_list_new("trustedProxies", many, CIDR_LIST_MAX + 1, NULL, &fault), STATUS_INVALID);
    assert_string_equal(fault.text, "trustedProxies: 1025 networks; at most 1024 are allowed");
    assert_null(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_network_holds_its_first_and_last_address),
        cmocka_unit_test(a_prefix_may_end_within_a_byte),
        cmocka_unit_test(one_address_is_a_network_of_its_own),
        cmocka_unit_test(mapped_and_dotted_are_the_same),
        cmocka_unit_test(everybody_of_one_family_is_nobody_of_the_other),
        cmocka_unit_test(bits_behind_the_prefix_are_refused_with_the_network_that_was_meant),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(what_is_no_prefix_is_refused),
        cmocka_unit_test(an_address_of_a_socket_is_mapped),
        cmocka_unit_test(an_address_ends_where_its_slice_does),
        cmocka_unit_test(a_list_holds_what_one_of_its_networks_holds),
        cmocka_unit_test(nobody_lies_in_an_empty_list),
        cmocka_unit_test(a_list_names_its_option_and_the_one_that_is_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
