/* SPDX-License-Identifier: Apache-2.0 */
/* HAProxy's "The PROXY protocol": which bytes are a header, where it ends, and whom it names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "gateway/accept/proxy_header.h"

#define V2_SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4_BLOCK     "\xc0\x00\x02\x07\xc6\x33\x64\x01\xdb\xa0\x01\xbb" /* 192.0.2.7:56224, 198.51.100.1:443 */
#define V6_BLOCK                                                                                             \
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\xdb\xa0\x01\xbb"
#define CHECKSUM       "\xf2\xca\x7e\x4a"
#define BYTES(literal) slice_of(literal, sizeof literal - 1)

/* Parses the whole, and every shorter begin of it, of which none may be complete or wrong. */
static struct proxy_header expect_complete(struct slice bytes, size_t len)
{
    struct proxy_header header;

    for (size_t i = 0; i < len; i++)
        if (proxy_header_parse(slice_of(bytes.data, i), &header) != PROXY_MORE)
            fail_msg("%zu bytes of %zu are enough: %s", i, len, header.fault);
    for (size_t i = len; i <= bytes.len; i++) {
        if (proxy_header_parse(slice_of(bytes.data, i), &header) != PROXY_COMPLETE)
            fail_msg("%zu bytes: %s", i, header.fault);
        assert_int_equal(header.len, len);
    }
    return header;
}

static void expect_address(struct slice bytes, size_t len, const char *address)
{
    struct proxy_header header = expect_complete(bytes, len);
    char text[INET6_ADDRSTRLEN];

    assert_int_equal(header.relay, PROXY_RELAYED);
    cidr_address_print(header.address, text);
    assert_string_equal(text, address);
}

static void expect_no_address(struct slice bytes, enum proxy_relay relay)
{
    struct proxy_header header = expect_complete(bytes, bytes.len);

    assert_int_equal(header.relay, relay);
    assert_memory_equal(header.address, (uint8_t[CIDR_ADDRESS_LEN]){0}, CIDR_ADDRESS_LEN);
}

static void expect_line(const char *line, const char *address)
{
    expect_address(slice_str(line), strlen(line), address);
}

static void expect_invalid(struct slice bytes, const char *why)
{
    struct proxy_header header;

    if (proxy_header_parse(bytes, &header) != PROXY_INVALID)
        fail_msg("%.*s: not refused", (int)bytes.len, (const char *)bytes.data);
    if (strstr(header.fault, why) == NULL)
        fail_msg("%.*s: \"%s\", not \"%s\"", (int)bytes.len, (const char *)bytes.data, header.fault, why);
}

static void expect_bad_line(const char *line, const char *why)
{
    expect_invalid(slice_str(line), why);
}

static void a_line_names_the_client(void **state)
{
    (void)state;
    expect_line("PROXY TCP4 192.0.2.7 198.51.100.1 56224 443\r\n", "192.0.2.7");
    expect_line("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255");
    expect_line("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", "0.0.0.0");
    expect_line("PROXY TCP6 2001:db8::7 2001:db8::1 56224 443\r\n", "2001:db8::7");
    expect_line("PROXY TCP6 2001:DB8:0:0:0:0:0:7 ::1 56224 443\r\n", "2001:db8::7");
    expect_line(
        "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 "
        "65535\r\n",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

/* As HAProxy writes it when one end is IPv4 and the other IPv6. */
static void ipv4_may_stand_mapped_in_a_line_of_ipv6(void **state)
{
    (void)state;
    expect_line("PROXY TCP6 ::ffff:192.0.2.7 2001:db8::1 56224 443\r\n", "192.0.2.7");
}

static void behind_the_line_is_the_clients(void **state)
{
    (void)state;
    expect_address(BYTES("PROXY TCP4 192.0.2.7 198.51.100.1 56224 443\r\n\r\nPROXY \0x"), 45, "192.0.2.7");
}

static void unknown_names_nobody_whatever_follows(void **state)
{
    (void)state;
    expect_no_address(BYTES("PROXY UNKNOWN\r\n"), PROXY_UNKNOWN);
    expect_no_address(BYTES("PROXY UNKNOWN \r\n"), PROXY_UNKNOWN);
    expect_no_address(BYTES("PROXY UNKNOWN 192.0.2.7 x\n\0  y\r\n"), PROXY_UNKNOWN);
    expect_no_address(BYTES("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
                      PROXY_UNKNOWN);
    expect_bad_line("PROXY UNKNOWNS\r\n", "not TCP4, TCP6 or UNKNOWN");
}

static void a_line_is_bounded(void **state)
{
    char line[PROXY_V1_MAX + 3];
    struct proxy_header header;

    (void)state;
    memset(line, 'x', sizeof line);
    memcpy(line, "PROXY UNKNOWN ", 14);
    memcpy(line + PROXY_V1_MAX - 2, "\r\n", 2);
    expect_no_address(slice_of(line, PROXY_V1_MAX), PROXY_UNKNOWN);
    memcpy(line + PROXY_V1_MAX - 2, "x\r\n", 3);
    assert_int_equal(proxy_header_parse(slice_of(line, PROXY_V1_MAX - 1), &header), PROXY_MORE);
    expect_invalid(slice_of(line, PROXY_V1_MAX), "more than 107 bytes");
    expect_invalid(slice_of(line, PROXY_V1_MAX + 1), "more than 107 bytes");
}

static void a_family_is_one_of_three(void **state)
{
    (void)state;
    expect_bad_line("PROXY \r\n", "not TCP4, TCP6 or UNKNOWN");
    expect_bad_line("PROXY tcp4 192.0.2.7 198.51.100.1 1 2\r\n", "not TCP4, TCP6 or UNKNOWN");
    expect_bad_line("PROXY  TCP4 192.0.2.7 198.51.100.1 1 2\r\n", "not TCP4, TCP6 or UNKNOWN");
    expect_bad_line("PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n", "not TCP4, TCP6 or UNKNOWN");
    expect_bad_line("PROXY TCP4\t192.0.2.7 198.51.100.1 1 2\r\n", "not TCP4, TCP6 or UNKNOWN");
}

static void one_space_stands_between_the_fields(void **state)
{
    (void)state;
    expect_bad_line("PROXY TCP4\r\n", "not four fields");
    expect_bad_line("PROXY TCP4 \r\n", "not four fields");
    expect_bad_line("PROXY TCP4 192.0.2.7\r\n", "not four fields");
    expect_bad_line("PROXY TCP4 192.0.2.7 198.51.100.1 1\r\n", "not four fields");
    expect_bad_line("PROXY TCP4 192.0.2.7  198.51.100.1 1 2\r\n", "not four fields");
    expect_bad_line("PROXY TCP4 192.0.2.7 198.51.100.1 1 2 \r\n", "a space at the end");
    expect_bad_line("PROXY TCP4 192.0.2.7 198.51.100.1 1 2 3\r\n", "more than four fields");
}

static void addresses_are_those_of_the_family(void **state)
{
    (void)state;
    expect_bad_line("PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n", "none of its family");
    expect_bad_line("PROXY TCP4 192.0.2.7 2001:db8::1 1 2\r\n", "none of its family");
    expect_bad_line("PROXY TCP6 192.0.2.7 198.51.100.1 1 2\r\n", "none of its family");
    expect_bad_line("PROXY TCP6 2001:db8::7 198.51.100.1 1 2\r\n", "none of its family");
    expect_bad_line("PROXY TCP4 192.0.2.256 198.51.100.1 1 2\r\n", "none of its family");
    expect_bad_line("PROXY TCP4 192.0.02.7 198.51.100.1 1 2\r\n", "none of its family");
    expect_bad_line("PROXY TCP4 localhost 198.51.100.1 1 2\r\n", "none of its family");
    expect_bad_line("PROXY TCP6 [2001:db8::7] 2001:db8::1 1 2\r\n", "none of its family");
}

static void ports_are_numbers(void **state)
{
    (void)state;
    expect_bad_line("PROXY TCP4 192.0.2.7 198.51.100.1 65536 2\r\n", "a port");
    expect_bad_line("PROXY TCP4 192.0.2.7 198.51.100.1 1 99999999\r\n", "a port");
    expect_bad_line("PROXY TCP4 192.0.2.7 198.51.100.1 01 2\r\n", "a port");
    expect_bad_line("PROXY TCP4 192.0.2.7 198.51.100.1 -1 2\r\n", "a port");
    expect_bad_line("PROXY TCP4 192.0.2.7 198.51.100.1 1 2x\r\n", "a port");
}

static void a_line_ends_with_both_bytes(void **state)
{
    (void)state;
    expect_bad_line("PROXY TCP4 192.0.2.7 198.51.100.1 1 2\rx", "a CR without LF");
    expect_bad_line("PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n\r\n", "a port");
}

static void what_begins_otherwise_has_no_header(void **state)
{
    static const char *const others[] = {"GET /connect HTTP/1.1\r\n",
                                         "P ",
                                         "POST",
                                         "PROXY\r\n",
                                         "proxy TCP4",
                                         "\x16\x03\x01",
                                         "\r\nPROXY",
                                         "\r\n\r\n\r",
                                         " PROXY "};
    struct proxy_header header;

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(proxy_header_parse(slice_str(others[i]), &header), PROXY_MISSING);
    assert_int_equal(proxy_header_parse(BYTES("\r\n\r\n\0\r\nQUIT\r"), &header), PROXY_MISSING);
    assert_int_equal(proxy_header_parse(slice_of("", 0), &header), PROXY_MORE);
}

static void version_2_names_the_client(void **state)
{
    (void)state;
    expect_address(BYTES(V2_SIGNATURE "\x21\x11\x00\x0c" V4_BLOCK), 28, "192.0.2.7");
    expect_address(BYTES(V2_SIGNATURE "\x21\x21\x00\x24" V6_BLOCK), 52, "2001:db8::7");
    expect_address(BYTES(V2_SIGNATURE "\x21\x11\x00\x0c" V4_BLOCK "GET"), 28, "192.0.2.7");
}

static void version_2_may_name_nobody(void **state)
{
    char unix_sockets[16 + 216] = V2_SIGNATURE "\x21\x31\x00\xd8";

    (void)state;
    expect_no_address(BYTES(V2_SIGNATURE "\x21\x00\x00\x00"), PROXY_UNKNOWN);
    expect_no_address(BYTES(V2_SIGNATURE "\x21\x00\x00\x05"
                                         "abcde"),
                      PROXY_UNKNOWN);
    expect_no_address(BYTES(V2_SIGNATURE "\x21\x12\x00\x0c" V4_BLOCK), PROXY_UNKNOWN);
    expect_no_address(BYTES(V2_SIGNATURE "\x21\x22\x00\x24" V6_BLOCK), PROXY_UNKNOWN);
    expect_no_address(slice_of(unix_sockets, sizeof unix_sockets), PROXY_UNKNOWN);
    unix_sockets[13] = 0x32;
    expect_no_address(slice_of(unix_sockets, sizeof unix_sockets), PROXY_UNKNOWN);
}

/* "must discard the protocol block including the family which is ignored" */
static void local_is_the_proxy_itself_whatever_follows(void **state)
{
    (void)state;
    expect_no_address(BYTES(V2_SIGNATURE "\x20\x00\x00\x00"), PROXY_LOCAL);
    expect_no_address(BYTES(V2_SIGNATURE "\x20\x11\x00\x0c" V4_BLOCK), PROXY_LOCAL);
    expect_no_address(BYTES(V2_SIGNATURE "\x20\xff\x00\x03"
                                         "abc"),
                      PROXY_LOCAL);
}

static void the_rest_of_the_first_sixteen_bytes_is_fixed(void **state)
{
    (void)state;
    expect_invalid(BYTES(V2_SIGNATURE "\x22"), "not version 2");
    expect_invalid(BYTES(V2_SIGNATURE "\x11"), "not version 2");
    expect_invalid(BYTES(V2_SIGNATURE "\x31\x11\x00\x0c" V4_BLOCK), "not version 2");
    expect_invalid(BYTES(V2_SIGNATURE "\x21\x41\x00\x0c" V4_BLOCK), "an unknown family");
    expect_invalid(BYTES(V2_SIGNATURE "\x21\x13\x00\x0c" V4_BLOCK), "an unknown family");
    expect_invalid(BYTES(V2_SIGNATURE "\x21\x10\x00\x0c" V4_BLOCK), "an unknown family");
    expect_invalid(BYTES(V2_SIGNATURE "\x21\x01\x00\x00"), "an unknown family");
}

static void the_addresses_fit_into_the_length(void **state)
{
    (void)state;
    expect_invalid(BYTES(V2_SIGNATURE "\x21\x11\x00\x0b" V4_BLOCK), "shorter than the addresses");
    expect_invalid(BYTES(V2_SIGNATURE "\x21\x21\x00\x0c" V4_BLOCK), "shorter than the addresses");
    expect_invalid(BYTES(V2_SIGNATURE "\x21\x12\x00\x00"), "shorter than the addresses");
    expect_invalid(BYTES(V2_SIGNATURE "\x21\x31\x00\x0c" V4_BLOCK), "shorter than the addresses");
}

static void tlvs_fill_the_rest_exactly(void **state)
{
    (void)state;
    expect_address(BYTES(V2_SIGNATURE "\x21\x11\x00\x0f" V4_BLOCK "\x04\0\0"), 31, "192.0.2.7");
    expect_address(BYTES(V2_SIGNATURE "\x21\x11\x00\x15" V4_BLOCK "\xea\0\x03"
                                      "vpc\x01\0\0"),
                   37, "192.0.2.7");
    expect_invalid(BYTES(V2_SIGNATURE "\x21\x11\x00\x0d" V4_BLOCK "\x04"), "within its head");
    expect_invalid(BYTES(V2_SIGNATURE "\x21\x11\x00\x0e" V4_BLOCK "\x04\0"), "within its head");
    expect_invalid(BYTES(V2_SIGNATURE "\x21\x11\x00\x0f" V4_BLOCK "\x04\0\x01"), "longer than the header");
    expect_invalid(BYTES(V2_SIGNATURE "\x21\x11\x00\x11" V4_BLOCK "\xea\xff\xff"
                                      "vp"),
                   "longer than the header");
    expect_invalid(BYTES(V2_SIGNATURE "\x21\x21\x00\x25" V6_BLOCK "\x04"), "within its head");
}

/* The checksum was made with the textbook's loop of one bit a step, over these bytes with four zeros in its
 * place. */
static void a_checksum_must_be_right(void **state)
{
#define CHECKED(crc) BYTES(V2_SIGNATURE "\x21\x11\x00\x17" V4_BLOCK "\x03\0\x04" crc "\x04\0\x01\0")
    (void)state;
    expect_address(CHECKED(CHECKSUM), 39, "192.0.2.7");
    expect_invalid(CHECKED("\0\0\0\0"), "a wrong checksum");
    expect_invalid(BYTES(V2_SIGNATURE "\x21\x11\x00\x12" V4_BLOCK "\x03\0\x03"
                                      "abc"),
                   "has not four bytes");
    expect_invalid(
        BYTES(V2_SIGNATURE "\x21\x11\x00\x1a" V4_BLOCK "\x03\0\x04" CHECKSUM "\x03\0\x04" CHECKSUM),
        "a second checksum");
}

static void the_length_is_bounded(void **state)
{
    static uint8_t big[PROXY_V2_MAX + 1];
    struct proxy_header header;

    (void)state;
    memcpy(big, V2_SIGNATURE "\x21\x11", 14);
    memcpy(big + 16, V4_BLOCK "\x04\x0f\xe1", 15);
    big[14] = (PROXY_V2_MAX - 16) >> 8;
    big[15] = (PROXY_V2_MAX - 16) & 0xff;
    assert_int_equal(proxy_header_parse(slice_of(big, 16), &header), PROXY_MORE);
    assert_int_equal(proxy_header_parse(slice_of(big, PROXY_V2_MAX - 1), &header), PROXY_MORE);
    assert_int_equal(proxy_header_parse(slice_of(big, PROXY_V2_MAX), &header), PROXY_COMPLETE);
    assert_int_equal(header.len, PROXY_V2_MAX);
    big[15]++;
    assert_int_equal(proxy_header_parse(slice_of(big, 16), &header), PROXY_TOO_LARGE);
    big[12] = 0x20;
    assert_int_equal(proxy_header_parse(slice_of(big, 16), &header), PROXY_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_names_the_client),
        cmocka_unit_test(ipv4_may_stand_mapped_in_a_line_of_ipv6),
        cmocka_unit_test(behind_the_line_is_the_clients),
        cmocka_unit_test(unknown_names_nobody_whatever_follows),
        cmocka_unit_test(a_line_is_bounded),
        cmocka_unit_test(a_family_is_one_of_three),
        cmocka_unit_test(one_space_stands_between_the_fields),
        cmocka_unit_test(addresses_are_those_of_the_family),
        cmocka_unit_test(ports_are_numbers),
        cmocka_unit_test(a_line_ends_with_both_bytes),
        cmocka_unit_test(what_begins_otherwise_has_no_header),
        cmocka_unit_test(version_2_names_the_client),
        cmocka_unit_test(version_2_may_name_nobody),
        cmocka_unit_test(local_is_the_proxy_itself_whatever_follows),
        cmocka_unit_test(the_rest_of_the_first_sixteen_bytes_is_fixed),
        cmocka_unit_test(the_addresses_fit_into_the_length),
        cmocka_unit_test(tlvs_fill_the_rest_exactly),
        cmocka_unit_test(a_checksum_must_be_right),
        cmocka_unit_test(the_length_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
