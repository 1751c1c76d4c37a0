/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that are answered later: each once, or forgotten with its connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/rpc/rpc_call.h"
#include "tests/unit/h2_pair.h"

enum { CALLS = 3 };

struct kept {
    struct rpc_later later;
    int forgotten;
};

struct bench {
    struct pair *pair;
    struct rpc_caller caller;
    struct kept kept[CALLS];
};

static void forget(struct rpc_later *later)
{
    container_of(later, struct kept, later)->forgotten++;
}

/* A request comes, and its route will answer later. */
static void call(struct bench *bench, int index)
{
    int came = bench->pair->requests;
    struct h2_request request = {.path = "/hold"};
    struct rpc_answer answer;
    const struct rpc_call call = {&bench->caller, &request, 0, &answer};
    int32_t stream;

    assert_int_equal(h2_request(bench->pair->client.conn, "POST", "/hold", NULL, NULL, &stream), STATUS_OK);
    pair_await(bench->pair, bench->pair->requests > came);
    request.stream = bench->pair->held;
    rpc_answer_init(&answer);
    bench->kept[index].later.forget = forget;
    rpc_later_begin(&bench->kept[index].later, &call);
    assert_true(answer.later);
    buf_fini(&answer.body);
}

static void answer(struct bench *bench, int index, const char *message)
{
    struct rpc_answer answer;
    int before = bench->pair->answer_count;

    rpc_answer_init(&answer);
    rpc_answer_error(&answer, 504, "late", message);
    rpc_later_answer(&bench->kept[index].later, &answer);
    buf_fini(&answer.body);
    pair_await(bench->pair, bench->pair->answer_count > before);
}

static int set_up(void **state)
{
    const struct h2_limits limits = {.max_body = 1000, .max_streams = 8, .window = 1u << 20};
    struct bench *bench = calloc(1, sizeof *bench);

    bench->pair = pair_new();
    pair_open_plain(bench->pair, &limits, &limits);
    pair_await(bench->pair, bench->pair->ready);
    bench->caller.h2 = bench->pair->server.conn;
    list_init(&bench->caller.later);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;

    pair_free(bench->pair);
    free(bench);
    return 0;
}

static void test_each_answer_goes_to_its_call_in_any_order(void **state)
{
    struct bench *bench = *state;

    for (int i = 0; i < CALLS; i++)
        call(bench, i);
    answer(bench, 2, "two");
    answer(bench, 0, "zero");
    answer(bench, 1, "one");
    assert_int_equal(bench->pair->answer_count, CALLS);
    assert_true(bench->pair->answers[1].stream < bench->pair->answers[2].stream);
    assert_true(bench->pair->answers[2].stream < bench->pair->answers[0].stream);
    assert_int_equal(bench->pair->answers[1].status, 504);
    assert_string_equal((const char *)bench->pair->answers[1].body,
                        "{\"error\":{\"code\":\"late\",\"message\":\"zero\"}}");
    assert_true(list_empty(&bench->caller.later));
}

static void test_what_is_not_answered_is_forgotten_once_with_its_connection(void **state)
{
    struct bench *bench = *state;

    for (int i = 0; i < CALLS; i++)
        call(bench, i);
    answer(bench, 1, "one");
    rpc_caller_forget(&bench->caller);
    rpc_caller_forget(&bench->caller);
    assert_int_equal(bench->kept[0].forgotten, 1);
    assert_int_equal(bench->kept[1].forgotten, 0);
    assert_int_equal(bench->kept[2].forgotten, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_answer_goes_to_its_call_in_any_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_not_answered_is_forgotten_once_with_its_connection,
                                        set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
