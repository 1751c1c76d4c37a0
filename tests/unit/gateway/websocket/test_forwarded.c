/* SPDX-License-Identifier: Apache-2.0 */
/* X-Forwarded-For: which of its addresses is the client's, as seen by a gateway whose proxies are 10.0.0.0/8
 * and fd00::/8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "gateway/websocket/forwarded.h"

#define XFF         "X-Forwarded-For: "
#define LINE(value) XFF value "\r\n"

static struct cidr_list *proxies;

static int setup(void **state)
{
    char *const networks[] = {"10.0.0.0/8", "fd00::/8"};

    (void)state;
    return cidr_list_new("trustedProxies", networks, 2, &proxies, NULL);
}

static int teardown(void **state)
{
    (void)state;
    cidr_list_unref(proxies);
    return 0;
}

static enum forwarded read_from(const char *headers, const struct cidr_list *list, char *text)
{
    struct http_request *request;
    uint8_t address[CIDR_ADDRESS_LEN] = {0};
    char bytes[4096];
    size_t used;

    snprintf(bytes, sizeof bytes, "GET /connect HTTP/1.1\r\nHost: x\r\n%s\r\n", headers);
    assert_int_equal(http_request_new(8192, 0, &request), STATUS_OK);
    assert_int_equal(http_request_feed(request, bytes, strlen(bytes), &used), HTTP_PARSE_HEADERS);
    enum forwarded result = forwarded_client(request, list, address);
    cidr_address_print(address, text);
    http_request_free(request);
    return result;
}

static void expect_client(const char *headers, const char *address)
{
    char text[INET6_ADDRSTRLEN];

    if (read_from(headers, proxies, text) != FORWARDED_FOUND)
        fail_msg("%s: not found", headers);
    assert_string_equal(text, address);
}

static void expect_none(const char *headers, enum forwarded why)
{
    char text[INET6_ADDRSTRLEN];

    assert_int_equal(read_from(headers, proxies, text), why);
    assert_string_equal(text, "::");
}

static void the_only_address_is_the_client(void **state)
{
    (void)state;
    expect_client(LINE("192.0.2.7"), "192.0.2.7");
    expect_client(LINE("2001:db8::7"), "2001:db8::7");
    expect_client("x-forwarded-FOR:192.0.2.7\r\n", "192.0.2.7");
}

static void without_the_header_there_is_none(void **state)
{
    (void)state;
    expect_none("", FORWARDED_ABSENT);
    expect_none(LINE(""), FORWARDED_ABSENT);
    expect_none(LINE(" , ,"), FORWARDED_ABSENT);
    expect_none("Forwarded: for=192.0.2.7\r\nX-Real-IP: 192.0.2.7\r\n", FORWARDED_ABSENT);
}

static void what_the_client_wrote_does_not_count(void **state)
{
    (void)state;
    expect_client(LINE("203.0.113.1, 192.0.2.7"), "192.0.2.7");
    expect_client(LINE("10.0.0.1, 192.0.2.7"), "192.0.2.7");
    expect_client(LINE("garbage, 192.0.2.7"), "192.0.2.7");
}

static void trusted_proxies_on_the_way_are_passed_over(void **state)
{
    (void)state;
    expect_client(LINE("203.0.113.1, 192.0.2.7, 10.0.0.1"), "192.0.2.7");
    expect_client(LINE("203.0.113.1, 192.0.2.7, 10.0.0.1, fd00::1, 10.255.255.255"), "192.0.2.7");
    expect_client(LINE("192.0.2.7, 11.0.0.1"), "11.0.0.1");
}

static void where_all_are_proxies_the_first_one_counts(void **state)
{
    (void)state;
    expect_client(LINE("10.0.0.2, 10.0.0.1"), "10.0.0.2");
}

static void several_lines_are_one_list(void **state)
{
    (void)state;
    expect_client(LINE("203.0.113.1") LINE("192.0.2.7"), "192.0.2.7");
    expect_client(LINE("203.0.113.1, 192.0.2.7") "Host2: y\r\n" LINE("10.0.0.1"), "192.0.2.7");
    expect_client(LINE("203.0.113.1") LINE(""), "203.0.113.1");
}

static void an_address_may_have_a_port(void **state)
{
    (void)state;
    expect_client(LINE("192.0.2.7:56224"), "192.0.2.7");
    expect_client(LINE("[2001:db8::7]:56224"), "2001:db8::7");
    expect_client(LINE("[2001:db8::7]"), "2001:db8::7");
    expect_client(LINE("192.0.2.7:0, 10.0.0.1:65535"), "192.0.2.7");
    expect_client(LINE("::ffff:192.0.2.7"), "192.0.2.7");
}

static void at_what_is_no_address_the_reading_ends(void **state)
{
    (void)state;
    expect_client(LINE("192.0.2.7, unknown, 10.0.0.1"), "10.0.0.1");
    expect_client(LINE("192.0.2.7, unknown, 10.0.0.2, 10.0.0.1"), "10.0.0.2");
    expect_none(LINE("192.0.2.7, unknown"), FORWARDED_UNREADABLE);
}

static void what_is_no_address(void **state)
{
    static const char *const bad[] = {"_hidden",
                                      "\"192.0.2.7\"",
                                      "192.0.2.7:",
                                      "192.0.2.7:65536",
                                      "192.0.2.7:x",
                                      "192.0.2.7:1:2",
                                      "192.0.2.7 80",
                                      "192.0.2.256",
                                      "192.0.2",
                                      "192.0.2.07",
                                      "[192.0.2.7]",
                                      "[2001:db8::7",
                                      "[2001:db8::7]x",
                                      "[2001:db8::7]:",
                                      "[]",
                                      "[",
                                      ":80",
                                      "fe80::1%eth0",
                                      "2001:db8::7:56224:1:2:3:4:5",
                                      "192.0.2.7:000080"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char headers[256];

        snprintf(headers, sizeof headers, LINE("192.0.2.8, %s"), bad[i]);
        expect_none(headers, FORWARDED_UNREADABLE);
    }
}

/* `count` times 10.0.0.1 behind 192.0.2.7. */
static void make_way(char *out, size_t size, int count)
{
    int len = snprintf(out, size, XFF "192.0.2.7");

    for (int i = 0; i < count; i++)
        len += snprintf(out + len, size - (size_t)len, ",10.0.0.1");
    snprintf(out + len, size - (size_t)len, "\r\n");
}

static void a_way_has_an_end(void **state)
{
    char headers[2048];

    (void)state;
    make_way(headers, sizeof headers, FORWARDED_MAX - 1);
    expect_client(headers, "192.0.2.7");
    make_way(headers, sizeof headers, FORWARDED_MAX);
    expect_client(headers, "10.0.0.1");
    make_way(headers, sizeof headers, 3 * FORWARDED_MAX);
    expect_client(headers, "10.0.0.1");
}

static void without_proxies_the_last_one_counts(void **state)
{
    char text[INET6_ADDRSTRLEN];

    (void)state;
    assert_int_equal(read_from(LINE("192.0.2.7, 10.0.0.1"), NULL, text), FORWARDED_FOUND);
    assert_string_equal(text, "10.0.0.1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_only_address_is_the_client),
        cmocka_unit_test(without_the_header_there_is_none),
        cmocka_unit_test(what_the_client_wrote_does_not_count),
        cmocka_unit_test(trusted_proxies_on_the_way_are_passed_over),
        cmocka_unit_test(where_all_are_proxies_the_first_one_counts),
        cmocka_unit_test(several_lines_are_one_list),
        cmocka_unit_test(an_address_may_have_a_port),
        cmocka_unit_test(at_what_is_no_address_the_reading_ends),
        cmocka_unit_test(what_is_no_address),
        cmocka_unit_test(a_way_has_an_end),
        cmocka_unit_test(without_proxies_the_last_one_counts),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
