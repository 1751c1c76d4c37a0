/* SPDX-License-Identifier: Apache-2.0 */
/* What callers say of bans: when it counts as ordered, for how long, and what is no such order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "logic/api/push_request.h"
#include "logic/push/push_measure.h"
#include "logic/store/push_digest.h"
#include "shared/contract/command.h"

enum { NOW_S = 1000000 };

static struct ban_list *list;
static struct push_request_limits limits;

static int set_up(void **state)
{
    (void)state;
    assert_int_equal(ban_list_new(&list), STATUS_OK);
    limits = (struct push_request_limits){.max_items = 3,
                                          .max_item_len = 32,
                                          .max_rooms = 3,
                                          .max_room_len = 16,
                                          .max_pushes = 3,
                                          .max_depth = 4,
                                          .bans = list,
                                          .now_ms = NOW_S * INT64_C(1000) + 123};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ban_list_free(list);
    return 0;
}

static void learn(const char *user, int64_t at_ms, int64_t keep_s)
{
    const struct ban ban = {slice_str(user), keep_s, at_ms, keep_s};

    assert_int_equal(ban_list_merge(list, &ban, NOW_S), STATUS_OK);
}

static void expect(enum push_door door, const char *body, const char *item)
{
    struct push_request *request;
    struct push_fault fault = {.code = ""};

    if (push_request_parse(door, PUSH_BODY_JSON, slice_str(body), &limits, &request, &fault) != STATUS_OK)
        fail_msg("%s: %s", body, fault.message);
    const struct push *push = &request->entries[0].push;
    if (!slice_equal(push->items[0], slice_str(item)))
        fail_msg("%.*s, not %s", (int)push->items[0].len, (const char *)push->items[0].data, item);
    assert_true(push->command);
    assert_int_equal(push->bans, strstr(item, "ban") != NULL);
    assert_int_equal(push_needs(push) & 1u << HELLO_BANS, push->bans ? 1u << HELLO_BANS : 0);
    push_request_free(request);
}

static void expect_refused(enum push_door door, const char *body, int status, const char *code,
                           const char *says)
{
    struct push_request *request;
    struct push_fault fault = {.code = "", .status = 400};

    assert_int_equal(push_request_parse(door, PUSH_BODY_JSON, slice_str(body), &limits, &request, &fault),
                     STATUS_INVALID);
    assert_int_equal(fault.status, status);
    assert_string_equal(fault.code, code);
    if (strstr(fault.message, says) == NULL)
        fail_msg("%s: %s", body, fault.message);
}

static void a_kick_may_ban(void **state)
{
    (void)state;
    expect(PUSH_DOOR_KICK, "{\"user\":\"u\",\"banSeconds\":60}",
           "{\"ban\":{\"code\":4003,\"reason\":\"kicked\",\"until\":1000060,\"at\":1000000123}}");
    expect(PUSH_DOOR_KICK, "{\"users\":[\"u\",\"v\"],\"banSeconds\":2592000,\"code\":4050,\"reason\":\"x\"}",
           "{\"ban\":{\"code\":4050,\"reason\":\"x\",\"until\":3592000,\"at\":1000000123}}");
    expect(PUSH_DOOR_KICK, "{\"user\":\"u\"}", "{\"kick\":{\"code\":4003,\"reason\":\"kicked\"}}");
    limits.bans = NULL;
    expect(PUSH_DOOR_KICK, "{\"user\":\"u\",\"banSeconds\":1}",
           "{\"ban\":{\"code\":4003,\"reason\":\"kicked\",\"until\":1000001,\"at\":1000000123}}");
}

/* Else the earlier order of a clock that is ahead would win. */
static void an_order_is_later_than_what_is_known(void **state)
{
    (void)state;
    learn("v", 1000005000, NOW_S + 600);
    expect(PUSH_DOOR_KICK, "{\"users\":[\"u\",\"v\"],\"banSeconds\":60}",
           "{\"ban\":{\"code\":4003,\"reason\":\"kicked\",\"until\":1000060,\"at\":1000005001}}");
    expect(PUSH_DOOR_UNBAN, "{\"user\":\"v\"}", "{\"unban\":{\"at\":1000005001,\"keep\":1003605}}");
}

static void what_is_lifted_is_known_for_as_long(void **state)
{
    (void)state;
    expect(PUSH_DOOR_UNBAN, "{\"user\":\"u\"}", "{\"unban\":{\"at\":1000000123,\"keep\":1003600}}");
    learn("u", 999999000, NOW_S + 86400);
    learn("v", 999999000, NOW_S + 90000);
    expect(PUSH_DOOR_UNBAN, "{\"users\":[\"u\",\"v\"]}", "{\"unban\":{\"at\":1000000123,\"keep\":1090000}}");
}

static void what_is_no_order_is_refused(void **state)
{
    (void)state;
    expect_refused(PUSH_DOOR_KICK, "{\"user\":\"u\",\"banSeconds\":0}", 400, "invalid_request",
                   "1 to 2592000");
    expect_refused(PUSH_DOOR_KICK, "{\"user\":\"u\",\"banSeconds\":2592001}", 400, "invalid_request",
                   "1 to 2592000");
    expect_refused(PUSH_DOOR_KICK, "{\"user\":\"u\",\"banSeconds\":99999999999999999999}", 400,
                   "invalid_request", "1 to 2592000");
    expect_refused(PUSH_DOOR_KICK, "{\"user\":\"u\",\"banSeconds\":null}", 400, "invalid_request",
                   "1 to 2592000");
    expect_refused(PUSH_DOOR_KICK, "{\"room\":\"r\",\"banSeconds\":60}", 400, "invalid_request",
                   "user or users");
    expect_refused(PUSH_DOOR_UNBAN, "{\"room\":\"r\"}", 400, "invalid_request", "allowed are user or users");
    expect_refused(PUSH_DOOR_UNBAN, "{}", 400, "invalid_user", "missing");
    expect_refused(PUSH_DOOR_JOIN, "{\"user\":\"u\",\"room\":\"r\",\"banSeconds\":60}", 400,
                   "invalid_request", "not allowed");
}

static void past_the_bound_nothing_is_ordered(void **state)
{
    char name[32];

    (void)state;
    for (int i = 0; i < BAN_LIST_MAX; i++) {
        snprintf(name, sizeof name, "u%d", i);
        learn(name, 999999000, NOW_S + 600);
    }
    expect_refused(PUSH_DOOR_KICK, "{\"user\":\"more\",\"banSeconds\":60}", 503, "too_many_bans",
                   "10000 users");
    expect_refused(PUSH_DOOR_UNBAN, "{\"user\":\"more\"}", 503, "too_many_bans", "10000 users");
    expect(PUSH_DOOR_KICK, "{\"user\":\"u7\",\"banSeconds\":60}",
           "{\"ban\":{\"code\":4003,\"reason\":\"kicked\",\"until\":1000060,\"at\":1000000123}}");
    expect(PUSH_DOOR_KICK, "{\"user\":\"more\"}", "{\"kick\":{\"code\":4003,\"reason\":\"kicked\"}}");
}

static uint64_t digest(const char *body)
{
    struct push_request *request;
    struct push_fault fault;

    assert_int_equal(
        push_request_parse(PUSH_DOOR_KICK, PUSH_BODY_JSON, slice_str(body), &limits, &request, &fault),
        STATUS_OK);
    uint64_t found = push_digest(&request->entries[0].push);
    push_request_free(request);
    return found;
}

/* An idempotency key stands for it whenever it is said. */
static void a_repeat_is_the_same_at_another_time(void **state)
{
    uint64_t first = digest("{\"user\":\"u\",\"banSeconds\":60}");

    (void)state;
    limits.now_ms += 2000;
    assert_int_equal(digest("{\"user\":\"u\",\"banSeconds\":60}"), first);
    assert_int_not_equal(digest("{\"user\":\"u\",\"banSeconds\":60,\"code\":4050}"), first);
    assert_int_not_equal(digest("{\"user\":\"v\",\"banSeconds\":60}"), first);
    assert_int_not_equal(digest("{\"user\":\"u\"}"), first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_kick_may_ban, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_order_is_later_than_what_is_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_lifted_is_known_for_as_long, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_order_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(past_the_bound_nothing_is_ordered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_repeat_is_the_same_at_another_time, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
