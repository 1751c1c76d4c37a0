/* SPDX-License-Identifier: Apache-2.0 */
/* What may be asked, and how; what is refused names its member. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "gateway/query/query_request.h"

#define KEY "\"key\":\"00000000000000010000000000000002\""

static struct query query;
static struct fault fault;

static void parses(const char *text)
{
    if (query_request_parse(slice_str(text), &query, &fault) != STATUS_OK)
        fail_msg("%s: %s", text, fault.text);
}

static void is_refused(const char *text, const char *why)
{
    assert_int_equal(query_request_parse(slice_str(text), &query, &fault), STATUS_INVALID);
    if (strcmp(fault.text, why) != 0)
        fail_msg("%s: %s", text, fault.text);
}

static void expect_name(const char *name, size_t len)
{
    assert_int_equal(query.name_len, len);
    assert_memory_equal(query.name, name, len);
}

static void each_kind_of_question(void **state)
{
    (void)state;
    parses("{\"op\":\"room\",\"room\":\"a\\u00e9\"," KEY "}");
    assert_int_equal(query.op, QUERY_ROOM);
    expect_name("a\xC3\xA9", 3);
    assert_true(query.hash_key[0] == 1 && query.hash_key[1] == 2);
    assert_false(query.users);
    assert_int_equal(query.after_len, 0);
    assert_int_equal(query.limit, 100);
    parses(" { \"limit\" : 1000 , " KEY
           " , \"after\":\"u\\\"\",\"users\":true,\"room\":\"r\",\"op\":\"room\"} ");
    assert_true(query.users && query.limit == 1000 && query.after_len == 2);
    assert_memory_equal(query.after, "u\"", 2);
    parses("{\"op\":\"rooms\"}");
    expect_name("", 0);
    parses("{\"op\":\"rooms\",\"prefix\":\"p.\",\"limit\":1}");
    expect_name("p.", 2);
    assert_int_equal(query.limit, 1);
    parses("{\"op\":\"user\",\"user\":\"u\"}");
    expect_name("\002u", 2);
    parses("{\"op\":\"client\",\"connection\":\"9f86d081884c7d65-1f-2c0\"}");
    assert_true(query.connection.place == 0x1f && query.connection.serial == 0x2c0);
    parses("{\"op\":\"node\"}");
    assert_int_equal(query.op, QUERY_NODE);
}

static void names_are_as_long_as_names_may_be(void **state)
{
    char text[2048];
    char room[1026];

    (void)state;
    memset(room, 'x', sizeof room);
    room[1024] = '\0';
    snprintf(text, sizeof text, "{\"op\":\"user\",\"user\":\"%s\"}", room);
    parses(text);
    assert_int_equal(query.name_len, 1025);
    room[1024] = 'x';
    room[1025] = '\0';
    snprintf(text, sizeof text, "{\"op\":\"user\",\"user\":\"%s\"}", room);
    is_refused(text, "user must be a string of at most 1024 bytes");
    snprintf(text, sizeof text, "{\"op\":\"rooms\",\"prefix\":\"%s\"}", room);
    is_refused(text, "prefix must be a string of at most 1024 bytes");
    snprintf(text, sizeof text, "{\"op\":\"room\",\"room\":\"r\"," KEY ",\"after\":\"%s\"}", room);
    is_refused(text, "after must be a string of at most 1024 bytes");
}

static void what_is_no_question_is_refused(void **state)
{
    (void)state;
    is_refused("", "at byte 0: unexpected end");
    is_refused("7", "the body must be a JSON object");
    is_refused("{}", "op is missing");
    is_refused("{\"op\":\"rooms\",\"op\":\"rooms\"}", "op stands twice");
    is_refused("{\"op\":\"Rooms\"}", "op must be one of room, rooms, user, client, node");
    is_refused("{\"op\":null}", "op must be one of room, rooms, user, client, node");
    is_refused("{\"op\":\"node\",\"Op\":\"node\"}", "unknown member \"Op\"");
    is_refused("{\"op\":\"node\",\"limit\":1}", "limit is no member of op node");
    is_refused("{\"op\":\"client\"}", "connection is missing");
    is_refused("{\"op\":\"room\",\"room\":\"r\"}", "key is missing");
    is_refused("{\"op\":\"room\"," KEY "}", "room is missing");
    is_refused("{\"op\":\"room\",\"room\":\"\"," KEY "}", "room: the room name is empty");
    is_refused("{\"op\":\"user\",\"user\":\"\\u0002u\"}", "user: the user name has a control character");
    is_refused("{\"op\":\"room\",\"room\":\"r\",\"key\":\"g0000000000000010000000000000002\"}",
               "key must be a string of 32 lower-case hex digits");
    is_refused("{\"op\":\"room\",\"room\":\"r\",\"key\":\"\"}",
               "key must be a string of 32 lower-case hex digits");
    is_refused("{\"op\":\"room\",\"room\":\"r\"," KEY ",\"users\":null}", "users must be true or false");
    is_refused("{\"op\":\"client\",\"connection\":\"9f86d081884c7d65-01f-2c0\"}",
               "connection must be the id of a connection, as WELCOME has it");
    is_refused("{\"op\":\"client\",\"connection\":7}",
               "connection must be the id of a connection, as WELCOME has it");
}

static void limits_are_whole_numbers_from_1_to_1000(void **state)
{
    static const char *const limits[] = {"0",   "1001",  "10000", "99999999999", "-1", "1.0",
                                         "1e2", "\"1\"", "null",  "true",        "[1]"};
    char text[128];

    (void)state;
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        snprintf(text, sizeof text, "{\"op\":\"rooms\",\"limit\":%s}", limits[i]);
        is_refused(text, "limit must be a whole number from 1 to 1000");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_question),
        cmocka_unit_test(names_are_as_long_as_names_may_be),
        cmocka_unit_test(what_is_no_question_is_refused),
        cmocka_unit_test(limits_are_whole_numbers_from_1_to_1000),
    };

    return cmocka_run_group_tests_name("query_request", tests, NULL, NULL);
}
