/* SPDX-License-Identifier: Apache-2.0 */
/* The edge around hook_queue and hook_cache: a question that no kept answer fits is queued, and as long as
 * fewer than the allowed are under way, the first of the queue is sent. Whatever ends an inquiry goes through
 * finish(), where each of its questions becomes an answer of its own, since each asker owns his grant. */
#include "gateway/auth/auth_hook.h"

#include <stdlib.h>
#include <time.h>

#include "gateway/auth/bearer_file.h"
#include "gateway/auth/hook_answer.h"
#include "gateway/auth/hook_cache.h"
#include "gateway/auth/hook_queue.h"
#include "gateway/metrics/gateway_metrics.h"
#include "shared/base/clock.h"
#include "shared/conf/file_watch.h"
#include "shared/fetch/fetch.h"
#include "shared/log/log.h"
#include "shared/net/loop_event.h"

/* What is sent with each question; texts are owned. */
struct settings {
    char *url;
    char *ca;
    char *token_file;
    char *authorization; /* NULL: none */
};

struct auth_hook {
    struct auth_hook_env env;
    char *gateway; /* as a JSON string */
    struct settings settings;
    struct hook_queue queue;
    struct hook_cache *cache;
    struct fetch *fetch;
    struct event *timer; /* the first of those that wait is late */
    struct file_watch *watch;
    struct auth_policy *policy;
    bool failing; /* as the log was told */
};

/* What came of an inquiry. */
struct verdict {
    enum gateway_metric row;
    enum auth_outcome outcome;
    enum auth_reason reason;
    const char *why;
    struct slice body;
    struct hook_answer answer;
    int64_t expires_s;
};

static const struct verdict FULL = {.row = M_HOOK_FULL,
                                    .outcome = AUTH_UNAVAILABLE,
                                    .reason = AUTH_REASON_HOOK_UNAVAILABLE,
                                    .why = "too many questions wait"};
static const struct verdict LATE = {.row = M_HOOK_TIMED_OUT,
                                    .outcome = AUTH_UNAVAILABLE,
                                    .reason = AUTH_REASON_HOOK_UNAVAILABLE,
                                    .why = "no whole answer in time"};
static const struct verdict FAILED = {.row = M_HOOK_FAILED,
                                      .outcome = AUTH_UNAVAILABLE,
                                      .reason = AUTH_REASON_HOOK_UNAVAILABLE,
                                      .why = "out of memory"};

static void grant_join(const struct verdict *verdict, struct auth_answer *out)
{
    struct grant *grant = calloc(1, sizeof *grant);

    *out = (struct auth_answer){.outcome = AUTH_NO_MEMORY};
    if (grant == NULL)
        return;
    grant->kind = GRANT_HOOK;
    grant->expires_s = verdict->expires_s;
    *out = (struct auth_answer){.outcome = AUTH_GRANTED, .reason = AUTH_REASON_GOOD, .grant = grant};
}

static void answer(const struct auth_hook *hook, struct hook_question *question,
                   const struct verdict *verdict)
{
    struct auth_answer *out = &question->answer;

    *out = (struct auth_answer){.outcome = verdict->outcome, .reason = verdict->reason, .why = verdict->why};
    if (verdict->outcome != AUTH_GRANTED)
        return;
    if (hook->policy == NULL)
        *out = (struct auth_answer){.outcome = AUTH_UNAVAILABLE, .reason = AUTH_REASON_HOOK_UNAVAILABLE};
    else if (question->event == HOOK_JOIN)
        grant_join(verdict, out);
    else
        auth_policy_judge_hook(hook->policy, &verdict->answer.claims, verdict->expires_s, out);
}

/* What the answer's row is once it was judged: a grant may turn out to be none. */
static void count(const struct verdict *verdict, const struct auth_answer *out)
{
    if (verdict->outcome == AUTH_GRANTED && out->outcome != AUTH_GRANTED)
        metrics_add(out->reason == AUTH_REASON_HOOK_BAD_ANSWER ? M_HOOK_BAD_ANSWER : M_HOOK_FAILED, 1);
    else
        metrics_add(verdict->row, 1);
}

static void tell(struct auth_hook *hook, struct hook_question *question)
{
    list_init(&question->node);
    hook->env.on_answer(question, hook->env.arg);
}

/* Once for each outage, and once for its end. */
static void report(struct auth_hook *hook, enum auth_outcome outcome, const char *why)
{
    bool failing = outcome != AUTH_GRANTED && outcome != AUTH_REFUSED;

    if (failing && !hook->failing)
        log_event(LOG_WARN, "auth.hook gives no good answer", LOG_S("reason", why != NULL ? why : ""));
    if (!failing && hook->failing)
        log_event(LOG_INFO, "auth.hook answers again", LOG_S("option", "auth.hook.url"));
    hook->failing = failing;
}

static void finish(struct auth_hook *hook, struct hook_inquiry *inquiry, const struct verdict *verdict)
{
    struct list questions;
    bool first = true;

    hook_queue_end(&hook->queue, inquiry, &questions);
    metrics_set(M_HOOK_WAITING, hook_queue_questions(&hook->queue));
    while (!list_empty(&questions)) {
        struct hook_question *question = container_of(list_first(&questions), struct hook_question, node);
        const struct slice asked = slice_of(question->json.data, question->json.len);

        list_remove(&question->node);
        answer(hook, question, verdict);
        count(verdict, &question->answer);
        if (first) {
            report(hook, question->answer.outcome, question->answer.why);
            if (question->answer.outcome == AUTH_GRANTED && verdict->expires_s < INT64_MAX)
                hook_cache_keep(hook->cache, asked, verdict->body, verdict->expires_s);
        }
        first = false;
        tell(hook, question);
    }
}

static void read_grant(struct verdict *verdict, struct slice body, int64_t received_s)
{
    verdict->why = hook_answer_read(body, &verdict->answer);
    if (verdict->why != NULL) {
        verdict->row = M_HOOK_BAD_ANSWER;
        verdict->reason = AUTH_REASON_HOOK_BAD_ANSWER;
        return;
    }
    verdict->row = M_HOOK_GRANTED;
    verdict->outcome = AUTH_GRANTED;
    verdict->reason = AUTH_REASON_GOOD;
    verdict->body = body;
    verdict->expires_s = verdict->answer.seconds > 0 ? received_s + verdict->answer.seconds : INT64_MAX;
}

static struct verdict verdict_of(const struct fetch_answer *got)
{
    struct verdict verdict = {.row = M_HOOK_FAILED,
                              .outcome = AUTH_UNAVAILABLE,
                              .reason = AUTH_REASON_HOOK_UNAVAILABLE,
                              .why = got->why};

    if (got->result == FETCH_TIMED_OUT)
        return LATE;
    if (got->result == FETCH_TOO_LARGE) {
        verdict.row = M_HOOK_BAD_ANSWER;
        verdict.reason = AUTH_REASON_HOOK_BAD_ANSWER;
    } else if (got->result == FETCH_ANSWERED && got->status == 200) {
        read_grant(&verdict, got->body, (int64_t)time(NULL));
    } else if (got->result == FETCH_ANSWERED && got->status == 403) {
        verdict.row = M_HOOK_REFUSED;
        verdict.outcome = AUTH_REFUSED;
        verdict.reason = AUTH_REASON_HOOK_REFUSED;
        verdict.why = NULL;
    } else if (got->result == FETCH_ANSWERED) {
        verdict.row = M_HOOK_BAD_STATUS;
        verdict.why = "a status other than 200 and 403";
    }
    return verdict;
}

static void send_waiting(struct auth_hook *hook);

static void on_fetched(const struct fetch_answer *got, void *arg)
{
    struct hook_inquiry *inquiry = arg;
    struct auth_hook *hook = inquiry->owner;
    struct verdict verdict = verdict_of(got);

    metrics_observe(M_HOOK_SECONDS, clock_now_us() - inquiry->begun_us);
    finish(hook, inquiry, &verdict);
    send_waiting(hook);
}

/* {"gateway":"ID", and what follows the brace of the question. */
static enum status append_body(const struct auth_hook *hook, const struct hook_inquiry *inquiry,
                               struct buf *out)
{
    struct slice json = hook_inquiry_json(inquiry);
    enum status status = buf_printf(out, "{\"gateway\":%s,", hook->gateway);

    return status == STATUS_OK ? buf_append(out, json.data + 1, json.len - 1) : status;
}

static enum status send_inquiry(struct auth_hook *hook, struct hook_inquiry *inquiry)
{
    const struct fetch_header headers[] = {{"Content-Type", "application/json"},
                                           {"Accept", "application/json"},
                                           {"Authorization", hook->settings.authorization}};
    struct fetch_request request = {
        .url = hook->settings.url,
        .headers = headers,
        .header_count = hook->settings.authorization != NULL ? 3 : 2,
        .post = true,
        .ca = hook->settings.ca,
        .timeout_ms = inquiry->deadline_ms - clock_now_ms(),
        .max_bytes = HOOK_ANSWER_MAX,
    };
    struct buf body;

    buf_init(&body, 2 * HOOK_QUESTION_MAX);
    inquiry->owner = hook;
    inquiry->begun_us = clock_now_us();
    enum status status = append_body(hook, inquiry, &body);
    if (status == STATUS_OK) {
        request.body = slice_of(body.data, body.len);
        status = fetch_send(hook->fetch, &request, on_fetched, inquiry, &inquiry->call);
    }
    buf_fini(&body);
    return status;
}

static void end_late(struct auth_hook *hook)
{
    struct hook_inquiry *inquiry;

    while ((inquiry = hook_queue_late(&hook->queue, clock_now_ms())) != NULL)
        finish(hook, inquiry, &LATE);
}

static void set_timer(struct auth_hook *hook)
{
    int64_t deadline_ms = hook_queue_deadline(&hook->queue);

    if (deadline_ms == INT64_MAX)
        event_del(hook->timer);
    else
        (void)loop_event_after_ms(hook->timer, deadline_ms - clock_now_ms());
}

static void send_waiting(struct auth_hook *hook)
{
    struct hook_inquiry *inquiry;

    end_late(hook);
    while ((inquiry = hook_queue_next(&hook->queue, clock_now_ms())) != NULL)
        if (send_inquiry(hook, inquiry) != STATUS_OK)
            finish(hook, inquiry, &FAILED);
    set_timer(hook);
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    send_waiting(arg);
}

/* Whether a kept answer was there. */
static bool answer_from_cache(struct auth_hook *hook, struct hook_question *question)
{
    struct verdict verdict = {.outcome = AUTH_UNAVAILABLE};
    struct hook_kept kept;

    if (!hook_cache_find(hook->cache, slice_of(question->json.data, question->json.len), (int64_t)time(NULL),
                         &kept))
        return false;
    read_grant(&verdict, kept.answer, 0);
    verdict.expires_s = kept.expires_s;
    answer(hook, question, &verdict);
    metrics_add(M_HOOK_CACHE_HITS, 1);
    tell(hook, question);
    return true;
}

void auth_hook_ask(struct auth_hook *hook, struct hook_question *question)
{
    if (answer_from_cache(hook, question))
        return;
    enum status status = hook->settings.url[0] != '\0'
                             ? hook_queue_add(&hook->queue, question, clock_now_ms())
                             : STATUS_NOT_FOUND;
    if (status != STATUS_OK) {
        const struct verdict *verdict = status == STATUS_FULL ? &FULL : &FAILED;

        answer(hook, question, verdict);
        count(verdict, &question->answer);
        tell(hook, question);
        return;
    }
    metrics_set(M_HOOK_WAITING, hook_queue_questions(&hook->queue));
    send_waiting(hook);
}

static void settings_fini(struct settings *settings)
{
    free(settings->url);
    free(settings->ca);
    free(settings->token_file);
    free(settings->authorization);
    *settings = (struct settings){.url = NULL};
}

/* `*out` is the field's value. */
static enum status read_token(const char *path, char **out, struct fault *fault)
{
    static const char SCHEME[] = "Bearer ";
    char value[sizeof SCHEME + BEARER_MAX];
    enum status status = bearer_file_read(path, value + sizeof SCHEME - 1, fault);

    if (status != STATUS_OK)
        return status;
    memcpy(value, SCHEME, sizeof SCHEME - 1);
    *out = strdup(value);
    return *out != NULL ? STATUS_OK : fault_set(fault, STATUS_NO_MEMORY, "out of memory");
}

static enum status settings_make(const struct auth_hook_conf *conf, struct settings *out, struct fault *fault)
{
    enum status status = STATUS_OK;

    *out = (struct settings){
        .url = strdup(conf->url), .ca = strdup(conf->ca), .token_file = strdup(conf->token_file)};
    if (out->url == NULL || out->ca == NULL || out->token_file == NULL)
        status = fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    else if (conf->token_file[0] != '\0')
        status = read_token(conf->token_file, &out->authorization, fault);
    if (status != STATUS_OK)
        settings_fini(out);
    return status;
}

static void on_token_change(void *arg)
{
    struct auth_hook *hook = arg;
    struct fault fault;
    char *fresh = NULL;

    if (read_token(hook->settings.token_file, &fresh, &fault) != STATUS_OK) {
        log_event(LOG_ERROR, "auth.hook.tokenFile: the old token stays", LOG_S("reason", fault.text));
        return;
    }
    free(hook->settings.authorization);
    hook->settings.authorization = fresh;
    log_event(LOG_INFO, "auth.hook.tokenFile read again", LOG_S("file", hook->settings.token_file));
}

static struct hook_limits limits_of(const struct auth_hook *hook, const struct auth_hook_conf *conf)
{
    size_t wanted = (size_t)conf->max_concurrent;

    return (struct hook_limits){.max_asked = wanted < hook->env.max_asked ? wanted : hook->env.max_asked,
                                .max_waiting = (size_t)conf->max_waiting,
                                .timeout_ms = conf->timeout};
}

enum status auth_hook_set(struct auth_hook *hook, const struct auth_hook_conf *conf, struct fault *fault)
{
    const char *const watched[] = {conf->token_file};
    struct settings fresh;
    enum status status = settings_make(conf, &fresh, fault);

    if (status == STATUS_OK && file_watch_set(hook->watch, watched, 1) != STATUS_OK) {
        settings_fini(&fresh);
        status = fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    }
    if (status != STATUS_OK)
        return status;
    settings_fini(&hook->settings);
    hook->settings = fresh;
    hook->queue.limits = limits_of(hook, conf);
    hook_cache_reset(hook->cache, (size_t)conf->cache_entries);
    send_waiting(hook);
    return STATUS_OK;
}

void auth_hook_use(struct auth_hook *hook, struct auth_policy *policy)
{
    auth_policy_unref(hook->policy);
    hook->policy = auth_policy_ref(policy);
}

static enum status name_gateway(struct auth_hook *hook)
{
    struct buf json;

    buf_init(&json, HOOK_QUESTION_MAX);
    enum status status = buf_append_json_string(&json, hook->env.gateway, strlen(hook->env.gateway));
    if (status == STATUS_OK)
        status = buf_append(&json, "", 1);
    hook->gateway = (char *)json.data;
    return status;
}

static enum status set_up(struct auth_hook *hook, const struct auth_hook_conf *conf, struct fault *fault)
{
    const struct fetch_conf fetch = {hook->env.base, hook->env.resolver, hook->env.max_asked};
    const struct hook_limits limits = limits_of(hook, conf);
    const char *const watched[] = {conf->token_file};
    enum status status = settings_make(conf, &hook->settings, fault);

    if (status != STATUS_OK)
        return status;
    hook->timer = event_new(hook->env.base, -1, 0, on_time, hook);
    if (hook_queue_init(&hook->queue, &limits) == STATUS_OK && hook->timer != NULL &&
        name_gateway(hook) == STATUS_OK &&
        hook_cache_new((size_t)conf->cache_entries, &hook->cache) == STATUS_OK &&
        file_watch_new(hook->env.base, watched, 1, on_token_change, hook, &hook->watch) == STATUS_OK &&
        fetch_new(&fetch, &hook->fetch) == STATUS_OK)
        return STATUS_OK;
    return fault_set(fault, STATUS_NO_MEMORY, "auth.hook does not start: out of memory or descriptors");
}

enum status auth_hook_new(const struct auth_hook_env *env, const struct auth_hook_conf *conf,
                          struct auth_hook **out, struct fault *fault)
{
    struct auth_hook *hook = calloc(1, sizeof *hook);

    if (hook == NULL)
        return fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    hook->env = *env;
    list_init(&hook->queue.asked);
    list_init(&hook->queue.waiting);
    enum status status = set_up(hook, conf, fault);
    if (status != STATUS_OK) {
        auth_hook_free(hook);
        return status;
    }
    *out = hook;
    return STATUS_OK;
}

void auth_hook_free(struct auth_hook *hook)
{
    struct hook_inquiry *inquiry;

    if (hook == NULL)
        return;
    fetch_free(hook->fetch);
    while ((inquiry = hook_queue_any(&hook->queue)) != NULL)
        finish(hook, inquiry, &FAILED);
    file_watch_free(hook->watch);
    loop_event_free(hook->timer);
    hook_cache_free(hook->cache);
    hook_queue_fini(&hook->queue);
    auth_policy_unref(hook->policy);
    settings_fini(&hook->settings);
    free(hook->gateway);
    free(hook);
}
