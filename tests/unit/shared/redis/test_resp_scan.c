/* SPDX-License-Identifier: Apache-2.0 */
/* What may pass to hiredis, whole and byte by byte, and with what words the rest is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "shared/redis/resp_scan.h"

enum { BYTES_MAX = 65536 };

static const char two_answers[] = "+OK\r\n:1\r\n";

static enum status feed(struct resp_scan *scan, const char *text, size_t step, struct fault *fault)
{
    size_t len = strlen(text);
    enum status status = STATUS_OK;

    for (size_t at = 0; at < len && status == STATUS_OK; at += step)
        status = resp_scan_feed(scan, slice_of(text + at, len - at < step ? len - at : step), fault);
    return status;
}

static void passes(const char *text)
{
    for (size_t step = 1; step <= strlen(text); step++) {
        struct resp_scan scan;
        struct fault fault = {""};

        resp_scan_init(&scan, BYTES_MAX);
        if (feed(&scan, text, step, &fault) != STATUS_OK)
            fail_msg("\"%s\" in steps of %zu: %s", text, step, fault.text);
        assert_int_equal(scan.part, RESP_TYPE);
        assert_int_equal(scan.depth, 0);
        assert_int_equal(scan.bytes, 0);
        assert_int_equal(scan.elements, 0);
    }
}

static void is_refused(const char *text, enum status status, const char *reason)
{
    for (size_t step = 1; step <= strlen(text); step++) {
        struct resp_scan scan;
        struct fault fault = {""};

        resp_scan_init(&scan, BYTES_MAX);
        assert_int_equal(feed(&scan, two_answers, step, &fault), STATUS_OK);
        assert_int_equal(feed(&scan, text, step, &fault), status);
        if (strstr(fault.text, reason) == NULL)
            fail_msg("\"%s\" is refused with \"%s\", not \"%s\"", text, fault.text, reason);
    }
}

static void answers_of_redis_pass(void **state)
{
    (void)state;
    passes("+PONG\r\n");
    passes("+\r\n");
    passes("-ERR unknown command 'x', with args beginning with: \r\n");
    passes(":0\r\n:-1\r\n:9223372036854775807\r\n:-9223372036854775808\r\n");
    passes("$-1\r\n*-1\r\n$0\r\n\r\n*0\r\n");
    passes("$5\r\n\r\n+*$\r\n");
    passes("*3\r\n$6\r\nmaster\r\n:0\r\n*1\r\n*3\r\n$9\r\n127.0.0.1\r\n$4\r\n6380\r\n$1\r\n0\r\n");
    passes("*2\r\n$1\r\n0\r\n*0\r\n");
    passes("*1\r\n*1\r\n*2\r\n*0\r\n$-1\r\n+OK\r\n");
    passes("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$3\r\na\rb\r\n");
}

static void announcements_are_refused_at_once(void **state)
{
    (void)state;
    is_refused("*1000000000\r\n", STATUS_TOO_LARGE, "an array of 1000000000 elements");
    is_refused("*16385\r\n", STATUS_TOO_LARGE, "one answer may have 16384 in all");
    is_refused("*2\r\n*16000\r\n", STATUS_OK, "");
    is_refused("*385\r\n*16000\r\n", STATUS_TOO_LARGE, "an array of 16000 elements");
    is_refused("*9223372036854775807\r\n", STATUS_TOO_LARGE, "9223372036854775807 elements");
    is_refused("$65536\r\n", STATUS_TOO_LARGE, "a string of 65536 bytes; one answer may have 65536");
    is_refused("$9223372036854775807\r\n", STATUS_TOO_LARGE, "a string of 9223372036854775807 bytes");
    is_refused("*2\r\n$40000\r\n", STATUS_OK, "");
    is_refused("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", STATUS_TOO_LARGE, "arrays in arrays; they may be 4 deep");
}

static void lengths_and_numbers_are_strict(void **state)
{
    struct resp_scan scan;

    (void)state;
    is_refused("*-2\r\n", STATUS_INVALID, "\"-2\" is no length");
    is_refused("$-9223372036854775808\r\n", STATUS_INVALID, "is no length");
    is_refused("$18446744073709551616\r\n", STATUS_INVALID, "is no length");
    is_refused("*9223372036854775808\r\n", STATUS_INVALID, "is no length");
    is_refused(":-9223372036854775809\r\n", STATUS_INVALID, "is no 64-bit integer");
    is_refused("$\r\n", STATUS_INVALID, "\"\" is no length");
    is_refused("$+1\r\n", STATUS_INVALID, "\"+1\" is no length");
    is_refused("*01\r\n", STATUS_INVALID, "\"01\" is no length");
    is_refused(":-0\r\n", STATUS_INVALID, "\"-0\" is no 64-bit integer");
    is_refused(":1x\r\n", STATUS_INVALID, "\"1x\" is no 64-bit integer");
    is_refused("$?\r\n", STATUS_INVALID, "\"?\" is no length");
    resp_scan_init(&scan, BYTES_MAX);
    assert_int_equal(resp_scan_feed(&scan, slice_of(":1\0\r\n", 5), NULL), STATUS_INVALID);
    is_refused("*111111111111111111111", STATUS_INVALID, "a number of more than 20 digits");
}

static void what_is_no_resp2_is_refused(void **state)
{
    static const char resp3[] = "_,#!=(%~>|";

    (void)state;
    is_refused("220 mail.example ESMTP\r\n", STATUS_INVALID, "an answer begins with byte 0x32");
    is_refused("\r\n", STATUS_INVALID, "byte 0x0d");
    is_refused("*1\r\nHTTP/1.1", STATUS_INVALID, "byte 0x48");
    is_refused("+OK\n", STATUS_INVALID, "a line that ends without CR");
    is_refused("+OK\r+", STATUS_INVALID, "a line that does not end with CR LF");
    is_refused("$2\r\nabc", STATUS_INVALID, "a string that does not end with CR LF");
    is_refused("$2\r\nab\n", STATUS_INVALID, "a string that does not end with CR LF");
    for (const char *type = resp3; *type; type++) {
        char text[8];

        snprintf(text, sizeof text, "%c3\r\n", *type);
        is_refused(text, STATUS_INVALID, "an answer of RESP3");
    }
}

static void endless_answers_end(void **state)
{
    struct resp_scan scan;
    struct fault fault;
    char line[RESP_LINE_MAX + 1];
    size_t taken = 0;

    (void)state;
    memset(line, 'x', sizeof line);
    resp_scan_init(&scan, BYTES_MAX);
    assert_int_equal(feed(&scan, "-", 1, NULL), STATUS_OK);
    assert_int_equal(resp_scan_feed(&scan, slice_of(line, RESP_LINE_MAX), NULL), STATUS_OK);
    assert_int_equal(resp_scan_feed(&scan, slice_of(line, 1), &fault), STATUS_TOO_LARGE);
    assert_string_equal(fault.text, "a line of more than 8192 bytes");

    resp_scan_init(&scan, BYTES_MAX);
    assert_int_equal(feed(&scan, "*16384\r\n", 8, NULL), STATUS_OK);
    while (feed(&scan, "+four\r\n", 7, &fault) == STATUS_OK)
        taken += 7;
    assert_string_equal(fault.text, "more than 65536 bytes in one answer");
    assert_in_range(taken, BYTES_MAX - 16, BYTES_MAX);

    resp_scan_init(&scan, BYTES_MAX);
    for (int i = 0; i < 2 * BYTES_MAX; i++)
        assert_int_equal(feed(&scan, ":1\r\n", 4, NULL), STATUS_OK); /* answers of their own */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_of_redis_pass),
        cmocka_unit_test(announcements_are_refused_at_once),
        cmocka_unit_test(lengths_and_numbers_are_strict),
        cmocka_unit_test(what_is_no_resp2_is_refused),
        cmocka_unit_test(endless_answers_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
