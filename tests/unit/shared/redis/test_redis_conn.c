/* SPDX-License-Identifier: Apache-2.0 */
/* How many commands are under way on one connection to Redis, for how long, and how much is taken for an
 * answer. The connection is one end of a socket pair, without a Redis; the time is played. */
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

#include "shared/base/clock.h"
#include "shared/net/loop_event.h"
#include "shared/redis/redis_conn.h"
#include "shared/redis/redis_dial.h"

enum { TIMEOUT_MS = 2000, ANSWER_MAX = 1000 };

static struct bench {
    struct event_base *base;
    struct redis_conn *conn;
    int fd; /* Redis's end */
    int answers;
    int nothings; /* told that the connection ended first */
    char last[64];
    bool connected;
    char closed[256]; /* why; "" while it is open */
    struct event *clock;
    int64_t clock_ms;
} bench;
static int64_t now_ms = 1000000;

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

    bench.clock = event;
    bench.clock_ms = delay;
    return event_add(event, &hour) == 0 ? STATUS_OK : STATUS_NO_MEMORY;
}

void loop_event_free(struct event *event)
{
    if (event != NULL)
        event_free(event);
}

void redis_dial_start(struct redis_dial *dial, const struct redis_dial_conf *conf)
{
    int fds[2];

    (void)dial;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    bench.fd = fds[1];
    redisContext *context = redisConnectFd(fds[0]);
    assert_non_null(context);
    context->flags &= ~REDIS_BLOCK;
    conf->done(context, NULL, conf->arg);
}

void redis_dial_stop(struct redis_dial *dial)
{
    (void)dial;
}

bool redis_dial_is_looking_up(const struct redis_dial *dial)
{
    (void)dial;
    return false;
}

static void on_connected(void *arg)
{
    (void)arg;
    bench.connected = true;
}

static void on_closed(const char *reason, void *arg)
{
    (void)arg;
    snprintf(bench.closed, sizeof bench.closed, "%s", reason);
}

static void on_answer(const redisReply *answer, void *arg)
{
    (void)arg;
    if (answer == NULL) {
        bench.nothings++;
        return;
    }
    bench.answers++;
    snprintf(bench.last, sizeof bench.last, "%s", answer->str != NULL ? answer->str : "");
}

static void turn(void)
{
    for (int i = 0; i < 4; i++)
        event_base_loop(bench.base, EVLOOP_NONBLOCK);
}

static int set_up(void **state)
{
    static const struct redis_conn_events events = {.on_connected = on_connected, .on_closed = on_closed};

    (void)state;
    bench = (struct bench){.base = event_base_new()};
    const struct redis_conn_conf conf = {.base = bench.base,
                                         .host = "redis",
                                         .port = 6379,
                                         .answer_max = ANSWER_MAX,
                                         .timeout_ms = TIMEOUT_MS,
                                         .events = &events};
    assert_int_equal(redis_conn_new(&conf, &bench.conn), STATUS_OK);
    turn();
    assert_true(bench.connected);
    redis_conn_settle(bench.conn);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    redis_conn_free(bench.conn);
    close(bench.fd);
    event_base_free(bench.base);
    return 0;
}

static enum status ask(void)
{
    const struct slice words[] = {slice_str("PING")};

    return redis_conn_send(bench.conn, on_answer, NULL, words, 1);
}

static void say(const char *text)
{
    assert_int_equal(write(bench.fd, text, strlen(text)), (ssize_t)strlen(text));
    turn();
}

static void commands_under_way_are_bounded(void **state)
{
    (void)state;
    for (int i = 0; i < 4096; i++)
        assert_int_equal(ask(), STATUS_OK);
    assert_int_equal(ask(), STATUS_FULL);
    turn();
    say("+one\r\n+two\r\n");
    assert_int_equal(bench.answers, 2);
    assert_string_equal(bench.last, "two");
    assert_int_equal(ask(), STATUS_OK); /* as many as were answered */
    assert_int_equal(ask(), STATUS_OK);
    assert_int_equal(ask(), STATUS_FULL);
    redis_conn_free(bench.conn);
    bench.conn = NULL;
    assert_int_equal(bench.nothings, 4096);
}

static void what_is_owed_for_too_long_ends_the_connection(void **state)
{
    (void)state;
    assert_int_equal(ask(), STATUS_OK);
    turn();
    now_ms += TIMEOUT_MS / 2;
    assert_int_equal(ask(), STATUS_OK);
    say("+one\r\n");
    assert_int_equal(bench.answers, 1);
    now_ms += TIMEOUT_MS / 2; /* the second one has some time left */
    event_active(bench.clock, EV_TIMEOUT, 0);
    turn();
    assert_string_equal(bench.closed, "");
    assert_int_equal(bench.clock_ms, TIMEOUT_MS / 2);
    now_ms += TIMEOUT_MS / 2;
    event_active(bench.clock, EV_TIMEOUT, 0);
    turn();
    assert_string_equal(bench.closed, "no answer in time");
    assert_int_equal(ask(), STATUS_CLOSED);
}

/* Before any memory is taken for it. */
static void an_answer_that_is_too_large_ends_the_connection(void **state)
{
    (void)state;
    assert_int_equal(ask(), STATUS_OK);
    turn();
    say("$8000000000\r\n");
    assert_non_null(strstr(bench.closed, "its answer is too large"));
    assert_true(redis_conn_was_noise(bench.conn));
    assert_int_equal(bench.answers, 0);
}

static void an_answer_that_nobody_asked_for_ends_the_connection(void **state)
{
    (void)state;
    say("+OK\r\n");
    assert_string_equal(bench.closed, "it answered what nobody had asked");
}

static void an_end_is_told_once(void **state)
{
    (void)state;
    assert_int_equal(ask(), STATUS_OK);
    turn();
    shutdown(bench.fd, SHUT_RDWR);
    turn();
    assert_string_equal(bench.closed, "Server closed the connection");
    assert_int_equal(bench.nothings, 0); /* told when the connection is freed */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(commands_under_way_are_bounded),
        TEST(what_is_owed_for_too_long_ends_the_connection),
        TEST(an_answer_that_is_too_large_ends_the_connection),
        TEST(an_answer_that_nobody_asked_for_ends_the_connection),
        TEST(an_end_is_told_once),
    };

    return cmocka_run_group_tests_name("redis_conn", tests, NULL, NULL);
}
