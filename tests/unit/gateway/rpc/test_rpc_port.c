/* SPDX-License-Identifier: Apache-2.0 */
/* Which connections the RPC port has, who gives way, and which answers wait: connections, routes and time are
 * played by the test. What a real client sees is in test_rpc_server.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "gateway/metrics/gateway_metrics.h"
#include "gateway/rpc/rpc_routes.h"
#include "gateway/rpc/rpc_server.h"
#include "shared/base/clock.h"
#include "shared/h2/h2_conn.h"
#include "shared/log/log.h"
#include "shared/net/listener.h"
#include "shared/net/loop_event.h"

enum {
    QUIET_MS = 20000,
    READ_TIMEOUT_MS = 4000,
    MAX_CONNECTIONS = 3,
    MAX_HANDSHAKES = 4,
    MOST_CONNS = 32,
    MOST_REPLIES = 16,
    MAX_RPC_BYTES = 10000,
    MAX_INFLIGHT = 50000,
};

/* A connection, as the test sees it. */
struct h2_conn {
    const struct h2_callbacks *callbacks;
    void *arg;
    struct h2_limits limits;
    bool open;
    bool busy;
    bool drains;
    bool closing; /* h2_conn_close was called */
    enum h2_end end;
    int64_t heard_ms;
    int expired_after_ms; /* as h2_conn_expire was told last */
    int ended_after_ms;
    int32_t replies[MOST_REPLIES]; /* streams */
    int reply_count;
};

struct listener {
    listener_accept *on_accept;
    void *arg;
    bool open;
};

static struct bench {
    struct event_base *base;
    struct rpc_server *server;
    struct h2_conn conns[MOST_CONNS];
    int count;
    struct event *sweep; /* while it is set */
    int64_t sweep_ms;
    int turns;
} bench;
static struct listener the_listener;
static int64_t now_ms;

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
    const struct timeval hour = {3600, 0};

    bench.sweep = event;
    bench.sweep_ms = delay;
    return event_add(event, &hour) == 0 ? STATUS_OK : STATUS_NO_MEMORY;
}

void loop_event_free(struct event *event)
{
    if (event != NULL)
        event_free(event);
}

enum status listener_new(struct event_base *base, const char *what, const char *bind, int port,
                         listener_accept *on_accept, void *arg, struct listener **out, struct fault *fault)
{
    (void)base;
    (void)what;
    (void)bind;
    (void)port;
    (void)fault;
    the_listener = (struct listener){on_accept, arg, true};
    *out = &the_listener;
    return STATUS_OK;
}

int listener_port(const struct listener *listener)
{
    (void)listener;
    return 7788;
}

void listener_count_failures(struct listener *listener, unsigned row)
{
    (void)listener;
    assert_int_equal(row, M_ACCEPT_FAILURES_RPC);
}

void listener_free(struct listener *listener)
{
    listener->open = false;
}

enum status transport_new_accepted(struct event_base *base, int fd, SSL *ssl, struct transport **out)
{
    (void)base;
    (void)ssl;
    close(fd);
    *out = NULL;
    return STATUS_OK;
}

enum status h2_conn_new_server(struct event_base *base, struct transport *transport,
                               const struct h2_limits *limits, const struct h2_callbacks *callbacks,
                               void *arg, struct h2_conn **out)
{
    struct h2_conn *conn = &bench.conns[bench.count++];

    (void)base;
    (void)transport;
    assert_true(bench.count <= MOST_CONNS);
    *conn = (struct h2_conn){
        .callbacks = callbacks, .arg = arg, .limits = *limits, .open = true, .heard_ms = now_ms};
    *out = conn;
    return STATUS_OK;
}

void h2_conn_free(struct h2_conn *conn)
{
    assert_true(conn->open);
    conn->open = false;
}

void h2_conn_close(struct h2_conn *conn, const char *reason)
{
    (void)reason;
    conn->closing = true;
}

enum h2_end h2_conn_end(const struct h2_conn *conn)
{
    return conn->end;
}

bool h2_conn_refused_peer(const struct h2_conn *conn)
{
    (void)conn;
    return false;
}

bool h2_conn_is_busy(const struct h2_conn *conn)
{
    return conn->busy;
}

int64_t h2_conn_last_received(const struct h2_conn *conn)
{
    return conn->heard_ms;
}

void h2_conn_drain(struct h2_conn *conn)
{
    conn->drains = true;
}

void h2_conn_expire(struct h2_conn *conn, int64_t now, int stall_ms, int total_ms)
{
    assert_int_equal(now, now_ms);
    conn->expired_after_ms = stall_ms;
    conn->ended_after_ms = total_ms;
}

void h2_reply(struct h2_conn *conn, int32_t stream, int status, const char *content_type, const void *body,
              size_t len)
{
    (void)status;
    (void)content_type;
    (void)body;
    (void)len;
    assert_true(conn->open && conn->reply_count < MOST_REPLIES);
    conn->replies[conn->reply_count++] = stream;
}

void h2_reply_header(struct h2_conn *conn, int32_t stream, const char *name, const char *value)
{
    (void)conn;
    (void)stream;
    (void)name;
    (void)value;
}

/* Every POST is a push that was applied, everything else is refused. */
void rpc_routes_answer(const struct rpc_routes *routes, const struct rpc_call *call)
{
    (void)routes;
    rpc_answer_init(call->answer);
    call->answer->applied = strcmp(call->request->method, "POST") == 0;
    if (!call->answer->applied)
        call->answer->status = 405;
}

static void on_turn(void *arg)
{
    (void)arg;
    bench.turns++;
}

static void on_coming(void *arg)
{
    (void)arg;
}

static int set_up(void **state)
{
    const struct rpc_server_conf conf = {
        .bind = "127.0.0.1",
        .hello = {.limits = {[HELLO_RPC_BYTES] = MAX_RPC_BYTES}},
        .limits = {MAX_INFLIGHT, MAX_CONNECTIONS, MAX_HANDSHAKES, READ_TIMEOUT_MS},
        .quiet_ms = QUIET_MS,
        .on_coming = on_coming,
        .on_turn = on_turn,
    };
    struct fault fault;

    (void)state;
    log_setup(LOG_ERROR, LOG_LOGFMT);
    gateway_metrics_setup();
    now_ms = 1000000;
    bench = (struct bench){.base = event_base_new()};
    assert_int_equal(rpc_server_new(bench.base, &conf, &bench.server, &fault), STATUS_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rpc_server_free(bench.server);
    for (int i = 0; i < bench.count; i++)
        assert_false(bench.conns[i].open);
    assert_int_equal(metrics_get(M_RPC_CONNECTIONS) + metrics_get(M_RPC_HANDSHAKES), 0);
    event_base_free(bench.base);
    return 0;
}

static void turn(void)
{
    event_base_loop(bench.base, EVLOOP_NONBLOCK);
}

static struct h2_conn *come(void)
{
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int before = bench.count;

    the_listener.on_accept(eventfd(0, EFD_CLOEXEC), (struct sockaddr *)&peer, sizeof peer, the_listener.arg);
    assert_int_equal(bench.count, before + 1);
    return &bench.conns[before];
}

static void establish(const struct h2_conn *conn)
{
    conn->callbacks->on_established(bench.conns + (conn - bench.conns), conn->arg);
}

static struct h2_conn *come_through(void)
{
    struct h2_conn *conn = come();

    establish(conn);
    return conn;
}

static void ask(struct h2_conn *conn, const char *method, int32_t stream)
{
    const struct h2_request request = {
        .stream = stream, .method = method, .path = "/rpc/batch", .content_type = ""};

    conn->callbacks->on_request(conn, &request, conn->arg);
}

static void end(struct h2_conn *conn, enum h2_end why)
{
    conn->end = why;
    conn->callbacks->on_close(conn, "as the test says", conn->arg);
}

static void connections_are_bounded(void **state)
{
    struct h2_conn *conns[MAX_CONNECTIONS];

    (void)state;
    for (int i = 0; i < MAX_CONNECTIONS; i++)
        conns[i] = come_through();
    assert_int_equal(metrics_get(M_RPC_CONNECTIONS), MAX_CONNECTIONS);
    now_ms += QUIET_MS - 1; /* not silent for long enough */
    struct h2_conn *newcomer = come_through();
    assert_true(newcomer->closing);
    assert_int_equal(metrics_get(M_RPC_REFUSED), 1);
    assert_int_equal(metrics_get(M_EVICTED_RPC), 0);
    end(newcomer, H2_END_LOCAL);
    for (int i = 0; i < MAX_CONNECTIONS; i++)
        assert_true(conns[i]->open && !conns[i]->closing);
    end(conns[1], H2_END_PEER);
    assert_false(come_through()->closing);
    assert_int_equal(rpc_server_connections(bench.server), MAX_CONNECTIONS);
}

static void who_has_been_silent_for_longest_gives_way(void **state)
{
    struct h2_conn *first = come_through(), *second = come_through(), *third = come_through();

    (void)state;
    now_ms += 2 * QUIET_MS;
    first->heard_ms = now_ms - QUIET_MS - 1;
    second->heard_ms = now_ms - QUIET_MS - 5;
    third->heard_ms = now_ms - QUIET_MS - 3;
    assert_false(come_through()->closing);
    assert_false(second->open);
    assert_true(first->open && third->open);
    assert_int_equal(metrics_get(M_EVICTED_RPC), 1);
    assert_int_equal(metrics_get(M_RPC_REFUSED), 0);
    assert_int_equal(metrics_get(M_RPC_CONNECTIONS), MAX_CONNECTIONS);
}

static void who_waits_for_an_answer_does_not_give_way(void **state)
{
    struct h2_conn *first = come_through(), *second = come_through(), *third = come_through();

    (void)state;
    now_ms += 2 * QUIET_MS;
    first->busy = second->busy = third->busy = true;
    assert_true(come_through()->closing);
    third->busy = false;
    assert_false(come_through()->closing);
    assert_true(first->open && second->open && !third->open);
}

/* Whoever shows no certificate takes no logic's place. */
static void handshakes_are_bounded_by_themselves(void **state)
{
    struct h2_conn *logic = come_through();
    struct h2_conn *strangers[MAX_HANDSHAKES];

    (void)state;
    for (int i = 0; i < MAX_HANDSHAKES; i++)
        strangers[i] = come();
    assert_int_equal(metrics_get(M_RPC_HANDSHAKES), MAX_HANDSHAKES);
    assert_int_equal(metrics_get(M_EVICTED_RPC), 0);
    struct h2_conn *newcomer = come();
    assert_false(strangers[0]->open); /* the oldest */
    assert_true(strangers[1]->open && logic->open);
    assert_int_equal(metrics_get(M_EVICTED_RPC), 1);
    assert_int_equal(metrics_get(M_RPC_HANDSHAKES), MAX_HANDSHAKES);
    establish(newcomer);
    assert_int_equal(metrics_get(M_RPC_HANDSHAKES), MAX_HANDSHAKES - 1);
    assert_int_equal(metrics_get(M_RPC_CONNECTIONS), 2);
}

static void a_connection_may_ask_128_things_at_once(void **state)
{
    const struct h2_conn *conn = come_through();

    (void)state;
    assert_int_equal(conn->limits.max_streams, 128);
    assert_int_equal(conn->limits.max_body, MAX_RPC_BYTES);
}

static void requests_being_received_are_bounded_together(void **state)
{
    const int64_t larger[HELLO_LIMIT_COUNT] = {[HELLO_RPC_BYTES] = 2 * MAX_INFLIGHT};
    const struct rpc_limits limits = {MAX_INFLIGHT, MAX_CONNECTIONS, MAX_HANDSHAKES, READ_TIMEOUT_MS};
    const struct h2_conn *first = come_through(), *second = come_through();

    (void)state;
    assert_ptr_equal(first->limits.inflight, second->limits.inflight);
    assert_int_equal(first->limits.inflight->max, MAX_INFLIGHT);
    first->limits.inflight->used = 7;
    assert_int_equal(rpc_server_inflight(bench.server), 7);
    rpc_server_set_limits(bench.server, larger, &limits);
    assert_int_equal(first->limits.inflight->max, 2 * MAX_INFLIGHT); /* one whole request always fits */
    assert_int_equal(first->limits.max_body, MAX_RPC_BYTES);         /* as it was told when it came */
    assert_int_equal(come_through()->limits.max_body, 2 * MAX_INFLIGHT);
}

static void requests_that_stand_still_are_swept(void **state)
{
    struct h2_conn *conn = come();

    (void)state;
    assert_null(bench.sweep);
    establish(conn);
    assert_non_null(bench.sweep);
    assert_in_range(bench.sweep_ms, 1, READ_TIMEOUT_MS / 4);
    event_del(bench.sweep);
    event_active(bench.sweep, EV_TIMEOUT, 0);
    bench.sweep = NULL;
    turn();
    assert_int_equal(conn->expired_after_ms, READ_TIMEOUT_MS);
    assert_int_equal(conn->ended_after_ms, 3 * READ_TIMEOUT_MS);
    assert_non_null(bench.sweep); /* as long as there are connections */
    conn->callbacks->on_reset(conn, H2_RESET_STALLED, conn->arg);
    assert_int_equal(metrics_get(M_RPC_RESET_TIMEOUT), 1);
    conn->callbacks->on_reset(conn, H2_RESET_BYTES, conn->arg);
    assert_int_equal(metrics_get(M_RPC_RESET_BYTES), 1);
}

/* What was applied is judged at the end of the turn; then its answer goes. */
static void an_answer_goes_at_the_end_of_its_turn(void **state)
{
    struct h2_conn *conn = come_through();

    (void)state;
    ask(conn, "POST", 1);
    ask(conn, "POST", 3);
    assert_int_equal(conn->reply_count, 0);
    turn();
    assert_int_equal(bench.turns, 1);
    assert_int_equal(conn->reply_count, 2);
    ask(conn, "GET", 5); /* nothing was applied: at once */
    assert_int_equal(conn->reply_count, 3);
    assert_int_equal(metrics_get(M_RPC_REFUSED), 1);
}

static void held_answers_wait_and_go_in_order(void **state)
{
    struct h2_conn *conn = come_through();

    (void)state;
    rpc_server_hold(bench.server, true);
    ask(conn, "POST", 1);
    turn();
    ask(conn, "POST", 3);
    ask(conn, "GET", 5);
    turn();
    assert_int_equal(conn->reply_count, 1);
    assert_int_equal(conn->replies[0], 5); /* what was not applied waits for nothing */
    rpc_server_hold(bench.server, false);
    assert_int_equal(conn->reply_count, 3);
    assert_int_equal(conn->replies[1], 1);
    assert_int_equal(conn->replies[2], 3);
}

static void answers_end_with_their_connection(void **state)
{
    struct h2_conn *first = come_through(), *second = come_through();

    (void)state;
    rpc_server_hold(bench.server, true);
    ask(first, "POST", 1);
    ask(second, "POST", 1);
    end(first, H2_END_PEER);
    rpc_server_hold(bench.server, false);
    assert_int_equal(first->reply_count, 0);
    assert_int_equal(second->reply_count, 1);
}

static void a_drain_answers_what_is_held_and_says_goodbye(void **state)
{
    struct h2_conn *conn = come_through(), *stranger = come();

    (void)state;
    rpc_server_hold(bench.server, true);
    ask(conn, "POST", 1);
    rpc_server_drain(bench.server);
    assert_false(the_listener.open);
    assert_int_equal(conn->reply_count, 1);
    assert_true(conn->drains && conn->open);
    assert_false(stranger->open);
    rpc_server_hold(bench.server, true); /* buckets that are behind now hold nothing any more */
    ask(conn, "POST", 3);
    turn();
    assert_int_equal(conn->reply_count, 2);
    end(conn, H2_END_FINISHED);
    assert_int_equal(rpc_server_connections(bench.server), 0);
    assert_int_equal(metrics_get(M_RPC_CLOSED_FINISHED), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(connections_are_bounded),
        TEST(who_has_been_silent_for_longest_gives_way),
        TEST(who_waits_for_an_answer_does_not_give_way),
        TEST(handshakes_are_bounded_by_themselves),
        TEST(a_connection_may_ask_128_things_at_once),
        TEST(requests_being_received_are_bounded_together),
        TEST(requests_that_stand_still_are_swept),
        TEST(an_answer_goes_at_the_end_of_its_turn),
        TEST(held_answers_wait_and_go_in_order),
        TEST(answers_end_with_their_connection),
        TEST(a_drain_answers_what_is_held_and_says_goodbye),
    };

    return cmocka_run_group_tests_name("rpc_port", tests, NULL, NULL);
}
