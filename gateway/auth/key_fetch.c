/* SPDX-License-Identifier: Apache-2.0 */
/* One timer and at most one call under way. */
#include "gateway/auth/key_fetch.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/auth/key_schedule.h"
#include "gateway/auth/key_source.h"
#include "gateway/metrics/gateway_metrics.h"
#include "shared/base/clock.h"
#include "shared/base/hashmap.h"
#include "shared/log/log.h"
#include "shared/net/loop_event.h"

enum { FULL_WAIT_MS = 1000 };

struct key_fetch {
    struct key_fetch_conf conf; /* iss, url and ca are ours */
    struct key_schedule schedule;
    struct event *timer;
    struct fetch_call *call;
    bool succeeded; /* ever */
    uint64_t hash;  /* of the last good body */
};

static uint32_t chance(void)
{
    uint32_t bits;

    evutil_secure_rng_get_bytes(&bits, sizeof bits);
    return bits;
}

static void plan(struct key_fetch *fetch)
{
    (void)loop_event_after_ms(fetch->timer, key_schedule_wait_ms(&fetch->schedule, clock_now_ms()));
}

/* The first of several in a row is told. */
static void fail(struct key_fetch *fetch, enum gateway_metric row, const char *reason)
{
    if (fetch->schedule.failures == 0)
        log_event(LOG_WARN, "keys of an issuer are not fetched", LOG_S("iss", fetch->conf.iss),
                  LOG_S("reason", reason),
                  LOG_S("until_then", fetch->succeeded ? "the keys before" : "none"));
    metrics_add(row, 1);
    key_schedule_fail(&fetch->schedule, clock_now_ms(), chance());
}

/* What is new is told, and the end of failures. */
static void report(const struct key_fetch *fetch, const struct jwk_set *keys, bool changed)
{
    if (!changed && fetch->schedule.failures == 0)
        return;
    log_event(LOG_INFO, "keys of an issuer are fetched", LOG_S("iss", fetch->conf.iss),
              LOG_I("keys", jwk_set_count(keys)), LOG_I("passed_over", jwk_set_passed_over(keys)),
              LOG_S("remark", jwk_set_remark(keys)), LOG_S("changed", changed ? "yes" : "no"));
}

static void take(struct key_fetch *fetch, const struct fetch_answer *answer, struct jwk_set *keys)
{
    uint64_t hash = hashmap_hash(answer->body);

    report(fetch, keys, !fetch->succeeded || hash != fetch->hash);
    fetch->succeeded = true;
    fetch->hash = hash;
    metrics_add(M_KEY_FETCHES_OK, 1);
    key_schedule_succeed(&fetch->schedule, clock_now_ms(), answer->max_age_s, chance());
    fetch->conf.on_keys(fetch->conf.arg, keys);
}

static void judge_body(struct key_fetch *fetch, const struct fetch_answer *answer)
{
    struct jwk_set *keys = NULL;
    struct fault fault = {""};
    enum status status = jwk_set_parse(answer->body, &keys, &fault);

    if (status == STATUS_OK && jwk_set_count(keys) == 0) {
        jwk_set_unref(keys);
        status = fault_set(&fault, STATUS_INVALID, "the set has no key");
    }
    if (status == STATUS_OK)
        take(fetch, answer, keys);
    else
        fail(fetch, M_KEY_FETCHES_BAD_KEYS, fault.text);
}

static void on_answer(const struct fetch_answer *answer, void *arg)
{
    struct key_fetch *fetch = arg;
    char reason[96];

    if (answer->result != FETCH_ANSWERED) {
        fail(fetch, M_KEY_FETCHES_NO_ANSWER, answer->why);
    } else if (answer->status != 200) {
        snprintf(reason, sizeof reason, "status %d, 200 is wanted%s", answer->status,
                 answer->status / 100 == 3 ? "; redirects are not followed" : "");
        fail(fetch, M_KEY_FETCHES_BAD_STATUS, reason);
    } else {
        judge_body(fetch, answer);
    }
    plan(fetch);
}

static void send_request(struct key_fetch *fetch)
{
    static const struct fetch_header accept = {"Accept", "application/jwk-set+json, application/json"};
    const struct fetch_request request = {
        .url = fetch->conf.url,
        .headers = &accept,
        .header_count = 1,
        .ca = fetch->conf.ca,
        .timeout_ms = KEY_FETCH_TIMEOUT_MS,
        .max_bytes = JWK_SET_BYTES_MAX,
    };
    enum status status;

    key_schedule_begin(&fetch->schedule, clock_now_ms());
    status = fetch_send(fetch->conf.fetch, &request, on_answer, fetch, &fetch->call);
    if (status == STATUS_FULL) {
        (void)loop_event_after_ms(fetch->timer, FULL_WAIT_MS);
    } else if (status != STATUS_OK) {
        fail(fetch, M_KEY_FETCHES_NO_ANSWER, status_text(status));
        plan(fetch);
    }
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct key_fetch *fetch = arg;

    (void)fd;
    (void)what;
    if (fetch->call == NULL)
        send_request(fetch);
}

static enum status copy_texts(const struct key_fetch_conf *from, struct key_fetch_conf *to)
{
    to->iss = strdup(from->iss);
    to->url = strdup(from->url);
    to->ca = strdup(from->ca);
    return to->iss != NULL && to->url != NULL && to->ca != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status key_fetch_new(const struct key_fetch_conf *conf, struct key_fetch **out)
{
    struct key_fetch *fetch = calloc(1, sizeof *fetch);

    if (fetch == NULL)
        return STATUS_NO_MEMORY;
    fetch->conf = *conf;
    fetch->timer = evtimer_new(conf->base, on_timer, fetch);
    key_schedule_init(&fetch->schedule, clock_now_ms());
    if (copy_texts(conf, &fetch->conf) != STATUS_OK || fetch->timer == NULL ||
        loop_event_after_ms(fetch->timer, 0) != STATUS_OK) {
        key_fetch_free(fetch);
        return STATUS_NO_MEMORY;
    }
    *out = fetch;
    return STATUS_OK;
}

void key_fetch_want(struct key_fetch *fetch)
{
    if (fetch->call != NULL)
        return;
    key_schedule_want(&fetch->schedule, clock_now_ms());
    plan(fetch);
}

void key_fetch_free(struct key_fetch *fetch)
{
    if (fetch == NULL)
        return;
    fetch_cancel(&fetch->call);
    loop_event_free(fetch->timer);
    free((char *)(uintptr_t)fetch->conf.iss);
    free((char *)(uintptr_t)fetch->conf.url);
    free((char *)(uintptr_t)fetch->conf.ca);
    free(fetch);
}
