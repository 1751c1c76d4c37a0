/* SPDX-License-Identifier: Apache-2.0 */
/* Server and client of h2_conn against each other over a socketpair. TLS stands in test_tls.c,
 * peers that misbehave in test_h2_hostile.c. */
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

static const struct h2_limits roomy = {.max_body = 32u << 20, .max_streams = 100, .window = 1u << 20};
static const struct h2_limits narrow = {.max_body = 1000, .max_streams = 10, .window = 65535};

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

static int32_t ask(struct pair *pair, const char *method, const char *path, struct source *source)
{
    struct h2_body body = {source_read, source};
    int32_t stream = 0;

    assert_int_equal(
        h2_request(pair->client.conn, method, path, "text/plain", source != NULL ? &body : NULL, &stream),
        STATUS_OK);
    return stream;
}

static void open_ready(struct pair *pair, const struct h2_limits *server, const struct h2_limits *client)
{
    pair_open_plain(pair, server, client);
    pair_await(pair, pair->ready);
}

static void test_a_request_is_answered(void **state)
{
    struct pair *pair = *state;
    struct source hello = {.data = (const uint8_t *)"hello", .len = 5};
    int32_t stream;

    open_ready(pair, &roomy, &roomy);
    stream = ask(pair, "POST", "/echo", &hello);
    pair_await(pair, pair->answer_count == 1);

    assert_int_equal(pair->answers[0].stream, stream);
    assert_int_equal(pair->answers[0].status, 200);
    assert_string_equal((char *)pair->answers[0].body, "hello");
    assert_string_equal(pair->last_method, "POST");
    assert_string_equal(pair->last_type, "text/plain");
}

static void test_requests_before_ready_are_refused(void **state)
{
    struct pair *pair = *state;
    int32_t stream = 0;

    pair_open_plain(pair, &roomy, &roomy);
    assert_int_equal(h2_request(pair->client.conn, "GET", "/echo", NULL, NULL, &stream), STATUS_CLOSED);
}

static void test_a_body_larger_than_the_window(void **state)
{
    struct pair *pair = *state;
    struct h2_limits small_window = {.max_body = 32u << 20, .max_streams = 10, .window = 65535};
    size_t len = 20u << 20;
    uint8_t *bytes = malloc(len);
    struct source source = {.data = bytes, .len = len};

    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(i ^ i >> 9);
    open_ready(pair, &small_window, &small_window);
    ask(pair, "POST", "/echo", &source);
    pair_await(pair, pair->answer_count == 1);

    assert_int_equal(pair->answers[0].status, 200);
    assert_int_equal(pair->answers[0].len, len);
    assert_memory_equal(pair->answers[0].body, bytes, len);
    free(bytes);
}

static void test_many_streams_at_once(void **state)
{
    struct pair *pair = *state;
    struct source bodies[500];
    uint8_t bytes[3000];

    memset(bytes, 'x', sizeof bytes);
    open_ready(pair, &roomy, &roomy);
    for (int i = 0; i < 500; i++) {
        bodies[i] = (struct source){.data = bytes, .len = (size_t)i * 6 + 1};
        ask(pair, "POST", "/echo", &bodies[i]);
    }
    pair_await(pair, pair->answer_count == 500);

    for (int i = 0; i < 500; i++) {
        int which = (pair->answers[i].stream - 1) / 2;
        assert_int_equal(pair->answers[i].status, 200);
        assert_int_equal(pair->answers[i].len, (size_t)which * 6 + 1);
    }
}

static void test_a_body_past_the_limit_gets_413_and_the_connection_lives(void **state)
{
    struct pair *pair = *state;
    uint8_t *bytes = calloc(1, 4u << 20);
    struct source large = {.data = bytes, .len = 4u << 20};
    struct source small = {.data = bytes, .len = 1000};
    int calls;

    open_ready(pair, &narrow, &roomy);
    ask(pair, "POST", "/echo", &large);
    pair_await(pair, pair->answer_count == 1);
    assert_int_equal(pair->answers[0].status, 413);
    assert_non_null(strstr((char *)pair->answers[0].body, "\"body_too_large\""));
    assert_int_equal(pair->requests, 0);

    calls = large.calls;
    ask(pair, "POST", "/echo", &small);
    pair_await(pair, pair->answer_count == 2);
    assert_int_equal(pair->answers[1].status, 200);
    assert_int_equal(pair->answers[1].len, 1000);
    assert_int_equal(large.calls, calls);
    free(bytes);
}

static void test_an_answer_past_the_limit_is_status_0(void **state)
{
    struct pair *pair = *state;

    open_ready(pair, &roomy, &narrow);
    ask(pair, "GET", "/big", NULL);
    pair_await(pair, pair->answer_count == 1);
    assert_int_equal(pair->answers[0].status, 0);
    assert_int_equal(pair->answers[0].len, 0);

    ask(pair, "GET", "/nowhere", NULL);
    pair_await(pair, pair->answer_count == 2);
    assert_int_equal(pair->answers[1].status, 404);
}

static void test_head_is_answered_without_body(void **state)
{
    struct pair *pair = *state;

    open_ready(pair, &roomy, &roomy);
    ask(pair, "HEAD", "/big", NULL);
    pair_await(pair, pair->answer_count == 1);
    assert_int_equal(pair->answers[0].status, 200);
    assert_int_equal(pair->answers[0].len, 0);
}

static void test_a_request_out_of_a_response(void **state)
{
    struct pair *pair = *state;

    open_ready(pair, &roomy, &roomy);
    pair->next_path = "/nowhere";
    ask(pair, "GET", "/echo", NULL);
    pair_await(pair, pair->answer_count == 2);
    assert_int_equal(pair->answers[0].status, 200);
    assert_int_equal(pair->answers[1].status, 404);
}

static void test_an_answer_given_later(void **state)
{
    struct pair *pair = *state;

    open_ready(pair, &roomy, &roomy);
    ask(pair, "GET", "/hold", NULL);
    pair_await(pair, pair->held);
    h2_reply(pair->server.conn, pair->held, 200, "text/plain", "late", 4);
    h2_reply(pair->server.conn, pair->held, 500, "text/plain", "twice", 5);
    pair_await(pair, pair->answer_count == 1);
    assert_string_equal((char *)pair->answers[0].body, "late");

    h2_reply(pair->server.conn, pair->held, 200, "text/plain", "gone", 4);
    h2_reply(pair->server.conn, 12345, 200, "text/plain", "never", 5);
    ask(pair, "GET", "/nowhere", NULL);
    pair_await(pair, pair->answer_count == 2);
}

static void test_drain_answers_what_is_open_and_closes(void **state)
{
    struct pair *pair = *state;
    int32_t stream = 0;

    open_ready(pair, &roomy, &roomy);
    ask(pair, "GET", "/hold", NULL);
    pair_await(pair, pair->held);
    h2_conn_drain(pair->server.conn);
    pair_await(pair, h2_request(pair->client.conn, "GET", "/echo", NULL, NULL, &stream) == STATUS_CLOSED);
    assert_false(pair->client.closed);

    h2_reply(pair->server.conn, pair->held, 200, "text/plain", "last", 4);
    pair_await(pair, pair->client.closed);
    for (int i = 0; i < pair->answer_count; i++)
        if (pair->answers[i].stream == 1)
            assert_string_equal((char *)pair->answers[i].body, "last");
    assert_string_equal(pair->client.reason, "the peer is going away");

    h2_conn_free(pair->client.conn);
    pair->client.conn = NULL;
    pair_await(pair, pair->server.closed);
}

static void test_drain_of_an_idle_connection(void **state)
{
    struct pair *pair = *state;

    open_ready(pair, &roomy, &roomy);
    h2_conn_drain(pair->server.conn);
    pair_await(pair, pair->client.closed && pair->server.closed);
    assert_string_equal(pair->server.reason, "finished");
}

static void test_ping_is_answered(void **state)
{
    struct pair *pair = *state;
    int64_t before;

    open_ready(pair, &roomy, &roomy);
    ask(pair, "GET", "/nowhere", NULL);
    pair_await(pair, pair->answer_count == 1);
    before = h2_conn_last_received(pair->client.conn);
    usleep(2000);
    h2_conn_ping(pair->client.conn);
    pair_await(pair, h2_conn_last_received(pair->client.conn) > before);
}

static void test_close_inside_on_ready(void **state)
{
    struct pair *pair = *state;

    pair->close_on_ready = true;
    pair_open_plain(pair, &roomy, &roomy);
    pair_await(pair, pair->client.closed);
    assert_string_equal(pair->client.reason, "no use");
}

static void test_close_inside_on_request(void **state)
{
    struct pair *pair = *state;

    open_ready(pair, &roomy, &roomy);
    ask(pair, "GET", "/close", NULL);
    ask(pair, "GET", "/echo", NULL);
    pair_await(pair, pair->server.closed);
    assert_string_equal(pair->server.reason, "as asked");
    assert_int_equal(pair->requests, 1);

    h2_conn_free(pair->server.conn);
    pair->server.conn = NULL;
    pair_await(pair, pair->client.closed);
    assert_int_equal(pair->answer_count, 0);
}

static void test_close_inside_on_response(void **state)
{
    struct pair *pair = *state;

    pair->close_on_response = true;
    open_ready(pair, &roomy, &roomy);
    ask(pair, "GET", "/nowhere", NULL);
    ask(pair, "GET", "/nowhere", NULL);
    pair_await(pair, pair->client.closed);
    assert_int_equal(pair->answer_count, 1);
    assert_string_equal(pair->client.reason, "enough");
}

struct closing_source {
    struct h2_conn *conn;
    int calls;
};

static size_t close_in_read(void *arg, uint8_t *out, size_t len, int *eof)
{
    struct closing_source *source = arg;

    (void)len;
    *eof = 0;
    out[0] = 'x';
    source->calls++;
    h2_conn_close(source->conn, "in read");
    return 1;
}

static void test_close_inside_the_body(void **state)
{
    struct pair *pair = *state;
    struct closing_source source = {0};
    struct h2_body body = {close_in_read, &source};
    int32_t stream;

    open_ready(pair, &roomy, &roomy);
    source.conn = pair->client.conn;
    h2_request(pair->client.conn, "POST", "/echo", NULL, &body, &stream);
    pair_await(pair, pair->client.closed);
    assert_string_equal(pair->client.reason, "in read");
}

static void test_free_with_everything_under_way(void **state)
{
    struct pair *pair = *state;
    uint8_t *bytes = calloc(1, 8u << 20);
    struct source sources[8];

    open_ready(pair, &roomy, &roomy);
    for (int i = 0; i < 8; i++) {
        sources[i] = (struct source){.data = bytes, .len = 8u << 20};
        ask(pair, "POST", "/echo", &sources[i]);
    }
    for (int i = 0; i < 4; i++)
        event_base_loop(pair->base, EVLOOP_ONCE);
    h2_conn_free(pair->client.conn);
    pair->client.conn = NULL;
    pair_await(pair, pair->server.closed);
    assert_int_equal(pair->answer_count, 0);
    free(bytes);
}

static void test_output_to_a_peer_that_does_not_read_is_bounded(void **state)
{
    struct pair *pair = *state;
    struct h2_limits wide = {.max_body = 256u << 20, .max_streams = 100, .window = 1u << 30};
    size_t most = 0;

    open_ready(pair, &wide, &wide);
    for (int i = 0; i < 20; i++)
        ask(pair, "GET", "/big", NULL);
    pair_await(pair, transport_unsent(pair->client.transport) == 0);
    transport_set_reading(pair->client.transport, false);
    pair_await(pair, pair->requests == 20);
    for (int i = 0; i < 50; i++) {
        size_t waiting = transport_unsent(pair->server.transport);
        most = waiting > most ? waiting : most;
        event_base_loop(pair->base, EVLOOP_NONBLOCK);
    }
    assert_in_range(most, 1u << 20, (1u << 20) + 20000);

    transport_set_reading(pair->client.transport, true);
    pair_await(pair, pair->answer_count == 20);
    for (int i = 0; i < 20; i++)
        assert_int_equal(pair->answers[i].len, 5u << 20);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_request_is_answered),
        TEST(test_requests_before_ready_are_refused),
        TEST(test_a_body_larger_than_the_window),
        TEST(test_many_streams_at_once),
        TEST(test_a_body_past_the_limit_gets_413_and_the_connection_lives),
        TEST(test_an_answer_past_the_limit_is_status_0),
        TEST(test_head_is_answered_without_body),
        TEST(test_a_request_out_of_a_response),
        TEST(test_an_answer_given_later),
        TEST(test_drain_answers_what_is_open_and_closes),
        TEST(test_drain_of_an_idle_connection),
        TEST(test_ping_is_answered),
        TEST(test_close_inside_on_ready),
        TEST(test_close_inside_on_request),
        TEST(test_close_inside_on_response),
        TEST(test_close_inside_the_body),
        TEST(test_free_with_everything_under_way),
        TEST(test_output_to_a_peer_that_does_not_read_is_bounded),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
