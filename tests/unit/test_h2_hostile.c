/* SPDX-License-Identifier: Apache-2.0 */
/* A server connection against peers that ask for too much or do not speak HTTP/2. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/h2_pair.h"

static const struct h2_limits limits = {.max_body = 1u << 20, .max_streams = 100, .window = 1u << 20};

static int set_up(void **state)
{
    *state = pair_new();
    return 0;
}

static int tear_down(void **state)
{
    pair_free(*state);
    return 0;
}

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";

static void say(int fd, const void *bytes, size_t len)
{
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
}

static void test_bytes_that_are_not_http2(void **state)
{
    struct pair *pair = *state;
    int fd = pair_open_raw(pair, &limits);

    say(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27);
    pair_await(pair, pair->server.closed);
    close(fd);
}

static void test_a_flood_of_pings_closes(void **state)
{
    struct pair *pair = *state;
    int fd = pair_open_raw(pair, &limits);
    char ping[17] = {0, 0, 8, 6};
    char answers[4096];

    say(fd, preface, sizeof preface - 1);
    for (int i = 0; i < 5000 && !pair->server.closed; i++) {
        say(fd, ping, sizeof ping);
        event_base_loop(pair->base, EVLOOP_NONBLOCK);
        while (read(fd, answers, sizeof answers) > 0)
            ;
    }
    assert_true(pair->server.closed);
    assert_string_equal(pair->server.reason, "the peer floods with control frames");
    close(fd);
}

static void test_pings_whose_answers_are_not_read_close(void **state)
{
    struct pair *pair = *state;
    int fd = pair_open_raw(pair, &limits);
    char pings[200][17] = {{0}};

    for (int i = 0; i < 200; i++)
        memcpy(pings[i], "\0\0\10\6", 4);
    say(fd, preface, sizeof preface - 1);
    say(fd, pings, sizeof pings);
    pair_await(pair, pair->server.closed);
    close(fd);
}

static void test_a_stream_error_leaves_the_connection(void **state)
{
    struct pair *pair = *state;
    int fd = pair_open_raw(pair, &limits);
    /* HEADERS without any pseudo-header: a malformed request (RFC 9113, 8.1.1). */
    static const char malformed[] = "\0\0\1\1\5\0\0\0\1\x90";
    /* :method GET, :scheme http, :path / from the static table, :authority x as a literal. */
    static const char request[] = "\0\0\6\1\5\0\0\0\3\x82\x86\x84\1\1x";

    say(fd, preface, sizeof preface - 1);
    say(fd, malformed, sizeof malformed - 1);
    say(fd, request, sizeof request - 1);
    pair_await(pair, pair->requests == 1);
    assert_false(pair->server.closed);
    close(fd);
    pair_await(pair, pair->server.closed);
}

static void test_a_request_header_past_the_limit(void **state)
{
    struct pair *pair = *state;
    char path[20000];
    int32_t stream = 0;

    pair_open_plain(pair, &limits, &limits);
    pair_await(pair, pair->ready);
    memset(path, 'a', sizeof path);
    path[0] = '/';
    path[sizeof path - 1] = 0;
    assert_int_equal(h2_request(pair->client.conn, "GET", path, NULL, NULL, &stream), STATUS_OK);
    pair_await(pair, pair->answer_count == 1);
    assert_int_equal(pair->answers[0].status, 431);
    assert_int_equal(pair->requests, 0);
}

static void test_bodies_of_one_connection_are_bounded_together(void **state)
{
    static const struct h2_limits server = {.max_body = 100000, .max_streams = 100, .window = 1u << 20};
    struct pair *pair = *state;
    struct source sources[20];
    uint8_t *bytes = calloc(1, 100000);
    int refused = 0;
    int32_t stream;

    pair_open_plain(pair, &server, &limits);
    pair_await(pair, pair->ready);
    for (int i = 0; i < 20; i++) {
        sources[i] = (struct source){.data = bytes, .len = 100000};
        h2_request(pair->client.conn, "POST", "/echo", NULL, &(struct h2_body){source_read, &sources[i]},
                   &stream);
    }
    pair_await(pair, pair->answer_count == 20);
    for (int i = 0; i < 20; i++)
        refused += pair->answers[i].status == 0;
    assert_in_range(refused, 1, 19);
    assert_int_equal(pair->requests, 20 - refused);
    assert_false(pair->client.closed);
    free(bytes);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_bytes_that_are_not_http2),
        TEST(test_a_flood_of_pings_closes),
        TEST(test_pings_whose_answers_are_not_read_close),
        TEST(test_a_stream_error_leaves_the_connection),
        TEST(test_a_request_header_past_the_limit),
        TEST(test_bodies_of_one_connection_are_bounded_together),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
