/* SPDX-License-Identifier: Apache-2.0 */
/* A call in which pushes have idempotency keys: who goes when, and what its caller is told. Whether a push is
 * a repeat is the test's to say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "logic/api/push_job.h"
#include "logic/store/push_digest.h"
#include "shared/log/metric_names.h"
#include "tests/unit/logic/api/api_bench.h"

enum { MOST = 6, WAIT_MS = 5000 };

#define PREFIX "0123456789abcdef"

static const struct push_outcome taken = {
    .verdict = PUSH_TAKEN, .sequence = 7, .items = 1, .known = 1, .queued = 1};
static const struct push_outcome full = {.verdict = PUSH_QUEUE_FULL, .items = 1, .known = 1};
static const struct push_fault conflict = {.status = 409, .code = "idempotency_conflict", .message = "other"};

/* What becomes of a key: SAY_HELD waits for Redis, SAY_WAITS for the first one's answer. */
enum say { SAY_GO, SAY_REPEAT, SAY_CONFLICT, SAY_HELD, SAY_WAITS };

static struct asked {
    char caller[32], key[32];
    uint64_t digest;
    int wait_ms;
    struct repeat *repeat;
    int settled, status;
    bool accepted;
} asked[MOST];
static size_t asked_count;
static enum say says[MOST];

static void answer_repeat(struct repeat *repeat)
{
    repeat->answer(repeat, &(struct repeat_reply){.status = 200, .json = slice_str("{\"id\":\"1\"}")});
}

static void refuse_repeat(struct repeat *repeat)
{
    repeat->answer(repeat, &(struct repeat_reply){.refused = &conflict});
}

bool repeats_ask(struct repeats *repeats, const char *caller, struct slice key, uint64_t digest, int wait_ms,
                 struct repeat *repeat)
{
    size_t index = asked_count++;

    (void)repeats;
    assert_true(index < MOST);
    asked[index] = (struct asked){.digest = digest, .wait_ms = wait_ms, .repeat = repeat};
    keep_text(asked[index].caller, sizeof asked[index].caller, slice_str(caller));
    keep_text(asked[index].key, sizeof asked[index].key, key);
    if (says[index] == SAY_GO)
        repeat->go(repeat);
    else if (says[index] == SAY_REPEAT)
        answer_repeat(repeat);
    else if (says[index] == SAY_CONFLICT)
        refuse_repeat(repeat);
    return says[index] == SAY_HELD;
}

void repeats_settle(struct repeat *repeat, int status, struct buf *json, bool accepted)
{
    (void)json;
    for (size_t i = 0; i < asked_count; i++)
        if (asked[i].repeat == repeat) {
            asked[i].settled++;
            asked[i].status = status;
            asked[i].accepted = accepted;
        }
}

/* What a job owns is on the heap. */
static struct http_exchange exchange;
static struct push_manner manner;
static struct dispatch dispatch = {.wait_ms = WAIT_MS};
static struct push_request *request;
static bool done_with;

static void begin(size_t count)
{
    request = calloc(1, sizeof *request);
    request->entries = calloc(count, sizeof *request->entries);
    request->slices = calloc(count, sizeof *request->slices);
    request->count = count;
    for (size_t i = 0; i < count; i++) {
        static const char *const items[MOST] = {"0", "1", "2", "3", "4", "5"};
        struct push *push = &request->entries[i].push;

        request->slices[i] = slice_str(items[i]);
        *push = (struct push){.target = AUDIENCE_EVERYONE, .items = &request->slices[i], .item_count = 1};
    }
    manner.list = count > 1;
}

static void key_is(size_t index, const char *key, enum say say)
{
    size_t before = 0;

    for (size_t i = 0; i < index; i++)
        before += request->entries[i].idempotency_key.len > 0;
    request->entries[index].idempotency_key = slice_str(key);
    says[before] = say;
}

static void run(void)
{
    done_with = push_job_run(&exchange, &dispatch, request, &manner, PREFIX);
    if (done_with)
        push_request_free(request);
}

/* The items of the pushes that went, one after the other. */
static void expect_gone(const char *items)
{
    char gone[64] = "";

    for (size_t i = 0; i < push_count; i++)
        strcat(gone, pushes[i].item);
    assert_string_equal(gone, items);
}

static int set_up(void **state)
{
    (void)state;
    reset_bench();
    memset(&exchange, 0, sizeof exchange);
    memset(asked, 0, sizeof asked);
    memset(says, 0, sizeof says);
    asked_count = 0;
    manner = (struct push_manner){0};
    at_once = &taken;
    return 0;
}

static void without_a_key_nobody_is_asked(void **state)
{
    (void)state;
    begin(3);
    run();
    assert_true(done_with);
    assert_int_equal(asked_count, 0);
    expect_gone("012");
    expect_answer(&exchange, 200, "[{\"id\"");
}

static void the_first_of_its_key_goes_and_is_settled(void **state)
{
    (void)state;
    begin(1);
    key_is(0, "k", SAY_GO);
    run();
    assert_true(done_with);
    expect_gone("0");
    assert_string_equal(asked[0].caller, "default");
    assert_string_equal(asked[0].key, "k");
    assert_int_equal(asked[0].wait_ms, 0);
    assert_int_equal(asked[0].settled, 1);
    assert_true(asked[0].accepted && asked[0].status == 200);
    expect_answer(&exchange, 200, "{\"id\":\"" PREFIX "-7\"");
}

static void a_refusal_is_settled_as_one(void **state)
{
    (void)state;
    begin(1);
    key_is(0, "k", SAY_GO);
    at_once = &full;
    run();
    assert_int_equal(asked[0].settled, 1);
    assert_false(asked[0].accepted);
    assert_int_equal(asked[0].status, 503);
    expect_answer(&exchange, 503, "queue_full");
}

static void a_push_that_waits_is_settled_when_the_gateways_have_said(void **state)
{
    (void)state;
    begin(1);
    key_is(0, "k", SAY_GO);
    manner.wait = true;
    at_once = NULL;
    run();
    assert_int_equal(asked[0].wait_ms, WAIT_MS);
    assert_int_equal(asked[0].settled + exchange.replies, 0);
    settle_push(0, PUSH_WAIT_TIMEOUT);
    assert_true(asked[0].accepted && asked[0].status == 504);
    expect_answer(&exchange, 504, "wait_timeout");
}

static void the_headers_key_is_that_of_the_one_push(void **state)
{
    (void)state;
    begin(1);
    manner.idempotency_key = slice_str("header");
    says[0] = SAY_GO;
    run();
    assert_string_equal(asked[0].key, "header");
}

static void the_members_key_wins(void **state)
{
    (void)state;
    begin(1);
    key_is(0, "member", SAY_GO);
    manner.idempotency_key = slice_str("header");
    run();
    assert_string_equal(asked[0].key, "member");
}

static void a_repeat_does_not_go(void **state)
{
    (void)state;
    begin(1);
    key_is(0, "k", SAY_REPEAT);
    run();
    expect_gone("");
    assert_int_equal(asked[0].settled, 0);
    expect_answer(&exchange, 200, "{\"id\":\"1\"}");
    assert_int_equal(metrics_get(LM_PUSHES_RECEIVED), 0); /* repeats.c counts them */
}

static void a_conflict_is_refused_and_counted(void **state)
{
    (void)state;
    begin(1);
    key_is(0, "k", SAY_CONFLICT);
    run();
    expect_answer(&exchange, 409, "idempotency_conflict");
    assert_int_equal(metrics_get(LM_PUSHES_RECEIVED), 1);
    assert_int_equal(metrics_get(LM_PUSHES_REFUSED_CONFLICT), 1);
}

static void in_a_batch_each_speaks_for_itself(void **state)
{
    (void)state;
    begin(5);
    key_is(0, "a", SAY_REPEAT);
    key_is(1, "b", SAY_GO);
    key_is(3, "c", SAY_CONFLICT);
    run();
    expect_gone("124");
    expect_answer(&exchange, 207, "[{\"id\":\"1\"},{\"id\":\"" PREFIX "-7\"");
    expect_answer(&exchange, 207,
                  "},{\"error\":{\"code\":\"idempotency_conflict\",\"message\":\"other\"}},{\"id\"");
}

static void whoever_stands_behind_one_that_is_held_waits_for_its_turn(void **state)
{
    (void)state;
    begin(4);
    key_is(1, "k", SAY_HELD);
    run();
    assert_false(done_with);
    expect_gone("0");
    assert_int_equal(exchange.replies, 0);
    asked[0].repeat->go(asked[0].repeat);
    expect_gone("0123");
    assert_int_equal(asked[0].settled, 1);
    expect_answer(&exchange, 200, "[{\"id\"");
}

static void a_held_one_that_is_a_repeat_lets_the_others_go(void **state)
{
    (void)state;
    begin(3);
    key_is(0, "k", SAY_HELD);
    run();
    expect_gone("");
    answer_repeat(asked[0].repeat);
    expect_gone("12");
    expect_answer(&exchange, 200, "[{\"id\":\"1\"},{\"id\"");
}

static void a_held_one_that_is_refused_lets_the_others_go(void **state)
{
    (void)state;
    begin(2);
    key_is(0, "k", SAY_HELD);
    run();
    refuse_repeat(asked[0].repeat);
    expect_gone("1");
    expect_answer(&exchange, 207, "[{\"error\"");
}

static void answers_out_of_order_change_no_order(void **state)
{
    (void)state;
    begin(4);
    key_is(0, "a", SAY_HELD);
    key_is(1, "b", SAY_HELD);
    key_is(3, "c", SAY_HELD);
    run();
    asked[2].repeat->go(asked[2].repeat);
    asked[1].repeat->go(asked[1].repeat);
    expect_gone("");
    asked[0].repeat->go(asked[0].repeat);
    expect_gone("0123");
    expect_answer(&exchange, 200, "[{\"id\"");
}

/* Only an answer can come of it, so nobody behind it need wait. */
static void who_waits_for_the_first_ones_answer_holds_up_nobody(void **state)
{
    (void)state;
    begin(3);
    key_is(0, "a", SAY_GO);
    key_is(1, "a", SAY_WAITS);
    run();
    expect_gone("02");
    assert_true(done_with);
    assert_int_equal(exchange.replies, 0);
    answer_repeat(asked[1].repeat);
    expect_answer(&exchange, 200, "},{\"id\":\"1\"},{\"id\"");
}

static void what_was_refused_before_is_not_asked_for(void **state)
{
    struct push_fault *fault = malloc(sizeof *fault);

    (void)state;
    *fault = (struct push_fault){.status = 400, .code = "invalid_room", .message = "no room"};
    begin(2);
    key_is(1, "k", SAY_GO);
    request->entries[0].fault = fault;
    request->entries[0].idempotency_key = slice_str("bad");
    run();
    assert_int_equal(asked_count, 1);
    assert_string_equal(asked[0].key, "k");
    expect_gone("1");
    expect_answer(&exchange, 207, "[{\"error\":{\"code\":\"invalid_room\"");
}

static void the_digest_is_the_pushs(void **state)
{
    (void)state;
    begin(1);
    key_is(0, "k", SAY_GO);
    uint64_t digest = push_digest(&request->entries[0].push);
    run();
    assert_true(asked[0].digest == digest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(without_a_key_nobody_is_asked, set_up),
        cmocka_unit_test_setup(the_first_of_its_key_goes_and_is_settled, set_up),
        cmocka_unit_test_setup(a_refusal_is_settled_as_one, set_up),
        cmocka_unit_test_setup(a_push_that_waits_is_settled_when_the_gateways_have_said, set_up),
        cmocka_unit_test_setup(the_headers_key_is_that_of_the_one_push, set_up),
        cmocka_unit_test_setup(the_members_key_wins, set_up),
        cmocka_unit_test_setup(a_repeat_does_not_go, set_up),
        cmocka_unit_test_setup(a_conflict_is_refused_and_counted, set_up),
        cmocka_unit_test_setup(in_a_batch_each_speaks_for_itself, set_up),
        cmocka_unit_test_setup(whoever_stands_behind_one_that_is_held_waits_for_its_turn, set_up),
        cmocka_unit_test_setup(a_held_one_that_is_a_repeat_lets_the_others_go, set_up),
        cmocka_unit_test_setup(a_held_one_that_is_refused_lets_the_others_go, set_up),
        cmocka_unit_test_setup(answers_out_of_order_change_no_order, set_up),
        cmocka_unit_test_setup(who_waits_for_the_first_ones_answer_holds_up_nobody, set_up),
        cmocka_unit_test_setup(what_was_refused_before_is_not_asked_for, set_up),
        cmocka_unit_test_setup(the_digest_is_the_pushs, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
