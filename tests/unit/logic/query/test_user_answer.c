/* SPDX-License-Identifier: Apache-2.0 */
/* Where a user is connected, and one connection by its id; what a bounded caller sees of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "logic/query/user_answer.h"
#include "tests/unit/logic/query/query_bench.h"

#define CLIENT(id)                                                                                           \
    "{\"connection\":\"" id "\",\"since\":1764547200,\"address\":\"192.0.2.7\",\"version\":2,"               \
    "\"rooms\":[\"a\",\"b\\\"\"],\"roomCount\":2,\"info\":{\"n\":1}"
#define SHOWN(id, gateway, rooms, count)                                                                     \
    "{\"connection\":\"" id "\",\"gateway\":\"" gateway "\",\"since\":1764547200,"                           \
    "\"address\":\"192.0.2.7\",\"version\":2,\"rooms\":[" rooms "],\"roomCount\":" count                     \
    ",\"info\":{\"n\":1}"

static struct room_patterns patterns;

static const struct room_patterns *only(const char *pattern)
{
    room_patterns_fini(&patterns);
    patterns = (struct room_patterns){0};
    if (pattern != NULL)
        assert_int_equal(room_patterns_add(&patterns, slice_str(pattern)), STATUS_OK);
    return &patterns;
}

static int forget(void **state)
{
    (void)only(NULL);
    return free_out(state);
}

static void connections_of_all_gateways_stand_in_their_order(void **state)
{
    (void)state;
    assert_true(
        say("x:1", "{\"connections\":[" CLIENT("c1") "}," CLIENT("c2") "}],\"count\":2}", &user_answer_kind));
    assert_true(say("y:2", "{\"connections\":[],\"count\":0}", &user_answer_kind));
    assert_true(say("z:3", "{\"count\":1500,\"connections\":[" CLIENT("c3") "}]}", &user_answer_kind));
    assert_int_equal(user_answer_append(&out, slice_str("u"), NULL, parts, part_count), STATUS_OK);
    expect_text("{\"user\":\"u\",\"connections\":[" SHOWN("c1", "x:1", "\"a\",\"b\\\"\"", "2") "}," SHOWN(
        "c2", "x:1", "\"a\",\"b\\\"\"",
        "2") "}," SHOWN("c3", "z:3", "\"a\",\"b\\\"\"",
                        "2") "}],\"count\":1502,"
                             "\"gateways\":{\"known\":3,\"asked\":3,\"answered\":3}}");
}

static void a_bounded_caller_sees_its_rooms_and_no_count(void **state)
{
    (void)state;
    assert_true(say("x:1", "{\"connections\":[" CLIENT("c1") "}],\"count\":1}", &user_answer_kind));
    assert_int_equal(user_answer_append(&out, slice_str("u"), only("b*"), parts, part_count), STATUS_OK);
    expect_text("{\"user\":\"u\",\"connections\":[" SHOWN(
        "c1", "x:1", "\"b\\\"\"", "null") "}],\"count\":1,"
                                          "\"gateways\":{\"known\":1,\"asked\":1,\"answered\":1}}");
}

static void say_clients(void)
{
    be("w:0", QUERY_ELSEWHERE);
    assert_true(say("x:1", "{\"client\":null}", &client_answer_kind));
    assert_true(say("y:2", "{\"client\":" CLIENT("c2") ",\"user\":\"u7\"}}", &client_answer_kind));
}

static void one_is_found_where_it_is(void **state)
{
    (void)state;
    say_clients();
    assert_int_equal(client_answer_append(&out, NULL, NULL, parts, part_count), STATUS_OK);
    expect_text("{\"client\":" SHOWN("c2", "y:2", "\"a\",\"b\\\"\"",
                                     "2") ",\"user\":\"u7\"},"
                                          "\"gateways\":{\"known\":3,\"asked\":2,\"answered\":2}}");
}

static void nobody_is_null(void **state)
{
    (void)state;
    assert_true(say("x:1", "{\"client\":null}", &client_answer_kind));
    assert_int_equal(client_answer_append(&out, NULL, NULL, parts, part_count), STATUS_OK);
    expect_text("{\"client\":null,\"gateways\":{\"known\":1,\"asked\":1,\"answered\":1}}");
}

static void somebody_elses_is_as_one_that_is_not_there(void **state)
{
    (void)state;
    say_clients();
    assert_int_equal(client_answer_append(&out, NULL, only("v*"), parts, part_count), STATUS_OK);
    expect_text("{\"client\":null,\"gateways\":{\"known\":3,\"asked\":2,\"answered\":2}}");
    assert_int_equal(client_answer_append(&out, NULL, only("u*"), parts, part_count), STATUS_OK);
    assert_true(out.len > 100);
}

static void one_without_a_user_is_nobodys_to_see(void **state)
{
    (void)state;
    assert_true(say("y:2", "{\"client\":" CLIENT("c2") ",\"user\":null}}", &client_answer_kind));
    assert_int_equal(client_answer_append(&out, NULL, only("*"), parts, part_count), STATUS_OK);
    expect_text("{\"client\":null,\"gateways\":{\"known\":1,\"asked\":1,\"answered\":1}}");
}

static void what_is_no_connection_is_refused(void **state)
{
    static const char *const bad[] = {
        "{\"connections\":[]}",
        "{\"connections\":[1],\"count\":1}",
        "{\"connections\":[{}],\"count\":1}",
        "{\"connections\":[],\"count\":-1}",
        "{\"connections\":[{\"connection\":\"c\",\"since\":1,\"address\":\"a\",\"version\":2,\"rooms\":[1],"
        "\"roomCount\":1,\"info\":null}],\"count\":1}",
        "{\"connections\":[{\"connection\":\"c\",\"since\":-1,\"address\":\"a\",\"version\":2,\"rooms\":[],"
        "\"roomCount\":1,\"info\":null}],\"count\":1}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        part_count = 0;
        assert_false(say("g", bad[i], &user_answer_kind));
    }
    assert_false(say("g", "{\"client\":1}", &client_answer_kind));
    assert_false(say("g", "{\"client\":" CLIENT("c") "}}", &client_answer_kind)); /* without its user */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, forget_parts, forget)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(connections_of_all_gateways_stand_in_their_order),
        TEST(a_bounded_caller_sees_its_rooms_and_no_count),
        TEST(one_is_found_where_it_is),
        TEST(nobody_is_null),
        TEST(somebody_elses_is_as_one_that_is_not_there),
        TEST(one_without_a_user_is_nobodys_to_see),
        TEST(what_is_no_connection_is_refused),
    };

    return cmocka_run_group_tests_name("user_answer", tests, NULL, NULL);
}
