/* SPDX-License-Identifier: Apache-2.0 */
/* The RPC port with a real client over TLS on the loopback. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/metrics/gateway_metrics.h"
#include "gateway/rpc/rpc_server.h"
#include "shared/base/clock.h"
#include "tests/unit/certs.h"
#include "tests/unit/h2_pair.h"

enum { QUIET_MS = 300 };

#define FORM "application/x-www-form-urlencoded"

static struct certs certs;

struct bench {
    struct pair *pair; /* only its client side and its loop */
    SSL_CTX *server_tls;
    SSL_CTX *client_tls;
    struct push_handler *handler;
    struct rpc_server *server;
    unsigned delivered;
    unsigned turns;
    unsigned comings;
    unsigned had; /* delivered when something was coming for the last time */
    struct source sources[300];
};

static uint32_t deliver(void *arg, struct slice key, struct slice items, uint32_t item_count,
                        const struct push_terms *terms)
{
    struct bench *bench = arg;

    (void)key;
    (void)items;
    (void)item_count;
    (void)terms;
    return ++bench->delivered;
}

static void coming(void *arg)
{
    struct bench *bench = arg;

    bench->comings++;
    bench->had = bench->delivered;
}

static void end_turn(void *arg)
{
    struct bench *bench = arg;

    bench->turns++;
}

static enum status print_stats(struct buf *out, void *arg)
{
    (void)arg;
    return buf_append_str(out, "{\"onlineConnections\":3}");
}

static void listen_on_loopback(struct bench *bench)
{
    struct rpc_server_conf conf = {
        .bind = "127.0.0.1",
        .tls = bench->server_tls,
        .hello = {.version = "1", .limits = {64, 8, 16, 10000}},
        .limits = {.max_inflight = 100000,
                   .max_connections = 2,
                   .max_handshakes = 4,
                   .read_timeout_ms = 10000},
        .quiet_ms = QUIET_MS,
        .handler = bench->handler,
        .stats = print_stats,
        .on_coming = coming,
        .on_turn = end_turn,
        .arg = bench,
    };
    struct fault fault;

    assert_int_equal(rpc_server_new(bench->pair->base, &conf, &bench->server, &fault), STATUS_OK);
}

static void open_client(struct bench *bench, struct pair *pair)
{
    const struct h2_limits limits = {.max_body = 1u << 20, .window = 1u << 20};
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)rpc_server_port(bench->server)),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct transport *transport;

    pair->base = bench->pair->base;
    assert_int_equal(transport_new_connecting(bench->pair->base, (struct sockaddr *)&address, sizeof address,
                                              tls_client_session(bench->client_tls, "localhost"), &transport),
                     STATUS_OK);
    pair_call(pair, transport, "localhost", &limits);
}

static int set_up(void **state)
{
    const struct tls_files server_files = {certs.path[CERT_SERVER], certs.path[KEY_SERVER],
                                           certs.path[CERT_CA]};
    const struct tls_files client_files = {certs.path[CERT_CLIENT], certs.path[KEY_CLIENT],
                                           certs.path[CERT_CA]};
    struct bench *bench = calloc(1, sizeof *bench);
    const struct push_handler_conf conf = {
        .limits = {.max_room_len = 16, .max_item_len = 20000, .max_depth = 4},
        .max_items = 100,
        .sink = {.deliver = deliver, .arg = bench},
        .gap_wait_ms = 60000,
        .gap_bytes = 1 << 20,
    };

    bench->pair = pair_new();
    assert_int_equal(tls_server_new(&server_files, &bench->server_tls, NULL), STATUS_OK);
    assert_int_equal(tls_client_new(&client_files, &bench->client_tls, NULL), STATUS_OK);
    push_handler_new(&conf, &bench->handler);
    listen_on_loopback(bench);
    open_client(bench, bench->pair);
    pair_await(bench->pair, bench->pair->ready);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;

    rpc_server_free(bench->server);
    pair_free(bench->pair);
    push_handler_free(bench->handler);
    SSL_CTX_free(bench->server_tls);
    SSL_CTX_free(bench->client_tls);
    assert_int_equal(metrics_get(M_RPC_CONNECTIONS), 0);
    free(bench);
    return 0;
}

static void ask(struct bench *bench, int slot, const char *method, const char *path, const char *type,
                const char *text)
{
    struct source *source = &bench->sources[slot];
    struct h2_body body = {source_read, source};
    int32_t stream;

    *source = (struct source){.data = (const uint8_t *)text, .len = text != NULL ? strlen(text) : 0};
    assert_int_equal(
        h2_request(bench->pair->client.conn, method, path, type, text != NULL ? &body : NULL, &stream),
        STATUS_OK);
}

static struct slice encode_batch(uint64_t sequence, uint8_t *out)
{
    static const uint8_t logic[LOGIC_ID_LEN] = "a logic";
    struct slice item = slice_str("1");
    struct push push = {.target = AUDIENCE_EVERYONE, .items = &item, .item_count = 1, .wait = true};

    push_batch_header_encode(logic, sequence, 1, 0, out);
    push_record_encode(&push, sequence, out + PUSH_BATCH_HEADER_LEN);
    return slice_of(out, PUSH_BATCH_HEADER_LEN + push_record_size(&push));
}

static void send_batch(struct bench *bench, int slot, uint64_t sequence)
{
    static uint8_t bytes[300][128];
    struct slice batch = encode_batch(sequence, bytes[slot]);
    struct source *source = &bench->sources[slot];
    struct h2_body body = {source_read, source};
    int32_t stream;

    *source = (struct source){.data = batch.data, .len = batch.len};
    assert_int_equal(
        h2_request(bench->pair->client.conn, "POST", "/rpc/batch", PUSH_BATCH_CONTENT_TYPE, &body, &stream),
        STATUS_OK);
}

static void await_answers(struct bench *bench, int count)
{
    pair_await(bench->pair, bench->pair->answer_count >= count);
    assert_int_equal(bench->pair->answer_count, count);
}

static void expect(struct bench *bench, int index, int status, const char *part)
{
    const struct answer *answer = &bench->pair->answers[index];

    assert_int_equal(answer->status, status);
    if (strstr((const char *)answer->body, part) == NULL)
        fail_msg("%s is not in %s", part, (const char *)answer->body);
}

static void test_a_batch_is_applied_and_answered(void **state)
{
    struct bench *bench = *state;

    send_batch(bench, 0, 42);
    await_answers(bench, 1);
    expect(bench, 0, 200, "{\"applied\":42,\"pushes\":1,\"duplicates\":0,\"items\":1,\"reached\":[[42,1]]}");
    send_batch(bench, 0, 42);
    await_answers(bench, 2);
    expect(bench, 1, 200, "{\"applied\":42,\"pushes\":0,\"duplicates\":1,\"items\":0,\"reached\":[[42,1]]}");
    assert_int_equal(bench->delivered, 1);
    assert_int_equal(bench->turns, 2);
}

static void test_a_batch_is_told_of_before_it_is_applied(void **state)
{
    struct bench *bench = *state;

    for (int i = 0; i < 3; i++) {
        unsigned before = bench->comings;

        send_batch(bench, i, (uint64_t)i + 1);
        pair_await(bench->pair, bench->delivered == (unsigned)i + 1);
        assert_true(bench->comings > before);
        assert_int_equal(bench->had, i);
        await_answers(bench, i + 1);
    }
}

static void publish(struct bench *bench, uint64_t sequence)
{
    uint8_t bytes[128];
    struct slice batch = encode_batch(sequence, bytes);
    struct fault fault;

    assert_int_equal(push_handler_batch(bench->handler, PUSH_BY_BUS, batch, clock_now_ms(), NULL, &fault),
                     STATUS_OK);
}

static void test_a_batch_that_waits_for_the_bus_is_answered_503(void **state)
{
    struct bench *bench = *state;

    push_handler_set_bus(bench->handler, true);
    publish(bench, 1);
    send_batch(bench, 0, 3);
    await_answers(bench, 1);
    expect(bench, 0, 503, "{\"error\":{\"code\":\"gap\",\"message\":\"pushes from 2 on are missing");
    assert_int_equal(bench->delivered, 1);
    publish(bench, 2);
    send_batch(bench, 0, 3);
    await_answers(bench, 2);
    expect(bench, 1, 200, "{\"applied\":3,\"pushes\":1,");
    assert_int_equal(bench->delivered, 3);
}

static void test_form_calls_as_go_push_makes_them(void **state)
{
    struct bench *bench = *state;
    uint64_t before = metrics_get(M_APPLIED_FORM);

    ask(bench, 0, "POST", "/push/all", FORM, "items=%5B1%5D");
    ask(bench, 1, "POST", "/push/room", FORM "; charset=utf-8", "items=[1]&room=r");
    await_answers(bench, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(bench->pair->answers[i].status, 200);
        assert_int_equal(bench->pair->answers[i].len, 0);
    }
    assert_int_equal(bench->delivered, 2);
    assert_int_equal(metrics_get(M_APPLIED_FORM) - before, 2);
}

static void test_pushes_of_one_turn_end_it_once(void **state)
{
    struct bench *bench = *state;

    for (int i = 0; i < 50; i++)
        send_batch(bench, i, (uint64_t)i + 1);
    await_answers(bench, 50);
    assert_int_equal(bench->delivered, 50);
    assert_in_range(bench->turns, 1, 3);
}

static void test_errors(void **state)
{
    struct bench *bench = *state;
    uint64_t refused = metrics_get(M_RPC_REFUSED);
    char large[12000];

    memset(large, 'x', sizeof large);
    large[sizeof large - 1] = '\0';
    ask(bench, 0, "POST", "/nowhere", FORM, "x");
    await_answers(bench, 1);
    expect(bench, 0, 404,
           "{\"error\":{\"code\":\"not_found\",\"message\":\"known are /rpc/hello, /rpc/batch, /rpc/bans,");
    ask(bench, 0, "GET", "/push/all", NULL, NULL);
    await_answers(bench, 2);
    expect(bench, 1, 405, "\"method_not_allowed\",\"message\":\"POST\"");
    ask(bench, 0, "POST", "/push/all", "application/json", "[]");
    await_answers(bench, 3);
    expect(bench, 2, 415, "\"unsupported_media_type\"");
    ask(bench, 0, "POST", "/push/all", FORM, large);
    await_answers(bench, 4);
    expect(bench, 3, 413, "\"body_too_large\",\"message\":\"the request body is past 10000 bytes\"");
    ask(bench, 0, "POST", "/push/all", FORM, "items=[01]");
    await_answers(bench, 5);
    expect(bench, 4, 400, "\"invalid_json\"");
    ask(bench, 0, "POST", "/rpc/batch", PUSH_BATCH_CONTENT_TYPE, "FANB");
    await_answers(bench, 6);
    expect(bench, 5, 400, "\"invalid_batch\",\"message\":\"at byte 4");
    ask(bench, 0, "GET", "/rpc/hello", NULL, NULL);
    await_answers(bench, 7);
    expect(bench, 6, 405, "\"method_not_allowed\",\"message\":\"POST\"");
    ask(bench, 0, "POST", "/rpc/hello", "text/plain", "{}");
    await_answers(bench, 8);
    expect(bench, 7, 415, "\"unsupported_media_type\",\"message\":\"application/json\"");
    ask(bench, 0, "POST", "/rpc/canary", NULL, NULL);
    await_answers(bench, 9);
    expect(bench, 8, 404, "/rpc/canary"); /* of a gateway without one */
    assert_int_equal(bench->delivered, 0);
    assert_int_equal(bench->turns, 0);
    assert_int_equal(metrics_get(M_RPC_REFUSED) - refused, 9);
}

static void test_stats(void **state)
{
    struct bench *bench = *state;

    ask(bench, 0, "GET", "/stats?pretty", NULL, NULL);
    await_answers(bench, 1);
    expect(bench, 0, 200, "{\"onlineConnections\":3}");
}

static void test_held_answers_go_out_on_release(void **state)
{
    struct bench *bench = *state;

    rpc_server_hold(bench->server, true);
    send_batch(bench, 0, 1);
    send_batch(bench, 1, 2);
    ask(bench, 2, "GET", "/stats", NULL, NULL);
    await_answers(bench, 1);
    expect(bench, 0, 200, "onlineConnections");
    assert_int_equal(bench->delivered, 2);

    rpc_server_hold(bench->server, false);
    await_answers(bench, 3);
    expect(bench, 1, 200, "{\"applied\":1,");
    expect(bench, 2, 200, "{\"applied\":2,");
}

static void test_a_connection_may_end_with_answers_held(void **state)
{
    struct bench *bench = *state;

    rpc_server_hold(bench->server, true);
    send_batch(bench, 0, 1);
    pair_await(bench->pair, bench->delivered == 1);
    h2_conn_free(bench->pair->client.conn);
    bench->pair->client.conn = NULL;
    pair_await(bench->pair, rpc_server_connections(bench->server) == 0);
    rpc_server_hold(bench->server, false);
}

static void test_drain_answers_and_closes(void **state)
{
    struct bench *bench = *state;
    uint64_t before = metrics_get(M_RPC_CLOSED_FINISHED);

    rpc_server_hold(bench->server, true);
    send_batch(bench, 0, 1);
    pair_await(bench->pair, bench->delivered == 1);
    rpc_server_drain(bench->server);
    pair_await(bench->pair, bench->pair->client.closed);
    assert_int_equal(bench->pair->answer_count, 1);
    expect(bench, 0, 200, "{\"applied\":1,");
    assert_string_equal(bench->pair->client.reason, "the peer is going away");
    pair_await(bench->pair, rpc_server_connections(bench->server) == 0);
    assert_int_equal(metrics_get(M_RPC_CLOSED_FINISHED) - before, 1);
}

static void test_connections_are_bounded(void **state)
{
    struct bench *bench = *state;
    struct pair *second = calloc(1, sizeof *second);
    struct pair *third = calloc(1, sizeof *third);

    open_client(bench, second);
    pair_await(bench->pair, second->ready);
    uint64_t evicted = metrics_get(M_EVICTED_RPC);
    open_client(bench, third);
    pair_await(bench->pair, (h2_conn_ping(second->client.conn), h2_conn_ping(bench->pair->client.conn),
                             third->client.closed));
    assert_int_equal(rpc_server_connections(bench->server), 2);
    assert_int_equal(metrics_get(M_EVICTED_RPC), evicted);

    h2_conn_free(second->client.conn);
    h2_conn_free(third->client.conn);
    free(second);
    free(third);
    pair_await(bench->pair, rpc_server_connections(bench->server) == 1);
}

static int dial_raw(const struct bench *bench)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)rpc_server_port(bench->server)),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void test_who_shows_no_certificate_takes_nobodys_place(void **state)
{
    struct bench *bench = *state;
    struct pair *second = calloc(1, sizeof *second);
    uint64_t evicted = metrics_get(M_EVICTED_RPC);
    char byte;
    int fds[20];

    pair_await(bench->pair, metrics_get(M_RPC_CONNECTIONS) == 1);
    for (int i = 0; i < 20; i++)
        fds[i] = dial_raw(bench);
    pair_await(bench->pair, metrics_get(M_EVICTED_RPC) - evicted == 16);
    assert_int_equal(metrics_get(M_RPC_HANDSHAKES), 4);
    assert_int_equal(metrics_get(M_RPC_CONNECTIONS), 1);
    for (int i = 0; i < 16; i++)
        assert_int_equal(recv(fds[i], &byte, 1, 0), 0);
    for (int i = 16; i < 20; i++)
        assert_int_equal(recv(fds[i], &byte, 1, MSG_DONTWAIT), -1);

    open_client(bench, second);
    pair_await(bench->pair, metrics_get(M_RPC_CONNECTIONS) == 2);
    send_batch(bench, 0, 1);
    await_answers(bench, 1);
    expect(bench, 0, 200, "{\"applied\":1,");
    h2_conn_free(second->client.conn);
    free(second);
    for (int i = 0; i < 20; i++)
        close(fds[i]);
    pair_await(bench->pair, metrics_get(M_RPC_HANDSHAKES) == 0);
}

static void test_who_has_been_silent_for_long_gives_way_unless_it_waits_for_an_answer(void **state)
{
    struct bench *bench = *state;
    struct pair *second = calloc(1, sizeof *second);
    struct pair *third = calloc(1, sizeof *third);

    open_client(bench, second);
    pair_await(bench->pair, second->ready);
    rpc_server_hold(bench->server, true);
    send_batch(bench, 0, 1);
    pair_await(bench->pair, bench->delivered == 1);
    int64_t before = clock_now_ms();
    pair_await(bench->pair, clock_now_ms() - before > 2 * QUIET_MS);
    open_client(bench, third);
    pair_await(bench->pair, second->client.closed);
    assert_false(third->client.closed);
    rpc_server_hold(bench->server, false);
    await_answers(bench, 1);
    expect(bench, 0, 200, "{\"applied\":1,");

    h2_conn_free(second->client.conn);
    h2_conn_free(third->client.conn);
    free(second);
    free(third);
    pair_await(bench->pair, rpc_server_connections(bench->server) == 1);
}

static int make_certs(void **state)
{
    (void)state;
    certs_make(&certs);
    return 0;
}

static int remove_certs(void **state)
{
    (void)state;
    certs_remove(&certs);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_batch_is_applied_and_answered),
        TEST(test_a_batch_is_told_of_before_it_is_applied),
        TEST(test_a_batch_that_waits_for_the_bus_is_answered_503),
        TEST(test_form_calls_as_go_push_makes_them),
        TEST(test_pushes_of_one_turn_end_it_once),
        TEST(test_errors),
        TEST(test_stats),
        TEST(test_held_answers_go_out_on_release),
        TEST(test_a_connection_may_end_with_answers_held),
        TEST(test_drain_answers_and_closes),
        TEST(test_connections_are_bounded),
        TEST(test_who_shows_no_certificate_takes_nobodys_place),
        TEST(test_who_has_been_silent_for_long_gives_way_unless_it_waits_for_an_answer),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, make_certs, remove_certs);
}
