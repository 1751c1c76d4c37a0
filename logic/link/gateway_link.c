/* SPDX-License-Identifier: Apache-2.0 */
/* A link's connection: when it is made, judged and made again. The loop's thread only. What is
 * said over it is link_sender's, what is kept for it link_ledger's. */
#include "logic/link/gateway_link.h"

#include <event2/event.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logic/link/link_address.h"
#include "logic/link/link_canary.h"
#include "logic/link/link_hello.h"
#include "logic/link/link_ledger.h"
#include "logic/link/link_log.h"
#include "logic/link/link_probe.h"
#include "logic/link/link_sender.h"
#include "logic/link/link_transport.h"
#include "logic/link/liveness.h"
#include "shared/base/backoff.h"
#include "shared/base/clock.h"
#include "shared/net/address_list.h"
#include "shared/net/lookup.h"
#include "shared/net/loop_event.h"

enum {
    STEADY_MS = 2000,     /* a connection that lived so long starts the backoff anew */
    IDLE_PING_MS = 10000, /* an idle connection is pinged so often */
};

enum link_state { LINK_UP, LINK_CONNECTING, LINK_WAITING };

struct gateway_link {
    const struct link_env *env;
    struct link_address address;
    enum link_state state;
    bool named;                      /* by a name, not by an address */
    struct address_list *remembered; /* that the name last had, or NULL */
    struct lookup *lookup;           /* while the name is resolved, or NULL */
    struct h2_conn *conn;            /* then, or NULL */
    struct event *again;             /* ends a pause: before a new connection, or before a repetition */
    struct event *tick;              /* liveness, time-outs, expiry */
    struct event *kick;              /* sends at the end of the loop's turn, so that pushes gather */
    unsigned failures;               /* in a row: connections, or refused repetitions */
    int64_t since_ms;                /* of the present state */
    int64_t down_since_ms;           /* meaningful while not up */
    bool served;                     /* this connection has answered for a push */
    struct liveness liveness;
    struct link_ledger ledger;
    struct link_sender sender;
    struct link_hello hello;
    limit_set below; /* limits of the gateway that are below this logic's; none while they are not known */
    struct link_probe probe;
    struct link_canary canary;
    struct link_log log;
};

static const unsigned state_rows[] = {
    [LINK_UP] = LM_LINKS_UP,
    [LINK_CONNECTING] = LM_LINKS_CONNECTING,
    [LINK_WAITING] = LM_LINKS_WAITING,
};

static void set_state(struct gateway_link *link, enum link_state state)
{
    metrics_sub(state_rows[link->state], 1);
    metrics_add(state_rows[state], 1);
    link->state = state;
    link->since_ms = clock_now_ms();
}

static void pause_link(struct gateway_link *link)
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

static void drop_connection(struct gateway_link *link)
{
    link_sender_stop(&link->sender);
    link_hello_stop(&link->hello);
    link->below = 0;
    link_probe_stop(&link->probe);
    link_canary_stop(&link->canary);
    h2_conn_free(link->conn);
    link->conn = NULL;
    lookup_cancel(&link->lookup);
    set_state(link, LINK_WAITING);
}

static void break_link(struct gateway_link *link, const char *reason)
{
    note_down(link, reason);
    metrics_add(LM_LINK_RECONNECTS, 1);
    drop_connection(link);
    pause_link(link);
}

static void send_next(struct gateway_link *link)
{
    if (link->state != LINK_UP || link->sender.owed || evtimer_pending(link->again, NULL))
        return;
    if (link_sender_send(&link->sender) == STATUS_NO_MEMORY)
        pause_link(link);
    if (link->sender.owed)
        liveness_owe(&link->liveness, clock_now_ms());
}

/* Whether the gateway has been down for so long that the past is not kept for it. */
static bool is_given_up(const struct gateway_link *link, int64_t now_ms)
{
    return now_ms - link->down_since_ms >= link->env->conf->link_queue_seconds * 1000;
}

static void let_go_of_the_past(struct gateway_link *link)
{
    size_t count = link->ledger.queue.count;
    if (count == 0)
        return;
    link_log_dropped(link->address.name, "gateway down for too long, pushes dropped", count);
    link_ledger_drop(&link->ledger, count, LINK_DROP_EXPIRED);
}

static struct hello own_hello(const struct gateway_link *link)
{
    struct hello own = {.version = FANFARE_VERSION, .traces = true, .users = true};
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

/* The gateway's limits, or this logic's own, may be other ones. */
static void compare_limits(struct gateway_link *link)
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
    if (is_given_up(link, clock_now_ms()))
        let_go_of_the_past(link);
    set_state(link, LINK_UP);
    link->served = false;
    if (link->ledger.queue.count == 0)
        link->down_since_ms = link->since_ms;
    liveness_init(&link->liveness, link->env->conf->gateway_timeout, IDLE_PING_MS, link->since_ms);
    link_log_up(&link->log, link->address.name, link->hello.known ? link->hello.peer.version : "",
                link->ledger.queue.count);
    link_sender_start(&link->sender, conn, link->hello.known ? &link->hello.peer : NULL);
    link_probe_start(&link->probe, conn, clock_now_us());
    link_canary_start(&link->canary, conn);
    event_active(link->kick, EV_TIMEOUT, 0);
}

static void on_hello(struct gateway_link *link, struct h2_conn *conn, enum link_hello_reply reply, int status)
{
    char reason[64];
    if (reply == LINK_HELLO_HEARD) {
        compare_limits(link);
        if (link->state == LINK_CONNECTING)
            come_up(link, conn);
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
    if (link_probe_answer(&link->probe, stream, status, body, clock_now_us()) ||
        link_canary_answer(&link->canary, stream, status, clock_now_us()))
        return;
    enum link_reply reply = link_sender_answer(&link->sender, stream, status, body);
    if (reply == LINK_REPLY_OTHER)
        return;
    liveness_settle(&link->liveness);
    if (reply == LINK_REPLY_RETRY) {
        link_log_retry(&link->log, link->address.name, status);
        pause_link(link);
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
    break_link(link, reason);
}

static void remember(struct gateway_link *link, const struct addrinfo *addresses)
{
    if (!link->named)
        return;
    if (link->remembered == NULL)
        link->remembered = calloc(1, sizeof *link->remembered);
    if (link->remembered != NULL)
        address_list_copy(link->remembered, addresses);
}

/* Name servers that fail say nothing of the gateway: it is tried where it was. */
static void on_addresses(enum dns_result result, const struct addrinfo *addresses, void *arg)
{
    static const struct h2_callbacks callbacks = {
        .on_ready = on_ready, .on_response = on_response, .on_close = on_close};
    struct gateway_link *link = arg;
    if (result == DNS_FOUND)
        remember(link, addresses);
    else if (dns_is_fault(result) && link->remembered != NULL)
        addresses = address_list_first(link->remembered);
    const struct link_target target = {link->address.hostname, link->address.name, addresses, link->failures};
    const char *error = addresses != NULL
                            ? link_transport_open(link->env, &target, &callbacks, link, &link->conn)
                            : lookup_result_text(result);
    if (error != NULL)
        break_link(link, error);
}

static void connect_link(struct gateway_link *link)
{
    set_state(link, LINK_CONNECTING);
    enum status status = lookup_start(link->env->dns, link->address.asked, link->address.port, on_addresses,
                                      link, &link->lookup);
    if (status != STATUS_OK)
        break_link(link, lookup_start_text(status));
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
    struct gateway_link *link = arg;
    (void)fd;
    (void)what;
    if (link->state == LINK_WAITING)
        connect_link(link);
    else
        send_next(link);
}

static void on_kick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    send_next(arg);
}

static void check_alive(struct gateway_link *link, int64_t now_ms)
{
    switch (liveness_check(&link->liveness, h2_conn_last_received(link->conn), now_ms)) {
    case LIVENESS_PING:
        h2_conn_ping(link->conn);
        break;
    case LIVENESS_DEAD:
        break_link(link, "the gateway is silent");
        break;
    case LIVENESS_FINE:
        break;
    }
}

static void tick_hello(struct gateway_link *link)
{
    int64_t now_us = clock_now_us();
    if (!link_hello_is_due(&link->hello, now_us))
        return;
    const struct hello own = own_hello(link);
    link_hello_again(&link->hello, &own, now_us);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct gateway_link *link = arg;
    int64_t now_ms = clock_now_ms();
    (void)fd;
    (void)what;
    tick_hello(link);
    link_probe_tick(&link->probe, clock_now_us());
    link_canary_tick(&link->canary, clock_now_us());
    if (link->state == LINK_UP)
        check_alive(link, now_ms);
    else if (link->state == LINK_CONNECTING && now_ms - link->since_ms >= link->env->conf->gateway_timeout)
        break_link(link, link->hello.owed ? "the gateway has not answered the hello in time"
                                          : "the connection was not made in time");
    if (link->state != LINK_UP && is_given_up(link, now_ms))
        let_go_of_the_past(link);
}

static int64_t tick_period_ms(const struct gateway_link *link)
{
    int64_t tick_ms = link->env->conf->gateway_timeout / 6;
    return tick_ms > 500 ? 500 : tick_ms;
}

static enum status make_events(struct gateway_link *link)
{
    link->again = evtimer_new(link->env->base, on_again, link);
    link->tick = event_new(link->env->base, -1, EV_PERSIST, on_tick, link);
    link->kick = event_new(link->env->base, -1, 0, on_kick, link);
    if (link->again == NULL || link->tick == NULL || link->kick == NULL ||
        loop_event_after_ms(link->tick, tick_period_ms(link)) != STATUS_OK)
        return STATUS_NO_MEMORY;
    event_active(link->again, EV_TIMEOUT, 0);
    return STATUS_OK;
}

static enum status set_address(struct gateway_link *link, const char *hostname, int port)
{
    enum status status = link_address_set(&link->address, hostname, port);
    struct in6_addr bytes;
    link->ledger.gateway = status != STATUS_OK ? link->ledger.gateway : link->address.name;
    link->named = evutil_inet_pton(AF_INET, hostname, &bytes) != 1 && strchr(hostname, ':') == NULL;
    if (status == STATUS_OK && link->remembered != NULL)
        link->remembered->count = 0;
    return status;
}

enum status gateway_link_new(const struct link_env *env, const char *hostname, int port,
                             struct gateway_link **out)
{
    const struct logic_conf *conf = env->conf;
    struct gateway_link *link = calloc(1, sizeof *link);
    if (link == NULL)
        return STATUS_NO_MEMORY;
    link->env = env;
    link->state = LINK_WAITING;
    link->since_ms = link->down_since_ms = clock_now_ms();
    metrics_add(LM_LINKS_WAITING, 1);
    link_ledger_init(&link->ledger, "", (size_t)conf->gateway_max_pending_count,
                     (size_t)conf->link_queue_bytes);
    link->ledger.logic_id = env->logic_id;
    link_hello_init(&link->hello);
    link_probe_init(&link->probe);
    link_canary_init(&link->canary, conf->canary_interval * 1000000);
    link_sender_init(&link->sender, &link->ledger, env->logic_id, (size_t)conf->rpc_batch_bytes);
    if (set_address(link, hostname, port) != STATUS_OK || make_events(link) != STATUS_OK) {
        gateway_link_free(link);
        return STATUS_NO_MEMORY;
    }
    *out = link;
    return STATUS_OK;
}

void gateway_link_free(struct gateway_link *link)
{
    if (link == NULL)
        return;
    lookup_cancel(&link->lookup);
    h2_conn_free(link->conn);
    link_hello_fini(&link->hello);
    link_sender_fini(&link->sender);
    link_ledger_fini(&link->ledger);
    loop_event_free(link->again);
    loop_event_free(link->tick);
    loop_event_free(link->kick);
    metrics_sub(state_rows[link->state], 1);
    link_address_fini(&link->address);
    free(link->remembered);
    free(link);
}

void gateway_link_give_up(struct gateway_link *link)
{
    size_t count = link->ledger.queue.count;
    if (count > 0)
        link_log_dropped(link->address.name, "gateway gone, pushes dropped", count);
    link_ledger_drop(&link->ledger, count, LINK_DROP_GONE);
}

void gateway_link_apply(struct gateway_link *link)
{
    const struct logic_conf *conf = link->env->conf;
    link_queue_bound(&link->ledger.queue, (size_t)conf->gateway_max_pending_count,
                     (size_t)conf->link_queue_bytes);
    compare_limits(link);
    link->liveness.timeout_ms = conf->gateway_timeout;
    (void)loop_event_after_ms(link->tick, tick_period_ms(link));
}

void gateway_link_retry(struct gateway_link *link)
{
    if (link->state != LINK_WAITING)
        return;
    link->failures = 0;
    event_active(link->again, EV_TIMEOUT, 0);
}

enum status gateway_link_move(struct gateway_link *link, const char *hostname, int port)
{
    if (set_address(link, hostname, port) != STATUS_OK)
        return STATUS_NO_MEMORY;
    drop_connection(link);
    if (is_given_up(link, link->since_ms)) {
        let_go_of_the_past(link);
        link->down_since_ms = link->since_ms;
    }
    gateway_link_retry(link);
    return STATUS_OK;
}

const char *gateway_link_name(const struct gateway_link *link)
{
    return link->address.name;
}

bool gateway_link_is_at(const struct gateway_link *link, const char *hostname, int port)
{
    return link_address_is(&link->address, hostname, port);
}

bool gateway_link_is_up(const struct gateway_link *link)
{
    return link->state == LINK_UP;
}

int64_t gateway_link_down_ms(const struct gateway_link *link, int64_t now_ms)
{
    return link->state == LINK_UP ? 0 : now_ms - link->down_since_ms;
}

size_t gateway_link_queued(const struct gateway_link *link)
{
    return link->ledger.queue.count;
}

/* Of one that is not up nothing is known yet: link_sender looks again when it is. */
static bool lacks_users(const struct gateway_link *link, const struct push *push)
{
    return push->target == AUDIENCE_USER && gateway_link_is_up(link) && !link->sender.users;
}

enum hello_limit gateway_link_passed(const struct gateway_link *link, struct push_measure *measure,
                                     int64_t *allowed)
{
    enum hello_limit limit = HELLO_LIMIT_COUNT;
    if (!lacks_users(link, measure->push))
        limit = link_limits_passed(link->hello.peer.limits, link->below, measure);
    *allowed = limit < HELLO_LIMIT_COUNT ? link->hello.peer.limits[limit] : 0;
    return limit;
}

static bool refuses(const struct gateway_link *link, struct push_measure *measure)
{
    if (lacks_users(link, measure->push))
        return true;
    return link->hello.known &&
           link_limits_passed(link->hello.peer.limits, link->below, measure) != HELLO_LIMIT_COUNT;
}

enum link_offer gateway_link_offer(struct gateway_link *link, struct push_measure *measure, int64_t now_ms)
{
    if (!gateway_link_is_up(link) && is_given_up(link, now_ms))
        return LINK_DROPS;
    if (refuses(link, measure))
        return LINK_REFUSES;
    if (!link_queue_has_room(&link->ledger.queue, measure->bytes))
        return gateway_link_is_up(link) ? LINK_FULL : LINK_DROPS;
    return link_queue_reserve(&link->ledger.queue) != STATUS_OK ? LINK_NO_MEMORY : LINK_TAKES;
}

void gateway_link_add(struct gateway_link *link, struct encoded_push *push)
{
    link_ledger_add(&link->ledger, push);
    if (link->state == LINK_UP && !link->sender.owed)
        event_active(link->kick, EV_TIMEOUT, 0);
}

void gateway_link_describe(const struct gateway_link *link, int64_t now_ms, struct link_details *out)
{
    *out = (struct link_details){.up = gateway_link_is_up(link),
                                 .given_up = !gateway_link_is_up(link) && is_given_up(link, now_ms),
                                 .pushes = link->ledger.queue.count,
                                 .bytes = link->ledger.queue.bytes,
                                 .rtt_us = link->probe.rtt_us,
                                 .clients = link->probe.clients,
                                 .canary_us = link->canary.us,
                                 .canary_failing = link_canary_is_failing(&link->canary),
                                 .hello = link->hello.known ? &link->hello.peer : NULL,
                                 .below = link->below,
                                 .error = link->log.fault[0] ? link->log.fault : NULL,
                                 .error_age_ms = now_ms - link->log.fault_ms};
}
