/* SPDX-License-Identifier: Apache-2.0 */
/* A signature of RSA or of a curve takes 16 to 100 microseconds to check, and thousands may come at once:
 * each turn of the thread checks a few, between the rounds of the fan-out. The ends of many grants are taken
 * likewise. */
#include "gateway/bucket/bucket_auth.h"

#include <stdlib.h>

#include "gateway/bucket/client_auth.h"
#include "gateway/bucket/client_lists.h"
#include "gateway/bucket/rights.h"
#include "gateway/bucket/session.h"
#include "gateway/metrics/gateway_metrics.h"
#include "shared/base/clock.h"
#include "shared/base/wall_clock.h"
#include "shared/contract/close_codes.h"

enum {
    TURN_TOKENS = 16,
    TURN_US = 2000,     /* and no more time than that */
    TICK_LOOKS = 512,   /* at what may be over, a tick */
    TICK_PENDING = 256, /* closed, a tick */
};

void bucket_auth_init(struct bucket *bucket)
{
    list_init(&bucket->auth.pending);
    list_init(&bucket->auth.judged_first);
    list_init(&bucket->auth.line);
    expiry_wheel_init(&bucket->auth.wheel, wall_clock_s());
}

/* Nobody is asked any more: when they come back they are let in. */
static void send_pending_back(struct bucket *bucket)
{
    struct list *node;

    while ((node = list_first(&bucket->auth.pending)) != NULL)
        client_close(container_of(node, struct client, link), CLOSE_auth_unavailable);
}

void bucket_auth_set_policy(struct bucket *bucket, struct auth_policy *policy)
{
    struct bucket_auth *auth = &bucket->auth;
    unsigned buckets = bucket->conf->buckets > 0 ? bucket->conf->buckets : 1;

    auth_policy_unref(auth->policy);
    auth->policy = policy;
    if (policy == NULL) {
        send_pending_back(bucket);
        return;
    }
    auth->max_pending = (uint32_t)(auth_policy_max_pending(policy) / buckets);
    if (auth->max_pending == 0)
        auth->max_pending = 1;
    auth->deadline_ms = auth_policy_deadline_ms(policy);
    auth->leeway_s = auth_policy_leeway_s(policy);
    auth->max_clients_per_user = (uint32_t)auth_policy_max_clients_per_user(policy);
}

bool bucket_auth_judge_some(struct bucket *bucket)
{
    int64_t until_us = clock_now_us() + TURN_US;
    struct list *node;

    for (int i = 0; i < TURN_TOKENS && (node = list_first(&bucket->auth.line)) != NULL; i++) {
        if (i > 0 && clock_now_us() >= until_us)
            break;
        session_resume(container_of(node, struct auth_wait, link)->client, NULL);
    }
    return !list_empty(&bucket->auth.line);
}

void bucket_auth_on_hook(struct bucket *bucket, struct hook_mail *mail)
{
    struct client *client = mail->question.client;
    struct auth_answer answer = mail->question.answer;

    (void)bucket;
    if (client != NULL) {
        mail->question.answer.grant = NULL; /* the client's */
        client->auth->wait->asked = NULL;
        session_resume(client, &answer);
    }
    hook_mail_free(mail);
}

static void end_grants(struct bucket *bucket)
{
    int64_t now_s = wall_clock_s();
    size_t looks = TICK_LOOKS;
    struct expiry *expiry;

    while ((expiry = expiry_wheel_next(&bucket->auth.wheel, now_s, &looks)) != NULL)
        rights_expire(container_of(expiry, struct client_auth, expiry)->client, now_s);
}

static void end_pending(struct bucket *bucket, int64_t now_ms)
{
    const struct auth_answer silent = {.outcome = AUTH_REFUSED, .reason = AUTH_REASON_NOTHING_SHOWN};
    struct client *client;

    for (int i = 0; i < TICK_PENDING; i++) {
        client = client_due(&bucket->auth.pending, bucket->auth.deadline_ms, now_ms);
        if (client == NULL)
            return;
        rights_refuse(client, slice_of(NULL, 0), &silent);
    }
}

/* The hook's question has a time-out of its own, which is shorter as a rule. */
static void end_judged_first(struct bucket *bucket, int64_t now_ms)
{
    for (int i = 0; i < TICK_PENDING; i++) {
        struct auth_answer late = {.outcome = AUTH_UNAVAILABLE, .reason = AUTH_REASON_TOO_MANY_PENDING};
        struct client *client = client_due(&bucket->auth.judged_first, bucket->auth.deadline_ms, now_ms);

        if (client == NULL)
            return;
        if (client->auth->wait != NULL && client->auth->wait->asked != NULL)
            late.reason = AUTH_REASON_HOOK_UNAVAILABLE;
        session_resume(client, &late);
    }
}

void bucket_auth_tick(struct bucket *bucket)
{
    int64_t now_ms = clock_now_ms();

    end_grants(bucket);
    end_pending(bucket, now_ms);
    end_judged_first(bucket, now_ms);
}
