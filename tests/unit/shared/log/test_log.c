/* SPDX-License-Identifier: Apache-2.0 */
/* log: what a line looks like in both formats, what is escaped and cut, and what is too much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <pthread.h>
#include <string.h>

#include "shared/log/log.h"
#include "shared/log/log_limit.h"
#include "tests/unit/captured.h"

static const char time_shape[] = "ts=2026-01-01T00:00:00.000Z ";

static char *logged(enum log_level level, const char *msg, const struct log_field *fields)
{
    struct captured captured = captured_begin(STDERR_FILENO);

    log_write(level, msg, fields);
    return captured_end(&captured);
}

/* The line behind its time stamp. */
static void writes(const char *msg, struct log_field field, const char *expected)
{
    const struct log_field fields[] = {field, {LOG_FIELD_END, 0, 0, 0}};
    char *line = logged(LOG_INFO, msg, fields);

    assert_memory_equal(line, "ts=", 3);
    assert_string_equal(line + strlen(time_shape), expected);
    free(line);
}

static void string_is(const char *msg, const char *value, const char *expected)
{
    writes(msg, (struct log_field)LOG_S("key", value), expected);
}

static int logfmt(void **state)
{
    (void)state;
    log_setup(LOG_INFO, LOG_LOGFMT);
    return 0;
}

static void a_line_has_time_level_message_and_fields(void **state)
{
    struct captured captured = captured_begin(STDERR_FILENO);
    char *line;

    (void)state;
    log_event(LOG_WARN, "listening", LOG_S("what", "ws"), LOG_I("port", 7777), LOG_I("low", INT64_MIN));
    line = captured_end(&captured);
    assert_int_equal(strspn(line, "ts=0123456789-T:.Z"), strlen(time_shape) - 1);
    assert_string_equal(line + strlen(time_shape),
                        "level=warn msg=listening what=ws port=7777 low=-9223372036854775808\n");
    free(line);
}

static void values_are_quoted_and_escaped(void **state)
{
    (void)state;
    string_is("a", "x", "level=info msg=a key=x\n");
    string_is("b", "", "level=info msg=b key=\"\"\n");
    string_is("c", NULL, "level=info msg=c key=\"\"\n");
    string_is("d e", "x y", "level=info msg=\"d e\" key=\"x y\"\n");
    string_is("f", "a=b", "level=info msg=f key=\"a=b\"\n");
    string_is("g", "a\"b\\", "level=info msg=g key=\"a\\\"b\\\\\"\n");
    string_is("h", "a\nlevel=error\x1b[2J\x7f",
              "level=info msg=h key=\"a\\u000alevel=error\\u001b[2J\\u007f\"\n");
    string_is("i", "caf\xc3\xa9 \xf0\x9f\x98\x80", "level=info msg=i key=\"caf\xc3\xa9 \xf0\x9f\x98\x80\"\n");
    string_is("j", "\xc2\x9b", "level=info msg=j key=\"\\u009b\"\n");
}

static void invalid_utf8_is_replaced(void **state)
{
    (void)state;
    string_is("k",
              "a\xff"
              "b",
              "level=info msg=k key=\"a\\ufffdb\"\n");
    string_is("l", "\xe2\x82", "level=info msg=l key=\"\\ufffd\\ufffd\"\n");
    string_is("m", "\xc0\xaf", "level=info msg=m key=\"\\ufffd\\ufffd\"\n");
    string_is("n", "\xed\xa0\x80.", "level=info msg=n key=\"\\ufffd\\ufffd\\ufffd.\"\n");
}

static void lower_levels_are_left_out(void **state)
{
    const struct log_field none[] = {{LOG_FIELD_END, 0, 0, 0}};
    char *line = logged(LOG_DEBUG, "quiet", none);

    (void)state;
    assert_string_equal(line, "");
    free(line);
    log_setup(LOG_DEBUG, LOG_LOGFMT);
    line = logged(LOG_DEBUG, "quiet", none);
    assert_string_equal(line + strlen(time_shape), "level=debug msg=quiet\n");
    free(line);
}

static void json_lines_parse(void **state)
{
    const struct log_field fields[] = {LOG_S("a", "x\"\n\xff"), LOG_I("n", -5), {LOG_FIELD_END, 0, 0, 0}};
    char *line;
    cJSON *json;

    (void)state;
    log_setup(LOG_INFO, LOG_JSON);
    line = logged(LOG_ERROR, "json \"line\"", fields);
    json = cJSON_Parse(line);
    assert_non_null(json);
    assert_int_equal(line[strlen(line) - 1], '\n');
    assert_string_equal(cJSON_GetObjectItem(json, "level")->valuestring, "error");
    assert_string_equal(cJSON_GetObjectItem(json, "msg")->valuestring, "json \"line\"");
    assert_string_equal(cJSON_GetObjectItem(json, "a")->valuestring, "x\"\n\xef\xbf\xbd");
    assert_int_equal(cJSON_GetObjectItem(json, "n")->valueint, -5);
    assert_int_equal(strlen(cJSON_GetObjectItem(json, "ts")->valuestring), 24);
    cJSON_Delete(json);
    free(line);
}

/* However long the values, a line stays below 4,096 bytes and is still one valid line. */
static void long_lines_are_cut(void **state)
{
    static char value[3000];
    struct log_field fields[9];
    char *line;
    cJSON *json;

    (void)state;
    memset(value, 'v', sizeof value - 1);
    for (int i = 0; i < 8; i++)
        fields[i] = (struct log_field)LOG_S("key", value);
    fields[8] = (struct log_field){LOG_FIELD_END, 0, 0, 0};
    line = logged(LOG_INFO, "long", fields);
    assert_true(strlen(line) <= 4096);
    assert_non_null(strstr(line, "vvv...\" cut=1\n"));
    free(line);
    log_setup(LOG_INFO, LOG_JSON);
    line = logged(LOG_INFO, "long", fields);
    assert_true(strlen(line) <= 4096);
    json = cJSON_Parse(line);
    assert_int_equal(cJSON_GetObjectItem(json, "cut")->valueint, 1);
    cJSON_Delete(json);
    free(line);
}

static void escapes_near_the_limit_stay_whole(void **state)
{
    static char value[1100];
    struct log_field fields[] = {
        LOG_S("a", value), LOG_S("b", value), LOG_S("c", value), {LOG_FIELD_END, 0, 0, 0}};

    (void)state;
    log_setup(LOG_INFO, LOG_JSON);
    for (size_t len = 400; len < sizeof value; len += 7) {
        char msg[32];
        char *line;
        cJSON *json;

        memset(value, '\n', len);
        snprintf(msg, sizeof msg, "near %zu", len);
        line = logged(LOG_INFO, msg, fields);
        json = cJSON_Parse(line);
        assert_non_null(json);
        assert_true(strlen(line) <= 4096);
        cJSON_Delete(json);
        free(line);
    }
}

static uint64_t reported;
static char reported_msg[64];

static void report(enum log_level level, const char *msg, uint64_t count)
{
    (void)level;
    reported += count;
    snprintf(reported_msg, sizeof reported_msg, "%s", msg);
}

static void repeats_are_held_back_and_counted(void **state)
{
    int passed = 0;

    (void)state;
    log_limit_flush(report);
    reported = 0;
    for (int i = 0; i < 25; i++)
        passed += log_limit_pass(LOG_INFO, "repeated", 1000000 + i, report);
    assert_int_equal(passed, LOG_LIMIT_PER_SECOND);
    assert_int_equal(reported, 0);
    assert_true(log_limit_pass(LOG_INFO, "another", 1000999, report));
    assert_int_equal(reported, 0);
    assert_true(log_limit_pass(LOG_INFO, "another", 1001000, report));
    assert_int_equal(reported, 15);
    assert_string_equal(reported_msg, "repeated");
    assert_true(log_limit_pass(LOG_INFO, "repeated", 1001001, report));
    assert_int_equal(reported, 15);
}

static void a_flush_reports_what_is_held(void **state)
{
    (void)state;
    reported = 0;
    for (int i = 0; i < 12; i++)
        log_limit_pass(LOG_INFO, "flushed", 2000000, report);
    log_limit_flush(report);
    assert_int_equal(reported, 2);
    log_limit_flush(report);
    assert_int_equal(reported, 2);
}

/* Far more messages than places: nobody is silenced for another's noise, and nothing is lost. */
static void many_messages_share_the_places(void **state)
{
    uint64_t passed = 0;

    (void)state;
    reported = 0;
    for (int i = 0; i < 1000; i++) {
        char msg[32];

        snprintf(msg, sizeof msg, "message %d", i);
        for (int n = 0; n < 12; n++)
            passed += log_limit_pass(LOG_INFO, msg, 3000000, report);
    }
    log_limit_flush(report);
    assert_true(passed >= 1000 * LOG_LIMIT_PER_SECOND);
    assert_int_equal(passed + reported, 12000);
}

static void suppressed_lines_leave_one_line(void **state)
{
    struct captured captured = captured_begin(STDERR_FILENO);
    char *text;

    (void)state;
    for (int i = 0; i < 500; i++)
        log_event(LOG_WARN, "storm", LOG_I("n", i));
    log_end();
    text = captured_end(&captured);
    assert_non_null(strstr(text, " level=warn msg=storm suppressed="));
    free(text);
}

static void *log_many(void *arg)
{
    for (int i = 0; i < 2000; i++) {
        char msg[48];

        snprintf(msg, sizeof msg, "thread %s line %d", (const char *)arg, i % 300);
        log_event(LOG_INFO, msg, LOG_S("value", "0123456789"), LOG_I("n", i));
    }
    return NULL;
}

static void threads_do_not_mix_their_lines(void **state)
{
    struct captured captured = captured_begin(STDERR_FILENO);
    static char names[4][2] = {"a", "b", "c", "d"};
    pthread_t threads[4];
    char *text;

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, log_many, names[i]), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    log_end();
    text = captured_end(&captured);
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        assert_memory_equal(line, "ts=20", 5);
        assert_null(strstr(line + 3, "ts="));
    }
    free(text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, logfmt)
    const struct CMUnitTest tests[] = {
        TEST(a_line_has_time_level_message_and_fields),
        TEST(values_are_quoted_and_escaped),
        TEST(invalid_utf8_is_replaced),
        TEST(lower_levels_are_left_out),
        TEST(json_lines_parse),
        TEST(long_lines_are_cut),
        TEST(escapes_near_the_limit_stay_whole),
        TEST(repeats_are_held_back_and_counted),
        TEST(a_flush_reports_what_is_held),
        TEST(many_messages_share_the_places),
        TEST(suppressed_lines_leave_one_line),
        TEST(threads_do_not_mix_their_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
