/* SPDX-License-Identifier: Apache-2.0 */
/* traceparent: what the standard's section 3.2 takes and refuses, there and back; and what a log line
 * about a traced push begins with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shared/log/trace_line.h"

#define TRACE_ID  "0af7651916cd43dd8448eb211c80319c"
#define PARENT_ID "b7ad6b7169203331"
#define IDS       TRACE_ID "-" PARENT_ID

static struct traceparent taken(const char *text)
{
    struct traceparent trace;

    if (!traceparent_parse(slice_str(text), &trace))
        fail_msg("%s: refused", text);
    assert_true(trace.set);
    return trace;
}

static void reads_as(const char *text, const char *expected)
{
    struct traceparent trace = taken(text);
    char again[TRACEPARENT_TEXT_LEN + 1];

    traceparent_print(&trace, again);
    assert_string_equal(again, expected);
}

static void refused(const char *text)
{
    struct traceparent trace = {.set = true};

    if (traceparent_parse(slice_str(text), &trace) || trace.set)
        fail_msg("%s: taken", text);
}

static void reads_what_it_prints(void **state)
{
    (void)state;
    reads_as("00-" IDS "-01", "00-" IDS "-01");
    reads_as("00-" IDS "-00", "00-" IDS "-00");
    reads_as("00-00000000000000000000000000000001-0000000000000001-01",
             "00-00000000000000000000000000000001-0000000000000001-01");
    assert_int_equal(strlen("00-" IDS "-01"), TRACEPARENT_TEXT_LEN);
    assert_true(taken("00-" IDS "-01").sampled);
    assert_false(taken("00-" IDS "-00").sampled);
}

static void keeps_no_flag_but_sampled(void **state)
{
    (void)state;
    reads_as("00-" IDS "-03", "00-" IDS "-01");
    reads_as("00-" IDS "-fe", "00-" IDS "-00");
    reads_as("00-" IDS "-ff", "00-" IDS "-01");
}

static void reads_later_versions_as_far_as_it_knows_them(void **state)
{
    (void)state;
    reads_as("01-" IDS "-01", "00-" IDS "-01");
    reads_as("cc-" IDS "-01-what-the-future-will-be-like", "00-" IDS "-01");
    reads_as("fe-" IDS "-00-", "00-" IDS "-00");
    refused("ff-" IDS "-01");
    refused("ff-" IDS "-01-more");
    refused("cc-" IDS "-01.what-the-future-will-not-be-like");
    refused("cc-" IDS "-011");
}

static void refuses_everything_else(void **state)
{
    (void)state;
    refused("");
    refused("00");
    refused("00-" IDS);
    refused("00-" IDS "-");
    refused("00-" IDS "-1");
    refused("00-" IDS "-01-");
    refused("00-" IDS "-01-more");
    refused("00-" IDS "-011");
    refused(" 00-" IDS "-01");
    refused("00-" IDS "-01 ");
    refused("00-00000000000000000000000000000000-" PARENT_ID "-01");
    refused("00-" TRACE_ID "-0000000000000000-01");
    refused("00-0AF7651916cd43dd8448eb211c80319c-" PARENT_ID "-01");
    refused("00-" TRACE_ID "-B7ad6b7169203331-01");
    refused("00-" IDS "-0A");
    refused("0A-" IDS "-01");
    refused("0x-" IDS "-01");
    refused("00-0af7651916cd43dd8448eb211c80319g-" PARENT_ID "-01");
    refused("00-" TRACE_ID "-b7ad6b716920333.-01");
    refused("00_" IDS "-01");
    refused("00-" TRACE_ID "_" PARENT_ID "-01");
    refused("00-" IDS "_01");
    refused("00-" PARENT_ID "-" TRACE_ID "-01");
}

static void refuses_every_other_character_at_every_place(void **state)
{
    static const char good[] = "00-" IDS "-01";

    (void)state;
    for (size_t at = 0; at < TRACEPARENT_TEXT_LEN; at++) {
        static const char bad[] = {'\0', ' ', '/', ':', '@', 'F', 'G', '`', 'g', '\x7f', (char)0xff};
        char text[sizeof good];
        struct traceparent trace;

        for (size_t i = 0; i < sizeof bad; i++) {
            memcpy(text, good, sizeof good);
            text[at] = bad[i];
            assert_false(traceparent_parse(slice_of(text, TRACEPARENT_TEXT_LEN), &trace));
        }
    }
}

static void goes_to_bytes_and_back(void **state)
{
    static const uint8_t expected[TRACEPARENT_LEN] = {0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84,
                                                      0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c, 0xb7, 0xad,
                                                      0x6b, 0x71, 0x69, 0x20, 0x33, 0x31, 1};
    const struct traceparent trace = taken("00-" IDS "-01");
    struct traceparent back;
    uint8_t bytes[TRACEPARENT_LEN];

    (void)state;
    traceparent_encode(&trace, bytes);
    assert_memory_equal(bytes, expected, sizeof bytes);
    assert_true(traceparent_decode(bytes, &back));
    assert_memory_equal(back.trace_id, trace.trace_id, TRACE_ID_LEN);
    assert_memory_equal(back.parent_id, trace.parent_id, TRACE_PARENT_ID_LEN);
    assert_true(back.set && back.sampled);
    bytes[TRACEPARENT_LEN - 1] = 0;
    assert_true(traceparent_decode(bytes, &back));
    assert_false(back.sampled);
}

static void refuses_bytes_that_it_would_not_write(void **state)
{
    const struct traceparent trace = taken("00-" IDS "-01");
    struct traceparent back;
    uint8_t bytes[TRACEPARENT_LEN];

    (void)state;
    traceparent_encode(&trace, bytes);
    bytes[TRACEPARENT_LEN - 1] = 2;
    assert_false(traceparent_decode(bytes, &back) || back.set);
    bytes[TRACEPARENT_LEN - 1] = 0;
    memset(bytes + TRACE_ID_LEN, 0, TRACE_PARENT_ID_LEN);
    assert_false(traceparent_decode(bytes, &back) || back.set);
    traceparent_encode(&trace, bytes);
    memset(bytes, 0, TRACE_ID_LEN);
    assert_false(traceparent_decode(bytes, &back) || back.set);
}

static void a_line_names_trace_and_push(void **state)
{
    static const uint8_t logic_id[16] = {0x9f, 0x86, 0xd0, 0x81, 0x88, 0x4c, 0x7d, 0x65, 0xff};
    const struct traceparent trace = taken("00-" IDS "-01");
    struct trace_line line;

    (void)state;
    log_setup(LOG_INFO, LOG_LOGFMT);
    assert_true(trace_line_begin(&line, &trace, logic_id, UINT64_MAX));
    assert_int_equal(line.level, LOG_INFO);
    assert_string_equal(line.traceparent, "00-" IDS "-01");
    assert_string_equal(line.id, "9f86d081884c7d65-18446744073709551615");
    assert_true(trace_line_begin(&line, &trace, NULL, 42));
    assert_string_equal(line.id, "");
}

static void a_line_is_made_only_where_it_would_be_written(void **state)
{
    static const uint8_t logic_id[16] = {1};
    const struct traceparent none = {.set = false};
    const struct traceparent sampled = taken("00-" IDS "-01");
    const struct traceparent other = taken("00-" IDS "-00");
    struct trace_line line;

    (void)state;
    log_setup(LOG_INFO, LOG_LOGFMT);
    assert_false(trace_line_begin(&line, &none, logic_id, 1));
    assert_false(trace_line_begin(&line, &other, logic_id, 1));
    log_setup(LOG_WARN, LOG_LOGFMT);
    assert_false(trace_line_begin(&line, &sampled, logic_id, 1));
    log_setup(LOG_DEBUG, LOG_LOGFMT);
    assert_true(trace_line_begin(&line, &other, logic_id, 1));
    assert_int_equal(line.level, LOG_DEBUG);
    assert_false(trace_line_begin(&line, &none, logic_id, 1));
    log_setup(LOG_INFO, LOG_LOGFMT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_it_prints),
        cmocka_unit_test(keeps_no_flag_but_sampled),
        cmocka_unit_test(reads_later_versions_as_far_as_it_knows_them),
        cmocka_unit_test(refuses_everything_else),
        cmocka_unit_test(refuses_every_other_character_at_every_place),
        cmocka_unit_test(goes_to_bytes_and_back),
        cmocka_unit_test(refuses_bytes_that_it_would_not_write),
        cmocka_unit_test(a_line_names_trace_and_push),
        cmocka_unit_test(a_line_is_made_only_where_it_would_be_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
