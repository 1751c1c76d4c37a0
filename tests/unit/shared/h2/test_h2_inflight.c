/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that are being received: how many bytes of them a server holds, and for how long. Two peers that
 * speak bytes share one server's bound; time is passed in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "shared/base/clock.h"
#include "tests/unit/h2_pair.h"

enum { MAX_INFLIGHT = 20000, FRAME = 16000, STALL_MS = 1000, TOTAL_MS = 3000, REFUSED_STREAM = 7 };

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
/* POST / to stream 1, whose body is still to come. */
static const char open_stream[] = "\0\0\6\1\4\0\0\0\1\x83\x86\x84\1\1x";

static int resets[2]; /* by enum h2_reset */

static void on_reset(struct h2_conn *conn, enum h2_reset why, void *arg)
{
    (void)conn;
    (void)arg;
    resets[why]++;
}

struct peer {
    struct pair *pair; /* only its server */
    int fd;
};

struct fixture {
    struct h2_inflight inflight;
    struct peer first, second;
};

static void turn(const struct peer *peer)
{
    for (int i = 0; i < 4; i++)
        event_base_loop(peer->pair->base, EVLOOP_NONBLOCK);
}

static void say(const struct peer *peer, const void *bytes, size_t len)
{
    assert_int_equal(write(peer->fd, bytes, len), (ssize_t)len);
    turn(peer);
}

static void connect_peer(struct peer *peer, struct h2_inflight *inflight)
{
    static struct h2_callbacks callbacks;
    const struct h2_limits limits = {
        .max_body = 1 << 20, .max_streams = 8, .window = 1 << 20, .inflight = inflight};
    int fds[2];

    callbacks = server_callbacks;
    callbacks.on_reset = on_reset;
    peer->pair = pair_new();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    peer->fd = fds[1];
    evutil_make_socket_nonblocking(peer->fd);
    assert_int_equal(h2_conn_new_server(peer->pair->base, plain_transport(peer->pair, fds[0]), &limits,
                                        &callbacks, peer->pair, &peer->pair->server.conn),
                     STATUS_OK);
}

static void disconnect(struct peer *peer)
{
    pair_free(peer->pair);
    close(peer->fd);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    resets[0] = resets[1] = 0;
    fixture->inflight.max = MAX_INFLIGHT;
    connect_peer(&fixture->first, &fixture->inflight);
    connect_peer(&fixture->second, &fixture->inflight);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    disconnect(&fixture->first);
    disconnect(&fixture->second);
    assert_int_equal(fixture->inflight.used, 0);
    free(fixture);
    return 0;
}

static void begin_request(const struct peer *peer)
{
    say(peer, preface, sizeof preface - 1);
    say(peer, open_stream, sizeof open_stream - 1);
}

/* A DATA frame (RFC 9113, 6.1) of stream 1. */
static void send_data(const struct peer *peer, size_t len, bool last)
{
    uint8_t frame[9 + FRAME] = {(uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len, 0, last, 0, 0, 0, 1};

    say(peer, frame, 9 + len);
}

/* The code of the first RST_STREAM (RFC 9113, 6.4) that came, or -1. */
static int reset_code(const struct peer *peer)
{
    static uint8_t bytes[65536];
    ssize_t len = read(peer->fd, bytes, sizeof bytes);

    for (ssize_t at = 0; at + 13 <= len; at += 9 + (bytes[at] << 16 | bytes[at + 1] << 8 | bytes[at + 2]))
        if (bytes[at + 3] == 3)
            return bytes[at + 12];
    return -1;
}

/* Each connection may have one frame past the bound, so that small requests always go through. */
static void bodies_of_all_connections_are_bounded_together(void **state)
{
    struct fixture *fixture = *state;

    begin_request(&fixture->first);
    begin_request(&fixture->second);
    send_data(&fixture->first, FRAME, false);
    send_data(&fixture->second, FRAME, false);
    assert_int_equal(fixture->inflight.used, 2 * FRAME);
    assert_int_equal(resets[H2_RESET_BYTES], 0);
    send_data(&fixture->second, FRAME, false);
    assert_int_equal(resets[H2_RESET_BYTES], 1);
    assert_int_equal(fixture->inflight.used, FRAME);
    assert_int_equal(reset_code(&fixture->second), REFUSED_STREAM); /* it may be sent again */
    assert_int_equal(reset_code(&fixture->first), -1);
}

static void what_was_received_counts_no_longer(void **state)
{
    struct fixture *fixture = *state;

    begin_request(&fixture->first);
    send_data(&fixture->first, FRAME, false);
    assert_int_equal(fixture->inflight.used, FRAME);
    send_data(&fixture->first, 100, true);
    assert_int_equal(fixture->first.pair->requests, 1);
    assert_int_equal(fixture->inflight.used, 0);
}

static void what_stands_still_is_reset(void **state)
{
    struct fixture *fixture = *state;

    begin_request(&fixture->first);
    send_data(&fixture->first, 100, false);
    struct h2_conn *conn = fixture->first.pair->server.conn;
    int64_t heard_ms = h2_conn_last_received(conn);
    h2_conn_expire(conn, heard_ms + STALL_MS - 1, STALL_MS, TOTAL_MS);
    assert_int_equal(resets[H2_RESET_STALLED], 0);
    h2_conn_expire(conn, heard_ms + STALL_MS, STALL_MS, TOTAL_MS);
    assert_int_equal(resets[H2_RESET_STALLED], 1);
    assert_int_equal(fixture->inflight.used, 0);
    assert_int_equal(reset_code(&fixture->first), 8); /* CANCEL */
}

/* Some bytes now and then prolong it, but not for ever: here the whole has less time than a pause. */
static void what_does_not_end_is_reset(void **state)
{
    struct fixture *fixture = *state;

    begin_request(&fixture->first);
    struct h2_conn *conn = fixture->first.pair->server.conn;
    int64_t begun_ms = h2_conn_last_received(conn);
    h2_conn_expire(conn, begun_ms + STALL_MS - 1, TOTAL_MS, STALL_MS);
    assert_int_equal(resets[H2_RESET_STALLED], 0);
    h2_conn_expire(conn, begun_ms + STALL_MS, TOTAL_MS, STALL_MS);
    assert_int_equal(resets[H2_RESET_STALLED], 1);
}

/* Finds the longest time-out that is set. */
static int find_timeout(const struct event_base *base, const struct event *event, void *arg)
{
    struct timeval due;
    struct timeval now;
    long *longest_s = arg;

    (void)base;
    if (event_pending(event, EV_TIMEOUT, &due) && evutil_gettimeofday(&now, NULL) == 0 &&
        due.tv_sec - now.tv_sec > *longest_s)
        *longest_s = due.tv_sec - now.tv_sec;
    return 0;
}

static void a_handshake_has_ten_seconds(void **state)
{
    struct fixture *fixture = *state;
    long longest_s = 0;

    event_base_foreach_event(fixture->first.pair->base, find_timeout, &longest_s);
    assert_in_range(longest_s, 9, 11);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bodies_of_all_connections_are_bounded_together),
        TEST(what_was_received_counts_no_longer),
        TEST(what_stands_still_is_reset),
        TEST(what_does_not_end_is_reset),
        TEST(a_handshake_has_ten_seconds),
    };

    return cmocka_run_group_tests_name("h2_inflight", tests, NULL, NULL);
}
