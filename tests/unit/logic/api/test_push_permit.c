/* SPDX-License-Identifier: Apache-2.0 */
/* Which pushes a caller may make: by right, by name, by rate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "logic/api/push_permit.h"

static struct api_caller *caller;
static struct push_fault fault;

static void become(const char *options)
{
    struct fault why = {""};

    api_caller_unref(caller);
    caller = NULL;
    if (api_caller_parse(slice_str(options), &caller, &why) != STATUS_OK)
        fail_msg("%s", why.text);
}

static int forget(void **state)
{
    (void)state;
    api_caller_unref(caller);
    caller = NULL;
    return 0;
}

static bool may(enum audience target, const char *first, const char *second, int64_t now_us)
{
    struct slice names[] = {slice_str(first), slice_str(second)};
    struct push push = {
        .target = target, .rooms = names, .room_count = (size_t)(*first != '\0') + (*second != '\0')};

    fault = (struct push_fault){.code = ""};
    return push_permit(caller, &push, now_us, &fault);
}

static void refused(int status, const char *code, const char *message)
{
    assert_int_equal(fault.status, status);
    assert_string_equal(fault.code, code);
    assert_string_equal(fault.message, message);
}

static void all_rights_reach_everything(void **state)
{
    (void)state;
    become("");
    for (int64_t i = 0; i < 1000; i++) {
        assert_true(may(AUDIENCE_EVERYONE, "", "", 0));
        assert_true(may(AUDIENCE_ROOM, "a", "b", 0));
        assert_true(may(AUDIENCE_USER, "a", "", 0));
    }
}

static void each_target_needs_its_right(void **state)
{
    (void)state;
    become("name=shop rights=push");
    assert_true(may(AUDIENCE_ROOM, "r", "", 0));
    assert_true(may(AUDIENCE_USER, "u", "", 0));
    assert_false(may(AUDIENCE_EVERYONE, "", "", 0));
    refused(403, "forbidden",
            "the caller \"shop\" lacks the right broadcast; rights= of its token in api.tokensFile gives it");
    become("name=news rights=broadcast,query");
    assert_true(may(AUDIENCE_EVERYONE, "", "", 0));
    assert_false(may(AUDIENCE_USER, "u", "", 0));
    assert_false(may(AUDIENCE_ROOM, "r", "", 0));
    refused(403, "forbidden",
            "the caller \"news\" lacks the right push; rights= of its token in api.tokensFile gives it");
}

static void a_right_alone_is_judged_for_a_route(void **state)
{
    (void)state;
    become("name=shop rights=push,kick");
    assert_true(push_permit_right(caller, API_RIGHT_KICK, &fault));
    assert_false(push_permit_right(caller, API_RIGHT_QUERY, &fault));
    refused(403, "forbidden",
            "the caller \"shop\" lacks the right query; rights= of its token in api.tokensFile gives it");
}

static void all_names_must_be_allowed(void **state)
{
    (void)state;
    become("name=shop rights=push rooms=orders.*,news users=u*");
    assert_true(may(AUDIENCE_ROOM, "orders.1", "news", 0));
    assert_true(may(AUDIENCE_USER, "u1", "u2", 0));
    assert_false(may(AUDIENCE_ROOM, "orders.1", "other", 0));
    refused(403, "forbidden", "the caller \"shop\" may not push to the room \"other\"");
    assert_false(may(AUDIENCE_USER, "orders.1", "", 0));
    refused(403, "forbidden", "the caller \"shop\" may not push to the user \"orders.1\"");
    assert_false(may(AUDIENCE_ROOM, "u1", "", 0));
    assert_false(may(AUDIENCE_EVERYONE, "", "", 0));
}

static void a_line_with_rooms_alone_reaches_no_user(void **state)
{
    (void)state;
    become("name=shop rooms=*");
    assert_true(may(AUDIENCE_ROOM, "r", "", 0));
    assert_false(may(AUDIENCE_USER, "u", "", 0));
    become("name=shop users=*");
    assert_true(may(AUDIENCE_USER, "u", "", 0));
    assert_false(may(AUDIENCE_ROOM, "r", "", 0));
}

static void a_long_name_is_cut_at_a_whole_character(void **state)
{
    char room[300] = "aaa";
    size_t len = 3;

    (void)state;
    become("name=shop rooms=none");
    while (len < 200)
        len += (size_t)sprintf(room + len, "\xe2\x82\xac");
    assert_false(may(AUDIENCE_ROOM, room, "", 0));
    assert_non_null(strstr(fault.message, "\xe2\x82\xac...\""));
    assert_true(strlen(fault.message) < 200);
}

static void a_second_s_worth_may_come_at_once(void **state)
{
    (void)state;
    become("name=shop rate=10");
    for (int i = 0; i < 11; i++)
        assert_true(may(AUDIENCE_ROOM, "r", "", 5000000));
    assert_false(may(AUDIENCE_ROOM, "r", "", 5000000));
    refused(429, "rate_limited", "the caller \"shop\" may make 10 pushes a second");
    assert_false(may(AUDIENCE_EVERYONE, "", "", 5099999));
    assert_true(may(AUDIENCE_USER, "u", "", 5100000));
    assert_false(may(AUDIENCE_ROOM, "r", "", 5100000));
}

static void what_is_forbidden_takes_nothing_of_the_rate(void **state)
{
    (void)state;
    become("name=shop rate=1 rooms=r");
    for (int i = 0; i < 100; i++)
        assert_false(may(AUDIENCE_ROOM, "x", "", 0));
    assert_true(may(AUDIENCE_ROOM, "r", "", 0));
    assert_true(may(AUDIENCE_ROOM, "r", "", 0));
    assert_false(may(AUDIENCE_ROOM, "r", "", 0));
    assert_int_equal(fault.status, 429);
}

static void a_refusal_keeps_the_push_s_trace(void **state)
{
    struct push push = {.target = AUDIENCE_EVERYONE, .trace = {.set = true}};

    (void)state;
    become("name=shop rights=push");
    assert_false(push_permit(caller, &push, 0, &fault));
    assert_true(fault.trace.set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(all_rights_reach_everything, forget),
        cmocka_unit_test_teardown(each_target_needs_its_right, forget),
        cmocka_unit_test_teardown(a_right_alone_is_judged_for_a_route, forget),
        cmocka_unit_test_teardown(all_names_must_be_allowed, forget),
        cmocka_unit_test_teardown(a_line_with_rooms_alone_reaches_no_user, forget),
        cmocka_unit_test_teardown(a_long_name_is_cut_at_a_whole_character, forget),
        cmocka_unit_test_teardown(a_second_s_worth_may_come_at_once, forget),
        cmocka_unit_test_teardown(what_is_forbidden_takes_nothing_of_the_rate, forget),
        cmocka_unit_test_teardown(a_refusal_keeps_the_push_s_trace, forget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
