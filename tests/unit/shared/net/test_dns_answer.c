/* SPDX-License-Identifier: Apache-2.0 */
/* What is read out of a DNS message, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/shared/net/dns_message.h"

static struct message message;
static struct dns_answer answer;

/* From a copy of just that length, so that a sanitizer sees a byte too many. */
static enum dns_result read_as(enum dns_type type)
{
    uint8_t *copy = malloc(message.len ? message.len : 1);
    enum dns_result result;

    assert_non_null(copy);
    memcpy(copy, message.data, message.len);
    result = dns_answer_read(slice_of(copy, message.len), type, &answer);
    free(copy);
    return result;
}

static void addresses_and_the_least_ttl(void **state)
{
    (void)state;
    put_head(&message, "gw.example", DNS_TYPE_A, 3);
    put_a(&message, NULL, 30, "\x0a\0\0\1");
    put_a(&message, "GW.Example", 5, "\x0a\0\0\2");
    put_a(&message, NULL, 60, "\x0a\0\0\3");
    assert_int_equal(read_as(DNS_TYPE_A), DNS_FOUND);
    assert_int_equal(answer.count, 3);
    assert_int_equal(answer.ttl, 5);
    assert_memory_equal(answer.records[1].address, "\x0a\0\0\2", 4);
    dns_answer_fini(&answer);
}

static void services_have_names_and_ports(void **state)
{
    (void)state;
    put_head(&message, "_rpc._tcp.gw.example", DNS_TYPE_SRV, 3);
    put_srv(&message, 9, 7788, "one.example");
    put_srv(&message, 9, 1, ".");
    put_srv(&message, 9, 7789, "two.example");
    assert_int_equal(read_as(DNS_TYPE_SRV), DNS_FOUND);
    assert_int_equal(answer.count, 2);
    assert_string_equal(answer.records[0].target, "one.example");
    assert_int_equal(answer.records[0].port, 7788);
    assert_string_equal(answer.records[1].target, "two.example");
    assert_int_equal(answer.records[1].port, 7789);
    dns_answer_fini(&answer);
}

static void aliases_are_followed_and_others_left(void **state)
{
    (void)state;
    put_head(&message, "gw.example", DNS_TYPE_A, 4);
    put_alias(&message, "gw.example", 3, "real.example");
    put_a(&message, "other.example", 1, "\x7f\0\0\x09");
    put_alias(&message, "other.example", 1, "gw.example");
    put_a(&message, "real.example", 60, "\x0a\0\0\1");
    assert_int_equal(read_as(DNS_TYPE_A), DNS_FOUND);
    assert_int_equal(answer.count, 1);
    assert_int_equal(answer.ttl, 3);
    assert_memory_equal(answer.records[0].address, "\x0a\0\0\1", 4);
    dns_answer_fini(&answer);
}

static void a_negative_ttl_is_none(void **state)
{
    (void)state;
    put_head(&message, "gw.example", DNS_TYPE_A, 1);
    put_a(&message, NULL, 0x80000000, "\x0a\0\0\1");
    assert_int_equal(read_as(DNS_TYPE_A), DNS_FOUND);
    assert_int_equal(answer.ttl, 0);
    dns_answer_fini(&answer);
}

static void nothing_is_no_data(void **state)
{
    (void)state;
    put_head(&message, "gw.example", DNS_TYPE_A, 0);
    assert_int_equal(read_as(DNS_TYPE_A), DNS_NO_DATA);
    put_head(&message, "gw.example", DNS_TYPE_AAAA, 1);
    put_alias(&message, NULL, 1, "real.example");
    assert_int_equal(read_as(DNS_TYPE_AAAA), DNS_NO_DATA);
    put_head(&message, "_rpc._tcp.gw.example", DNS_TYPE_SRV, 1);
    put_srv(&message, 1, 0, ".");
    assert_int_equal(read_as(DNS_TYPE_SRV), DNS_NO_DATA);
}

static void every_prefix_is_bad(void **state)
{
    size_t whole;

    (void)state;
    put_head(&message, "_rpc._tcp.gw.example", DNS_TYPE_SRV, 2);
    put_alias(&message, "other.example", 1, "x.example");
    put_srv(&message, 9, 7788, "one.example");
    whole = message.len;
    for (message.len = 0; message.len < whole; message.len++)
        assert_int_equal(read_as(DNS_TYPE_SRV), DNS_BAD_ANSWER);
    assert_int_equal(read_as(DNS_TYPE_SRV), DNS_FOUND);
    dns_answer_fini(&answer);
}

static void expect_bad(enum dns_type type)
{
    assert_int_equal(read_as(type), DNS_BAD_ANSWER);
    assert_int_equal(answer.count, 0);
    assert_null(answer.records);
}

static void lies_are_bad(void **state)
{
    (void)state;
    put_head(&message, "gw.example", DNS_TYPE_A, 65535);
    expect_bad(DNS_TYPE_A);
    put_head(&message, "gw.example", DNS_TYPE_A, 1);
    put_record_head(&message, NULL, DNS_TYPE_A, 1, 3);
    put(&message, "\x0a\0\0", 3);
    expect_bad(DNS_TYPE_A);
    put_head(&message, "gw.example", DNS_TYPE_A, 1);
    put16(&message, 0xC000 | (unsigned)message.len); /* a name that points to itself */
    put(&message, "\0\1\0\1\0\0\0\1\0\4\x0a\0\0\1", 14);
    expect_bad(DNS_TYPE_A);
    put_head(&message, "_rpc._tcp.gw.example", DNS_TYPE_SRV, 1);
    put_srv(&message, 1, 7788, "a b.example");
    expect_bad(DNS_TYPE_SRV);
    put_head(&message, "gw.example", DNS_TYPE_A, 1);
    put_a(&message, NULL, 1, "\x0a\0\0\1");
    message.data[2] |= 2; /* TC: the rest is missing */
    expect_bad(DNS_TYPE_A);
    message.data[2] = 1; /* a question */
    expect_bad(DNS_TYPE_A);
}

static void four_thousand_addresses(void **state)
{
    (void)state;
    put_head(&message, "gw.example", DNS_TYPE_A, 4000);
    for (unsigned i = 0; i < 4000; i++)
        put_a(&message, NULL, 1, (const char[]){10, 0, (char)(i >> 8), (char)i});
    assert_int_equal(read_as(DNS_TYPE_A), DNS_FOUND);
    assert_int_equal(answer.count, 4000);
    dns_answer_fini(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_and_the_least_ttl),
        cmocka_unit_test(services_have_names_and_ports),
        cmocka_unit_test(aliases_are_followed_and_others_left),
        cmocka_unit_test(a_negative_ttl_is_none),
        cmocka_unit_test(nothing_is_no_data),
        cmocka_unit_test(every_prefix_is_bad),
        cmocka_unit_test(lies_are_bad),
        cmocka_unit_test(four_thousand_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
