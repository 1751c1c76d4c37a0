/* SPDX-License-Identifier: Apache-2.0 */
/* What counts as a gateway's answer, whatever the question. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "logic/query/query_part.h"
#include "tests/unit/logic/query/query_bench.h"

static const struct query_member members[] = {{"a", QUERY_TYPE(JSON_NUMBER)}, {"b", QUERY_ANY}};
static const struct query_kind kind = {members, 2, NULL};

static bool reads(const char *text)
{
    part_count = 0;
    return say("g", text, &kind);
}

static void members_are_found_in_any_order(void **state)
{
    (void)state;
    assert_true(reads("{\"a\":1,\"b\":null}"));
    assert_true(reads(" {\"later\":{\"a\":3}, \"b\":[1],\"\\u0061\":2} "));
    assert_int_equal(query_count(&parts[0].members[0]), 2);
    assert_int_equal(parts[0].members[1].type, JSON_ARRAY);
}

static void each_is_there_once_and_of_its_type(void **state)
{
    (void)state;
    assert_false(reads("{\"a\":1}"));
    assert_false(reads("{\"a\":1,\"a\":1}"));
    assert_false(reads("{\"a\":1,\"b\":1,\"a\":1}"));
    assert_false(reads("{\"a\":\"1\",\"b\":1}"));
    assert_false(reads("{\"A\":1,\"b\":1}"));
}

static void what_is_no_object_is_no_answer(void **state)
{
    static const char *const bad[] = {
        "", "[]", "1", "null", "{\"a\":1,\"b\":2}}", "{\"a\":1,\"b\":2,}", "{\"a\":1"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(reads(bad[i]));
}

static void counts_are_whole_and_not_long(void **state)
{
    (void)state;
    assert_true(reads("{\"a\":999999999999999,\"b\":\"7\"}"));
    assert_int_equal(query_count(&parts[0].members[0]), 999999999999999);
    assert_int_equal(query_count(&parts[0].members[1]), -1);
    assert_true(reads("{\"a\":1000000000000000,\"b\":1.5}"));
    assert_int_equal(query_count(&parts[0].members[0]), -1);
    assert_int_equal(query_count(&parts[0].members[1]), -1);
}

static void names_are_decoded_and_bounded(void **state)
{
    char text[QUERY_NAME_MAX + 32] = "{\"a\":1,\"b\":\"";
    char name[QUERY_NAME_MAX];
    size_t begin = strlen(text);

    (void)state;
    memset(text + begin, 'x', QUERY_NAME_MAX);
    strcpy(text + begin + QUERY_NAME_MAX, "\"}");
    assert_true(reads(text));
    assert_int_equal(query_name(&parts[0].members[1], name), QUERY_NAME_MAX);
    strcpy(text + begin + QUERY_NAME_MAX, "x\"}");
    assert_true(reads(text));
    assert_int_equal(query_name(&parts[0].members[1], name), 0);
    assert_true(reads("{\"a\":1,\"b\":\"\\u00e4\\\"\"}"));
    assert_int_equal(query_name(&parts[0].members[1], name), 3);
    assert_memory_equal(name, "\u00e4\"", 3);
    assert_int_equal(query_name(&parts[0].members[0], name), 0);
}

static void names_are_ordered_by_bytes(void **state)
{
    (void)state;
    assert_true(query_compare(slice_str("a"), slice_str("b")) < 0);
    assert_true(query_compare(slice_str("Z"), slice_str("a")) < 0);
    assert_true(query_compare(slice_str("a"), slice_str("aa")) < 0);
    assert_true(query_compare(slice_str("z"), slice_str("\u00e4")) < 0);
    assert_int_equal(query_compare(slice_str("a"), slice_str("a")), 0);
    assert_true(query_compare(slice_str(""), slice_str("a")) < 0);
}

static void the_others_are_named_by_why(void **state)
{
    (void)state;
    be("a:1", QUERY_ELSEWHERE);
    be("b:1", QUERY_ANSWERED);
    assert_int_equal(query_gateways_append(&out, parts, part_count), STATUS_OK);
    expect_text("{\"known\":2,\"asked\":1,\"answered\":1}");
    be("[::1]:2", QUERY_LATE);
    be("c:3", QUERY_FAILED);
    be("d:4", QUERY_NOT_ASKED);
    be("e:5", QUERY_NOT_ASKED);
    assert_int_equal(query_gateways_append(&out, parts, part_count), STATUS_OK);
    expect_text("{\"known\":6,\"asked\":3,\"answered\":1,\"late\":[\"[::1]:2\"],\"failed\":[\"c:3\"],"
                "\"notAsked\":[\"d:4\",\"e:5\"]}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, forget_parts, free_out)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(members_are_found_in_any_order), TEST(each_is_there_once_and_of_its_type),
        TEST(what_is_no_object_is_no_answer), TEST(counts_are_whole_and_not_long),
        TEST(names_are_decoded_and_bounded),  TEST(names_are_ordered_by_bytes),
        TEST(the_others_are_named_by_why),
    };

    return cmocka_run_group_tests_name("query_part", tests, NULL, NULL);
}
