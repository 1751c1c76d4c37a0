/* SPDX-License-Identifier: Apache-2.0 */
/* What is said over a link's connection: the hello first, so that what the gateway takes is known before
 * anything is sent to it; then the link is up, and batches, probes and canaries share the connection. Each
 * answer is its own module's to judge (link_hello, link_probe, link_canary, link_query, link_sender); what
 * follows from it for the link is decided here. The loop's thread only. */
#include <stdio.h>

#include "logic/link/link_internal.h"
#include "shared/base/clock.h"

enum { IDLE_PING_MS = 10000 }; /* an idle connection is pinged so often */

void link_talk_send(struct gateway_link *link)
{
    if (link->state != LINK_UP || link->sender.owed || evtimer_pending(link->again, NULL))
        return;
    if (link_sender_send(&link->sender) == STATUS_NO_MEMORY)
        link_down_pause(link);
    if (link->sender.owed)
        liveness_owe(&link->liveness, clock_now_ms());
}

static struct hello own_hello(struct gateway_link *link)
{
    struct hello own = {.version = FANFARE_VERSION,
                        .capabilities = 1u << HELLO_TRACES | 1u << HELLO_USERS | 1u << HELLO_OPTIONS};

    link_bans_hello(&link->bans, &own);
    hello_set_instance(&own, link->env->logic_id);
    link_limits_own(link->env->conf, own.limits);
    return own;
}

/* The gateway takes no longer requests than it says, whatever rpcBatchBytes is. */
static void bound_batches(struct gateway_link *link)
{
    const struct link_hello *hello = &link->hello;
    int64_t bytes = link->env->conf->rpc_batch_bytes;

    if (hello->known && hello->peer.limits[HELLO_RPC_BYTES] < bytes)
        bytes = hello->peer.limits[HELLO_RPC_BYTES];
    link->sender.batch_bytes = bytes > PUSH_BATCH_HEADER_LEN ? (size_t)bytes : PUSH_BATCH_HEADER_LEN + 1;
}

void link_talk_compare_limits(struct gateway_link *link)
{
    const struct link_hello *hello = &link->hello;
    int64_t own[HELLO_LIMIT_COUNT];

    link_limits_own(link->env->conf, own);
    link->below = hello->known ? link_limits_below(hello->peer.limits, own) : 0;
    bound_batches(link);
    if (hello->known)
        link_log_limits(&link->log, link->address.name, link->below, hello->peer.limits, own);
}

/* TLS stands. What the gateway takes is asked before anything is sent to it. */
static void on_ready(struct h2_conn *conn, void *arg)
{
    struct gateway_link *link = arg;
    const struct hello own = own_hello(link);

    if (link_hello_start(&link->hello, conn, &own, clock_now_us()) != STATUS_OK)
        h2_conn_close(conn, "the hello could not be sent");
}

static void come_up(struct gateway_link *link, struct h2_conn *conn)
{
    if (link_down_is_given_up(link, clock_now_ms()))
        link_down_expire(link);
    link_down_set_state(link, LINK_UP);
    link->served = false;
    if (link->ledger.queue.count == 0)
        link->down_since_ms = link->since_ms;
    liveness_init(&link->liveness, link->env->conf->gateway_timeout, IDLE_PING_MS, link->since_ms);
    link_log_up(&link->log, link->address.name, link->hello.known ? link->hello.peer.version : "",
                link->ledger.queue.count);
    link_sender_start(&link->sender, conn, link->hello.known ? &link->hello.peer : NULL);
    link_probe_start(&link->probe, conn, clock_now_us());
    link_canary_start(&link->canary, conn);
    link_queries_start(&link->queries, conn);
    event_active(link->kick, EV_TIMEOUT, 0);
}

static void on_hello(struct gateway_link *link, struct h2_conn *conn, enum link_hello_reply reply, int status)
{
    char reason[64];

    if (reply == LINK_HELLO_HEARD) {
        link_talk_compare_limits(link);
        if (link->state == LINK_CONNECTING)
            come_up(link, conn);
        if (link->hello.known)
            link_bans_compare(&link->bans, conn, &link->hello.peer, clock_now_us());
        return;
    }
    snprintf(reason, sizeof reason, "the gateway answers the hello with HTTP %d", status);
    h2_conn_close(conn, status ? reason : "the gateway resets the hello");
}

static void on_response(struct h2_conn *conn, int32_t stream, int status, struct slice body, void *arg)
{
    struct gateway_link *link = arg;
    enum link_hello_reply hello = link_hello_answer(&link->hello, link->address.name, stream, status, body);

    if (hello != LINK_HELLO_OTHER) {
        on_hello(link, conn, hello, status);
        return;
    }
    if (link_bans_answer(&link->bans, link->address.name, stream, status, body) ||
        link_probe_answer(&link->probe, stream, status, body, clock_now_us()) ||
        link_canary_answer(&link->canary, stream, status, clock_now_us()) ||
        link_queries_answer(&link->queries, stream, status, body))
        return;
    enum link_reply reply = link_sender_answer(&link->sender, stream, status, body);
    if (reply == LINK_REPLY_OTHER)
        return;
    liveness_settle(&link->liveness);
    if (reply == LINK_REPLY_RETRY) {
        link_log_retry(&link->log, link->address.name, status);
        link_down_pause(link);
        return;
    }
    link->served = true;
    link->failures = 0;
    event_active(link->kick, EV_TIMEOUT, 0);
}

static void on_close(struct h2_conn *conn, const char *reason, void *arg)
{
    struct gateway_link *link = arg;

    if (h2_conn_end(conn) == H2_END_FLOOD)
        metrics_add(LM_LINK_FLOODS, 1);
    link_down_break(link, reason);
}

const struct h2_callbacks link_talk_callbacks = {
    .on_ready = on_ready, .on_response = on_response, .on_close = on_close};

void link_talk_tick_hello(struct gateway_link *link)
{
    int64_t now_us = clock_now_us();
    bool news = hello_can(&link->hello.peer, HELLO_BANS) && link_bans_changed(&link->bans);

    if (!link_hello_is_due(&link->hello, news, now_us))
        return;
    const struct hello own = own_hello(link);
    link_hello_again(&link->hello, &own, now_us);
}
