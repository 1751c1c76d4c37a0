/* SPDX-License-Identifier: Apache-2.0 */
/* One answer to a call, when the results of all its pushes are there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "logic/api/push_job.h"
#include "shared/log/metric_names.h"
#include "tests/unit/logic/api/api_bench.h"

enum { MOST = 4 };

#define PREFIX "0123456789abcdef"

static const struct push_outcome taken = {
    .verdict = PUSH_TAKEN, .sequence = 7, .items = 1, .known = 1, .queued = 1};

/* A call with `count` pushes, of which those with a fault were refused while they were read. */
struct call {
    struct http_exchange exchange;
    struct push_entry entries[MOST];
    struct push_request request;
    struct push_manner manner;
    struct slice item;
};

static struct call make_call(size_t count)
{
    struct call call = {.request = {.count = count}, .manner = {.list = count > 1}};

    return call;
}

static void run(struct call *call)
{
    call->item = slice_str("1");
    for (size_t i = 0; i < call->request.count; i++) {
        call->entries[i].push.target = AUDIENCE_EVERYONE;
        call->entries[i].push.items = &call->item;
        call->entries[i].push.item_count = 1;
    }
    call->request.entries = call->entries;
    push_job_run(&call->exchange, NULL, &call->request, &call->manner, PREFIX);
}

static int set_up(void **state)
{
    (void)state;
    reset_bench();
    return 0;
}

static void one_push_is_answered_with_its_own_result(void **state)
{
    struct call call = make_call(1);

    (void)state;
    at_once = &taken;
    run(&call);
    expect_answer(&call.exchange, 200, "{\"id\":\"" PREFIX "-7\",\"items\":1,");
    assert_int_equal(metrics_get(LM_HTTP_2XX), 1);
    assert_string_equal(call.exchange.headers, "");
}

static void a_push_that_waits_is_answered_later(void **state)
{
    struct call call = make_call(1);

    (void)state;
    run(&call);
    assert_int_equal(call.exchange.replies, 0);
    settle_push(0, PUSH_TAKEN);
    expect_answer(&call.exchange, 200, PREFIX "-100");
}

static void a_full_queue_says_when_to_come_back(void **state)
{
    struct call call = make_call(1);

    (void)state;
    run(&call);
    settle_push(0, PUSH_QUEUE_FULL);
    expect_answer(&call.exchange, 503, "\"queue_full\"");
    assert_string_equal(call.exchange.headers, "Retry-After: 1\n");
    assert_int_equal(metrics_get(LM_HTTP_5XX), 1);
    assert_int_equal(metrics_get(LM_HTTP_2XX), 0);
}

static void a_list_is_answered_once_when_the_last_is_there(void **state)
{
    struct call call = make_call(3);
    const char *first, *last;

    (void)state;
    run(&call);
    assert_int_equal(push_count, 3);
    settle_push(2, PUSH_TAKEN);
    settle_push(0, PUSH_TAKEN);
    assert_int_equal(call.exchange.replies, 0);
    settle_push(1, PUSH_TAKEN);
    expect_answer(&call.exchange, 200, "[{\"id\":\"" PREFIX "-100\"");
    first = strstr(call.exchange.body, "-101"), last = strstr(call.exchange.body, "-102");
    assert_true(first != NULL && last != NULL && first < last); /* in the order of the call */
    assert_int_equal(call.exchange.body[strlen(call.exchange.body) - 1], ']');
    assert_int_equal(metrics_get(LM_HTTP_2XX), 1);
}

/* Also when each result is there before the next push is dispatched. */
static void a_list_that_is_settled_at_once_is_answered_once(void **state)
{
    struct call call = make_call(3);

    (void)state;
    at_once = &taken;
    run(&call);
    assert_int_equal(push_count, 3);
    expect_answer(&call.exchange, 200, "[{\"id\"");
}

static void a_list_of_one_is_a_list(void **state)
{
    struct call call = make_call(1);

    (void)state;
    call.manner.list = true;
    at_once = &taken;
    run(&call);
    expect_answer(&call.exchange, 200, "[{\"id\"");
}

static void who_is_refused_takes_no_others_with_it(void **state)
{
    struct push_fault fault = {.status = 400, .code = "invalid_json", .message = "no item"};
    struct call call = make_call(3);

    (void)state;
    call.entries[1].fault = &fault;
    run(&call);
    assert_int_equal(push_count, 2);
    assert_int_equal(metrics_get(LM_PUSHES_RECEIVED), 1); /* dispatch counts what it gets */
    assert_int_equal(metrics_get(LM_PUSHES_REFUSED_INVALID), 1);
    settle_push(0, PUSH_TAKEN);
    settle_push(1, PUSH_TAKEN);
    expect_answer(&call.exchange, 207,
                  ",{\"error\":{\"code\":\"invalid_json\",\"message\":\"no item\"}},{\"id\"");
    assert_int_equal(metrics_get(LM_HTTP_2XX), 1);
}

static void a_list_of_which_nothing_was_taken_has_the_status_of_its_first(void **state)
{
    struct push_fault fault = {.status = 413, .code = "item_too_large", .message = "too long"};
    struct call call = make_call(2);

    (void)state;
    call.entries[1].fault = &fault;
    run(&call);
    settle_push(0, PUSH_QUEUE_FULL);
    expect_answer(&call.exchange, 503, "item_too_large");
    assert_string_equal(call.exchange.headers, "Retry-After: 1\n");
}

static void refusals_alone_are_answered_at_once(void **state)
{
    struct push_fault fault = {.status = 400, .code = "invalid_json", .message = "no item"};
    struct call call = make_call(2);

    (void)state;
    call.entries[0].fault = call.entries[1].fault = &fault;
    run(&call);
    assert_int_equal(push_count, 0);
    expect_answer(&call.exchange, 400, "[{\"error\"");
    assert_int_equal(metrics_get(LM_HTTP_4XX), 1);
    assert_int_equal(metrics_get(LM_PUSHES_REFUSED_INVALID), 2);
}

static void the_query_makes_each_push_wait(void **state)
{
    struct call call = make_call(2);

    (void)state;
    call.manner.wait = true;
    run(&call);
    assert_true(pushes[0].wait && pushes[1].wait);
    settle_push(0, PUSH_TAKEN);
    settle_push(1, PUSH_WAIT_TIMEOUT);
    expect_answer(&call.exchange, 207, "\"wait_timeout\"");
}

static void a_push_waits_by_itself_too(void **state)
{
    struct call call = make_call(2);

    (void)state;
    call.entries[1].push.wait = true;
    run(&call);
    assert_false(pushes[0].wait);
    assert_true(pushes[1].wait);
    settle_push(0, PUSH_TAKEN);
    settle_push(1, PUSH_TAKEN);
}

static void a_pushs_own_trace_wins_over_the_headers(void **state)
{
    struct call call = make_call(2);

    (void)state;
    at_once = &taken;
    call.manner.trace = (struct traceparent){.set = true, .trace_id = {1}, .parent_id = {1}};
    call.entries[1].push.trace = (struct traceparent){.set = true, .trace_id = {2}, .parent_id = {2}};
    run(&call);
    assert_int_equal(pushes[0].trace.trace_id[0], 1);
    assert_int_equal(pushes[1].trace.trace_id[0], 2);
}

/* An exchange lives until it is answered, even if the peer has left: it is ended all the same, once. */
static void a_call_whose_caller_has_gone_ends_too(void **state)
{
    struct call call = make_call(2);

    (void)state;
    run(&call);
    settle_push(1, PUSH_WAIT_TIMEOUT);
    settle_push(0, PUSH_WAIT_TIMEOUT);
    assert_int_equal(call.exchange.replies, 1);
    assert_int_equal(metrics_get(LM_HTTP_5XX), 1);
}

static void give_back(void *kept)
{
    api_caller_unref(kept);
}

static void expect_sample(const char *sample)
{
    struct buf text;

    buf_init(&text, 1 << 20);
    assert_int_equal(metrics_print(&text), STATUS_OK);
    assert_int_equal(buf_append(&text, "", 1), STATUS_OK);
    if (strstr((const char *)text.data, sample) == NULL)
        fail_msg("no %s", sample);
    buf_fini(&text);
}

/* Two at once are what a rate of one lets through. */
static void each_push_of_a_caller_is_judged_by_itself(void **state)
{
    struct push_fault fault = {.status = 400, .code = "invalid_json", .message = "no item"};
    struct call call = make_call(4);
    struct api_caller *caller = NULL;
    struct fault why;

    (void)state;
    assert_int_equal(api_caller_parse(slice_str("name=shop rate=1"), &caller, &why), STATUS_OK);
    caller->place = metric_name_place(caller->name);
    call.exchange.kept = caller;
    call.exchange.release = give_back;
    call.entries[3].fault = &fault;
    at_once = &taken;
    run(&call);
    expect_answer(&call.exchange, 207, "\"rate_limited\"");
    assert_int_equal(push_count, 2);
    assert_null(call.exchange.kept);
    assert_int_equal(metrics_get(LM_PUSHES_REFUSED_RATE), 1);
    assert_int_equal(metrics_get(LM_PUSHES_REFUSED_INVALID), 1);
    expect_sample("\nfanfare_logic_caller_pushes_total{caller=\"shop\"} 2\n");
    expect_sample("\nfanfare_logic_caller_refused_total{caller=\"shop\",reason=\"rate_limited\"} 1\n");
    expect_sample("\nfanfare_logic_caller_refused_total{caller=\"shop\",reason=\"invalid\"} 1\n");
}

static void a_push_says_whose_it_is(void **state)
{
    struct call call = make_call(1);
    struct api_caller *caller = NULL;
    struct fault why;

    (void)state;
    assert_int_equal(api_caller_parse(slice_str("name=shop"), &caller, &why), STATUS_OK);
    call.exchange.kept = api_caller_ref(caller);
    call.exchange.release = give_back;
    run(&call);
    assert_ptr_equal(pushes[0].caller, caller->name);
    settle_push(0, PUSH_TAKEN);
    api_caller_unref(caller);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_push_is_answered_with_its_own_result),
        TEST(a_push_that_waits_is_answered_later),
        TEST(a_full_queue_says_when_to_come_back),
        TEST(a_list_is_answered_once_when_the_last_is_there),
        TEST(a_list_that_is_settled_at_once_is_answered_once),
        TEST(a_list_of_one_is_a_list),
        TEST(who_is_refused_takes_no_others_with_it),
        TEST(a_list_of_which_nothing_was_taken_has_the_status_of_its_first),
        TEST(refusals_alone_are_answered_at_once),
        TEST(the_query_makes_each_push_wait),
        TEST(a_push_waits_by_itself_too),
        TEST(a_pushs_own_trace_wins_over_the_headers),
        TEST(a_call_whose_caller_has_gone_ends_too),
        TEST(each_push_of_a_caller_is_judged_by_itself),
        TEST(a_push_says_whose_it_is),
    };

    return cmocka_run_group_tests_name("push_job", tests, NULL, NULL);
}
