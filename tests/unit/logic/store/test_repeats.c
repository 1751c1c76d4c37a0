/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a push with a key, with a Redis and a clock that the test plays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logic/metrics/logic_metrics.h"
#include "logic/store/repeat_key.h"
#include "logic/store/repeats.h"
#include "shared/base/clock.h"

enum { DIGEST = 0xabc, TEXT = 512, WAIT_MS = 5000, PATIENCE_TURNS = 4000 };

#define CLAIMED  "1 0000000000000abc"
#define ANSWERED "1 0000000000000abc 200 {\"id\":\"far-1\"}"
#define OTHER    "1 0000000000000abd"
#define TAKEN    "{\"id\":\"a-1\"}"

struct redis_client {
    bool up;
    int commands;
    char said[TEXT]; /* the last command, its words with a space between */
    redis_answer *done;
    void *done_arg;
};

static struct redis_client the_redis;
static int64_t ahead_ms; /* of the real clock */

int64_t clock_now_ms(void)
{
    return 1000 + ahead_ms;
}

bool redis_client_is_up(const struct redis_client *client)
{
    return client->up;
}

const char *redis_client_name(const struct redis_client *client)
{
    (void)client;
    return "redis:1/0";
}

enum status redis_client_command(struct redis_client *client, redis_answer *done, void *arg,
                                 const struct slice *words, size_t count)
{
    if (!client->up)
        return STATUS_CLOSED;
    client->said[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(client->said);
        snprintf(client->said + len, TEXT - len, "%s%.*s", i > 0 ? " " : "", (int)words[i].len,
                 (const char *)words[i].data);
    }
    client->commands++;
    client->done = done;
    client->done_arg = arg;
    return STATUS_OK;
}

static void redis_says(int type, const char *text)
{
    redisReply answer = {
        .type = type, .str = (char *)(uintptr_t)text, .len = text != NULL ? strlen(text) : 0};
    redis_answer *done = the_redis.done;

    assert_non_null(done);
    the_redis.done = NULL;
    done(&answer, the_redis.done_arg);
}

static void redis_goes(void)
{
    redis_answer *done = the_redis.done;

    the_redis.up = false;
    the_redis.done = NULL;
    if (done != NULL)
        done(NULL, the_redis.done_arg);
}

static void expect_said(const char *command)
{
    assert_string_equal(the_redis.said, command);
}

/* A push that asks. */
struct asker {
    struct repeat repeat;
    int went;
    int answered;
    int status;
    char code[32]; /* of a refusal */
    char json[TEXT];
};

static void on_go(struct repeat *repeat)
{
    container_of(repeat, struct asker, repeat)->went++;
}

static void on_answer(struct repeat *repeat, const struct repeat_reply *reply)
{
    struct asker *asker = container_of(repeat, struct asker, repeat);

    asker->answered++;
    asker->status = reply->refused != NULL ? reply->refused->status : reply->status;
    if (reply->refused != NULL)
        snprintf(asker->code, sizeof asker->code, "%s", reply->refused->code);
    snprintf(asker->json, sizeof asker->json, "%.*s", (int)reply->json.len, (const char *)reply->json.data);
}

struct bench {
    struct event_base *base;
    struct repeats *repeats;
};

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);

    logic_metrics_setup();
    the_redis = (struct redis_client){.up = true};
    ahead_ms = 0;
    bench->base = event_base_new();
    assert_int_equal(
        repeats_new(bench->base, "fanfare", &(const struct repeat_bounds){3, 1 << 20}, &bench->repeats),
        STATUS_OK);
    *state = bench;
    return 0;
}

static int set_up_with_redis(void **state)
{
    (void)set_up(state);
    repeats_use_redis(((struct bench *)*state)->repeats, &the_redis);
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;

    redis_goes();
    repeats_use_redis(bench->repeats, NULL);
    repeats_free(bench->repeats);
    event_base_free(bench->base);
    free(bench);
    return 0;
}

static bool ask_as(struct bench *bench, struct asker *asker, const char *caller, const char *key,
                   uint64_t digest, int wait_ms)
{
    *asker = (struct asker){.repeat = {.go = on_go, .answer = on_answer}};
    return repeats_ask(bench->repeats, caller, slice_str(key), digest, wait_ms, &asker->repeat);
}

static bool ask(struct bench *bench, struct asker *asker)
{
    return ask_as(bench, asker, "shop", "k", DIGEST, 0);
}

/* What the push's own caller is told. */
static void settle(struct asker *asker, int status, const char *json, bool accepted, const char *wanted)
{
    struct buf answer;

    buf_init(&answer, SIZE_MAX);
    assert_int_equal(buf_append_str(&answer, json), STATUS_OK);
    repeats_settle(&asker->repeat, status, &answer, accepted);
    assert_true(slice_equal(slice_of(answer.data, answer.len), slice_str(wanted)));
    buf_fini(&answer);
}

static void expect_repeat(struct bench *bench, const char *json)
{
    struct asker asker;

    assert_false(ask(bench, &asker));
    assert_int_equal(asker.answered, 1);
    assert_int_equal(asker.went, 0);
    assert_string_equal(asker.json, json);
}

static void expect_refused(const struct asker *asker, int status, const char *code)
{
    assert_int_equal(asker->answered, 1);
    assert_int_equal(asker->went, 0);
    assert_int_equal(asker->status, status);
    assert_string_equal(asker->code, code);
}

/* Timers are the real clock's. */
static void turn_until_said(struct bench *bench, int commands)
{
    for (int i = 0; i < PATIENCE_TURNS && the_redis.commands < commands; i++)
        event_base_loop(bench->base, EVLOOP_ONCE);
    assert_int_equal(the_redis.commands, commands);
}

static void keys_are_names(void **state)
{
    char longest[REPEAT_KEY_MAX + 2];

    (void)state;
    memset(longest, 'x', sizeof longest);
    assert_null(repeat_key_fault(slice_str("order 17/\xc3\xa4")));
    assert_null(repeat_key_fault(slice_of(longest, REPEAT_KEY_MAX)));
    assert_string_equal(repeat_key_fault(slice_of(longest, REPEAT_KEY_MAX + 1)), "it is too long");
    assert_string_equal(repeat_key_fault(slice_str("")), "it is empty");
    assert_string_equal(repeat_key_fault(slice_str("a\xff")), "it is not valid UTF-8");
    assert_string_equal(repeat_key_fault(slice_str("a\x7f")), "it has a control character");
}

static void without_redis_the_first_goes_at_once(void **state)
{
    struct asker asker;

    assert_false(ask(*state, &asker));
    assert_int_equal(asker.went, 1);
    settle(&asker, 200, TAKEN, true, TAKEN);
    expect_repeat(*state, "{\"id\":\"a-1\",\"repeated\":true}");
    assert_int_equal(the_redis.commands, 0);
    assert_int_equal(metrics_get(LM_PUSHES_REPEATED), 1);
    assert_int_equal(metrics_get(LM_PUSHES_RECEIVED), 1); /* the first one is dispatch's to count */
    assert_int_equal(metrics_get(LM_IDEMPOTENCY_ENTRIES), 1);
    assert_int_equal(metrics_get(LM_IDEMPOTENCY_UNCHECKED), 0);
}

static void whoever_comes_meanwhile_waits(void **state)
{
    struct asker first, second;

    (void)ask(*state, &first);
    assert_false(ask(*state, &second));
    assert_int_equal(second.answered + second.went, 0);
    settle(&first, 502, "{\"error\":{}}", true, "{\"error\":{}}");
    assert_int_equal(second.answered, 1);
    assert_int_equal(second.status, 502);
    assert_string_equal(second.json, "{\"error\":{},\"repeated\":true}");
}

static void a_refusal_is_told_as_it_is_and_forgotten(void **state)
{
    struct asker first, second, third;

    (void)ask(*state, &first);
    (void)ask(*state, &second);
    settle(&first, 503, "{\"error\":{}}", false, "{\"error\":{}}");
    assert_int_equal(second.status, 503);
    assert_string_equal(second.json, "{\"error\":{}}");
    (void)ask(*state, &third);
    assert_int_equal(third.went, 1);
    settle(&third, 200, TAKEN, true, TAKEN);
}

static void callers_and_keys_do_not_run_into_each_other(void **state)
{
    static const struct {
        const char *caller, *key;
    } others[] = {{"shop", "k"}, {"shop", "kk"}, {"shopk", ""}, {"s", "hop:k"}};
    struct asker askers[4];

    for (size_t i = 0; i < 3; i++) {
        (void)ask_as(*state, &askers[i], others[i].caller, others[i].key, DIGEST + i, 0);
        assert_int_equal(askers[i].went, 1);
    }
    (void)ask_as(*state, &askers[3], others[3].caller, others[3].key, DIGEST, 0);
    expect_refused(&askers[3], 503, "too_many_keys"); /* three is the bound, and all are under way */
    for (size_t i = 0; i < 3; i++)
        settle(&askers[i], 200, TAKEN, true, TAKEN);
}

static void another_push_is_a_conflict(void **state)
{
    struct asker first, other;

    (void)ask(*state, &first);
    assert_false(ask_as(*state, &other, "shop", "k", DIGEST + 1, 0));
    expect_refused(&other, 409, "idempotency_conflict");
    settle(&first, 200, TAKEN, true, TAKEN);
}

static void redis_is_asked_before_the_first_goes(void **state)
{
    struct asker asker;

    assert_true(ask(*state, &asker));
    assert_int_equal(asker.went, 0);
    expect_said("SET fanfare:idempotency:4:shop:k " CLAIMED " NX PX 10000");
    redis_says(REDIS_REPLY_STATUS, "OK");
    assert_int_equal(asker.went, 1);
    settle(&asker, 200, TAKEN, true, TAKEN);
    expect_said("SET fanfare:idempotency:4:shop:k 1 0000000000000abc 200 " TAKEN " PX 300000");
    redis_says(REDIS_REPLY_STATUS, "OK");
    expect_repeat(*state, "{\"id\":\"a-1\",\"repeated\":true}");
    assert_int_equal(the_redis.commands, 2);
    assert_int_equal(metrics_get(LM_IDEMPOTENCY_UNCHECKED), 0);
}

static void a_claim_outlives_the_wait_of_its_push(void **state)
{
    struct asker asker;

    assert_true(ask_as(*state, &asker, "shop", "k", DIGEST, WAIT_MS));
    expect_said("SET fanfare:idempotency:4:shop:k " CLAIMED " NX PX 15000");
    redis_says(REDIS_REPLY_STATUS, "OK");
    settle(&asker, 200, TAKEN, true, TAKEN);
}

static void what_is_refused_gives_its_claim_back(void **state)
{
    struct asker asker;

    (void)ask(*state, &asker);
    redis_says(REDIS_REPLY_STATUS, "OK");
    settle(&asker, 503, "{\"error\":{}}", false, "{\"error\":{}}");
    expect_said("DEL fanfare:idempotency:4:shop:k");
}

static void another_logics_answer_is_a_repeats_and_stays_there(void **state)
{
    struct asker first, second, third;

    (void)ask(*state, &first);
    (void)ask(*state, &second);
    redis_says(REDIS_REPLY_NIL, NULL);
    expect_said("GET fanfare:idempotency:4:shop:k");
    redis_says(REDIS_REPLY_STRING, ANSWERED);
    assert_int_equal(first.went, 0);
    assert_string_equal(first.json, "{\"id\":\"far-1\",\"repeated\":true}");
    assert_string_equal(second.json, "{\"id\":\"far-1\",\"repeated\":true}");
    assert_int_equal(metrics_get(LM_PUSHES_REPEATED), 2);
    assert_int_equal(metrics_get(LM_IDEMPOTENCY_ENTRIES), 0);
    assert_true(ask(*state, &third)); /* it is Redis that knows for how long */
    redis_says(REDIS_REPLY_STATUS, "OK");
    settle(&third, 200, TAKEN, true, TAKEN);
}

static void another_logics_push_is_a_conflict_for_all_who_wait(void **state)
{
    struct asker first, second;

    (void)ask(*state, &first);
    (void)ask(*state, &second);
    redis_says(REDIS_REPLY_NIL, NULL);
    redis_says(REDIS_REPLY_STRING, OTHER);
    expect_refused(&first, 409, "idempotency_conflict");
    assert_int_equal(second.status, 409);
    assert_non_null(strstr(second.json, "\"idempotency_conflict\""));
    assert_null(strstr(second.json, "repeated"));
}

static void another_logics_claim_is_looked_at_again(void **state)
{
    struct asker asker;

    (void)ask(*state, &asker);
    redis_says(REDIS_REPLY_NIL, NULL);
    redis_says(REDIS_REPLY_STRING, CLAIMED);
    assert_int_equal(asker.answered + asker.went, 0);
    turn_until_said(*state, 3);
    expect_said("GET fanfare:idempotency:4:shop:k");
    redis_says(REDIS_REPLY_STRING, ANSWERED);
    assert_int_equal(asker.answered, 1);
}

static void but_not_for_longer_than_a_second(void **state)
{
    struct asker first, second;

    (void)ask(*state, &first);
    (void)ask(*state, &second);
    redis_says(REDIS_REPLY_NIL, NULL);
    ahead_ms = REPEAT_LOOK_MS - 1;
    redis_says(REDIS_REPLY_STRING, CLAIMED);
    assert_int_equal(first.answered, 0);
    turn_until_said(*state, 3);
    ahead_ms = REPEAT_LOOK_MS;
    redis_says(REDIS_REPLY_STRING, CLAIMED);
    expect_refused(&first, 503, "in_progress");
    assert_int_equal(second.status, 503);
    assert_int_equal(metrics_get(LM_IDEMPOTENCY_ENTRIES), 0);
}

static void a_claim_that_is_gone_is_taken(void **state)
{
    struct asker asker;

    (void)ask(*state, &asker);
    redis_says(REDIS_REPLY_NIL, NULL);
    redis_says(REDIS_REPLY_NIL, NULL);
    expect_said("SET fanfare:idempotency:4:shop:k " CLAIMED " NX PX 10000");
    redis_says(REDIS_REPLY_STATUS, "OK");
    assert_int_equal(asker.went, 1);
    settle(&asker, 200, TAKEN, true, TAKEN);
}

static void claims_that_come_and_go_do_not_hold_it_for_ever(void **state)
{
    struct asker asker;

    (void)ask(*state, &asker);
    redis_says(REDIS_REPLY_NIL, NULL);
    ahead_ms = REPEAT_LOOK_MS;
    redis_says(REDIS_REPLY_NIL, NULL);
    expect_refused(&asker, 503, "in_progress");
}

#define LOCAL "{\"id\":\"a-1\",\"idempotency\":\"local\"}"

/* Goes on unchecked, says so, and repeats here say it too. */
static void expect_local(struct bench *bench, struct asker *asker)
{
    assert_int_equal(asker->went, 1);
    settle(asker, 200, TAKEN, true, LOCAL);
    expect_repeat(bench, "{\"id\":\"a-1\",\"idempotency\":\"local\",\"repeated\":true}");
    assert_int_equal(metrics_get(LM_IDEMPOTENCY_UNCHECKED), 1);
}

static void while_redis_is_away_nobody_waits_for_it(void **state)
{
    struct asker asker;

    the_redis.up = false;
    assert_false(ask(*state, &asker));
    expect_local(*state, &asker);
}

static void redis_that_goes_lets_the_push_go(void **state)
{
    struct asker asker;

    assert_true(ask(*state, &asker));
    redis_goes();
    expect_local(*state, &asker);
}

static void redis_that_is_back_learns_of_it(void **state)
{
    struct asker asker;

    assert_true(ask(*state, &asker));
    redis_goes();
    the_redis.up = true;
    settle(&asker, 200, TAKEN, true, LOCAL);
    expect_said("SET fanfare:idempotency:4:shop:k 1 0000000000000abc 200 " LOCAL " PX 300000");
}

static void what_redis_does_not_say_lets_the_push_go(void **state)
{
    struct asker asker;

    assert_true(ask(*state, &asker));
    redis_says(REDIS_REPLY_ERROR, "OOM command not allowed");
    expect_local(*state, &asker);
}

static void what_is_no_record_lets_the_push_go(void **state)
{
    struct asker asker;

    assert_true(ask(*state, &asker));
    redis_says(REDIS_REPLY_NIL, NULL);
    redis_says(REDIS_REPLY_STRING, "hello");
    expect_local(*state, &asker);
}

static void a_refusal_is_never_called_local(void **state)
{
    struct asker asker;

    the_redis.up = false;
    (void)ask(*state, &asker);
    settle(&asker, 503, "{\"error\":{}}", false, "{\"error\":{}}");
}

static void what_was_seen_taken_does_not_go_when_redis_does(void **state)
{
    struct asker asker;

    (void)ask(*state, &asker);
    redis_says(REDIS_REPLY_NIL, NULL);
    redis_goes();
    expect_refused(&asker, 503, "in_progress");
}

static void nor_when_it_cannot_be_looked_at(void **state)
{
    struct asker asker;

    (void)ask(*state, &asker);
    the_redis.up = false;
    redis_says(REDIS_REPLY_NIL, NULL);
    expect_refused(&asker, 503, "in_progress");
}

static void an_answer_that_redis_did_not_take_is_counted(void **state)
{
    struct asker asker;

    (void)ask(*state, &asker);
    redis_says(REDIS_REPLY_STATUS, "OK");
    settle(&asker, 200, TAKEN, true, TAKEN);
    redis_goes();
    assert_int_equal(metrics_get(LM_IDEMPOTENCY_UNCHECKED), 1);
}

static void an_answer_that_could_not_be_sent_is_counted(void **state)
{
    struct asker asker;

    (void)ask(*state, &asker);
    redis_says(REDIS_REPLY_STATUS, "OK");
    the_redis.up = false;
    settle(&asker, 200, TAKEN, true, TAKEN);
    assert_int_equal(metrics_get(LM_IDEMPOTENCY_UNCHECKED), 1);
}

static void questions_are_bounded(void **state)
{
    struct bench *bench = *state;
    struct asker *askers = calloc(REPEAT_QUESTIONS_MAX + 1, sizeof *askers);
    char key[16];

    repeats_bound(bench->repeats, &(const struct repeat_bounds){REPEAT_QUESTIONS_MAX + 1, 1 << 24});
    for (int i = 0; i < REPEAT_QUESTIONS_MAX; i++) {
        snprintf(key, sizeof key, "k%d", i);
        assert_true(ask_as(bench, &askers[i], "shop", key, DIGEST, 0));
    }
    assert_false(ask_as(bench, &askers[REPEAT_QUESTIONS_MAX], "shop", "more", DIGEST, 0));
    assert_int_equal(askers[REPEAT_QUESTIONS_MAX].went, 1);
    settle(&askers[REPEAT_QUESTIONS_MAX], 200, TAKEN, true, LOCAL);
    redis_goes(); /* only the last command's asker is told by this Redis, the others by the end */
    repeats_use_redis(bench->repeats, NULL);
    expect_refused(&askers[0], 503, "in_progress");
    for (int i = 0; i < REPEAT_QUESTIONS_MAX; i++)
        if (askers[i].went)
            settle(&askers[i], 200, TAKEN, true, LOCAL);
    free(askers);
}

static void who_looks_when_redis_is_left_is_refused(void **state)
{
    struct bench *bench = *state;
    struct asker asker;

    (void)ask(bench, &asker);
    redis_says(REDIS_REPLY_NIL, NULL);
    redis_says(REDIS_REPLY_STRING, CLAIMED);
    repeats_use_redis(bench->repeats, NULL);
    expect_refused(&asker, 503, "in_progress");
    (void)ask(bench, &asker);
    assert_int_equal(asker.went, 1);
    settle(&asker, 503, "{\"error\":{}}", false, "{\"error\":{}}");
}

static void answers_end_by_time(void **state)
{
    struct bench *bench = *state;
    struct asker asker;

    (void)ask(bench, &asker);
    settle(&asker, 200, TAKEN, true, TAKEN);
    ahead_ms = REPEAT_KEPT_MS;
    for (int i = 0; i < PATIENCE_TURNS && metrics_get(LM_IDEMPOTENCY_ENTRIES) > 0; i++)
        event_base_loop(bench->base, EVLOOP_ONCE);
    assert_int_equal(metrics_get(LM_IDEMPOTENCY_ENTRIES), 0);
    assert_int_equal(metrics_get(LM_IDEMPOTENCY_BYTES), 0);
    assert_int_equal(metrics_get(LM_IDEMPOTENCY_EVICTED), 0);
}

static void what_gives_way_is_counted(void **state)
{
    struct asker asker;

    for (int i = 0; i < 5; i++) {
        char key[2] = {(char)('a' + i), '\0'};
        (void)ask_as(*state, &asker, "shop", key, DIGEST, 0);
        settle(&asker, 200, TAKEN, true, TAKEN);
    }
    assert_int_equal(metrics_get(LM_IDEMPOTENCY_ENTRIES), 3);
    assert_int_equal(metrics_get(LM_IDEMPOTENCY_EVICTED), 2);
}

#define WITH_REDIS(test) cmocka_unit_test_setup_teardown(test, set_up_with_redis, tear_down)
#define ALONE(test)      cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_names),
        ALONE(without_redis_the_first_goes_at_once),
        ALONE(whoever_comes_meanwhile_waits),
        ALONE(a_refusal_is_told_as_it_is_and_forgotten),
        ALONE(callers_and_keys_do_not_run_into_each_other),
        ALONE(another_push_is_a_conflict),
        ALONE(answers_end_by_time),
        ALONE(what_gives_way_is_counted),
        WITH_REDIS(redis_is_asked_before_the_first_goes),
        WITH_REDIS(a_claim_outlives_the_wait_of_its_push),
        WITH_REDIS(what_is_refused_gives_its_claim_back),
        WITH_REDIS(another_logics_answer_is_a_repeats_and_stays_there),
        WITH_REDIS(another_logics_push_is_a_conflict_for_all_who_wait),
        WITH_REDIS(another_logics_claim_is_looked_at_again),
        WITH_REDIS(but_not_for_longer_than_a_second),
        WITH_REDIS(a_claim_that_is_gone_is_taken),
        WITH_REDIS(claims_that_come_and_go_do_not_hold_it_for_ever),
        WITH_REDIS(while_redis_is_away_nobody_waits_for_it),
        WITH_REDIS(redis_that_goes_lets_the_push_go),
        WITH_REDIS(redis_that_is_back_learns_of_it),
        WITH_REDIS(what_redis_does_not_say_lets_the_push_go),
        WITH_REDIS(what_is_no_record_lets_the_push_go),
        WITH_REDIS(a_refusal_is_never_called_local),
        WITH_REDIS(what_was_seen_taken_does_not_go_when_redis_does),
        WITH_REDIS(nor_when_it_cannot_be_looked_at),
        WITH_REDIS(an_answer_that_redis_did_not_take_is_counted),
        WITH_REDIS(an_answer_that_could_not_be_sent_is_counted),
        WITH_REDIS(questions_are_bounded),
        WITH_REDIS(who_looks_when_redis_is_left_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
