/* SPDX-License-Identifier: Apache-2.0 */
/* A gateway_link whose names, connections, timers and time the test plays. What is above the connection
 * (sender, hello, probe, ledger) is real. For test_gateway_link*.c. */
#ifndef FANFARE_TESTS_LINK_BENCH_H
#define FANFARE_TESTS_LINK_BENCH_H

#include <event2/event.h>
#include <event2/util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logic/link/gateway_link.h"
#include "logic/link/link_transport.h"
#include "logic/metrics/logic_metrics.h"
#include "shared/base/clock.h"
#include "shared/h2/h2_conn.h"
#include "shared/log/log.h"
#include "shared/net/lookup.h"
#include "shared/net/loop_event.h"

enum { GATEWAY_TIMEOUT_MS = 1500, QUEUE_SECONDS = 30, MAX_REQUESTS = 32, BODY_MAX = 4096 };

/* The connection, as the test sees it. */
struct h2_conn {
    const struct h2_callbacks *callbacks;
    void *arg;
    bool open;
    bool closing; /* on_close is due */
    char reason[160];
    int64_t received_ms;
    int pings;
    struct bench_request {
        char path[32];
        int32_t stream;
        size_t len;
        uint8_t body[BODY_MAX];
    } requests[MAX_REQUESTS];
    int count; /* of requests */
    int read;  /* those that the test has looked at */
};

static int64_t now_us;
static struct h2_conn the_conn;
static int32_t last_stream;
static struct lookup_script {
    int count;               /* look-ups so far */
    char asked[64];          /* the last one */
    enum dns_result result;  /* what each gives */
    const char *open_error;  /* what opening a connection says; NULL: it is begun */
    uint32_t opened_address; /* IPv4, of the last connection */
    unsigned turn;           /* its turn */
} edge;
static uint32_t the_chance;
static struct event *again; /* the pause that is set, or NULL */
static int64_t pause_ms;    /* how long */
static struct event *tick;
static int64_t tick_ms;

int64_t clock_now_us(void)
{
    return now_us;
}

int64_t clock_now_ms(void)
{
    return now_us / 1000;
}

void evutil_secure_rng_get_bytes(void *buf, size_t n)
{
    assert_int_equal(n, sizeof the_chance);
    memcpy(buf, &the_chance, n);
}

/* Long enough to stay pending, which the link asks about. */
enum status loop_event_after_ms(struct event *event, int64_t delay)
{
    const struct timeval hour = {3600, 0};

    if (event_get_events(event) & EV_PERSIST) {
        tick = event;
        tick_ms = delay;
    } else {
        again = event;
        pause_ms = delay;
    }
    return event_add(event, &hour) == 0 ? STATUS_OK : STATUS_NO_MEMORY;
}

void loop_event_free(struct event *event)
{
    if (event == again)
        again = NULL;
    if (event != NULL)
        event_free(event);
}

enum status lookup_start(struct resolver *resolver, const char *hostname, int port, lookup_done *done,
                         void *arg, struct lookup **slot)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct addrinfo item = {
        .ai_family = AF_INET, .ai_addr = (struct sockaddr *)&address, .ai_addrlen = sizeof address};

    (void)resolver;
    (void)slot;
    address.sin_addr.s_addr = htonl(0xC0000200u + (uint32_t)++edge.count); /* 192.0.2.0/24 */
    snprintf(edge.asked, sizeof edge.asked, "%s", hostname);
    done(edge.result, edge.result == DNS_FOUND ? &item : NULL, arg);
    return STATUS_OK;
}

const char *lookup_result_text(enum dns_result result)
{
    return result == DNS_FOUND ? "found" : "the name has no address";
}

const char *lookup_start_text(enum status status)
{
    return status_text(status);
}

void lookup_cancel(struct lookup **slot)
{
    *slot = NULL;
}

const char *link_transport_open(const struct link_env *env, const struct link_target *target,
                                const struct h2_callbacks *callbacks, void *arg, struct h2_conn **out)
{
    (void)env;
    edge.opened_address =
        ntohl(((const struct sockaddr_in *)(const void *)target->addresses->ai_addr)->sin_addr.s_addr);
    edge.turn = target->turn;
    *out = NULL;
    if (edge.open_error != NULL)
        return edge.open_error;
    assert_false(the_conn.open);
    the_conn =
        (struct h2_conn){.callbacks = callbacks, .arg = arg, .open = true, .received_ms = clock_now_ms()};
    *out = &the_conn;
    return NULL;
}

void h2_conn_free(struct h2_conn *conn)
{
    if (conn != NULL)
        conn->open = conn->closing = false;
}

void h2_conn_close(struct h2_conn *conn, const char *reason)
{
    conn->closing = true;
    snprintf(conn->reason, sizeof conn->reason, "%s", reason);
}

enum h2_end h2_conn_end(const struct h2_conn *conn)
{
    (void)conn;
    return H2_END_PEER;
}

void h2_conn_ping(struct h2_conn *conn)
{
    conn->pings++;
}

int64_t h2_conn_last_received(const struct h2_conn *conn)
{
    return conn->received_ms;
}

enum status h2_request(struct h2_conn *conn, const char *method, const char *path, const char *content_type,
                       const struct h2_body *body, int32_t *stream)
{
    struct bench_request *request = &conn->requests[conn->count++];
    int eof = body == NULL;

    (void)method;
    (void)content_type;
    assert_true(conn->open && conn->count <= MAX_REQUESTS);
    snprintf(request->path, sizeof request->path, "%s", path);
    while (!eof) {
        assert_true(request->len < sizeof request->body);
        request->len +=
            body->read(body->arg, request->body + request->len, sizeof request->body - request->len, &eof);
    }
    request->stream = last_stream += 2;
    *stream = request->stream;
    return STATUS_OK;
}

struct bench {
    struct logic_conf conf;
    struct link_env env;
    struct gateway_link *link;
    uint64_t sequence;
};

static inline void turn(struct bench *bench)
{
    event_base_loop(bench->env.base, EVLOOP_NONBLOCK);
}

static inline void pass(int64_t ms)
{
    now_us += ms * 1000;
}

static inline void make_link(struct bench *bench, const char *hostname)
{
    assert_int_equal(gateway_link_new(&bench->env, hostname, 7788, &bench->link), STATUS_OK);
    turn(bench);
}

static inline int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);

    log_setup(LOG_ERROR, LOG_LOGFMT);
    now_us = 1000000000;
    the_conn = (struct h2_conn){0};
    edge = (struct lookup_script){.result = DNS_FOUND};
    the_chance = 0;
    again = tick = NULL;
    bench->conf = (struct logic_conf){.gateway_timeout = GATEWAY_TIMEOUT_MS,
                                      .link_queue_seconds = QUEUE_SECONDS,
                                      .gateway_max_pending_count = 4,
                                      .link_queue_bytes = 1 << 20,
                                      .rpc_batch_bytes = 1 << 20,
                                      .max_item_bytes = 1000,
                                      .max_json_depth = 8,
                                      .max_room_name_bytes = 100,
                                      .max_body_bytes = 1 << 20};
    bench->env = (struct link_env){.base = event_base_new(), .conf = &bench->conf};
    *state = bench;
    return 0;
}

static inline int tear_down(void **state)
{
    struct bench *bench = *state;

    gateway_link_free(bench->link);
    assert_false(the_conn.open);
    assert_int_equal(
        metrics_get(LM_LINKS_UP) + metrics_get(LM_LINKS_CONNECTING) + metrics_get(LM_LINKS_WAITING), 0);
    assert_int_equal(metrics_get(LM_LINK_PUSHES_QUEUED), 0);
    event_base_free(bench->env.base);
    free(bench);
    return 0;
}

/* The pause is over. */
static inline void end_pause(struct bench *bench)
{
    struct event *due = again;

    assert_non_null(due);
    again = NULL;
    pass(pause_ms);
    event_del(due);
    event_active(due, EV_TIMEOUT, 0);
    turn(bench);
}

static inline void tick_after(struct bench *bench, int64_t ms)
{
    pass(ms);
    event_active(tick, EV_TIMEOUT, 0);
    turn(bench);
}

/* TLS and SETTINGS are through. */
static inline void be_ready(struct bench *bench)
{
    assert_true(the_conn.open);
    the_conn.callbacks->on_ready(&the_conn, the_conn.arg);
    turn(bench);
}

static inline void lose_connection(struct bench *bench, const char *reason)
{
    assert_true(the_conn.open);
    the_conn.callbacks->on_close(&the_conn, reason, the_conn.arg);
    turn(bench);
}

/* The next request on the connection is for `path`; its answer is the test's to give. */
static inline const struct bench_request *expect_request(const char *path)
{
    if (the_conn.read == the_conn.count)
        fail_msg("no request, but %s was expected", path);
    const struct bench_request *request = &the_conn.requests[the_conn.read++];
    assert_string_equal(request->path, path);
    return request;
}

static inline void expect_no_request(void)
{
    if (the_conn.read < the_conn.count)
        fail_msg("an unexpected request for %s", the_conn.requests[the_conn.read].path);
}

static inline void answer(struct bench *bench, const struct bench_request *request, int status,
                          const char *text)
{
    the_conn.received_ms = clock_now_ms();
    the_conn.callbacks->on_response(&the_conn, request->stream, status, slice_str(text), the_conn.arg);
    if (the_conn.closing)
        lose_connection(bench, the_conn.reason);
    turn(bench);
}

#define HELLO                                                                                                \
    "{\"version\":\"9\",\"instance\":\"00112233445566778899aabbccddeeff\",\"limits\":{\"maxItemBytes\":"     \
    "100000,\"maxJsonDepth\":64,\"maxRoomNameBytes\":1000,\"maxRpcBytes\":4194304},\"capabilities\":[]}"

static inline void come_up(struct bench *bench)
{
    struct link_details details;

    be_ready(bench);
    answer(bench, expect_request("/rpc/hello"), 200, HELLO);
    (void)expect_request("/stats");
    assert_true(gateway_link_is_up(bench->link));
    gateway_link_describe(bench->link, clock_now_ms(), &details);
    assert_non_null(details.hello);
}

static inline enum link_offer offer(struct bench *bench)
{
    struct slice item = slice_str("12");
    const struct push push = {.target = AUDIENCE_EVERYONE, .items = &item, .item_count = 1};
    struct push_measure measure;

    push_measure_init(&measure, &push);
    return gateway_link_offer(bench->link, &measure, clock_now_ms());
}

/* Queues one push, as dispatch does. */
static inline void push(struct bench *bench)
{
    struct slice item = slice_str("12");
    const struct push one = {.target = AUDIENCE_EVERYONE, .items = &item, .item_count = 1};
    struct encoded_push *encoded;

    assert_int_equal(offer(bench), LINK_TAKES);
    assert_int_equal(encoded_push_new(&one, ++bench->sequence, &encoded), STATUS_OK);
    gateway_link_add(bench->link, encoded);
    encoded_push_unref(encoded);
    turn(bench);
}

/* A batch under way carries these pushes. */
static inline void expect_batch(const struct bench_request *request, uint64_t first, size_t count)
{
    const struct push_limits limits = {.max_room_len = 128, .max_item_len = 65536, .max_depth = 64};
    struct push_batch batch;
    struct push_record record;
    struct fault fault;
    size_t records = 0;

    assert_int_equal(push_batch_decode(slice_of(request->body, request->len), &limits, &batch, &fault),
                     STATUS_OK);
    assert_int_equal(batch.first_sequence, first);
    while (push_next_record(&batch.records, &record))
        records++;
    assert_int_equal(records, count);
}

static inline void ack(struct bench *bench, const struct bench_request *request, uint64_t applied)
{
    char text[64];

    snprintf(text, sizeof text, "{\"applied\":%llu,\"duplicates\":0}", (unsigned long long)applied);
    answer(bench, request, 200, text);
}

#endif
