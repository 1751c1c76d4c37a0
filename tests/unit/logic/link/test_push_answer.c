/* SPDX-License-Identifier: Apache-2.0 */
/* The answers of the push calls, byte for byte, and the gateways' answers that they rest on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "logic/link/batch_answer.h"
#include "logic/push/push_answer.h"

static void expect(struct push_outcome *outcome, int status, const char *json)
{
    struct buf out;
    int got = 0;

    buf_init(&out, 65536);
    assert_int_equal(push_answer_append(&out, "9f86d081884c7d65", outcome, &got), STATUS_OK);
    assert_int_equal(buf_append(&out, "", 1), STATUS_OK);
    assert_string_equal((const char *)out.data, json);
    assert_int_equal(got, status);
    buf_fini(&out);
    push_outcome_fini(outcome);
}

static void taken(void **state)
{
    struct push_outcome outcome = {.sequence = 42, .items = 2, .known = 2, .queued = 2};

    (void)state;
    expect(&outcome, 200,
           "{\"id\":\"9f86d081884c7d65-42\",\"items\":2,\"gateways\":{\"known\":2,\"queued\":2}}");
}

static void taken_with_gateways_down(void **state)
{
    struct push_outcome outcome = {.sequence = 1, .items = 1, .known = 3, .queued = 1};

    (void)state;
    push_outcome_add_name(&outcome, PUSH_NAMES_DOWN, "10.0.0.7:7788");
    push_outcome_add_name(&outcome, PUSH_NAMES_DOWN, "[::1]:7788");
    push_outcome_add_name(&outcome, PUSH_NAMES_DOWN, "10.0.0.7:7788");
    expect(&outcome, 200,
           "{\"id\":\"9f86d081884c7d65-1\",\"items\":1,\"gateways\":{\"known\":3,\"queued\":1,"
           "\"down\":[\"10.0.0.7:7788\",\"[::1]:7788\"]}}");
}

static void names_what_each_gateway_is(void **state)
{
    struct push_outcome outcome = {.sequence = 2, .items = 1, .known = 4, .queued = 2, .refused = 1};

    (void)state;
    push_outcome_add_name(&outcome, PUSH_NAMES_CONNECTING, "a:1");
    push_outcome_add_name(&outcome, PUSH_NAMES_CONNECTING, "b:2");
    push_outcome_add_name(&outcome, PUSH_NAMES_CONNECTING, "e:5");
    push_outcome_remove_name(&outcome, PUSH_NAMES_CONNECTING, "b:2");
    push_outcome_remove_name(&outcome, PUSH_NAMES_CONNECTING, "b:2");
    push_outcome_remove_name(&outcome, PUSH_NAMES_DOWN, "a:1");
    push_outcome_add_name(&outcome, PUSH_NAMES_DOWN, "c:3");
    push_outcome_add_name(&outcome, PUSH_NAMES_REFUSED, "d:4");
    expect(&outcome, 200,
           "{\"id\":\"9f86d081884c7d65-2\",\"items\":1,\"gateways\":{\"known\":4,\"queued\":2,"
           "\"connecting\":[\"a:1\",\"e:5\"],\"down\":[\"c:3\"],\"refused\":[\"d:4\"]}}");
}

static void past_every_gateways_limits(void **state)
{
    struct push_outcome outcome = {.verdict = PUSH_PAST_LIMITS,
                                   .items = 1,
                                   .known = 2,
                                   .refused = 2,
                                   .passed = {HELLO_JSON_DEPTH, 8, 9}};

    (void)state;
    push_outcome_add_name(&outcome, PUSH_NAMES_REFUSED, "a:1");
    push_outcome_add_name(&outcome, PUSH_NAMES_REFUSED, "b:2");
    expect(
        &outcome, 400,
        "{\"error\":{\"code\":\"gateway_limits\",\"message\":\"no gateway takes the push: an item is nested "
        "9 deep, and maxJsonDepth is 8 at a:1\"}}");
}

static void waited_and_one_refused(void **state)
{
    struct push_outcome outcome = {.verdict = PUSH_WAIT_REFUSED,
                                   .sequence = 3,
                                   .items = 1,
                                   .known = 2,
                                   .queued = 1,
                                   .acked = 1,
                                   .refused = 1,
                                   .wait_ms = 5000};

    (void)state;
    push_outcome_add_name(&outcome, PUSH_NAMES_REFUSED, "a:1");
    expect(
        &outcome, 502,
        "{\"error\":{\"code\":\"gateway_refused\",\"message\":\"1 of 2 gateways refused the push, 1 applied "
        "it: sent again, it is refused again\"},\"id\":\"9f86d081884c7d65-3\",\"items\":1,"
        "\"gateways\":{\"known\":2,\"queued\":1,\"acked\":1,\"refused\":[\"a:1\"]}}");
}

static void no_gateway_knows_users(void **state)
{
    struct push_outcome outcome = {
        .verdict = PUSH_PAST_LIMITS, .items = 1, .known = 1, .refused = 1, .lacks = 1u << HELLO_USERS};

    (void)state;
    push_outcome_add_name(&outcome, PUSH_NAMES_REFUSED, "a:1");
    expect(&outcome, 400,
           "{\"error\":{\"code\":\"gateway_limits\",\"message\":\"no gateway takes the push: a:1 takes no "
           "pushes to users\"}}");
}

/* The first of what is lacking is named. */
static void no_gateway_knows_options(void **state)
{
    struct push_outcome outcome = {.verdict = PUSH_PAST_LIMITS,
                                   .items = 1,
                                   .known = 1,
                                   .refused = 1,
                                   .lacks = 1u << HELLO_OPTIONS | 1u << HELLO_COMMANDS};

    (void)state;
    push_outcome_add_name(&outcome, PUSH_NAMES_REFUSED, "a:1");
    expect(&outcome, 400,
           "{\"error\":{\"code\":\"gateway_limits\",\"message\":\"no gateway takes the push: a:1 takes no "
           "pushes with exclude, ttlMs, key or urgent\"}}");
}

static void waited_and_one_knows_no_users(void **state)
{
    struct push_outcome outcome = {.verdict = PUSH_WAIT_REFUSED,
                                   .sequence = 3,
                                   .items = 1,
                                   .known = 2,
                                   .queued = 1,
                                   .acked = 1,
                                   .refused = 1,
                                   .lacks = 1u << HELLO_USERS,
                                   .wait_ms = 5000};

    (void)state;
    push_outcome_add_name(&outcome, PUSH_NAMES_REFUSED, "a:1");
    expect(
        &outcome, 502,
        "{\"error\":{\"code\":\"gateway_refused\",\"message\":\"1 of 2 gateways refused the push, 1 applied "
        "it: a:1 takes no pushes to users\"},\"id\":\"9f86d081884c7d65-3\",\"items\":1,"
        "\"gateways\":{\"known\":2,\"queued\":1,\"acked\":1,\"refused\":[\"a:1\"]}}");
}

static void waited(void **state)
{
    struct push_outcome outcome = {
        .sequence = 43, .items = 1, .known = 2, .queued = 2, .acked = 2, .clients = 118, .wait_ms = 5000};

    (void)state;
    expect(&outcome, 200,
           "{\"id\":\"9f86d081884c7d65-43\",\"items\":1,\"gateways\":{\"known\":2,\"queued\":2,\"acked\":2},"
           "\"clients\":118}");
}

static void waited_too_long(void **state)
{
    struct push_outcome outcome = {.verdict = PUSH_WAIT_TIMEOUT,
                                   .sequence = 44,
                                   .items = 1,
                                   .known = 2,
                                   .queued = 2,
                                   .pending = 1,
                                   .acked = 1,
                                   .wait_ms = 5000};

    (void)state;
    expect(&outcome, 504,
           "{\"error\":{\"code\":\"wait_timeout\",\"message\":\"1 of 2 gateways have not applied the push "
           "within 5000 ms; it stays queued for them\"},\"id\":\"9f86d081884c7d65-44\",\"items\":1,"
           "\"gateways\":{\"known\":2,\"queued\":2,\"acked\":1}}");
}

static void queue_full_names_the_gateways(void **state)
{
    struct push_outcome outcome = {.verdict = PUSH_QUEUE_FULL, .items = 1, .known = 2};

    (void)state;
    push_outcome_add_name(&outcome, PUSH_NAMES_FULL, "a:1");
    push_outcome_add_name(&outcome, PUSH_NAMES_FULL, "b:2");
    expect(&outcome, 503,
           "{\"error\":{\"code\":\"queue_full\",\"message\":\"the queue is full of a:1, b:2\"}}");
}

static void queue_full_of_very_many(void **state)
{
    struct push_outcome outcome = {.verdict = PUSH_QUEUE_FULL, .items = 1, .known = 200};
    struct buf out;
    int status;
    char name[32];

    (void)state;
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "gateway-%d:7788", i);
        push_outcome_add_name(&outcome, PUSH_NAMES_FULL, name);
    }
    buf_init(&out, 65536);
    assert_int_equal(push_answer_append(&out, "", &outcome, &status), STATUS_OK);
    assert_true(out.len < 600);
    assert_memory_equal(out.data + out.len - 6, "...\"}}", 6);
    buf_fini(&out);
    push_outcome_fini(&outcome);
}

static void no_gateway(void **state)
{
    struct push_outcome none = {.verdict = PUSH_NO_GATEWAY}, down = {.verdict = PUSH_NO_GATEWAY, .known = 1};

    (void)state;
    expect(&none, 503, "{\"error\":{\"code\":\"no_gateway\",\"message\":\"no gateway is known\"}}");
    expect(&down, 503,
           "{\"error\":{\"code\":\"no_gateway\",\"message\":\"every gateway has been down for too long\"}}");
}

static void reads_a_gateways_answer(void **state)
{
    struct batch_answer answer;
    struct slice body = slice_str("{\"applied\":1042,\"pushes\":3,\"duplicates\":2,\"items\":7,"
                                  "\"reached\":[[1039,5],[1041,118]],\"later\":{}}");

    (void)state;
    assert_int_equal(batch_answer_parse(body, &answer), STATUS_OK);
    assert_int_equal(answer.applied, 1042);
    assert_int_equal(answer.duplicates, 2);
    assert_int_equal(batch_answer_clients(&answer, 1038), 0);
    assert_int_equal(batch_answer_clients(&answer, 1039), 5);
    assert_int_equal(batch_answer_clients(&answer, 1040), 0);
    assert_int_equal(batch_answer_clients(&answer, 1041), 118);
    assert_int_equal(batch_answer_clients(&answer, 1042), 0);
}

static void reads_an_answer_without_reached(void **state)
{
    struct batch_answer answer;

    (void)state;
    assert_int_equal(batch_answer_parse(slice_str("{\"applied\":18446744073709551615}"), &answer), STATUS_OK);
    assert_int_equal(batch_answer_clients(&answer, 1), 0);
}

static void refuses_what_is_no_answer(void **state)
{
    static const char *const bodies[] = {
        "",
        "<html>",
        "[]",
        "{}",
        "{\"pushes\":1}",
        "{\"applied\":\"7\"}",
        "{\"applied\":-1}",
        "{\"applied\":1.5}",
        "{\"applied\":18446744073709551616}",
        "{\"applied\":1,\"reached\":{}}",
        "{\"applied\":1",
    };
    struct batch_answer answer;

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        assert_int_equal(batch_answer_parse(slice_str(bodies[i]), &answer), STATUS_INVALID);
}

static void survives_odd_pairs(void **state)
{
    static const char *const bodies[] = {
        "{\"applied\":9,\"reached\":[1,2]}",
        "{\"applied\":9,\"reached\":[[]]}",
        "{\"applied\":9,\"reached\":[[7]]}",
        "{\"applied\":9,\"reached\":[[\"7\",1]]}",
    };
    struct batch_answer answer;

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        assert_int_equal(batch_answer_parse(slice_str(bodies[i]), &answer), STATUS_OK);
        assert_int_equal(batch_answer_clients(&answer, 8), 0);
        assert_int_equal(batch_answer_clients(&answer, 9), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taken),
        cmocka_unit_test(taken_with_gateways_down),
        cmocka_unit_test(names_what_each_gateway_is),
        cmocka_unit_test(past_every_gateways_limits),
        cmocka_unit_test(waited_and_one_refused),
        cmocka_unit_test(no_gateway_knows_users),
        cmocka_unit_test(no_gateway_knows_options),
        cmocka_unit_test(waited_and_one_knows_no_users),
        cmocka_unit_test(waited),
        cmocka_unit_test(waited_too_long),
        cmocka_unit_test(queue_full_names_the_gateways),
        cmocka_unit_test(queue_full_of_very_many),
        cmocka_unit_test(no_gateway),
        cmocka_unit_test(reads_a_gateways_answer),
        cmocka_unit_test(reads_an_answer_without_reached),
        cmocka_unit_test(refuses_what_is_no_answer),
        cmocka_unit_test(survives_odd_pairs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
