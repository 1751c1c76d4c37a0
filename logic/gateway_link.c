/* SPDX-License-Identifier: Apache-2.0 */
/* A link's connection: when it is made, judged and made again. The loop's thread only. What is
 * said over it is link_sender's, what is kept for it link_ledger's. */
#include "logic/gateway_link.h"

#include <event2/bufferevent_ssl.h>
#include <event2/util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logic/link_ledger.h"
#include "logic/link_sender.h"
#include "logic/liveness.h"
#include "logic/lookup.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/tls.h"

enum {
    BACKOFF_FIRST_MS = 50,
    BACKOFF_LAST_MS = 2000,
    STEADY_MS = 2000,        /* a connection that lived so long starts the backoff anew */
    IDLE_PING_MS = 10000,    /* an idle connection is pinged so often */
    LOG_UP_GAP_MS = 1000,    /* between two lines about one link */
    LOG_DOWN_GAP_MS = 10000, /* between two lines about a link that stays down */
    ANSWER_MAX = 1024 * 1024,
    ANSWER_WINDOW = 1024 * 1024,
};

/* The order of the rows LM_LINKS_UP and after. */
enum link_state { LINK_UP, LINK_CONNECTING, LINK_WAITING };

struct gateway_link {
    const struct link_env *env;
    char *hostname;
    char *name;
    int port;
    enum link_state state;
    struct lookup *lookup; /* while the name is resolved, or NULL */
    struct h2_conn *conn;  /* then, or NULL */
    struct event *again;   /* ends a pause: before a new connection, or before a repetition */
    struct event *tick;    /* liveness, time-outs, expiry */
    struct event *kick;    /* sends at the end of the loop's turn, so that pushes gather */
    unsigned failures;     /* in a row: connections, or refused repetitions */
    int64_t since_ms;      /* of the present state */
    int64_t down_since_ms; /* meaningful while not up */
    int64_t logged_up_ms;
    int64_t logged_down_ms;
    int64_t logged_retry_ms;
    bool served; /* this connection has answered for a push */
    struct liveness liveness;
    struct link_ledger ledger;
    struct link_sender sender;
};

static void set_state(struct gateway_link *link, enum link_state state)
{
    metrics_sub(LM_LINKS_UP + (unsigned)link->state, 1);
    metrics_add(LM_LINKS_UP + (unsigned)state, 1);
    link->state = state;
    link->since_ms = clock_now_ms();
}

/* Exponential with full jitter: anything from 0 to a ceiling that doubles. */
static void pause_link(struct gateway_link *link)
{
    uint32_t random = 0;
    unsigned doublings = link->failures < 6 ? link->failures : 6;
    uint32_t ceiling = (uint32_t)BACKOFF_FIRST_MS << doublings;
    if (ceiling > BACKOFF_LAST_MS)
        ceiling = BACKOFF_LAST_MS;
    evutil_secure_rng_get_bytes(&random, sizeof random);
    uint32_t delay_ms = random % (ceiling + 1);
    struct timeval delay = {delay_ms / 1000, delay_ms % 1000 * 1000};
    link->failures++;
    evtimer_add(link->again, &delay);
}

/* Whether the last line of this kind, at `*logged_ms`, is long enough ago. */
static bool may_log(int64_t *logged_ms, int64_t gap_ms)
{
    int64_t now_ms = clock_now_ms();
    if (*logged_ms && now_ms - *logged_ms < gap_ms)
        return false;
    *logged_ms = now_ms;
    return true;
}

static void note_down(struct gateway_link *link, const char *reason)
{
    bool was_up = link->state == LINK_UP;
    if (may_log(&link->logged_down_ms, was_up ? LOG_UP_GAP_MS : LOG_DOWN_GAP_MS))
        log_event(LOG_WARN, was_up ? "gateway link broke" : "gateway link not up",
                  LOG_S("gateway", link->name), LOG_S("reason", reason), LOG_I("failures", link->failures),
                  LOG_I("queued", link->ledger.queue.count));
    /* A gateway that takes connections but answers for nothing counts as down all the while. */
    if (was_up && (link->served || link->ledger.queue.count == 0))
        link->down_since_ms = clock_now_ms();
    if (was_up && (link->served || clock_now_ms() - link->since_ms >= STEADY_MS))
        link->failures = 0;
}

static void break_link(struct gateway_link *link, const char *reason)
{
    note_down(link, reason);
    metrics_add(LM_LINK_RECONNECTS, 1);
    link_sender_stop(&link->sender);
    h2_conn_free(link->conn);
    link->conn = NULL;
    lookup_cancel(&link->lookup);
    set_state(link, LINK_WAITING);
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
    log_event(LOG_WARN, "gateway down for too long, pushes let go", LOG_S("gateway", link->name),
              LOG_I("pushes", count));
    link_ledger_drop(&link->ledger, count, LINK_DROP_EXPIRED);
}

static void on_ready(struct h2_conn *conn, void *arg)
{
    struct gateway_link *link = arg;
    if (is_given_up(link, clock_now_ms()))
        let_go_of_the_past(link);
    set_state(link, LINK_UP);
    link->served = false;
    if (link->ledger.queue.count == 0)
        link->down_since_ms = link->since_ms;
    liveness_init(&link->liveness, link->env->conf->gateway_timeout, IDLE_PING_MS, link->since_ms);
    if (may_log(&link->logged_up_ms, LOG_UP_GAP_MS))
        log_event(LOG_INFO, "gateway link up", LOG_S("gateway", link->name),
                  LOG_I("queued", link->ledger.queue.count));
    link_sender_start(&link->sender, conn);
    event_active(link->kick, EV_TIMEOUT, 0);
}

static void on_response(struct h2_conn *conn, int32_t stream, int status, struct slice body, void *arg)
{
    struct gateway_link *link = arg;
    (void)conn;
    enum link_reply reply = link_sender_answer(&link->sender, stream, status, body);
    if (reply == LINK_REPLY_OTHER)
        return;
    liveness_settle(&link->liveness);
    if (reply == LINK_REPLY_RETRY) {
        if (may_log(&link->logged_retry_ms, LOG_UP_GAP_MS))
            log_event(LOG_WARN, "gateway could not take a batch, sending it again",
                      LOG_S("gateway", link->name), LOG_I("status", status));
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
    (void)conn;
    break_link(link, reason);
}

static struct bufferevent *new_transport(struct gateway_link *link)
{
    const char *expected = link->env->conf->rpc_server_name;
    SSL *ssl = tls_client_session(link->env->tls, expected[0] ? expected : link->hostname);
    if (!ssl)
        return NULL;
    struct bufferevent *bev = bufferevent_openssl_socket_new(
        link->env->base, -1, ssl, BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
    if (!bev)
        SSL_free(ssl);
    return bev;
}

/* The addresses of a name take turns: one of them may be dead, or listened on by nobody. */
static const struct evutil_addrinfo *choose(const struct evutil_addrinfo *addresses, unsigned turn)
{
    unsigned count = 0;
    for (const struct evutil_addrinfo *at = addresses; at; at = at->ai_next)
        count++;
    for (turn %= count; turn > 0; turn--)
        addresses = addresses->ai_next;
    return addresses;
}

static void on_addresses(const char *error, const struct evutil_addrinfo *addresses, void *arg)
{
    static const struct h2_callbacks callbacks = {
        .on_ready = on_ready, .on_response = on_response, .on_close = on_close};
    static const struct h2_limits limits = {
        .max_body = ANSWER_MAX, .max_streams = 1, .window = ANSWER_WINDOW};
    struct gateway_link *link = arg;
    if (error) {
        break_link(link, error);
        return;
    }
    struct bufferevent *bev = new_transport(link);
    if (!bev || h2_conn_new_client(bev, link->name, &limits, &callbacks, link, &link->conn)) {
        link->conn = NULL;
        break_link(link, "no memory for a connection");
        return;
    }
    const struct evutil_addrinfo *address = choose(addresses, link->failures);
    if (bufferevent_socket_connect(bev, address->ai_addr, (int)address->ai_addrlen))
        break_link(link, "the connection could not be begun");
}

static void connect_link(struct gateway_link *link)
{
    set_state(link, LINK_CONNECTING);
    if (lookup_start(link->env->dns, link->hostname, link->port, on_addresses, link, &link->lookup))
        break_link(link, "no memory for a connection");
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

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct gateway_link *link = arg;
    int64_t now_ms = clock_now_ms();
    (void)fd;
    (void)what;
    if (link->state == LINK_UP)
        check_alive(link, now_ms);
    else if (link->state == LINK_CONNECTING && now_ms - link->since_ms >= link->env->conf->gateway_timeout)
        break_link(link, "the connection was not made in time");
    if (link->state != LINK_UP && is_given_up(link, now_ms))
        let_go_of_the_past(link);
}

static enum status make_events(struct gateway_link *link)
{
    int64_t tick_ms = link->env->conf->gateway_timeout / 6;
    tick_ms = tick_ms > 500 ? 500 : tick_ms;
    struct timeval period = {tick_ms / 1000, tick_ms % 1000 * 1000};
    link->again = evtimer_new(link->env->base, on_again, link);
    link->tick = event_new(link->env->base, -1, EV_PERSIST, on_tick, link);
    link->kick = event_new(link->env->base, -1, 0, on_kick, link);
    if (!link->again || !link->tick || !link->kick || event_add(link->tick, &period))
        return STATUS_NO_MEMORY;
    event_active(link->again, EV_TIMEOUT, 0);
    return STATUS_OK;
}

static char *make_name(const char *hostname, int port)
{
    char *name = NULL;
    const char *format = strchr(hostname, ':') ? "[%s]:%d" : "%s:%d";
    return asprintf(&name, format, hostname, port) < 0 ? NULL : name;
}

enum status gateway_link_new(const struct link_env *env, const char *hostname, int port,
                             struct gateway_link **out)
{
    const struct logic_conf *conf = env->conf;
    struct gateway_link *link = calloc(1, sizeof *link);
    if (!link)
        return STATUS_NO_MEMORY;
    link->env = env;
    link->port = port;
    link->state = LINK_WAITING;
    link->since_ms = link->down_since_ms = clock_now_ms();
    metrics_add(LM_LINKS_WAITING, 1);
    link->hostname = strdup(hostname);
    link->name = make_name(hostname, port);
    link_ledger_init(&link->ledger, link->name, (size_t)conf->gateway_max_pending_count,
                     (size_t)conf->link_queue_bytes);
    link_sender_init(&link->sender, &link->ledger, env->logic_id, (size_t)conf->rpc_batch_bytes);
    if (!link->hostname || !link->name || make_events(link)) {
        gateway_link_free(link);
        return STATUS_NO_MEMORY;
    }
    *out = link;
    return STATUS_OK;
}

static void free_event(struct event *event)
{
    if (event)
        event_free(event);
}

void gateway_link_free(struct gateway_link *link)
{
    if (!link)
        return;
    lookup_cancel(&link->lookup);
    h2_conn_free(link->conn);
    link_sender_fini(&link->sender);
    link_ledger_fini(&link->ledger);
    free_event(link->again);
    free_event(link->tick);
    free_event(link->kick);
    metrics_sub(LM_LINKS_UP + (unsigned)link->state, 1);
    free(link->hostname);
    free(link->name);
    free(link);
}

const char *gateway_link_name(const struct gateway_link *link)
{
    return link->name;
}

bool gateway_link_is_up(const struct gateway_link *link)
{
    return link->state == LINK_UP;
}

size_t gateway_link_queued(const struct gateway_link *link)
{
    return link->ledger.queue.count;
}

enum link_offer gateway_link_offer(struct gateway_link *link, size_t bytes, int64_t now_ms)
{
    bool up = link->state == LINK_UP;
    if (!up && is_given_up(link, now_ms))
        return LINK_LETS_GO;
    if (!link_queue_has_room(&link->ledger.queue, bytes))
        return up ? LINK_FULL : LINK_LETS_GO;
    return link_queue_reserve(&link->ledger.queue) ? LINK_NO_MEMORY : LINK_TAKES;
}

void gateway_link_add(struct gateway_link *link, struct encoded_push *push)
{
    link_ledger_add(&link->ledger, push);
    if (link->state == LINK_UP && !link->sender.owed)
        event_active(link->kick, EV_TIMEOUT, 0);
}
