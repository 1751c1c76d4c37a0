/* SPDX-License-Identifier: Apache-2.0 */
/* Keys come, change, go bad and are replaced; each policy that comes of it judges tokens. The watch over
 * files, the fetches, the clock and the timers are played here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gateway/auth/auth.h"
#include "gateway/auth/key_source.h"
#include "gateway/metrics/gateway_metrics.h"
#include "shared/base/clock.h"
#include "shared/conf/file_watch.h"
#include "shared/fetch/fetch.h"
#include "shared/net/loop_event.h"
#include "tests/unit/jose_sign.h"

#define OLD "an old secret of more than thirty-two bytes"
#define NEW "a new secret of more than thirty-two bytes!"

struct file_watch {
    void (*on_change)(void *arg);
    void *arg;
};

struct fetch_call {
    char url[128];
    char ca[64];
    fetch_done *done;
    void *arg;
    struct fetch_call **slot;
};

static int64_t now_ms = 1000000;
static struct file_watch *watches[4];
static size_t watch_count;
static struct fetch_call *calls[8];
static size_t sent;      /* calls ever */
static size_t under_way; /* and now */
static bool full;
static struct event *timer; /* the last that was set */
static int64_t timer_ms;

int64_t clock_now_ms(void)
{
    return now_ms;
}

int64_t clock_now_us(void)
{
    return now_ms * 1000;
}

enum status loop_event_after_ms(struct event *event, int64_t delay)
{
    timer = event;
    timer_ms = delay;
    return STATUS_OK;
}

enum status loop_event_after_us(struct event *event, int64_t delay)
{
    return loop_event_after_ms(event, delay / 1000);
}

void loop_event_free(struct event *event)
{
    if (event != NULL)
        event_free(event);
    timer = timer == event ? NULL : timer;
}

enum status file_watch_new(struct event_base *base, const char *const *paths, size_t count,
                           void (*on_change)(void *arg), void *arg, struct file_watch **out)
{
    (void)base;
    assert_int_equal(count, 1);
    assert_true(paths[0][0] != '\0');
    *out = calloc(1, sizeof **out);
    **out = (struct file_watch){on_change, arg};
    watches[watch_count++] = *out;
    return STATUS_OK;
}

enum status file_watch_set(struct file_watch *watch, const char *const *paths, size_t count)
{
    (void)watch;
    (void)paths;
    (void)count;
    return STATUS_OK;
}

void file_watch_free(struct file_watch *watch)
{
    for (size_t i = 0; i < watch_count; i++)
        if (watches[i] == watch)
            watches[i] = watches[--watch_count];
    free(watch);
}

enum status fetch_new(const struct fetch_conf *conf, struct fetch **out)
{
    assert_non_null(conf->resolver);
    *out = (struct fetch *)(uintptr_t)8;
    return STATUS_OK;
}

void fetch_free(struct fetch *fetch)
{
    (void)fetch;
    assert_int_equal(under_way, 0);
}

enum status fetch_send(struct fetch *fetch, const struct fetch_request *request, fetch_done *done, void *arg,
                       struct fetch_call **slot)
{
    struct fetch_call *call;

    assert_non_null(fetch);
    assert_false(request->post);
    assert_int_equal(request->max_bytes, 1 << 20);
    assert_int_equal(request->timeout_ms, 5000);
    *slot = NULL;
    if (full)
        return STATUS_FULL;
    call = calloc(1, sizeof *call);
    snprintf(call->url, sizeof call->url, "%s", request->url);
    snprintf(call->ca, sizeof call->ca, "%s", request->ca);
    call->done = done;
    call->arg = arg;
    call->slot = slot;
    *slot = call;
    calls[under_way++] = call;
    sent++;
    return STATUS_OK;
}

static void forget(struct fetch_call *call)
{
    for (size_t i = 0; i < under_way; i++)
        if (calls[i] == call)
            calls[i] = calls[--under_way];
    *call->slot = NULL;
    free(call);
}

void fetch_cancel(struct fetch_call **slot)
{
    if (*slot != NULL)
        forget(*slot);
}

size_t fetch_calls(const struct fetch *fetch)
{
    (void)fetch;
    return under_way;
}

size_t fetch_descriptors(size_t max_calls)
{
    return max_calls;
}

const char *fetch_result_name(enum fetch_result result)
{
    (void)result;
    return "";
}

static struct event_base *base;
static struct auth *auth;
static struct gateway_conf conf;
static struct auth_policy *policy; /* told last */
static size_t told;
static char path[64];
static struct jose_signer signers[2];
static struct fault fault;

static void on_policy(void *arg, struct auth_policy *fresh)
{
    assert_ptr_equal(arg, &told);
    auth_policy_ref(fresh);
    auth_policy_unref(policy);
    policy = fresh;
    told++;
}

static int make_signers(void **state)
{
    (void)state;
    gateway_metrics_setup();
    signers[0] = jose_signer_of(JOSE_ES256);
    signers[1] = jose_signer_of(JOSE_ES256);
    return 0;
}

static int free_signers(void **state)
{
    (void)state;
    jose_signer_fini(&signers[0]);
    jose_signer_fini(&signers[1]);
    return 0;
}

static void write_file(const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int begin(void **state)
{
    int fd;

    (void)state;
    snprintf(path, sizeof path, "/tmp/fanfare-auth-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    write_file(OLD "\n");
    base = event_base_new();
    sent = 0;
    told = 0;
    full = false;
    assert_int_equal(auth_new(base, on_policy, &told, &auth), STATUS_OK);
    return conf_defaults(&gateway_conf_table, &conf);
}

static int end(void **state)
{
    (void)state;
    auth_free(auth);
    auth_policy_unref(policy);
    policy = NULL;
    assert_int_equal(watch_count, 0);
    assert_int_equal(under_way, 0);
    event_base_free(base);
    conf_fini(&gateway_conf_table, &conf);
    unlink(path);
    return 0;
}

static void set(const char *flag, const char *value)
{
    if (conf_set_flag(&gateway_conf_table, &conf, flag, value, &fault) != STATUS_OK)
        fail_msg("%s", fault.text);
}

static enum status apply(void)
{
    return auth_set(auth, &conf, (struct resolver *)(uintptr_t)8, &fault);
}

/* With `%s` for the file's path. */
static void issuers(const char *json)
{
    char text[1024];

    snprintf(text, sizeof text, json, path);
    set("auth-mode", "verify");
    set("auth-issuers", text);
    if (apply() != STATUS_OK)
        fail_msg("%s", fault.text);
}

/* The timer that was set last is over. */
static void pass(void)
{
    assert_non_null(timer);
    now_ms += timer_ms;
    event_active(timer, EV_TIMEOUT, 0);
    event_base_loop(base, EVLOOP_NONBLOCK);
}

static void answer(int status, const char *body, int64_t max_age_s)
{
    struct fetch_call call = *calls[0];
    const struct fetch_answer given = {.result = FETCH_ANSWERED,
                                       .why = "",
                                       .status = status,
                                       .body = slice_str(body),
                                       .content_type = "",
                                       .max_age_s = max_age_s};

    forget(calls[0]);
    call.done(&given, call.arg);
}

static void answer_nothing(const char *why)
{
    struct fetch_call call = *calls[0];
    const struct fetch_answer given = {.result = FETCH_TIMED_OUT, .why = why};

    forget(calls[0]);
    call.done(&given, call.arg);
}

/* A set of the first `count` signers, with kid k0 and k1. */
static const char *keys_of(int first, int count)
{
    static char json[2048];
    size_t used = (size_t)snprintf(json, sizeof json, "{\"keys\":[");

    for (int i = first; i < first + count; i++) {
        char more[32];
        char *jwk;

        snprintf(more, sizeof more, ",\"kid\":\"k%d\"", i);
        jwk = jose_jwk(&signers[i], more);
        used += (size_t)snprintf(json + used, sizeof json - used, "%s%s", i > first ? "," : "", jwk);
        free(jwk);
    }
    snprintf(json + used, sizeof json - used, "]}");
    return json;
}

static struct auth_answer judge(char *token)
{
    struct auth_answer out;

    auth_policy_judge_token(policy, slice_str(token), (int64_t)time(NULL), &out);
    grant_free(out.grant);
    out.grant = NULL;
    free(token);
    return out;
}

static struct auth_answer judge_claims(const struct jose_signer *signer, const char *kid)
{
    char claims[128];

    snprintf(claims, sizeof claims, "{\"iss\":\"i\",\"sub\":\"u\",\"exp\":%lld}",
             (long long)time(NULL) + 600);
    return judge(jose_token(signer, kid, claims));
}

static enum auth_reason of_secret(const char *secret)
{
    struct jose_signer signer = {JOSE_HS256, slice_str(secret), NULL};

    return judge_claims(&signer, NULL).reason;
}

static struct auth_answer of_key(int index)
{
    char kid[8];

    snprintf(kid, sizeof kid, "k%d", index);
    return judge_claims(&signers[index], kid);
}

#define FILE_ISSUER "[{\"iss\":\"i\",\"secretFile\":\"%s\"}]"
#define URL_ISSUER  "[{\"iss\":\"i\",\"jwksUrl\":\"https://i/keys\",\"jwksCa\":\"ca.pem\"}]"

static void mode_none_costs_nothing(void **state)
{
    (void)state;
    set("auth-issuers", URL_ISSUER);
    assert_int_equal(apply(), STATUS_OK);
    assert_int_equal(told, 1);
    assert_null(policy);
    assert_null(auth_get(auth));
    assert_false(auth_needs_resolver(&conf));
    assert_null(timer);
}

static void a_secret_is_replaced_while_it_runs(void **state)
{
    uint64_t good = metrics_get(M_KEY_FILES_OK);

    (void)state;
    issuers(FILE_ISSUER);
    assert_int_equal(told, 1);
    assert_int_equal(of_secret(OLD), AUTH_REASON_GOOD);
    assert_int_equal(of_secret(NEW), AUTH_REASON_BAD_SIGNATURE);
    write_file(NEW "\n");
    watches[0]->on_change(watches[0]->arg);
    assert_int_equal(told, 2);
    assert_int_equal(of_secret(NEW), AUTH_REASON_GOOD);
    assert_int_equal(of_secret(OLD), AUTH_REASON_BAD_SIGNATURE);
    assert_int_equal(metrics_get(M_KEY_FILES_OK), good + 1);
}

static void a_bad_file_changes_nothing(void **state)
{
    uint64_t bad = metrics_get(M_KEY_FILES_BAD);

    (void)state;
    issuers(FILE_ISSUER);
    write_file("short\n");
    watches[0]->on_change(watches[0]->arg);
    unlink(path);
    watches[0]->on_change(watches[0]->arg);
    assert_int_equal(told, 1);
    assert_int_equal(of_secret(OLD), AUTH_REASON_GOOD);
    assert_int_equal(metrics_get(M_KEY_FILES_BAD), bad + 2);
    write_file(NEW);
    watches[0]->on_change(watches[0]->arg);
    assert_int_equal(of_secret(NEW), AUTH_REASON_GOOD);
}

static void a_start_with_a_bad_file_fails(void **state)
{
    (void)state;
    write_file("short\n");
    set("auth-mode", "verify");
    set("auth-issuers", "[{\"iss\":\"i\",\"secretFile\":\"/nowhere/secret\"}]");
    assert_int_equal(apply(), STATUS_IO);
    assert_non_null(strstr(fault.text, "/nowhere/secret"));
    assert_int_equal(told, 0);
}

static void keys_come_from_a_url(void **state)
{
    (void)state;
    issuers(URL_ISSUER);
    assert_int_equal(told, 1);
    assert_int_equal(of_key(0).reason, AUTH_REASON_NO_KEYS);
    assert_int_equal(of_key(0).outcome, AUTH_UNAVAILABLE);
    auth_measure(auth);
    assert_int_equal(metrics_get(M_ISSUERS_WITHOUT_KEYS), 1);
    assert_int_equal(timer_ms, 0);
    pass();
    assert_int_equal(under_way, 1);
    assert_string_equal(calls[0]->url, "https://i/keys");
    assert_string_equal(calls[0]->ca, "ca.pem");
    answer(200, keys_of(0, 1), -1);
    assert_int_equal(told, 2);
    assert_int_equal(of_key(0).reason, AUTH_REASON_GOOD);
    auth_measure(auth);
    assert_int_equal(metrics_get(M_ISSUERS_WITHOUT_KEYS), 0);
    assert_true(timer_ms >= 2880000 && timer_ms <= 3240000);
}

static void rotated_keys_are_taken_over(void **state)
{
    (void)state;
    issuers(URL_ISSUER);
    pass();
    answer(200, keys_of(0, 1), 600);
    assert_true(timer_ms >= 480000 && timer_ms <= 540000);
    pass();
    answer(200, keys_of(0, 2), 600);
    assert_int_equal(of_key(0).reason, AUTH_REASON_GOOD);
    assert_int_equal(of_key(1).reason, AUTH_REASON_GOOD);
    pass();
    answer(200, keys_of(1, 1), 600);
    assert_int_equal(of_key(0).reason, AUTH_REASON_UNKNOWN_KEY);
    assert_int_equal(of_key(1).reason, AUTH_REASON_GOOD);
}

static void lies(int status, const char *body, enum gateway_metric row)
{
    uint64_t before = metrics_get(row);
    size_t policies = told;

    pass();
    answer(status, body, -1);
    assert_int_equal(metrics_get(row), before + 1);
    assert_int_equal(told, policies);
    assert_int_equal(of_key(0).reason, AUTH_REASON_GOOD);
    assert_true(timer_ms >= 500 && timer_ms <= 300000);
}

static void whatever_a_server_lies_the_last_keys_stay(void **state)
{
    char twice[4096];
    const char *one;
    uint64_t silent = metrics_get(M_KEY_FETCHES_NO_ANSWER);

    (void)state;
    issuers(URL_ISSUER);
    pass();
    answer(200, keys_of(0, 1), -1);
    lies(200, "<!doctype html><html></html>", M_KEY_FETCHES_BAD_KEYS);
    lies(200, "{\"keys\":[]}", M_KEY_FETCHES_BAD_KEYS);
    lies(200, "", M_KEY_FETCHES_BAD_KEYS);
    lies(200, "{\"keys\":{}}", M_KEY_FETCHES_BAD_KEYS);
    one = keys_of(0, 1);
    snprintf(twice, sizeof twice, "{\"keys\":[%.*s,%.*s]}", (int)(strlen(one) - 11), one + 9,
             (int)(strlen(one) - 11), one + 9);
    lies(200, twice, M_KEY_FETCHES_BAD_KEYS);
    lies(302, "", M_KEY_FETCHES_BAD_STATUS);
    lies(404, keys_of(1, 1), M_KEY_FETCHES_BAD_STATUS);
    lies(500, keys_of(1, 1), M_KEY_FETCHES_BAD_STATUS);
    pass();
    answer_nothing("it took longer than 5,000 ms");
    assert_int_equal(metrics_get(M_KEY_FETCHES_NO_ANSWER), silent + 1);
    assert_int_equal(of_key(0).reason, AUTH_REASON_GOOD);
    pass();
    answer(200, keys_of(1, 1), -1);
    assert_int_equal(of_key(1).reason, AUTH_REASON_GOOD);
    assert_true(timer_ms >= 2880000);
}

static void an_unknown_key_has_them_fetched(void **state)
{
    uint64_t id = auth_source_of_issuer("i");

    (void)state;
    issuers(URL_ISSUER);
    pass();
    auth_unknown_key(auth, id); /* while a fetch is under way nothing more is asked */
    answer(200, keys_of(0, 1), -1);
    auth_unknown_key(auth, id);
    assert_int_equal(timer_ms, 30000);
    auth_unknown_key(auth, id + 1);
    assert_int_equal(timer_ms, 30000);
    pass();
    assert_int_equal(sent, 2);
    answer(200, keys_of(0, 2), -1);
    assert_int_equal(of_key(1).reason, AUTH_REASON_GOOD);
}

static void too_many_fetches_at_once_wait(void **state)
{
    (void)state;
    issuers(URL_ISSUER);
    full = true;
    pass();
    assert_int_equal(sent, 0);
    assert_int_equal(timer_ms, 1000);
    full = false;
    pass();
    assert_int_equal(sent, 1);
    answer(200, keys_of(0, 1), -1);
}

static void a_reload_keeps_the_keys_of_who_has_not_changed(void **state)
{
    (void)state;
    issuers(URL_ISSUER);
    pass();
    answer(200, keys_of(0, 1), -1);
    issuers("[{\"iss\":\"j\",\"secretFile\":\"%s\",\"userPrefix\":\"j:\"},{\"iss\":\"i\",\"jwksUrl\":\"https:"
            "//i/keys\","
            "\"jwksCa\":\"ca.pem\",\"userPrefix\":\"i:\"}]");
    assert_int_equal(of_key(0).reason, AUTH_REASON_GOOD);
    assert_int_equal(sent, 1);
    issuers("[{\"iss\":\"i\",\"jwksUrl\":\"https://other/keys\"}]");
    assert_int_equal(of_key(0).reason, AUTH_REASON_NO_KEYS);
    assert_int_equal(watch_count, 0);
    pass();
    assert_string_equal(calls[0]->url, "https://other/keys");
    set("auth-mode", "none");
    assert_int_equal(apply(), STATUS_OK);
    assert_null(policy);
    assert_int_equal(under_way, 0);
}

static void a_reload_reads_files_anew_and_tells_once(void **state)
{
    (void)state;
    issuers(FILE_ISSUER);
    write_file(NEW);
    assert_int_equal(apply(), STATUS_OK);
    assert_int_equal(told, 2);
    assert_int_equal(of_secret(NEW), AUTH_REASON_GOOD);
    assert_int_equal(watch_count, 1);
}

static void a_reload_with_a_bad_file_keeps_the_policy(void **state)
{
    (void)state;
    issuers(FILE_ISSUER);
    set("auth-issuers",
        "[{\"iss\":\"i\",\"jwksUrl\":\"https://i/keys\"},{\"iss\":\"j\",\"jwks\":\"/nowhere\"}]");
    assert_int_equal(apply(), STATUS_IO);
    assert_int_equal(told, 1);
    assert_int_equal(of_secret(OLD), AUTH_REASON_GOOD);
    watches[0]->on_change(watches[0]->arg);
    assert_int_equal(told, 1);
    issuers(FILE_ISSUER);
    assert_int_equal(told, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(mode_none_costs_nothing),
        TEST(a_secret_is_replaced_while_it_runs),
        TEST(a_bad_file_changes_nothing),
        TEST(a_start_with_a_bad_file_fails),
        TEST(keys_come_from_a_url),
        TEST(rotated_keys_are_taken_over),
        TEST(whatever_a_server_lies_the_last_keys_stay),
        TEST(an_unknown_key_has_them_fetched),
        TEST(too_many_fetches_at_once_wait),
        TEST(a_reload_keeps_the_keys_of_who_has_not_changed),
        TEST(a_reload_reads_files_anew_and_tells_once),
        TEST(a_reload_with_a_bad_file_keeps_the_policy),
    };

    return cmocka_run_group_tests(tests, make_signers, free_signers);
}
