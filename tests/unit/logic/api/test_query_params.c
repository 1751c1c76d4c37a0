/* SPDX-License-Identifier: Apache-2.0 */
/* What may stand behind the question mark of a query, and what is refused with a reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "logic/api/query_params.h"

enum {
    OF_ROOM = 1 << PARAM_USERS | 1 << PARAM_LIMIT | 1 << PARAM_AFTER,
    OF_ROOMS = 1 << PARAM_PREFIX | 1 << PARAM_TOP
};

static struct query_params params;
static struct push_fault fault;

static bool read_it(const char *query, unsigned allowed)
{
    query_params_fini(&params);
    return query_params_read(slice_str(query), allowed, &params, &fault);
}

static void refused(const char *query, unsigned allowed, const char *message)
{
    assert_false(read_it(query, allowed));
    assert_int_equal(fault.status, 400);
    assert_string_equal(fault.code, "invalid_request");
    assert_string_equal(fault.message, message);
}

static void nothing_is_the_defaults(void **state)
{
    (void)state;
    assert_true(read_it("", OF_ROOM));
    assert_false(params.users);
    assert_int_equal(params.limit, 100);
    assert_int_equal(params.top, 20);
    assert_int_equal(params.given, 0);
    assert_true(read_it("&&", 0));
}

static void each_is_read(void **state)
{
    (void)state;
    assert_true(read_it("users=1&limit=7&after=a%2Fb", OF_ROOM));
    assert_true(params.users);
    assert_int_equal(params.limit, 7);
    assert_true(slice_equal(slice_of(params.after.data, params.after.len), slice_str("a/b")));
    assert_true(read_it("top=1000&prefix=%C3%A4+b", OF_ROOMS));
    assert_int_equal(params.top, 1000);
    assert_true(slice_equal(slice_of(params.prefix.data, params.prefix.len), slice_str("\u00e4 b")));
    assert_true(read_it("users=0", OF_ROOM));
    assert_false(params.users);
}

static void numbers_have_their_range(void **state)
{
    static const char *const bad[] = {"limit=0&users=1", "limit=1001&users=1", "limit=-1&users=1",
                                      "limit=&users=1",  "limit=1.5&users=1",  "limit=99999999999&users=1",
                                      "limit=x&users=1", "limit&users=1",      "limit=+1&users=1"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refused(bad[i], OF_ROOM, "limit: a whole number from 1 to 1000 is allowed");
    refused("top=0", OF_ROOMS, "top: a whole number from 1 to 1000 is allowed");
    assert_true(read_it("top=1", OF_ROOMS));
}

static void what_the_path_does_not_have_is_refused(void **state)
{
    (void)state;
    refused("user=1", OF_ROOM, "unknown parameter \"user\"; allowed: users, limit, after");
    refused("users=1&top=3", OF_ROOM, "unknown parameter \"top\"; allowed: users, limit, after");
    refused("users=1", 0, "unknown parameter \"users\"; allowed: none");
    refused("=1", OF_ROOMS, "unknown parameter \"\"; allowed: prefix, top");
}

static void each_stands_once(void **state)
{
    (void)state;
    refused("users=1&users=1", OF_ROOM, "users stands twice");
}

static void a_page_needs_users(void **state)
{
    (void)state;
    refused("limit=3", OF_ROOM, "limit and after are of a page of users: users=1 is missing");
    refused("users=0&after=x", OF_ROOM, "limit and after are of a page of users: users=1 is missing");
}

static void other_values_are_refused(void **state)
{
    (void)state;
    refused("users=yes", OF_ROOM, "users: 1 or 0 is allowed");
    refused("users=", OF_ROOM, "users: 1 or 0 is allowed");
    refused("users=1&after=%2", OF_ROOM, "after: not well-formed percent-encoding");
}

static int free_params(void **state)
{
    (void)state;
    query_params_fini(&params);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_the_defaults),  cmocka_unit_test(each_is_read),
        cmocka_unit_test(numbers_have_their_range), cmocka_unit_test(what_the_path_does_not_have_is_refused),
        cmocka_unit_test(each_stands_once),         cmocka_unit_test(a_page_needs_users),
        cmocka_unit_test(other_values_are_refused),
    };

    return cmocka_run_group_tests_name("query_params", tests, NULL, free_params);
}
