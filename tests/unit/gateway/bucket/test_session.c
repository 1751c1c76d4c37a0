/* SPDX-License-Identifier: Apache-2.0 */
/* What a client says and what it is answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/gateway/bucket/client_bench.h"

#define ACK(id) "text:{\"type\":\"ACK\",\"id\":" id "} "
#define PONG    "text:{\"type\":\"PONG\",\"data\":{}} "

static bool is_in(const struct ws_conn *conn, const char *room)
{
    for (uint32_t i = 0; i < conn->client->room_count; i++)
        if (slice_equal(conn->client->rooms[i].room->node.key, slice_str(room)))
            return true;
    return false;
}

static void go_pushs_clients_get_go_pushs_answers(void **state)
{
    struct ws_conn *conn = bench_connect(*state, "/connect");

    bench_says(conn, "{\"type\":\"PING\",\"data\":{}}");
    bench_expect(conn, PONG);
    bench_says(conn, "{\"type\":\"JOIN\",\"data\":{\"room\":\"r\"}}");
    bench_says(conn, "{\"type\":\"NEWS\",\"data\":{}}");
    bench_expect(conn, "");
    assert_true(is_in(conn, "r"));
    bench_says(conn, "{\"type\":\"LEAVE\",\"data\":{\"room\":\"r\"}}");
    bench_expect(conn, "");
    assert_false(is_in(conn, "r"));
}

static void who_sends_an_id_is_answered(void **state)
{
    struct ws_conn *conn = bench_connect(*state, "/connect");

    bench_says(conn, "{\"type\":\"JOIN\",\"id\":1,\"data\":{\"room\":\"r\"}}");
    bench_says(conn, "{\"type\":\"LEAVE\",\"id\":\"x\",\"data\":{\"room\":\"r\"}}");
    bench_says(conn, "{\"type\":\"PING\",\"id\":3,\"data\":{}}");
    bench_expect(conn, ACK("1") ACK("\"x\"") ACK("3"));
    bench_says(conn, "{\"type\":\"NEWS\",\"id\":4}");
    assert_non_null(strstr(bench_out(conn), "\"unknown_type\""));
}

/* maxJoinRoom is 3; everyone's room does not count. */
static void rooms_are_bounded(void **state)
{
    struct ws_conn *conn = bench_connect(*state, "/connect?join=a&join=b&join=c");

    bench_says(conn, "{\"type\":\"JOIN\",\"id\":1,\"data\":{\"room\":\"d\"}}");
    assert_non_null(strstr(bench_out(conn), "\"too_many_rooms\""));
    assert_false(is_in(conn, "d"));
    bench_says(conn, "{\"type\":\"JOIN\",\"id\":2,\"data\":{\"room\":\"a\"}}"); /* it is in */
    bench_expect(conn, ACK("2"));
    bench_says(conn, "{\"type\":\"LEAVE\",\"data\":{\"room\":\"a\"}}");
    bench_says(conn, "{\"type\":\"JOIN\",\"id\":3,\"data\":{\"room\":\"d\"}}");
    bench_expect(conn, ACK("3"));
    assert_int_equal(conn->client->phase, CLIENT_OPEN);
}

static void nobody_leaves_everyone(void **state)
{
    struct ws_conn *conn = bench_connect(*state, "/connect");

    assert_false(client_leave(conn->client, slice_str("")));
    assert_true(is_in(conn, ""));
}

/* What the server has joined counts for nothing, and stays. */
static void fixed_rooms_stay_and_do_not_count(void **state)
{
    struct ws_conn *conn = bench_connect(*state, "/connect?join=a&join=b");

    assert_int_equal(client_join(conn->client, slice_str("fixed"), MEMBER_FIXED), STATUS_OK);
    assert_int_equal(client_join(conn->client, slice_str("a"), MEMBER_FIXED), STATUS_OK); /* it was in */
    bench_says(conn, "{\"type\":\"JOIN\",\"id\":1,\"data\":{\"room\":\"c\"}}");
    bench_says(conn, "{\"type\":\"JOIN\",\"id\":2,\"data\":{\"room\":\"d\"}}");
    bench_expect(conn, ACK("1") ACK("2"));
    bench_says(conn, "{\"type\":\"JOIN\",\"id\":3,\"data\":{\"room\":\"e\"}}");
    assert_non_null(strstr(bench_out(conn), "\"too_many_rooms\""));
    assert_int_equal(client_join(conn->client, slice_str("more"), MEMBER_FIXED), STATUS_OK);
    bench_says(conn, "{\"type\":\"LEAVE\",\"id\":4,\"data\":{\"room\":\"fixed\"}}");
    assert_non_null(strstr(bench_out(conn), "\"forbidden\""));
    bench_says(conn, "{\"type\":\"JOIN\",\"data\":{\"room\":\"a\"}}"); /* and is no less fixed for it */
    bench_says(conn, "{\"type\":\"LEAVE\",\"data\":{\"room\":\"a\"}}");
    bench_expect(conn, "");
    assert_true(is_in(conn, "fixed") && is_in(conn, "a"));
    bench_says(conn, "{\"type\":\"LEAVE\",\"id\":5,\"data\":{\"room\":\"b\"}}");
    bench_expect(conn, ACK("5"));
    assert_false(is_in(conn, "b"));
}

static void an_invalid_room_closes_who_sends_no_id(void **state)
{
    struct ws_conn *polite = bench_connect(*state, "/connect");
    struct ws_conn *other = bench_connect(*state, "/connect");

    bench_says(polite, "{\"type\":\"JOIN\",\"id\":1,\"data\":{\"room\":\"\"}}");
    assert_non_null(strstr(bench_out(polite), "\"invalid_room\""));
    bench_says(other, "{\"type\":\"JOIN\",\"data\":{\"room\":\"\"}}");
    bench_expect(other, "close:4001 invalid_room ");
}

static void what_is_no_json_closes(void **state)
{
    struct ws_conn *conn = bench_connect(*state, "/connect");

    bench_says(conn, "hello");
    bench_expect(conn, "close:4000 invalid_message ");
}

static void binary_messages_are_passed_over(void **state)
{
    struct ws_conn *conn = bench_connect(*state, "/connect");

    bench_frame(conn, 2, "\xff", 1);
    bench_expect(conn, "");
    assert_int_equal(conn->client->phase, CLIENT_OPEN);
}

static void frames_past_the_rate_close(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = bench_connect(bench, "/connect");

    bench->bucket.limits.messages_per_second = 4;
    for (int i = 0; i < 4; i++)
        bench_frame(conn, 9, "", 0);
    bench_expect(conn, "pong: pong: pong: pong: ");
    bench->now_us += 250000; /* a quarter of a second pays for one */
    bench_frame(conn, 9, "", 0);
    bench_expect(conn, "pong: ");
    bench_frame(conn, 9, "", 0);
    bench_expect(conn, "close:4100 rate_limited ");
}

static void a_close_is_answered_with_its_code(void **state)
{
    struct ws_conn *conn = bench_connect(*state, "/connect");

    bench_frame(conn, 8, "\x03\xe9", 2); /* 1001 */
    bench_expect(conn, "close:1001 going_away kill ");
}

static void an_unmasked_frame_is_a_protocol_error(void **state)
{
    struct ws_conn *conn = bench_connect(*state, "/connect");

    bench_bytes(conn, "\x81\x00", 2);
    bench_expect(conn, "close:1002 protocol_error end ");
    bench_says(conn, "{\"type\":\"PING\",\"data\":{}}"); /* nothing is answered any more */
    bench_expect(conn, "");
}

static void rooms_of_the_handshake_are_joined_before_its_answer(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = bench_accept(bench);

    conn->takes = 0;
    const char *request =
        "GET /connect?v=2&join=r HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    bench_bytes(conn, request, strlen(request));
    assert_int_equal(conn->raw_len, 0);
    assert_true(is_in(conn, "r"));
}

static void version_2_is_welcomed_in_the_write_of_the_101(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *first = bench_connect(bench, "/connect?v=2&join=r");
    struct ws_conn *second = bench_connect(bench, "/connect?v=2");

    assert_int_equal(first->writes, 1);
    bench_expect(first, BENCH_WELCOME("0-40"));
    bench_expect(second, BENCH_WELCOME("1-80"));
    bench_push(bench, "r", "1");
    bench_run(bench);
    bench_expect(first, "text:{\"type\":\"PUSH\",\"data\":{\"room\":\"r\",\"items\":[1]}} ");
}

static void version_1_and_the_canary_are_not_welcomed(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *canary = &bench->conns[1];
    struct connection_id id;

    bench_expect(bench_connect(bench, "/connect"), "");
    canary->ticket.canary = true;
    assert_ptr_equal(bench_connect(bench, "/connect?v=2"), canary);
    bench_expect(canary, "");
    assert_false(client_connection_id(canary->client, &id));
}

static void an_id_is_found_until_its_client_ends(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = bench_connect(bench, "/connect");
    struct connection_id id;

    assert_true(client_connection_id(conn->client, &id));
    assert_ptr_equal(connection_table_find(bench->conf.connections, 0, &id), conn->client);
    client_close(conn->client, 1000);
    assert_null(connection_table_find(bench->conf.connections, 0, &id));
    conn = bench_connect(bench, "/connect");
    assert_true(client_connection_id(conn->client, &id));
    bench_gone(conn);
    assert_null(connection_table_find(bench->conf.connections, 0, &id));
}

static void a_refused_handshake_ends_after_its_answer(void **state)
{
    struct client_bench *bench = *state;
    struct ws_conn *conn = bench_accept(bench);
    const char *request = "GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n";

    conn->read = BENCH_OUT; /* no frames */
    bench_bytes(conn, request, strlen(request));
    assert_memory_equal(conn->raw, "HTTP/1.1 404 ", 13);
    bench_expect(conn, "end ");
    bench_wait_ms(bench, CLOSING_MS);
    bench_expect(conn, "kill ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(go_pushs_clients_get_go_pushs_answers, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(version_2_is_welcomed_in_the_write_of_the_101, bench_setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(version_1_and_the_canary_are_not_welcomed, bench_setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(an_id_is_found_until_its_client_ends, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(who_sends_an_id_is_answered, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(rooms_are_bounded, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(fixed_rooms_stay_and_do_not_count, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(nobody_leaves_everyone, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(an_invalid_room_closes_who_sends_no_id, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(what_is_no_json_closes, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(binary_messages_are_passed_over, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(frames_past_the_rate_close, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(a_close_is_answered_with_its_code, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(an_unmasked_frame_is_a_protocol_error, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(rooms_of_the_handshake_are_joined_before_its_answer, bench_setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(a_refused_handshake_ends_after_its_answer, bench_setup,
                                        bench_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
