/* SPDX-License-Identifier: Apache-2.0 */
/* When a client tries Redis again, how that is counted, and how much it takes for an answer. Connections and
 * time are played; what real ones do is in test_redis_client.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "shared/base/clock.h"
#include "shared/log/log.h"
#include "shared/log/metrics.h"
#include "shared/net/loop_event.h"
#include "shared/redis/redis_client.h"
#include "shared/redis/redis_conn.h"

enum { RECONNECTS, UP, MEBIBYTE = 1 << 20 };

struct redis_conn {
    struct redis_conn_conf conf;
    bool open;
};

static struct redis_conn the_conn;
static struct bench {
    struct event_base *base;
    struct redis_client *client;
    struct redis_options options;
    int64_t message_max;
    int attempts;
    struct event *timer;
    int64_t pause_ms;
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
    bench.timer = event;
    bench.pause_ms = delay;
    return STATUS_OK;
}

void loop_event_free(struct event *event)
{
    if (event != NULL)
        event_free(event);
}

enum status redis_conn_new(const struct redis_conn_conf *conf, struct redis_conn **out)
{
    assert_false(the_conn.open); /* one connection at a time */
    the_conn = (struct redis_conn){.conf = *conf, .open = true};
    bench.attempts++;
    *out = &the_conn;
    return STATUS_OK;
}

void redis_conn_free(struct redis_conn *conn)
{
    if (conn != NULL)
        conn->open = false;
}

enum status redis_conn_send(struct redis_conn *conn, redis_conn_answer *done, void *arg,
                            const struct slice *words, size_t count)
{
    (void)conn;
    (void)done;
    (void)arg;
    (void)words;
    (void)count;
    return STATUS_OK;
}

void redis_conn_settle(struct redis_conn *conn)
{
    (void)conn;
}

void redis_conn_end(struct redis_conn *conn, const char *reason)
{
    (void)conn;
    (void)reason;
}

bool redis_conn_is_over(const struct redis_conn *conn)
{
    return !conn->open;
}

bool redis_conn_was_noise(const struct redis_conn *conn)
{
    (void)conn;
    return false;
}

bool redis_conn_is_idle(const struct redis_conn *conn, int64_t quiet_ms)
{
    (void)conn;
    (void)quiet_ms;
    return false;
}

void redis_conn_pause(struct redis_conn *conn, bool pause)
{
    (void)conn;
    (void)pause;
}

static int set_up(void **state)
{
    static const struct redis_events events = {.on_up = NULL};
    static const struct metric_def rows[] = {{"reconnects_total", "", METRIC_COUNTER, "Reconnects."},
                                             {"up", "", METRIC_GAUGE, "Up."}};

    (void)state;
    log_setup(LOG_ERROR, LOG_LOGFMT);
    metrics_setup(rows, 2);
    bench = (struct bench){.base = event_base_new(),
                           .options = {.url = (char *)(uintptr_t) "redis://127.0.0.1:6379",
                                       .prefix = (char *)(uintptr_t) "fanfare",
                                       .timeout = 2000}};
    const struct redis_client_conf conf = {.base = bench.base,
                                           .options = &bench.options,
                                           .what = "test",
                                           .message_max = &bench.message_max,
                                           .events = &events,
                                           .reconnects_row = RECONNECTS,
                                           .up_row = UP};
    assert_int_equal(redis_client_new(&conf, &bench.client), STATUS_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    redis_client_free(bench.client);
    event_base_free(bench.base);
    return 0;
}

static void end_pause(void)
{
    struct event *due = bench.timer;

    assert_non_null(due);
    bench.timer = NULL;
    now_ms += bench.pause_ms;
    event_active(due, EV_TIMEOUT, 0);
    event_base_loop(bench.base, EVLOOP_NONBLOCK);
}

static void lose(const char *reason)
{
    assert_true(the_conn.open);
    the_conn.conf.events->on_closed(reason, the_conn.conf.arg);
}

/* 16 MiB, or twice the longest message where that is more: hiredis holds one and the bytes of the next. */
static void an_answer_may_be_16_mib_or_two_messages(void **state)
{
    (void)state;
    end_pause();
    assert_int_equal(the_conn.conf.answer_max, 16 * MEBIBYTE);
    lose("closed");
    bench.message_max = 8 * MEBIBYTE;
    end_pause();
    assert_int_equal(the_conn.conf.answer_max, 16 * MEBIBYTE);
    lose("closed");
    bench.message_max = 8 * MEBIBYTE + 1; /* as the option stands at each attempt */
    end_pause();
    assert_int_equal(the_conn.conf.answer_max, 16 * MEBIBYTE + 2);
}

static void each_connection_that_ends_is_counted_and_made_again_within_a_second(void **state)
{
    (void)state;
    end_pause();
    assert_int_equal(bench.attempts, 1);
    for (int i = 1; i <= 12; i++) {
        lose("no answer in time");
        assert_int_equal(metrics_get(RECONNECTS), i);
        assert_in_range(bench.pause_ms, 0, 1000);
        end_pause();
        assert_int_equal(bench.attempts, i + 1);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_answer_may_be_16_mib_or_two_messages),
        TEST(each_connection_that_ends_is_counted_and_made_again_within_a_second),
    };

    return cmocka_run_group_tests_name("redis_attempts", tests, NULL, NULL);
}
