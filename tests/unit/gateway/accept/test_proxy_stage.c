/* SPDX-License-Identifier: Apache-2.0 */
/* Connections whose PROXY header comes at once, bit by bit, late, wrong or never, on socket pairs; the clock
 * and the timer are the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/accept/proxy_stage.h"
#include "gateway/metrics/gateway_metrics.h"
#include "shared/base/clock.h"
#include "shared/net/loop_event.h"

#define LINE      "PROXY TCP4 192.0.2.7 198.51.100.1 56224 443\r\n"
#define LONG_HEAD "\r\n\r\n\0\r\nQUIT\n\x21\x11\x0f\xf0"

static const uint8_t proxy[CIDR_ADDRESS_LEN] = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1};
static int64_t now_us;

struct bench {
    struct event_base *base;
    struct proxy_stage *stage;
    int ready_fd; /* of the last one that was ready */
    int ready_count;
    int64_t ready_accepted_us;
    struct proxy_header header;
};

static struct event *timer;
static int64_t timer_delay_us;

int64_t clock_now_us(void)
{
    return now_us;
}

int64_t clock_now_ms(void)
{
    return now_us / 1000;
}

enum status loop_event_after_us(struct event *event, int64_t delay)
{
    const struct timeval far_away = {3600, 0};

    timer = event;
    timer_delay_us = delay;
    return event_add(event, &far_away) == 0 ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status loop_event_after_ms(struct event *event, int64_t delay)
{
    return loop_event_after_us(event, delay * 1000);
}

void loop_event_free(struct event *event)
{
    if (event != NULL)
        event_free(event);
}

static void on_ready(int fd, const struct proxy_header *header, const uint8_t peer[CIDR_ADDRESS_LEN],
                     int64_t accepted_us, void *arg)
{
    struct bench *bench = arg;

    assert_memory_equal(peer, proxy, CIDR_ADDRESS_LEN);
    if (bench->ready_fd >= 0)
        close(bench->ready_fd);
    bench->ready_fd = fd;
    bench->ready_count++;
    bench->ready_accepted_us = accepted_us;
    bench->header = *header;
}

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);

    now_us = 1000000;
    timer = NULL;
    bench->ready_fd = -1;
    gateway_metrics_setup();
    bench->base = event_base_new();
    assert_int_equal(proxy_stage_new(bench->base, on_ready, bench, &bench->stage), STATUS_OK);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;

    proxy_stage_free(bench->stage);
    event_base_free(bench->base);
    if (bench->ready_fd >= 0)
        close(bench->ready_fd);
    free(bench);
    return 0;
}

static void turn(const struct bench *bench)
{
    event_base_loop(bench->base, EVLOOP_NONBLOCK);
}

static void fire_timer(const struct bench *bench)
{
    event_active(timer, EV_TIMEOUT, 0);
    turn(bench);
}

static void say(int fd, const void *bytes, size_t len)
{
    assert_int_equal(write(fd, bytes, len), len);
}

/* A connection that has said these bytes before it is taken; returns the proxy's end. */
static int begin(struct bench *bench, const void *bytes, size_t len)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    say(ends[0], bytes, len);
    proxy_stage_take(bench->stage, ends[1], proxy, now_us);
    turn(bench);
    return ends[0];
}

static bool is_closed(int fd)
{
    char byte;
    ssize_t n = read(fd, &byte, 1);

    return n == 0 || (n < 0 && errno != EAGAIN);
}

static void expect_refused(struct bench *bench, int fd, enum gateway_metric row)
{
    assert_int_equal(bench->ready_count, 0);
    assert_int_equal(proxy_stage_waiting(bench->stage), 0);
    assert_true(is_closed(fd));
    assert_int_equal(metrics_get((unsigned)row), 1);
    assert_int_equal(metrics_get(row == M_PROXY_REFUSED_GONE ? M_REFUSED_GONE : M_REFUSED_PROXY_HEADER), 1);
    close(fd);
}

/* What is left for whoever takes the connection over. */
static void expect_rest(const struct bench *bench, const char *rest)
{
    char bytes[64] = "";
    ssize_t n = read(bench->ready_fd, bytes, sizeof bytes - 1);

    assert_int_equal(n < 0 ? 0 : n, strlen(rest));
    assert_string_equal(bytes, rest);
}

static void a_header_that_comes_at_once_does_not_wait(void **state)
{
    struct bench *bench = *state;

    int fd = begin(bench, LINE "GET /", strlen(LINE "GET /"));
    assert_int_equal(bench->ready_count, 1);
    assert_int_equal(bench->header.relay, PROXY_RELAYED);
    assert_int_equal(bench->ready_accepted_us, now_us);
    assert_null(timer);
    expect_rest(bench, "GET /");
    assert_int_equal(metrics_get(M_PROXY_V1), 1);
    assert_int_equal(metrics_get(M_PROXY_V2), 0);
    close(fd);
}

static void a_header_may_come_byte_by_byte(void **state)
{
    struct bench *bench = *state;
    const int64_t accepted_us = now_us;

    int fd = begin(bench, "", 0);
    for (size_t i = 0; i < strlen(LINE); i++) {
        assert_int_equal(bench->ready_count, 0);
        assert_int_equal(proxy_stage_waiting(bench->stage), 1);
        assert_int_equal(metrics_get(M_PROXY_WAITING), 1);
        now_us += 1000;
        say(fd, LINE + i, 1);
        turn(bench);
    }
    assert_int_equal(bench->ready_count, 1);
    assert_int_equal(bench->ready_accepted_us, accepted_us);
    assert_int_equal(proxy_stage_waiting(bench->stage), 0);
    assert_int_equal(metrics_get(M_PROXY_WAITING), 0);
    expect_rest(bench, "");
    close(fd);
}

/* Or the loop would wake again and again while nothing new comes. */
static void what_has_come_is_read(void **state)
{
    struct bench *bench = *state;
    int ends[2];
    char byte;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    say(ends[0], LINE, 20);
    proxy_stage_take(bench->stage, ends[1], proxy, now_us);
    assert_int_equal(recv(ends[1], &byte, 1, MSG_PEEK), -1);
    say(ends[0], LINE + 20, 5);
    turn(bench);
    assert_int_equal(recv(ends[1], &byte, 1, MSG_PEEK), -1);
    close(ends[0]);
}

static void the_rest_of_a_late_header_is_the_clients(void **state)
{
    struct bench *bench = *state;

    int fd = begin(bench, LINE, 10);
    say(fd, LINE "\x16\x03\x01" + 10, strlen(LINE) - 10 + 3);
    turn(bench);
    assert_int_equal(bench->ready_count, 1);
    expect_rest(bench, "\x16\x03\x01");
    close(fd);
}

static void a_long_header_may_come_in_pieces(void **state)
{
    struct bench *bench = *state;
    uint8_t header[PROXY_V2_MAX] = LONG_HEAD;

    header[28] = 4; /* one TLV for the rest */
    header[29] = (PROXY_V2_MAX - 31) >> 8;
    header[30] = (PROXY_V2_MAX - 31) & 0xff;
    int fd = begin(bench, header, 1000);
    for (size_t at = 1000; at < sizeof header; at += 1032) {
        assert_int_equal(bench->ready_count, 0);
        say(fd, header + at, 1032);
        turn(bench);
    }
    assert_int_equal(bench->ready_count, 1);
    assert_int_equal(metrics_get(M_PROXY_V2), 1);
    expect_rest(bench, "");
    close(fd);
}

static void a_connection_without_one_is_closed(void **state)
{
    struct bench *bench = *state;

    expect_refused(bench, begin(bench, "GET / HTTP/1.1\r\n", 16), M_PROXY_REFUSED_MISSING);
}

static void a_bad_one_closes(void **state)
{
    struct bench *bench = *state;

    expect_refused(bench, begin(bench, "PROXY TCP5 \r\n", 13), M_PROXY_REFUSED_INVALID);
}

static void one_that_turns_bad_closes(void **state)
{
    struct bench *bench = *state;

    int fd = begin(bench, "PROXY ", 6);
    assert_int_equal(proxy_stage_waiting(bench->stage), 1);
    say(fd, "TCP5\r\n", 6);
    turn(bench);
    expect_refused(bench, fd, M_PROXY_REFUSED_INVALID);
}

static void a_huge_one_closes_before_it_has_come(void **state)
{
    struct bench *bench = *state;

    expect_refused(bench, begin(bench, "\r\n\r\n\0\r\nQUIT\n\x21\x11\x0f\xf1", 16), M_PROXY_REFUSED_LARGE);
}

static void whoever_leaves_before_it_is_counted(void **state)
{
    struct bench *bench = *state;

    int fd = begin(bench, LINE, 10);
    shutdown(fd, SHUT_WR);
    turn(bench);
    expect_refused(bench, fd, M_PROXY_REFUSED_GONE);
}

static void a_late_one_is_closed_when_its_time_is_over(void **state)
{
    struct bench *bench = *state;

    int fd = begin(bench, LINE, 10);
    assert_int_equal(timer_delay_us, PROXY_STAGE_MS * 1000);
    now_us += PROXY_STAGE_MS * 1000 - 1;
    fire_timer(bench);
    assert_int_equal(proxy_stage_waiting(bench->stage), 1);
    assert_int_equal(timer_delay_us, 1);
    say(fd, LINE + 10, 1); /* a byte now and then is no excuse */
    now_us += 1;
    fire_timer(bench);
    expect_refused(bench, fd, M_PROXY_REFUSED_TIMEOUT);
}

static void each_has_its_own_time(void **state)
{
    struct bench *bench = *state;

    int early = begin(bench, "", 0);
    now_us += 1000000;
    int late = begin(bench, "", 0);
    now_us += (PROXY_STAGE_MS - 1000) * 1000;
    fire_timer(bench);
    assert_true(is_closed(early));
    assert_false(is_closed(late));
    assert_int_equal(proxy_stage_waiting(bench->stage), 1);
    assert_int_equal(timer_delay_us, 1000000);
    close(early);
    close(late);
}

static void the_oldest_gives_way(void **state)
{
    struct bench *bench = *state;

    assert_false(proxy_stage_evict(bench->stage));
    int first = begin(bench, "", 0);
    int second = begin(bench, "", 0);
    assert_true(proxy_stage_evict(bench->stage));
    assert_true(is_closed(first));
    assert_false(is_closed(second));
    assert_int_equal(metrics_get(M_PROXY_REFUSED_EVICTED), 1);
    close(first);
    close(second);
}

static void those_who_wait_are_bounded(void **state)
{
    static int fds[PROXY_STAGE_MAX + 1];
    struct bench *bench = *state;

    for (int i = 0; i < PROXY_STAGE_MAX; i++)
        fds[i] = begin(bench, "PROXY", 5);
    assert_int_equal(proxy_stage_waiting(bench->stage), PROXY_STAGE_MAX);
    assert_int_equal(metrics_get(M_PROXY_REFUSED_EVICTED), 0);
    fds[PROXY_STAGE_MAX] = begin(bench, "PROXY", 5);
    assert_int_equal(proxy_stage_waiting(bench->stage), PROXY_STAGE_MAX);
    assert_int_equal(metrics_get(M_PROXY_REFUSED_EVICTED), 1);
    assert_true(is_closed(fds[0]));
    assert_false(is_closed(fds[1]));
    for (int i = 0; i <= PROXY_STAGE_MAX; i++)
        close(fds[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_header_that_comes_at_once_does_not_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(a_header_may_come_byte_by_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(what_has_come_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(the_rest_of_a_late_header_is_the_clients, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_header_may_come_in_pieces, setup, teardown),
        cmocka_unit_test_setup_teardown(a_connection_without_one_is_closed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bad_one_closes, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_turns_bad_closes, setup, teardown),
        cmocka_unit_test_setup_teardown(a_huge_one_closes_before_it_has_come, setup, teardown),
        cmocka_unit_test_setup_teardown(whoever_leaves_before_it_is_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(a_late_one_is_closed_when_its_time_is_over, setup, teardown),
        cmocka_unit_test_setup_teardown(each_has_its_own_time, setup, teardown),
        cmocka_unit_test_setup_teardown(the_oldest_gives_way, setup, teardown),
        cmocka_unit_test_setup_teardown(those_who_wait_are_bounded, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
