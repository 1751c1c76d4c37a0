/* SPDX-License-Identifier: Apache-2.0 */
/* What gateways say of themselves: passed on as it is, their log lines together, the newest first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "logic/query/node_answer.h"
#include "tests/unit/logic/query/query_bench.h"

#define BEGIN                                                                                                \
    "{\"clients\":3,\"rooms\":2,\"users\":1,\"uptime\":7,\"version\":\"0.1.0\",\"draining\":false,"          \
    "\"jobs\":0,\"framesQueued\":4,\"itemsPerSecond\":1.5,\"framesPerSecond\":4.5,\"bytesPerSecond\":180.0,"
#define LINE(ago, text) "{\"secondsAgo\":" #ago ",\"level\":\"warn\",\"text\":\"" text "\"}"

static bool say_node(const char *gateway, const char *text)
{
    return say(gateway, text, &node_answer_kind);
}

static void a_node_is_its_members_without_the_lines(void **state)
{
    (void)state;
    assert_true(say_node("a:1", BEGIN "\"errors\":[" LINE(1, "x") "],\"later\":1}"));
    assert_int_equal(node_answer_clients(&parts[0]), 3);
    assert_int_equal(node_answer_append(&out, &parts[0]), STATUS_OK);
    expect_text(
        "{\"clients\":3,\"rooms\":2,\"users\":1,\"uptime\":7,\"version\":\"0.1.0\",\"draining\":false,"
        "\"itemsPerSecond\":1.5,\"framesPerSecond\":4.5,\"bytesPerSecond\":180.0,\"jobs\":0,"
        "\"framesQueued\":4}");
}

static void who_has_not_answered_is_null(void **state)
{
    (void)state;
    be("late:1", QUERY_LATE);
    assert_int_equal(node_answer_append(&out, &parts[0]), STATUS_OK);
    expect_text("null");
    assert_int_equal(node_answer_clients(&parts[0]), -1);
    assert_int_equal(node_answer_append(&out, NULL), STATUS_OK);
    expect_text("null");
}

static void lines_of_all_are_in_order(void **state)
{
    const struct node_line own[] = {{"logic", 2, slice_str("\"error\""), slice_str("\"mine\"")}};

    (void)state;
    assert_true(say_node("a:1", BEGIN "\"errors\":[" LINE(1, "new") "," LINE(9, "old") "]}"));
    be("late:1", QUERY_LATE);
    assert_true(say_node("b:1", BEGIN "\"errors\":[" LINE(3, "b\\\"s") "]}"));
    assert_int_equal(node_answer_append_lines(&out, own, 1, parts, part_count), STATUS_OK);
    expect_text("[{\"from\":\"a:1\",\"secondsAgo\":1,\"level\":\"warn\",\"text\":\"new\"},"
                "{\"from\":\"logic\",\"secondsAgo\":2,\"level\":\"error\",\"text\":\"mine\"},"
                "{\"from\":\"b:1\",\"secondsAgo\":3,\"level\":\"warn\",\"text\":\"b\\\"s\"},"
                "{\"from\":\"a:1\",\"secondsAgo\":9,\"level\":\"warn\",\"text\":\"old\"}]");
}

static void no_more_lines_than_are_allowed(void **state)
{
    static struct node_line own[NODE_LINES + 5];
    size_t lines = 0;

    (void)state;
    for (size_t i = 0; i < NODE_LINES + 5; i++)
        own[i] = (struct node_line){"logic", (int64_t)i, slice_str("\"warn\""), slice_str("\"x\"")};
    assert_int_equal(node_answer_append_lines(&out, own, NODE_LINES + 5, parts, 0), STATUS_OK);
    for (size_t i = 0; i < out.len; i++)
        lines += out.data[i] == '{';
    assert_int_equal(lines, NODE_LINES);
}

static void what_is_no_report_is_refused(void **state)
{
    static const char *const bad[] = {BEGIN "\"errors\":[1]}",
                                      BEGIN "\"errors\":{}}",
                                      BEGIN "\"later\":1}",
                                      BEGIN
                                      "\"errors\":[{\"secondsAgo\":-1,\"level\":\"w\",\"text\":\"x\"}]}",
                                      BEGIN "\"errors\":[{\"secondsAgo\":1,\"level\":2,\"text\":\"x\"}]}",
                                      "{\"clients\":3}"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        part_count = 0;
        assert_false(say_node("a:1", bad[i]));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, forget_parts, free_out)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_node_is_its_members_without_the_lines),
        TEST(who_has_not_answered_is_null),
        TEST(lines_of_all_are_in_order),
        TEST(no_more_lines_than_are_allowed),
        TEST(what_is_no_report_is_refused),
    };

    return cmocka_run_group_tests_name("node_answer", tests, NULL, NULL);
}
