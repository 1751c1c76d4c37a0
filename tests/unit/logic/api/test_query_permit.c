/* SPDX-License-Identifier: Apache-2.0 */
/* Which rooms and users a caller may be told of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "logic/api/query_permit.h"

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

static bool may(enum audience kind, const char *name)
{
    return query_permit(caller, kind, slice_str(name), &fault);
}

static void who_is_not_bounded_sees_everything(void **state)
{
    (void)state;
    assert_true(may(AUDIENCE_ROOM, "r") && may(AUDIENCE_USER, "u")); /* nobody is asked for a token */
    assert_null(query_permit_rooms(caller));
    become("name=shop rights=query rate=3");
    assert_true(may(AUDIENCE_ROOM, "r") && may(AUDIENCE_USER, "u"));
    assert_null(query_permit_rooms(caller));
    assert_null(query_permit_users(caller));
}

static void a_bounded_one_sees_its_own(void **state)
{
    (void)state;
    become("name=shop rooms=orders.* users=u*");
    assert_true(may(AUDIENCE_ROOM, "orders.1") && may(AUDIENCE_USER, "u7"));
    assert_false(may(AUDIENCE_ROOM, "u7"));
    assert_int_equal(fault.status, 403);
    assert_string_equal(fault.code, "forbidden");
    assert_string_equal(fault.message, "the caller \"shop\" may not ask for this room; rooms= of its token "
                                       "in api.tokensFile says for which");
    assert_false(may(AUDIENCE_USER, "orders.1"));
    assert_string_equal(fault.message, "the caller \"shop\" may not ask for this user; users= of its token "
                                       "in api.tokensFile says for which");
}

static void rooms_alone_show_no_user(void **state)
{
    (void)state;
    become("name=shop rooms=*");
    assert_true(may(AUDIENCE_ROOM, "r"));
    assert_false(may(AUDIENCE_USER, "u"));
    assert_non_null(query_permit_users(caller));
    become("name=shop users=*");
    assert_false(may(AUDIENCE_ROOM, "r"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, NULL, forget)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_is_not_bounded_sees_everything),
        TEST(a_bounded_one_sees_its_own),
        TEST(rooms_alone_show_no_user),
    };

    return cmocka_run_group_tests_name("query_permit", tests, NULL, NULL);
}
