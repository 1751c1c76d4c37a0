/* SPDX-License-Identifier: Apache-2.0 */
/* Counts a push's gateways down and answers the caller once. The loop's thread only. */
#include "logic/push/push_wait.h"

#include <stdlib.h>
#include <string.h>

#include "logic/metrics/logic_metrics.h"
#include "shared/net/loop_event.h"

struct push_wait {
    struct event *timer;
    int timeout_ms;
    push_done *done; /* NULL once told */
    void *arg;
    struct push_outcome outcome;
    struct offline_users offline; /* of a push to users; else users is 0 */
};

/* As long as a known gateway has not said, nobody is known to be away. */
static void note_offline(struct push_wait *wait)
{
    struct push_outcome *outcome = &wait->outcome;

    if (outcome->verdict != PUSH_TAKEN || outcome->acked != outcome->known || wait->offline.users == 0 ||
        wait->offline.unknown)
        return;
    outcome->offline = &wait->offline;
    metrics_add(LM_USERS_OFFLINE, offline_users_count(&wait->offline));
}

static void tell(struct push_wait *wait, enum push_verdict verdict)
{
    push_done *done = wait->done;

    if (done == NULL)
        return;
    wait->done = NULL;
    wait->outcome.verdict = verdict;
    note_offline(wait);
    event_del(wait->timer);
    metrics_sub(LM_WAITS, 1);
    if (verdict == PUSH_WAIT_TIMEOUT)
        metrics_add(LM_WAIT_TIMEOUTS, 1);
    done(&wait->outcome, wait->arg);
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    tell(arg, PUSH_WAIT_TIMEOUT);
}

enum status push_wait_new(struct event_base *base, int timeout_ms, push_done *done, void *arg,
                          struct push_wait **out)
{
    struct push_wait *wait = calloc(1, sizeof *wait);

    if (wait == NULL)
        return STATUS_NO_MEMORY;
    wait->timer = evtimer_new(base, on_timeout, wait);
    if (wait->timer == NULL) {
        free(wait);
        return STATUS_NO_MEMORY;
    }
    wait->timeout_ms = timeout_ms;
    wait->done = done;
    wait->arg = arg;
    *out = wait;
    return STATUS_OK;
}

enum status push_wait_for_users(struct push_wait *wait, size_t users, struct slice names)
{
    return offline_users_init(&wait->offline, users, names);
}

struct offline_users *push_wait_offline(struct push_wait *wait)
{
    return wait->offline.users > 0 ? &wait->offline : NULL;
}

void push_wait_start(struct push_wait *wait, struct push_outcome *outcome)
{
    wait->outcome = *outcome;
    wait->outcome.pending = outcome->queued;
    wait->outcome.wait_ms = wait->timeout_ms;
    memset(outcome->names, 0, sizeof outcome->names);
    metrics_add(LM_WAITS, 1);
    (void)loop_event_after_ms(wait->timer, wait->timeout_ms);
}

static enum push_verdict verdict_of(const struct push_outcome *outcome)
{
    if (outcome->refused > 0)
        return PUSH_WAIT_REFUSED;
    return outcome->acked > 0 ? PUSH_TAKEN : PUSH_WAIT_TIMEOUT;
}

/* Whatever it was named as before the push went there, its answer counts. */
static void settle(struct push_wait *wait, const char *gateway)
{
    push_outcome_remove_name(&wait->outcome, PUSH_NAMES_CONNECTING, gateway);
    if (--wait->outcome.pending == 0)
        tell(wait, verdict_of(&wait->outcome));
}

void push_wait_acked(struct push_wait *wait, const char *gateway, uint64_t clients)
{
    wait->outcome.acked++;
    wait->outcome.clients += clients;
    settle(wait, gateway);
}

void push_wait_refused(struct push_wait *wait, const char *gateway)
{
    wait->outcome.refused++;
    push_outcome_add_name(&wait->outcome, PUSH_NAMES_REFUSED, gateway);
    settle(wait, gateway);
}

void push_wait_dropped(struct push_wait *wait, const char *gateway)
{
    push_outcome_add_name(&wait->outcome, PUSH_NAMES_DOWN, gateway);
    settle(wait, gateway);
}

void push_wait_free(struct push_wait *wait)
{
    if (wait == NULL)
        return;
    push_outcome_fini(&wait->outcome);
    offline_users_fini(&wait->offline);
    event_free(wait->timer);
    free(wait);
}
