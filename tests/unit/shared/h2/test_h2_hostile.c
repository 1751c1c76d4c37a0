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

enum { FLOOD_FRAMES = 200, FLOOD_WRITES = 500, MAX_FLOOD_FRAME = 32 };

/* Whether the answers hold a GOAWAY with ENHANCE_YOUR_CALM. */
static bool reads_calm(int fd)
{
    static uint8_t answers[1 << 20];
    ssize_t got;
    size_t len = 0;

    while ((got = read(fd, answers + len, sizeof answers - len)) > 0)
        len += (size_t)got;
    for (size_t at = 0; at + 17 <= len;) {
        size_t payload = (size_t)answers[at] << 16 | (size_t)answers[at + 1] << 8 | answers[at + 2];

        if (answers[at + 3] == 7)
            return answers[at + 9 + 7] == 0xb;
        at += 9 + payload;
    }
    return false;
}

static void read_some(int fd)
{
    char answers[65536];

    while (recv(fd, answers, sizeof answers, MSG_DONTWAIT) == (ssize_t)sizeof answers)
        continue;
}

/* `first`, then `unit` again and again: the server must end it, and say why. */
static void assert_flood_ends(struct pair *pair, const char *first, size_t first_len, const char *unit,
                              size_t len)
{
    int fd = pair_open_raw(pair, &limits);
    char chunk[FLOOD_FRAMES * MAX_FLOOD_FRAME];

    for (size_t i = 0; i < FLOOD_FRAMES; i++)
        memcpy(chunk + i * len, unit, len);
    say(fd, preface, sizeof preface - 1);
    say(fd, first, first_len);
    for (int i = 0; i < FLOOD_WRITES && !pair->server.closed; i++) {
        if (i > 0 && i % 4 == 0)
            read_some(fd);
        (void)send(fd, chunk, FLOOD_FRAMES * len, MSG_NOSIGNAL);
        event_base_loop(pair->base, EVLOOP_NONBLOCK);
    }
    assert_true(pair->server.closed);
    assert_int_equal(pair->server.end, H2_END_FLOOD);
    assert_string_equal(pair->server.reason, "the peer floods with frames that bring nothing");
    assert_true(reads_calm(fd));
    close(fd);
}

#define FLOOD_TEST(name, first, unit)                                                                        \
    static void test_a_flood_of_##name##_closes(void **state)                                                \
    {                                                                                                        \
        assert_flood_ends(*state, first, sizeof first - 1, unit, sizeof unit - 1);                           \
    }

/* POST / to stream 1, whose body is still to come. */
#define OPEN_STREAM "\0\0\6\1\4\0\0\0\1\x83\x86\x84\1\1x"

FLOOD_TEST(pings, "", "\0\0\10\6\0\0\0\0\0ABCDEFGH")
FLOOD_TEST(ping_acks, "", "\0\0\10\6\1\0\0\0\0ABCDEFGH")
FLOOD_TEST(settings, "", "\0\0\0\4\0\0\0\0\0")
FLOOD_TEST(window_updates, "", "\0\0\4\10\0\0\0\0\0\0\0\0\1")
FLOOD_TEST(window_updates_of_a_stream, OPEN_STREAM, "\0\0\4\10\0\0\0\0\1\0\0\0\1")
FLOOD_TEST(priorities, "", "\0\0\5\2\0\0\0\0\3\0\0\0\0\1")
FLOOD_TEST(unknown_frames, "", "\0\0\1\x77\0\0\0\0\0x")
FLOOD_TEST(alternative_services, "", "\0\0\2\12\0\0\0\0\1\0\0")
FLOOD_TEST(empty_data, OPEN_STREAM, "\0\0\0\0\0\0\0\0\1")
FLOOD_TEST(one_byte_data, OPEN_STREAM, "\0\0\1\0\0\0\0\0\1x")
FLOOD_TEST(padded_data, OPEN_STREAM, "\0\0\13\0\10\0\0\0\1\11x\0\0\0\0\0\0\0\0\0")
FLOOD_TEST(resets_of_a_closed_stream, OPEN_STREAM "\0\0\4\3\0\0\0\0\1\0\0\0\10",
           "\0\0\4\3\0\0\0\0\1\0\0\0\10")

/* Whole requests that are reset at once (CVE-2023-44487). */
static void test_a_flood_of_rapid_resets_closes(void **state)
{
    struct pair *pair = *state;
    int fd = pair_open_raw(pair, &limits);
    char unit[] = "\0\0\6\1\5\0\0\0\0\x82\x86\x84\1\1x\0\0\4\3\0\0\0\0\0\0\0\0\10";

    say(fd, preface, sizeof preface - 1);
    for (uint32_t id = 1; id < 200000 && !pair->server.closed; id += 2) {
        uint32_t wire_id = htonl(id);

        memcpy(unit + 5, &wire_id, sizeof wire_id);
        memcpy(unit + 15 + 5, &wire_id, sizeof wire_id);
        (void)send(fd, unit, sizeof unit - 1, MSG_NOSIGNAL);
        if (id % 64 == 1)
            event_base_loop(pair->base, EVLOOP_NONBLOCK);
        read_some(fd);
    }
    assert_int_equal(pair->server.end, H2_END_FLOOD);
    close(fd);
}

/* nghttp2 takes the first for its own SETTINGS, and ends the session with the second. */
static void test_acks_of_settings_that_nobody_sent_close(void **state)
{
    struct pair *pair = *state;
    int fd = pair_open_raw(pair, &limits);

    say(fd, preface, sizeof preface - 1);
    say(fd, "\0\0\0\4\1\0\0\0\0\0\0\0\4\1\0\0\0\0", 18);
    pair_await(pair, pair->server.closed);
    close(fd);
}

static void test_a_header_section_that_never_ends_closes(void **state)
{
    struct pair *pair = *state;
    int fd = pair_open_raw(pair, &limits);

    say(fd, preface, sizeof preface - 1);
    say(fd, "\0\0\1\1\0\0\0\0\1\x82", 10);
    for (int i = 0; i < 100000 && !pair->server.closed; i++) {
        (void)send(fd, "\0\0\0\x9\0\0\0\0\1", 9, MSG_NOSIGNAL);
        event_base_loop(pair->base, EVLOOP_NONBLOCK);
    }
    assert_true(pair->server.closed);
    close(fd);
}

/* One field of 3,000 bytes in HPACK's table, named 12,000 times in 12,000 bytes (RFC 7541, 7.3). */
static void test_a_flood_of_hpack_bombs_closes(void **state)
{
    static const char head[] = "\0\0\0\1\5\0\0\0\0\x82\x86\x84\1\1x\x40\1a\x7f\xb9\x16";
    enum { HEAD = sizeof head - 1, VALUE = 3000, NAMED = 12000, BOMB = HEAD + VALUE + NAMED };
    struct pair *pair = *state;
    int fd = pair_open_raw(pair, &limits);
    char *bomb = malloc(BOMB);

    assert_non_null(bomb);
    memcpy(bomb, head, HEAD);
    memset(bomb + HEAD, 'a', VALUE);
    memset(bomb + HEAD + VALUE, '\xbe', NAMED);
    bomb[1] = (char)((BOMB - 9) >> 8);
    bomb[2] = (char)((BOMB - 9) & 0xff);
    say(fd, preface, sizeof preface - 1);
    for (char id = 1; id < 100 && !pair->server.closed; id = (char)(id + 2)) {
        bomb[8] = id;
        (void)send(fd, bomb, BOMB, MSG_NOSIGNAL);
        event_base_loop(pair->base, EVLOOP_NONBLOCK);
        read_some(fd);
    }
    pair_await(pair, pair->server.closed);
    assert_int_equal(pair->server.end, H2_END_FLOOD);
    free(bomb);
    close(fd);
}

/* Some 50,000 frames that a connection is for: no bound may be met, however fast they come. */
static void test_small_requests_at_full_speed_are_no_flood(void **state)
{
    struct pair *pair = *state;
    struct source source;
    int32_t stream;

    pair_open_plain(pair, &limits, &limits);
    pair_await(pair, pair->ready);
    for (int i = 0; i < 10000; i++) {
        source = (struct source){.data = (const uint8_t *)"x", .len = 1};
        assert_int_equal(h2_request(pair->client.conn, "POST", "/echo", NULL,
                                    &(struct h2_body){source_read, &source}, &stream),
                         STATUS_OK);
        while (pair->answer_count == 0 && !pair->client.closed)
            event_base_loop(pair->base, EVLOOP_ONCE);
        assert_int_equal(pair->answer_count, 1);
        free(pair->answers[0].body);
        pair->answer_count = 0;
    }
    assert_false(pair->server.closed);
    assert_false(pair->client.closed);
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
        TEST(test_a_flood_of_ping_acks_closes),
        TEST(test_a_flood_of_settings_closes),
        TEST(test_acks_of_settings_that_nobody_sent_close),
        TEST(test_a_flood_of_window_updates_closes),
        TEST(test_a_flood_of_window_updates_of_a_stream_closes),
        TEST(test_a_flood_of_priorities_closes),
        TEST(test_a_flood_of_unknown_frames_closes),
        TEST(test_a_flood_of_alternative_services_closes),
        TEST(test_a_flood_of_empty_data_closes),
        TEST(test_a_flood_of_one_byte_data_closes),
        TEST(test_a_flood_of_padded_data_closes),
        TEST(test_a_flood_of_resets_of_a_closed_stream_closes),
        TEST(test_a_flood_of_rapid_resets_closes),
        TEST(test_a_header_section_that_never_ends_closes),
        TEST(test_a_flood_of_hpack_bombs_closes),
        TEST(test_small_requests_at_full_speed_are_no_flood),
        TEST(test_pings_whose_answers_are_not_read_close),
        TEST(test_a_stream_error_leaves_the_connection),
        TEST(test_a_request_header_past_the_limit),
        TEST(test_bodies_of_one_connection_are_bounded_together),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
