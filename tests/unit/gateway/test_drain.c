/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a gateway, step by step: its parts and the time are played by the test, the signals are real. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/drain.h"
#include "gateway/metrics/gateway_metrics.h"
#include "shared/base/clock.h"
#include "shared/log/log.h"
#include "shared/net/loop_event.h"

enum { SECONDS = 10, BUCKETS = 2 };

struct bucket {
    int64_t closing_ms;
    int64_t ramp_ms;
};

static int64_t now_ms;
static char said[512]; /* what the drain did, in order */
static struct bucket bucket_of[BUCKETS];
static size_t live, clients, logics;
static bool registry_done;
static struct event *look; /* the drain's timer, while it is set */

static void say(const char *what)
{
    size_t len = strlen(said);

    snprintf(said + len, sizeof said - len, "%s%s", len > 0 ? " " : "", what);
}

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
    assert_in_range(delay, 1, 100); /* not never, and not busily */
    look = event;
    return STATUS_OK;
}

void loop_event_free(struct event *event)
{
    if (event != NULL)
        event_free(event);
}

void readiness_set(struct readiness *readiness, enum unready_cause cause, bool holds)
{
    assert_null(readiness);
    assert_int_equal(cause, UNREADY_DRAINING);
    assert_true(holds);
    say("unready");
}

size_t acceptor_live(const struct acceptor *acceptor)
{
    (void)acceptor;
    return live;
}

size_t acceptor_clients(const struct acceptor *acceptor)
{
    (void)acceptor;
    return clients;
}

void acceptor_drain(struct acceptor *acceptor)
{
    (void)acceptor;
    say("refuse");
}

void canary_stop(struct canary *canary)
{
    (void)canary;
    say("canary");
}

void fanout_flush(struct fanout *fanout)
{
    (void)fanout;
    say("flush");
}

enum status bucket_post_drain(struct bucket *bucket, int64_t duration_ms, int64_t ramp_ms)
{
    *bucket = (struct bucket){duration_ms, ramp_ms};
    say("close");
    return STATUS_OK;
}

void rpc_server_drain(struct rpc_server *server)
{
    (void)server;
    say("goaway");
}

size_t rpc_server_connections(const struct rpc_server *server)
{
    (void)server;
    return logics;
}

void registrar_drain(struct registrar *registrar)
{
    (void)registrar;
    say("draining");
}

void registrar_leave(struct registrar *registrar)
{
    (void)registrar;
    say("leave");
}

bool registrar_has_left(const struct registrar *registrar)
{
    (void)registrar;
    return registry_done;
}

struct bench {
    struct event_base *base;
    struct drain *drain;
};

static int set_up(void **state)
{
    static struct bucket *const buckets[BUCKETS] = {&bucket_of[0], &bucket_of[1]};
    struct bench *bench = calloc(1, sizeof *bench);
    const struct drain_conf conf = {.seconds = SECONDS, .buckets = buckets, .bucket_count = BUCKETS};

    log_setup(LOG_ERROR, LOG_LOGFMT);
    gateway_metrics_setup();
    now_ms = 1000000;
    said[0] = '\0';
    memset(bucket_of, 0, sizeof bucket_of);
    live = clients = logics = 0;
    registry_done = false;
    look = NULL;
    bench->base = event_base_new();
    assert_int_equal(drain_new(bench->base, &conf, &bench->drain), STATUS_OK);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;

    drain_free(bench->drain);
    event_base_free(bench->base);
    free(bench);
    return 0;
}

static void send_signal(struct bench *bench, int number)
{
    raise(number);
    event_base_loop(bench->base, EVLOOP_NONBLOCK);
}

/* `ms` later the drain's timer ends, and the loop runs. Returns whether the loop shall go on. */
static bool after(struct bench *bench, int64_t ms)
{
    struct event *due = look;

    assert_non_null(due);
    look = NULL;
    now_ms += ms;
    event_active(due, EV_TIMEOUT, 0);
    event_base_loop(bench->base, EVLOOP_NONBLOCK);
    return look != NULL;
}

static void expect_said(const char *expected)
{
    assert_string_equal(said, expected);
    said[0] = '\0';
}

static void begins_with_newcomers_and_ends_with_the_registry(void **state)
{
    struct bench *bench = *state;

    live = clients = 3;
    logics = 2;
    expect_said("");
    send_signal(bench, SIGTERM);
    expect_said("unready refuse canary draining flush close close");
    assert_int_equal(metrics_get(M_DRAINING), 1);
    assert_true(after(bench, 10));
    expect_said("");
    live = 0;
    assert_true(after(bench, 10));
    expect_said("goaway");
    assert_true(after(bench, 10));
    expect_said("");
    logics = 0;
    assert_true(after(bench, 10));
    expect_said("leave");
    assert_true(after(bench, 10));
    expect_said("");
    assert_false(event_base_got_exit(bench->base));
    registry_done = true;
    assert_false(after(bench, 10));
    assert_true(event_base_got_exit(bench->base));
    expect_said("");
}

static void sigint_does_the_same(void **state)
{
    struct bench *bench = *state;

    registry_done = true;
    send_signal(bench, SIGINT);
    expect_said("unready refuse canary draining flush close close");
    assert_false(after(bench, 10));
    expect_said("goaway leave");
    assert_true(event_base_got_exit(bench->base));
}

static void clients_are_closed_over_nine_tenths_of_the_time(void **state)
{
    struct bench *bench = *state;

    clients = 50;
    send_signal(bench, SIGTERM);
    for (int i = 0; i < BUCKETS; i++) {
        assert_int_equal(bucket_of[i].closing_ms, SECONDS * 900);
        assert_int_equal(bucket_of[i].ramp_ms, SECONDS * 900);
    }
}

/* 5,000 clients at 100 a second need 50 s to be let in elsewhere. */
static void clients_come_back_no_faster_than_they_are_let_in(void **state)
{
    struct bench *bench = *state;

    clients = 5000;
    drain_set_pace(bench->drain, SECONDS, 100);
    send_signal(bench, SIGTERM);
    for (int i = 0; i < BUCKETS; i++) {
        assert_int_equal(bucket_of[i].closing_ms, SECONDS * 900);
        assert_int_equal(bucket_of[i].ramp_ms, 50000);
    }
}

static void a_rate_that_suffices_stretches_nothing(void **state)
{
    struct bench *bench = *state;

    clients = 100;
    drain_set_pace(bench->drain, 2 * SECONDS, 100);
    send_signal(bench, SIGTERM);
    assert_int_equal(bucket_of[0].closing_ms, 2 * SECONDS * 900);
    assert_int_equal(bucket_of[0].ramp_ms, 2 * SECONDS * 900);
}

static void clients_that_do_not_go_are_not_waited_for_longer_than_that(void **state)
{
    struct bench *bench = *state;

    live = clients = 1;
    logics = 1;
    send_signal(bench, SIGTERM);
    assert_true(after(bench, SECONDS * 1000 - 1));
    expect_said("unready refuse canary draining flush close close");
    assert_true(after(bench, 1));
    expect_said("goaway leave"); /* no time is left for the logics */
}

/* Whose clients have all gone has a second for its logics, not the rest of the time. */
static void logics_that_do_not_go_are_waited_for_a_second(void **state)
{
    struct bench *bench = *state;

    logics = 1;
    send_signal(bench, SIGTERM);
    said[0] = '\0';
    assert_true(after(bench, 10));
    expect_said("goaway");
    assert_true(after(bench, 999));
    expect_said("");
    assert_true(after(bench, 1));
    expect_said("leave");
}

static void redis_that_does_not_answer_is_waited_for_half_a_second(void **state)
{
    struct bench *bench = *state;

    send_signal(bench, SIGTERM);
    assert_true(after(bench, 10));
    assert_true(after(bench, 499));
    assert_false(event_base_got_exit(bench->base));
    assert_false(after(bench, 1));
    assert_true(event_base_got_exit(bench->base));
    expect_said("unready refuse canary draining flush close close goaway leave");
}

/* In a process of its own: it ends. */
static void the_second_signal_ends_the_process(void **state)
{
    struct bench *bench = *state;
    int status = 0;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        event_reinit(bench->base);
        live = 1;
        send_signal(bench, SIGTERM);
        if (strcmp(said, "unready refuse canary draining flush close close") != 0)
            _exit(1);
        send_signal(bench, SIGINT);
        _exit(2);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 128 + SIGINT);
}

static void may_end_without_having_begun(void **state)
{
    (void)state;
    drain_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(begins_with_newcomers_and_ends_with_the_registry),
        TEST(sigint_does_the_same),
        TEST(clients_are_closed_over_nine_tenths_of_the_time),
        TEST(clients_come_back_no_faster_than_they_are_let_in),
        TEST(a_rate_that_suffices_stretches_nothing),
        TEST(clients_that_do_not_go_are_not_waited_for_longer_than_that),
        TEST(logics_that_do_not_go_are_waited_for_a_second),
        TEST(redis_that_does_not_answer_is_waited_for_half_a_second),
        TEST(the_second_signal_ends_the_process),
        TEST(may_end_without_having_begun),
    };

    return cmocka_run_group_tests_name("drain", tests, NULL, NULL);
}
