/* SPDX-License-Identifier: Apache-2.0 */
/* The hook with a service of the test's own: what would be fetched is kept here, and answered as the test
 * says; the time of the queue is the test's. */
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/auth/auth_hook.h"
#include "gateway/conf/gateway_conf.h"
#include "gateway/metrics/gateway_metrics.h"
#include "shared/base/clock.h"
#include "shared/fetch/fetch.h"
#include "shared/log/log.h"

enum { MANY = 16 };

struct fetch {
    size_t max_calls;
};

struct fetch_call {
    fetch_done *done;
    void *arg;
    struct fetch_call **slot;
    char url[100];
    char ca[100];
    char authorization[100];
    char body[2000];
    int64_t timeout_ms;
    size_t max_bytes;
};

static struct fetch the_fetch;
static struct fetch_call *sent[MANY]; /* NULL once it was answered */
static size_t sent_count;
static enum status fetch_refuses;
static int64_t now_ms;

static struct event_base *base;
static struct gateway_conf conf;
static struct auth_policy *policy;
static struct auth_hook *hook;
static struct hook_question *back[MANY];
static size_t back_count;

int64_t clock_now_ms(void)
{
    return now_ms;
}

int64_t clock_now_us(void)
{
    return now_ms * 1000;
}

enum status fetch_new(const struct fetch_conf *fetch, struct fetch **out)
{
    the_fetch.max_calls = fetch->max_calls;
    *out = &the_fetch;
    return STATUS_OK;
}

void fetch_free(struct fetch *fetch)
{
    (void)fetch;
    for (size_t i = 0; i < sent_count; i++) {
        if (sent[i] != NULL)
            *sent[i]->slot = NULL;
        free(sent[i]);
        sent[i] = NULL;
    }
}

enum status fetch_send(struct fetch *fetch, const struct fetch_request *request, fetch_done *done, void *arg,
                       struct fetch_call **slot)
{
    if (fetch_refuses != STATUS_OK)
        return fetch_refuses;
    assert_ptr_equal(fetch, &the_fetch);
    assert_true(request->post && request->timeout_ms > 0);
    struct fetch_call *call = calloc(1, sizeof *call);
    *call = (struct fetch_call){.done = done,
                                .arg = arg,
                                .slot = slot,
                                .timeout_ms = request->timeout_ms,
                                .max_bytes = request->max_bytes};
    snprintf(call->url, sizeof call->url, "%s", request->url);
    snprintf(call->ca, sizeof call->ca, "%s", request->ca);
    snprintf(call->body, sizeof call->body, "%.*s", (int)request->body.len, (const char *)request->body.data);
    for (size_t i = 0; i < request->header_count; i++)
        if (strcmp(request->headers[i].name, "Authorization") == 0)
            snprintf(call->authorization, sizeof call->authorization, "%s", request->headers[i].value);
    assert_string_equal(request->headers[0].name, "Content-Type");
    assert_string_equal(request->headers[0].value, "application/json");
    assert_true(sent_count < MANY);
    sent[sent_count++] = *slot = call;
    return STATUS_OK;
}

static void answer_with(size_t i, const struct fetch_answer *answer)
{
    struct fetch_call *call = sent[i];

    assert_non_null(call);
    sent[i] = NULL;
    *call->slot = NULL;
    call->done(answer, call->arg);
    free(call);
}

static void answer(size_t i, int status, const char *body)
{
    const struct fetch_answer got = {
        .result = FETCH_ANSWERED, .why = "", .status = status, .body = slice_str(body), .content_type = ""};

    answer_with(i, &got);
}

static void fail_call(size_t i, enum fetch_result result)
{
    const struct fetch_answer got = {.result = result, .why = "a reason", .content_type = ""};

    answer_with(i, &got);
}

static void on_answer(struct hook_question *question, void *arg)
{
    assert_ptr_equal(arg, &conf);
    assert_true(back_count < MANY);
    back[back_count++] = question;
}

static void set(const char *flag, const char *value)
{
    struct fault fault = {""};

    if (conf_set_flag(&gateway_conf_table, &conf, flag, value, &fault) != STATUS_OK)
        fail_msg("%s", fault.text);
}

static void make_policy(void)
{
    const struct auth_policy_conf made = {&conf.auth, NULL, 64, 0};

    auth_policy_unref(policy);
    policy = NULL;
    assert_int_equal(auth_policy_new(&made, &policy), STATUS_OK);
    auth_hook_use(hook, policy);
}

static int begin(void **state)
{
    const struct auth_hook_env env = {.base = base = event_base_new(),
                                      .gateway = "g\"1",
                                      .max_asked = 4,
                                      .on_answer = on_answer,
                                      .arg = &conf};
    struct fault fault;

    (void)state;
    now_ms = 1000000;
    sent_count = back_count = 0;
    fetch_refuses = STATUS_OK;
    log_setup(LOG_ERROR, LOG_LOGFMT);
    assert_int_equal(conf_defaults(&gateway_conf_table, &conf), STATUS_OK);
    set("auth-mode", "verify");
    set("auth-hook-url", "https://hook.example/ask");
    set("auth-hook-ca", "/ca.pem");
    set("auth-hook-user-prefix", "k:");
    set("auth-hook-max-concurrent", "2");
    set("auth-hook-max-waiting", "2");
    assert_int_equal(auth_hook_new(&env, &conf.auth.hook, &hook, &fault), STATUS_OK);
    make_policy();
    return 0;
}

static void free_back(void)
{
    for (size_t i = 0; i < back_count; i++) {
        hook_question_fini(back[i]);
        free(back[i]);
    }
    back_count = 0;
}

static int end(void **state)
{
    (void)state;
    auth_hook_free(hook);
    free_back();
    auth_policy_unref(policy);
    policy = NULL;
    conf_fini(&gateway_conf_table, &conf);
    event_base_free(base);
    return 0;
}

static void ask_join(const char *room)
{
    struct hook_question *question = malloc(sizeof *question);
    char user[] = "k:u7";
    const struct grant grant = {.user = user, .user_len = 4, .prefix_len = 2};

    assert_int_equal(hook_question_join(question, &grant, slice_str(room)), STATUS_OK);
    auth_hook_ask(hook, question);
}

/* Somebody with that cookie connects. */
static void ask(const char *cookie)
{
    static char *names[] = {"Cookie"};
    const struct conf_list headers = {.items = names, .count = 1};
    struct hook_question *question = malloc(sizeof *question);
    struct http_request *request;
    char text[200];
    size_t used;

    snprintf(text, sizeof text, "GET /connect HTTP/1.1\r\nHost: h\r\nCookie: %s\r\n\r\n", cookie);
    assert_int_equal(http_request_new(1000, 0, &request), STATUS_OK);
    assert_int_equal(http_request_feed(request, text, strlen(text), &used), HTTP_PARSE_HEADERS);
    assert_int_equal(hook_question_connect(question, slice_str("192.0.2.1"), request, &headers), STATUS_OK);
    http_request_free(request);
    auth_hook_ask(hook, question);
}

static void expect_user(size_t i, const char *user)
{
    assert_true(i < back_count);
    assert_int_equal(back[i]->answer.outcome, AUTH_GRANTED);
    assert_string_equal(back[i]->answer.grant->user, user);
}

static void expect_outcome(size_t i, enum auth_outcome outcome, enum auth_reason reason)
{
    assert_true(i < back_count);
    assert_int_equal(back[i]->answer.outcome, outcome);
    assert_int_equal(back[i]->answer.reason, reason);
    assert_null(back[i]->answer.grant);
}

static void test_a_grant(void **state)
{
    (void)state;
    ask("a");
    assert_int_equal(sent_count, 1);
    assert_string_equal(sent[0]->url, "https://hook.example/ask");
    assert_string_equal(sent[0]->ca, "/ca.pem");
    assert_string_equal(sent[0]->authorization, "");
    assert_int_equal(sent[0]->timeout_ms, 1000);
    assert_string_equal(
        sent[0]->body,
        "{\"gateway\":\"g\\\"1\",\"event\":\"connect\",\"address\":\"192.0.2.1\",\"query\":\"\","
        "\"headers\":{\"Cookie\":\"a\"}}");
    assert_int_equal(back_count, 0);
    answer(0, 200, "{\"user\":\"u7\",\"rooms\":[\"r*\"],\"info\":7}");
    expect_user(0, "k:u7");
    assert_true(back[0]->answer.grant->expires_s == INT64_MAX);
    assert_true(auth_policy_allows(policy, back[0]->answer.grant, slice_str("r1")));
    assert_int_equal(metrics_get(M_HOOK_GRANTED), 1);
    ask("a"); /* without `seconds` nothing is kept */
    assert_int_equal(sent_count, 2);
}

static void test_what_fails_closed(void **state)
{
    static const struct {
        int status;
        const char *body;
        enum auth_outcome outcome;
        enum auth_reason reason;
        enum gateway_metric row;
    } cases[] = {
        {403, "{\"user\":\"u7\"}", AUTH_REFUSED, AUTH_REASON_HOOK_REFUSED, M_HOOK_REFUSED},
        {201, "{\"user\":\"u7\"}", AUTH_UNAVAILABLE, AUTH_REASON_HOOK_UNAVAILABLE, M_HOOK_BAD_STATUS},
        {302, "{\"user\":\"u7\"}", AUTH_UNAVAILABLE, AUTH_REASON_HOOK_UNAVAILABLE, M_HOOK_BAD_STATUS},
        {401, "", AUTH_UNAVAILABLE, AUTH_REASON_HOOK_UNAVAILABLE, M_HOOK_BAD_STATUS},
        {500, "", AUTH_UNAVAILABLE, AUTH_REASON_HOOK_UNAVAILABLE, M_HOOK_BAD_STATUS},
        {200, "", AUTH_UNAVAILABLE, AUTH_REASON_HOOK_BAD_ANSWER, M_HOOK_BAD_ANSWER},
        {200, "<html>", AUTH_UNAVAILABLE, AUTH_REASON_HOOK_BAD_ANSWER, M_HOOK_BAD_ANSWER},
        {200, "{\"user\":7}", AUTH_UNAVAILABLE, AUTH_REASON_HOOK_BAD_ANSWER, M_HOOK_BAD_ANSWER},
        {200, "{\"user\":7,\"seconds\":60}", AUTH_UNAVAILABLE, AUTH_REASON_HOOK_BAD_ANSWER,
         M_HOOK_BAD_ANSWER},
        {200, "{\"user\":\"u\",\"seconds\":-5}", AUTH_UNAVAILABLE, AUTH_REASON_HOOK_BAD_ANSWER,
         M_HOOK_BAD_ANSWER},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t before = metrics_get(cases[i].row);

        ask("a"); /* and nothing of it was kept */
        assert_int_equal(sent_count, i + 1);
        answer(i, cases[i].status, cases[i].body);
        expect_outcome(i, cases[i].outcome, cases[i].reason);
        assert_int_equal(metrics_get(cases[i].row), before + 1);
    }
}

static void test_what_does_not_come(void **state)
{
    static const struct {
        enum fetch_result result;
        enum gateway_metric row;
        enum auth_reason reason;
    } cases[] = {
        {FETCH_NO_ADDRESS, M_HOOK_FAILED, AUTH_REASON_HOOK_UNAVAILABLE},
        {FETCH_NO_CONNECTION, M_HOOK_FAILED, AUTH_REASON_HOOK_UNAVAILABLE},
        {FETCH_NOT_VERIFIED, M_HOOK_FAILED, AUTH_REASON_HOOK_UNAVAILABLE},
        {FETCH_BROKEN, M_HOOK_FAILED, AUTH_REASON_HOOK_UNAVAILABLE},
        {FETCH_TIMED_OUT, M_HOOK_TIMED_OUT, AUTH_REASON_HOOK_UNAVAILABLE},
        {FETCH_TOO_LARGE, M_HOOK_BAD_ANSWER, AUTH_REASON_HOOK_BAD_ANSWER},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t before = metrics_get(cases[i].row);

        ask("a");
        fail_call(i, cases[i].result);
        expect_outcome(i, AUTH_UNAVAILABLE, cases[i].reason);
        assert_int_equal(metrics_get(cases[i].row), before + 1);
    }
    fetch_refuses = STATUS_NO_MEMORY;
    ask("a");
    expect_outcome(6, AUTH_UNAVAILABLE, AUTH_REASON_HOOK_UNAVAILABLE);
    assert_int_equal(metrics_get(M_HOOK_WAITING), 0);
}

static void test_kept_by_exactly_what_was_sent(void **state)
{
    uint64_t hits = metrics_get(M_HOOK_CACHE_HITS);
    int64_t expires_s;

    (void)state;
    ask("a");
    answer(0, 200, "{\"user\":\"ann\",\"seconds\":60}");
    expires_s = back[0]->answer.grant->expires_s;
    assert_in_range(expires_s, (int64_t)time(NULL) + 58, (int64_t)time(NULL) + 60);
    ask("a");
    assert_int_equal(sent_count, 1);
    expect_user(1, "k:ann");
    assert_int_equal(back[1]->answer.grant->expires_s, expires_s); /* it ends with the answer */
    assert_int_equal(metrics_get(M_HOOK_CACHE_HITS), hits + 1);
    ask("b"); /* another cookie is another question */
    assert_int_equal(sent_count, 2);
    answer(1, 200, "{\"user\":\"bob\",\"seconds\":60}");
    expect_user(2, "k:bob");
    ask("a");
    expect_user(3, "k:ann");
    ask("b");
    expect_user(4, "k:bob");
    assert_int_equal(sent_count, 2);
}

static void test_other_settings_forget_what_was_kept(void **state)
{
    struct fault fault;

    (void)state;
    ask("a");
    answer(0, 200, "{\"user\":\"ann\",\"seconds\":60}");
    set("auth-hook-url", "https://other.example/");
    assert_int_equal(auth_hook_set(hook, &conf.auth.hook, &fault), STATUS_OK);
    ask("a");
    assert_int_equal(sent_count, 2);
    assert_string_equal(sent[1]->url, "https://other.example/");
    set("auth-hook-token-file", "/nowhere");
    assert_int_equal(auth_hook_set(hook, &conf.auth.hook, &fault), STATUS_IO);
    assert_non_null(strstr(fault.text, "/nowhere"));
    answer(1, 403, "");
    set("auth-hook-token-file", "");
    set("auth-hook-url", "");
    assert_int_equal(auth_hook_set(hook, &conf.auth.hook, &fault), STATUS_OK);
    ask("a");
    expect_outcome(2, AUTH_UNAVAILABLE, AUTH_REASON_HOOK_UNAVAILABLE);
}

static void test_equal_questions_share_an_answer(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        ask("a");
    assert_int_equal(sent_count, 1);
    answer(0, 200, "{\"user\":\"ann\"}");
    assert_int_equal(back_count, 3);
    for (size_t i = 0; i < 3; i++)
        expect_user(i, "k:ann");
    assert_ptr_not_equal(back[0]->answer.grant, back[1]->answer.grant);
}

static void test_bounded_and_refused_at_once(void **state)
{
    uint64_t full = metrics_get(M_HOOK_FULL);
    const char *const cookies[] = {"a", "b", "c", "d", "e"};

    (void)state;
    for (size_t i = 0; i < 5; i++)
        ask(cookies[i]);
    assert_int_equal(sent_count, 2);
    assert_int_equal(back_count, 1);
    expect_outcome(0, AUTH_UNAVAILABLE, AUTH_REASON_HOOK_UNAVAILABLE);
    assert_int_equal(metrics_get(M_HOOK_FULL), full + 1);
    assert_int_equal(metrics_get(M_HOOK_WAITING), 4);
    now_ms += 300;
    answer(0, 200, "{\"user\":\"ann\"}");
    assert_int_equal(sent_count, 3);
    assert_int_equal(sent[2]->timeout_ms, 700); /* the time runs while it waits */
    assert_non_null(strstr(sent[2]->body, "\"Cookie\":\"c\""));
}

static void test_too_late_to_be_asked(void **state)
{
    uint64_t late = metrics_get(M_HOOK_TIMED_OUT);

    (void)state;
    ask("a");
    ask("b");
    ask("c");
    now_ms += 1000;
    answer(0, 200, "{\"user\":\"ann\"}");
    assert_int_equal(sent_count, 2);
    assert_int_equal(back_count, 2);
    expect_user(0, "k:ann");
    expect_outcome(1, AUTH_UNAVAILABLE, AUTH_REASON_HOOK_UNAVAILABLE);
    assert_int_equal(metrics_get(M_HOOK_TIMED_OUT), late + 1);
}

/* Nothing else happens: the timer alone ends it. */
static void test_the_timer_ends_those_that_wait(void **state)
{
    struct fault fault;

    (void)state;
    set("auth-hook-timeout", "50");
    assert_int_equal(auth_hook_set(hook, &conf.auth.hook, &fault), STATUS_OK);
    ask("a");
    ask("b");
    ask("c");
    now_ms += 50;
    event_base_loop(base, EVLOOP_ONCE);
    assert_int_equal(back_count, 1);
    expect_outcome(0, AUTH_UNAVAILABLE, AUTH_REASON_HOOK_UNAVAILABLE);
}

static void test_a_room(void **state)
{
    (void)state;
    ask_join("r1");
    assert_string_equal(sent[0]->body,
                        "{\"gateway\":\"g\\\"1\",\"event\":\"join\",\"user\":\"k:u7\",\"room\":\"r1\"}");
    answer(0, 200, "{\"seconds\":60}");
    assert_int_equal(back[0]->answer.outcome, AUTH_GRANTED);
    assert_null(back[0]->answer.grant->user);
    assert_in_range(back[0]->answer.grant->expires_s, (int64_t)time(NULL) + 58, (int64_t)time(NULL) + 60);
    ask_join("r1");
    assert_int_equal(sent_count, 1);
    ask_join("r2");
    answer(1, 403, "");
    expect_outcome(2, AUTH_REFUSED, AUTH_REASON_HOOK_REFUSED);
}

static void test_the_token_is_shown(void **state)
{
    char path[] = "/tmp/fanfare-token-XXXXXX";
    struct fault fault;
    int fd = mkstemp(path);

    (void)state;
    assert_int_equal(write(fd, "s3cret\n", 7), 7);
    close(fd);
    set("auth-hook-token-file", path);
    assert_int_equal(auth_hook_set(hook, &conf.auth.hook, &fault), STATUS_OK);
    ask("a");
    assert_string_equal(sent[0]->authorization, "Bearer s3cret");
    unlink(path);
}

static void test_nobody_is_left_waiting_at_the_end(void **state)
{
    (void)state;
    ask("a");
    ask("b");
    ask("c");
    auth_hook_free(hook);
    hook = NULL;
    assert_int_equal(back_count, 3);
    for (size_t i = 0; i < 3; i++)
        expect_outcome(i, AUTH_UNAVAILABLE, AUTH_REASON_HOOK_UNAVAILABLE);
}

static void test_without_a_policy_nothing_is_granted(void **state)
{
    (void)state;
    ask("a");
    auth_hook_use(hook, NULL);
    answer(0, 200, "{\"user\":\"ann\",\"seconds\":60}");
    expect_outcome(0, AUTH_UNAVAILABLE, AUTH_REASON_HOOK_UNAVAILABLE);
    auth_hook_use(hook, policy);
    ask("a");
    assert_int_equal(sent_count, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_a_grant),
        TEST(test_what_fails_closed),
        TEST(test_what_does_not_come),
        TEST(test_kept_by_exactly_what_was_sent),
        TEST(test_other_settings_forget_what_was_kept),
        TEST(test_equal_questions_share_an_answer),
        TEST(test_bounded_and_refused_at_once),
        TEST(test_too_late_to_be_asked),
        TEST(test_the_timer_ends_those_that_wait),
        TEST(test_a_room),
        TEST(test_the_token_is_shown),
        TEST(test_nobody_is_left_waiting_at_the_end),
        TEST(test_without_a_policy_nothing_is_granted),
    };

    gateway_metrics_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
