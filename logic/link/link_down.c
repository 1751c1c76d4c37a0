/* SPDX-License-Identifier: Apache-2.0 */
/* How a link's connection ends, when the next one is tried, and when the gateway is given up. Pauses double
 * from 50 ms to 2 s with full jitter, so that the links of all logics do not come back at once. A connection
 * that answered for nothing counts neither as having been up nor as a reason to try sooner. The loop's thread
 * only; every other file of the link ends connections through this one. */
#include <event2/util.h>

#include "logic/link/link_internal.h"
#include "shared/base/backoff.h"
#include "shared/base/clock.h"
#include "shared/net/loop_event.h"

enum { STEADY_MS = 2000 }; /* a connection that lived so long starts the backoff anew */

static const unsigned state_rows[] = {
    [LINK_UP] = LM_LINKS_UP,
    [LINK_CONNECTING] = LM_LINKS_CONNECTING,
    [LINK_WAITING] = LM_LINKS_WAITING,
};

void link_down_begin(struct gateway_link *link)
{
    link->state = LINK_WAITING;
    link->since_ms = link->down_since_ms = clock_now_ms();
    metrics_add(LM_LINKS_WAITING, 1);
}

void link_down_end(struct gateway_link *link)
{
    metrics_sub(state_rows[link->state], 1);
}

void link_down_set_state(struct gateway_link *link, enum link_state state)
{
    metrics_sub(state_rows[link->state], 1);
    metrics_add(state_rows[state], 1);
    link->state = state;
    link->since_ms = clock_now_ms();
}

void link_down_pause(struct gateway_link *link)
{
    static const struct backoff backoff = {.first_ms = 50, .last_ms = 2000};
    uint32_t chance = 0;

    evutil_secure_rng_get_bytes(&chance, sizeof chance);
    (void)loop_event_after_ms(link->again, backoff_ms(&backoff, link->failures++, chance));
}

static void note_down(struct gateway_link *link, const char *reason)
{
    bool was_up = link->state == LINK_UP;

    link_log_down(&link->log, link->address.name, was_up, reason, link->failures, link->ledger.queue.count);
    /* A gateway that takes connections but answers for nothing counts as down all the while. */
    if (was_up && (link->served || link->ledger.queue.count == 0))
        link->down_since_ms = clock_now_ms();
    if (was_up && (link->served || clock_now_ms() - link->since_ms >= STEADY_MS))
        link->failures = 0;
}

void link_down_drop_connection(struct gateway_link *link)
{
    link_sender_stop(&link->sender);
    link_hello_stop(&link->hello);
    link_bans_stop(&link->bans);
    link->below = 0;
    link_probe_stop(&link->probe);
    link_canary_stop(&link->canary);
    link_queries_stop(&link->queries);
    h2_conn_free(link->conn);
    link->conn = NULL;
    lookup_cancel(&link->lookup);
    link_down_set_state(link, LINK_WAITING);
}

void link_down_break(struct gateway_link *link, const char *reason)
{
    note_down(link, reason);
    metrics_add(LM_LINK_RECONNECTS, 1);
    link_down_drop_connection(link);
    link_down_pause(link);
}

bool link_down_is_given_up(const struct gateway_link *link, int64_t now_ms)
{
    return now_ms - link->down_since_ms >= link->env->conf->link_queue_seconds * 1000;
}

void link_down_expire(struct gateway_link *link)
{
    size_t count = link->ledger.queue.count;

    if (count == 0)
        return;
    link_log_dropped(link->address.name, "gateway down for too long, pushes dropped", count);
    link_ledger_drop(&link->ledger, count, LINK_DROP_EXPIRED);
}
