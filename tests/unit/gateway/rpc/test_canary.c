/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's own client, with a bucket at the other end of its socket pair, a fan-out and a clock that the
 * test plays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/metrics/gateway_metrics.h"
#include "gateway/rpc/canary.h"
#include "shared/base/clock.h"
#include "shared/websocket/ws_handshake.h"

enum { PROBES = 4 };

static struct bench {
    struct event_base *base;
    struct canary *canary;
    struct readiness readiness;
    int64_t now_us;
    int fd; /* the bucket's end of the last client; -1: none */
    int adopted;
    char sent[64]; /* to the canary's room */
    struct canary_probe probes[PROBES];
    int64_t took[PROBES]; /* 0: not told */
    size_t count;
} bench;

int64_t clock_now_us(void)
{
    return bench.now_us;
}

int64_t clock_now_ms(void)
{
    return bench.now_us / 1000;
}

void acceptor_adopt(struct acceptor *acceptor, int fd)
{
    (void)acceptor;
    if (bench.fd >= 0)
        close(bench.fd);
    bench.fd = fd;
    bench.adopted++;
}

void fanout_send(struct fanout *fanout, struct slice key, struct slice item)
{
    size_t len = strlen(bench.sent);

    (void)fanout;
    (void)key;
    snprintf(bench.sent + len, sizeof bench.sent - len, "%.*s ", (int)item.len, (const char *)item.data);
}

static int setup(void **state)
{
    (void)state;
    bench = (struct bench){.now_us = 1000000, .fd = -1};
    gateway_metrics_setup();
    bench.base = event_base_new();
    assert_int_equal(canary_new(bench.base, NULL, NULL, &bench.readiness, false, &bench.canary), STATUS_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    canary_free(bench.canary);
    if (bench.fd >= 0)
        close(bench.fd);
    event_base_free(bench.base);
    return 0;
}

static void on_told(struct canary_probe *probe, int64_t us)
{
    bench.took[probe - bench.probes] = us;
}

static void turn(void)
{
    for (int i = 0; i < 3; i++)
        event_base_loop(bench.base, EVLOOP_NONBLOCK);
}

static void probe(void)
{
    struct canary_probe *next = &bench.probes[bench.count++];

    next->done = on_told;
    canary_send(bench.canary, next);
    turn();
}

static void write_bytes(const void *bytes, size_t len)
{
    assert_int_equal(send(bench.fd, bytes, len, MSG_NOSIGNAL), len);
    turn();
}

static void answer_handshake(void)
{
    char accept[WS_ACCEPT_LEN + 1];
    char request[512] = "";
    char key[25] = "";
    char head[256];

    assert_true(recv(bench.fd, request, sizeof request - 1, MSG_DONTWAIT) > 0);
    memcpy(key, strstr(request, "Sec-WebSocket-Key: ") + 19, 24);
    ws_handshake_accept(key, accept);
    snprintf(head, sizeof head,
             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Accept: %s\r\n\r\n",
             accept);
    write_bytes(head, strlen(head));
}

static void deliver(const char *text)
{
    char frame[2 + 125] = {(char)0x81, (char)strlen(text)};

    memcpy(frame + 2, text, strlen(text));
    write_bytes(frame, 2 + strlen(text));
}

/* Lets the look come that happens every 100 ms of the real clock. */
static void look(void)
{
    bench.sent[0] = '\0';
    event_base_loop(bench.base, EVLOOP_ONCE);
    turn();
}

static void time_out(void)
{
    bench.now_us += (int64_t)CANARY_TIMEOUT_MS * 1000;
    look();
}

static void a_probe_that_arrives_is_timed(void **state)
{
    (void)state;
    probe();
    answer_handshake();
    assert_string_equal(bench.sent, "1 ");
    bench.now_us += 1500;
    deliver("{\"items\":[1]}");
    assert_int_equal(bench.took[0], 1500);
    assert_int_equal(metrics_get(M_CANARY_ARRIVED), 1);
    probe();
    bench.now_us += 200;
    deliver("{\"items\":[2]}");
    assert_int_equal(bench.took[1], 200);
    assert_int_equal(bench.adopted, 1);
}

static void what_is_missing_before_an_arrival_is_lost(void **state)
{
    (void)state;
    probe();
    answer_handshake();
    probe();
    probe();
    deliver("[2]");
    assert_int_equal(bench.took[0], -1);
    assert_true(bench.took[1] >= 0);
    assert_int_equal(metrics_get(M_CANARY_FAILED), 1);
    deliver("[3]");
}

static void who_does_not_arrive_in_time_fails(void **state)
{
    (void)state;
    probe();
    answer_handshake();
    bench.now_us += (int64_t)CANARY_TIMEOUT_MS * 1000 - 1;
    look();
    assert_int_equal(bench.took[0], 0);
    assert_string_equal(bench.sent, "1 "); /* again, under its number */
    bench.now_us += 1;
    look();
    assert_int_equal(bench.took[0], -1);
}

static void three_failures_in_a_row_are_not_ready_until_one_arrives(void **state)
{
    (void)state;
    for (int i = 0; i < CANARY_FAILURES; i++) {
        assert_null(readiness_fault(&bench.readiness));
        probe();
        time_out();
    }
    assert_non_null(readiness_fault(&bench.readiness));
    assert_int_equal(metrics_get(M_CANARY_FAILING), 1);
    answer_handshake();
    probe();
    deliver("[4]");
    assert_null(readiness_fault(&bench.readiness));
    assert_int_equal(metrics_get(M_CANARY_FAILING), 0);
}

static void a_client_that_was_closed_is_made_anew(void **state)
{
    (void)state;
    probe();
    answer_handshake();
    close(bench.fd);
    bench.fd = -1;
    turn();
    look();
    assert_int_equal(bench.adopted, 2);
    answer_handshake();
    deliver("[1]");
    assert_true(bench.took[0] >= 0);
    assert_int_equal(metrics_get(M_CANARY_ARRIVED), 1);
}

static void a_ping_is_answered(void **state)
{
    static const uint8_t ping[] = {0x89, 0};
    uint8_t got[16];

    (void)state;
    probe();
    answer_handshake();
    write_bytes(ping, sizeof ping);
    assert_int_equal(recv(bench.fd, got, sizeof got, MSG_DONTWAIT), 6);
    assert_int_equal(got[0], 0x8a);
    deliver("[1]");
}

static void who_was_cancelled_is_not_told(void **state)
{
    (void)state;
    probe();
    answer_handshake();
    canary_cancel(&bench.probes[0]);
    time_out();
    deliver("[1]");
    assert_int_equal(bench.took[0], 0);
    assert_int_equal(metrics_get(M_CANARY_FAILED), 0);
}

static void a_drain_ends_the_client_for_good(void **state)
{
    char byte;

    (void)state;
    probe();
    answer_handshake();
    canary_stop(bench.canary);
    turn();
    assert_int_equal(recv(bench.fd, &byte, 1, MSG_DONTWAIT), 0);
    assert_true(canary_is_stopped(bench.canary));
    probe();
    time_out();
    assert_int_equal(bench.adopted, 1);
    assert_int_equal(bench.took[1], -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_probe_that_arrives_is_timed),
        TEST(what_is_missing_before_an_arrival_is_lost),
        TEST(who_does_not_arrive_in_time_fails),
        TEST(three_failures_in_a_row_are_not_ready_until_one_arrives),
        TEST(a_client_that_was_closed_is_made_anew),
        TEST(a_ping_is_answered),
        TEST(who_was_cancelled_is_not_told),
        TEST(a_drain_ends_the_client_for_good),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
