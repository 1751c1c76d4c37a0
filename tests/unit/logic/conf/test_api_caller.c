/* SPDX-License-Identifier: Apache-2.0 */
/* What stands behind a token: rights, rooms, users and rate, and what is refused with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "logic/conf/api_caller.h"

static struct api_caller *caller;

static int forget(void **state)
{
    (void)state;
    api_caller_unref(caller);
    caller = NULL;
    return 0;
}

static void read_caller(const char *options)
{
    struct fault fault = {""};

    (void)forget(NULL);
    if (api_caller_parse(slice_str(options), &caller, &fault) != STATUS_OK)
        fail_msg("\"%s\": %s", options, fault.text);
}

static void refuses(const char *options, const char *text)
{
    struct fault fault = {""};
    struct api_caller *none = NULL;

    assert_int_equal(api_caller_parse(slice_str(options), &none, &fault), STATUS_INVALID);
    assert_null(none);
    assert_string_equal(fault.text, text);
}

static bool reaches(const struct room_patterns *patterns, const char *name)
{
    return room_patterns_match(patterns, slice_of(NULL, 0), slice_str(name));
}

static void nothing_is_the_default_with_all_rights(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        read_caller((const char *const[]){"", "  ", "name=default"}[i]);
        assert_string_equal(caller->name, "default");
        assert_int_equal(caller->rights, API_RIGHT_ALL);
        assert_false(caller->bounded);
        assert_int_equal(caller->per_second, 0);
        assert_int_equal(caller->rate.step_us, 0);
    }
}

static void a_whole_line_is_read(void **state)
{
    (void)state;
    read_caller(" name=shop  rights=push,query,kick rooms=orders.*,!orders.x,user-* users=u* rate=200 ");
    assert_string_equal(caller->name, "shop");
    assert_int_equal(caller->rights, API_RIGHT_PUSH | API_RIGHT_QUERY | API_RIGHT_KICK);
    assert_true(caller->bounded);
    assert_true(reaches(&caller->rooms, "orders.7"));
    assert_true(reaches(&caller->rooms, "user-"));
    assert_false(reaches(&caller->rooms, "orders.x"));
    assert_false(reaches(&caller->rooms, "order"));
    assert_true(reaches(&caller->users, "u9"));
    assert_false(reaches(&caller->users, "x"));
    assert_int_equal(caller->per_second, 200);
    assert_int_equal(caller->rate.step_us, 5000);
    assert_int_equal(caller->rate.burst_us, 1000000);
}

static void each_right_has_its_name(void **state)
{
    static const struct {
        const char *options;
        enum api_right right;
    } rows[] = {{"name=a rights=push", API_RIGHT_PUSH},
                {"name=a rights=broadcast", API_RIGHT_BROADCAST},
                {"name=a rights=query", API_RIGHT_QUERY},
                {"name=a rights=kick", API_RIGHT_KICK},
                {"name=a rights=member", API_RIGHT_MEMBER}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        read_caller(rows[i].options);
        assert_int_equal(caller->rights, rows[i].right);
        assert_string_equal(api_right_name(rows[i].right), strrchr(rows[i].options, '=') + 1);
    }
}

static void who_is_bound_to_rooms_reaches_no_user_and_not_everybody(void **state)
{
    (void)state;
    read_caller("name=a rooms=*");
    assert_int_equal(caller->rights, API_RIGHT_ALL & ~API_RIGHT_BROADCAST);
    assert_true(caller->bounded);
    assert_false(reaches(&caller->users, "u"));
    read_caller("name=a users=*");
    assert_int_equal(caller->rights, API_RIGHT_ALL & ~API_RIGHT_BROADCAST);
    assert_false(reaches(&caller->rooms, "r"));
    refuses("name=a rights=broadcast rooms=r",
            "rights: broadcast reaches everybody, so it is not allowed beside rooms= or users=");
    refuses("name=a users=u rights=push,broadcast",
            "rights: broadcast reaches everybody, so it is not allowed beside rooms= or users=");
}

#define ALLOWED "allowed: name=, rights=, rooms=, users= and rate="
#define RIGHTS  "allowed: push, broadcast, query, kick, member"

static void what_is_wrong_is_said_with_what_is_allowed(void **state)
{
    (void)state;
    refuses("name=a right=push", "unknown key behind the token; did you mean rights=? " ALLOWED);
    refuses("name=a rights", "unknown key behind the token; did you mean rights=? " ALLOWED);
    refuses("name=a RATE=1", "unknown key behind the token; did you mean rate=? " ALLOWED);
    refuses("name=a frobnicate=1", "a token has no space, and behind it only these are " ALLOWED);
    refuses("name=a rights=pusj", "rights: unknown right; did you mean push? " RIGHTS);
    refuses("name=a rights=everything", "rights: unknown right; " RIGHTS);
    refuses("name=a rights=", "rights: unknown right; " RIGHTS);
    refuses("name=a rights=push,", "rights: unknown right; " RIGHTS);
    refuses("name=a name=a", "name= stands twice");
    refuses("name=a rate=1 rate=1", "rate= stands twice");
    refuses("name=", "name: 1 to 64 printable ASCII characters are allowed");
    refuses("name=a\tb", "name: 1 to 64 printable ASCII characters are allowed");
    refuses("rights=push", "name= is missing; a caller with rights of its own needs one");
    refuses("rate=5", "name= is missing; a caller with rights of its own needs one");
    refuses("name=a rooms=", "rooms: a pattern has 1 to 256 bytes of UTF-8 without control characters");
    refuses("name=a users=a,,b", "users: a pattern has 1 to 256 bytes of UTF-8 without control characters");
    refuses("name=a rooms=\xff", "rooms: a pattern has 1 to 256 bytes of UTF-8 without control characters");
    refuses("name=a rooms=x-{sub}",
            "rooms: {sub} is the user of a client; a caller has none, so it is not allowed");
}

static void a_rate_is_a_number_from_1_to_100000(void **state)
{
    static const char *const bad[] = {
        "0", "", "-1", "+1", "1.5", "x", "1x", "100001", "99999999999999999999"};
    char options[64];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(options, sizeof options, "name=a rate=%s", bad[i]);
        refuses(options, "rate: pushes a second are needed, 1 to 100000");
    }
    read_caller("name=a rate=100000");
    assert_int_equal(caller->per_second, 100000);
    read_caller("name=a rate=1");
    assert_int_equal(caller->rate.step_us, 1000000);
}

static void names_and_lists_are_bounded(void **state)
{
    char options[1024] = "name=";

    (void)state;
    memset(options + 5, 'n', API_CALLER_NAME_MAX);
    read_caller(options);
    assert_int_equal(strlen(caller->name), API_CALLER_NAME_MAX);
    strcat(options, "n");
    refuses(options, "name: 1 to 64 printable ASCII characters are allowed");
    strcpy(options, "name=a rooms=r");
    for (int i = 1; i < ROOM_PATTERNS_MAX; i++)
        strcat(options, ",r");
    read_caller(options);
    strcat(options, ",r");
    refuses(options, "rooms: at most 64 patterns are allowed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(nothing_is_the_default_with_all_rights, forget),
        cmocka_unit_test_teardown(a_whole_line_is_read, forget),
        cmocka_unit_test_teardown(each_right_has_its_name, forget),
        cmocka_unit_test_teardown(who_is_bound_to_rooms_reaches_no_user_and_not_everybody, forget),
        cmocka_unit_test_teardown(what_is_wrong_is_said_with_what_is_allowed, forget),
        cmocka_unit_test_teardown(a_rate_is_a_number_from_1_to_100000, forget),
        cmocka_unit_test_teardown(names_and_lists_are_bounded, forget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
