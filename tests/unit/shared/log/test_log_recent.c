/* SPDX-License-Identifier: Apache-2.0 */
/* The last bad lines: which are kept, in what order, how long, and from several threads at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "shared/base/utf8.h"
#include "shared/log/log_recent.h"

static struct log_recent_line lines[LOG_RECENT_LINES];

static void note(const char *text)
{
    log_recent_note(LOG_WARN, text, strlen(text), 7);
}

static void warnings_and_errors_are_kept_and_no_others(void **state)
{
    (void)state;
    assert_int_equal(log_recent_copy(lines), 0);
    log_event(LOG_INFO, "all is well", LOG_I("n", 1));
    log_event(LOG_WARN, "beware", LOG_S("of", "the dog"), LOG_I("n", 2));
    log_event(LOG_ERROR, "it bites", LOG_S("whom", "you\nme"));
    assert_int_equal(log_recent_copy(lines), 2);
    assert_string_equal(lines[0].text, "it bites whom=\"you\\u000ame\"");
    assert_int_equal(lines[0].level, LOG_ERROR);
    assert_string_equal(lines[1].text, "beware of=\"the dog\" n=2");
    assert_int_equal(lines[1].level, LOG_WARN);
    assert_true(lines[0].at_ms >= lines[1].at_ms && lines[1].at_ms > 0);
}

static void the_text_is_the_same_whatever_the_logs_form(void **state)
{
    (void)state;
    log_setup(LOG_INFO, LOG_JSON);
    log_event(LOG_WARN, "in json", LOG_S("a", "b c"));
    log_setup(LOG_INFO, LOG_LOGFMT);
    (void)log_recent_copy(lines);
    assert_string_equal(lines[0].text, "in json a=\"b c\"");
}

static void the_oldest_gives_way(void **state)
{
    char text[24];

    (void)state;
    for (int i = 0; i < 3 * LOG_RECENT_LINES + 5; i++) {
        snprintf(text, sizeof text, "line %d", i);
        note(text);
    }
    assert_int_equal(log_recent_copy(lines), LOG_RECENT_LINES);
    for (int i = 0; i < LOG_RECENT_LINES; i++) {
        snprintf(text, sizeof text, "line %d", 3 * LOG_RECENT_LINES + 4 - i);
        assert_string_equal(lines[i].text, text);
        assert_int_equal(lines[i].at_ms, 7);
    }
}

static void a_long_line_is_cut_between_two_characters(void **state)
{
    char text[LOG_RECENT_TEXT + 8];

    (void)state;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    note(text);
    (void)log_recent_copy(lines);
    assert_int_equal(strlen(lines[0].text), LOG_RECENT_TEXT - 1);
    for (size_t at = LOG_RECENT_TEXT - 5; at < LOG_RECENT_TEXT; at++) {
        memset(text, 'x', sizeof text);
        memcpy(text + at, "\xF0\x9F\x98\x80", 4);
        log_recent_note(LOG_WARN, text, at + 4, 0);
        (void)log_recent_copy(lines);
        size_t len = strlen(lines[0].text);
        assert_true(utf8_valid(slice_of(lines[0].text, len), NULL));
        assert_int_equal(len, at + 4 < LOG_RECENT_TEXT ? at + 4 : at);
    }
}

static void *write_many(void *arg)
{
    const char *text = arg;

    for (int i = 0; i < 5000; i++)
        note(text);
    return NULL;
}

static void lines_of_several_threads_stay_whole(void **state)
{
    static char texts[2][200];
    pthread_t threads[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        memset(texts[i], 'a' + i, sizeof texts[i] - 1);
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, texts[i]), 0);
    }
    for (int i = 0; i < 500; i++) {
        size_t count = log_recent_copy(lines);

        for (size_t at = 0; at < count; at++)
            if (lines[at].text[0] == 'a' || lines[at].text[0] == 'b')
                assert_int_equal(strspn(lines[at].text, lines[at].text[0] == 'a' ? "a" : "b"),
                                 strlen(lines[at].text));
    }
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(warnings_and_errors_are_kept_and_no_others),
        cmocka_unit_test(the_text_is_the_same_whatever_the_logs_form),
        cmocka_unit_test(the_oldest_gives_way),
        cmocka_unit_test(a_long_line_is_cut_between_two_characters),
        cmocka_unit_test(lines_of_several_threads_stay_whole),
    };

    return cmocka_run_group_tests_name("log_recent", tests, NULL, NULL);
}
