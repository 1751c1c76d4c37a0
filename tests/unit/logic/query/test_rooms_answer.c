/* SPDX-License-Identifier: Apache-2.0 */
/* The busiest rooms of several gateways: sums, order, and what is no list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "logic/query/rooms_answer.h"
#include "tests/unit/logic/query/query_bench.h"

#define GATEWAYS ",\"gateways\":{\"known\":2,\"asked\":2,\"answered\":2}}"

static bool say_rooms(const char *text)
{
    return say("g", text, &rooms_answer_kind);
}

static void expect_rooms(size_t top, const struct room_patterns *shown, const char *text)
{
    assert_int_equal(rooms_answer_append(&out, top, shown, parts, part_count), STATUS_OK);
    expect_text(text);
}

static void say_two(void)
{
    assert_true(say_rooms("{\"rooms\":2,\"top\":[[\"a\",5],[\"b\",2]]}"));
    assert_true(say_rooms("{\"rooms\":3,\"top\":[[\"b\",4],[\"\\u0061\",1],[\"c\\\"\",6]]}"));
}

static void rooms_of_both_are_summed_and_ordered(void **state)
{
    (void)state;
    say_two();
    expect_rooms(10, NULL,
                 "{\"rooms\":[{\"room\":\"a\",\"connections\":6},{\"room\":\"b\",\"connections\":6},"
                 "{\"room\":\"c\\\"\",\"connections\":6}]" GATEWAYS);
    expect_rooms(1, NULL, "{\"rooms\":[{\"room\":\"a\",\"connections\":6}]" GATEWAYS);
}

static void more_connections_come_first(void **state)
{
    (void)state;
    assert_true(say_rooms("{\"rooms\":2,\"top\":[[\"a\",1],[\"b\",2]]}"));
    assert_true(say_rooms("{\"rooms\":0,\"top\":[]}"));
    expect_rooms(
        10, NULL,
        "{\"rooms\":[{\"room\":\"b\",\"connections\":2},{\"room\":\"a\",\"connections\":1}]" GATEWAYS);
}

static void others_rooms_are_not_shown(void **state)
{
    struct room_patterns shown = {0};

    (void)state;
    assert_int_equal(room_patterns_add(&shown, slice_str("b*")), STATUS_OK);
    say_two();
    expect_rooms(10, &shown, "{\"rooms\":[{\"room\":\"b\",\"connections\":6}]" GATEWAYS);
    room_patterns_fini(&shown);
}

static void what_is_no_list_is_refused(void **state)
{
    static const char *const bad[] = {
        "{\"rooms\":1}",
        "{\"rooms\":1,\"top\":{}}",
        "{\"rooms\":1,\"top\":[1]}",
        "{\"rooms\":1,\"top\":[[]]}",
        "{\"rooms\":1,\"top\":[[\"a\"]]}",
        "{\"rooms\":1,\"top\":[[\"a\",1,2]]}",
        "{\"rooms\":1,\"top\":[[\"\",1]]}",
        "{\"rooms\":1,\"top\":[[\"a\",-1]]}",
        "{\"rooms\":1,\"top\":[[1,1]]}",
        "{\"rooms\":-1,\"top\":[]}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        part_count = 0;
        assert_false(say_rooms(bad[i]));
    }
}

static void a_list_past_its_limit_is_refused(void **state)
{
    static char text[32 * 1024];
    size_t len = (size_t)snprintf(text, sizeof text, "{\"rooms\":1,\"top\":[");

    (void)state;
    for (int i = 0; i < 1001; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s[\"r%d\",1]", i > 0 ? "," : "", i);
    snprintf(text + len, sizeof text - len, "]}");
    assert_false(say_rooms(text));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, forget_parts, free_out)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rooms_of_both_are_summed_and_ordered), TEST(more_connections_come_first),
        TEST(others_rooms_are_not_shown),           TEST(what_is_no_list_is_refused),
        TEST(a_list_past_its_limit_is_refused),
    };

    return cmocka_run_group_tests_name("rooms_answer", tests, NULL, NULL);
}
