/* SPDX-License-Identifier: Apache-2.0 */
/* What clients say, go-push's and ours, and the texts that answer them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "gateway/websocket/client_msg.h"

enum { MAX_ROOM = 16 };

static struct client_msg parsed(const char *text)
{
    struct client_msg msg;

    assert_int_equal(client_msg_parse(slice_str(text), MAX_ROOM, &msg), STATUS_OK);
    return msg;
}

static void assert_room(const char *text, enum client_msg_type type, const char *room)
{
    struct client_msg msg = parsed(text);

    assert_int_equal(msg.type, type);
    assert_null(msg.room_fault);
    assert_int_equal(msg.room_len, strlen(room));
    assert_memory_equal(msg.room, room, msg.room_len);
}

static void assert_room_fault(const char *text, const char *reason)
{
    struct client_msg msg = parsed(text);

    assert_non_null(msg.room_fault);
    assert_string_equal(msg.room_fault, reason);
}

static void assert_id(const char *text, const char *id)
{
    struct client_msg msg = parsed(text);

    assert_non_null(msg.id.data);
    assert_int_equal(msg.id.len, strlen(id));
    assert_memory_equal(msg.id.data, id, msg.id.len);
}

static void assert_invalid(const char *text)
{
    struct client_msg msg;

    assert_int_equal(client_msg_parse(slice_str(text), MAX_ROOM, &msg), STATUS_INVALID);
}

static void takes_what_go_push_clients_say(void **state)
{
    struct client_msg ping = parsed("{\"type\":\"PING\",\"data\":{}}");

    (void)state;
    assert_int_equal(ping.type, CLIENT_MSG_PING);
    assert_null(ping.id.data);
    assert_null(ping.room_fault);
    assert_room("{\"type\":\"JOIN\",\"data\":{\"room\":\"default\"}}", CLIENT_MSG_JOIN, "default");
    assert_room("{\"type\":\"LEAVE\",\"data\":{\"room\":\"default\"}}", CLIENT_MSG_LEAVE, "default");
    assert_room(" { \"data\" : { \"x\" : [1] , \"room\" : \"r\" } , \"type\" : \"JOIN\" } ", CLIENT_MSG_JOIN,
                "r");
}

static void ignores_what_it_does_not_know(void **state)
{
    (void)state;
    assert_int_equal(parsed("{\"type\":\"SHOUT\",\"data\":1}").type, CLIENT_MSG_UNKNOWN);
    assert_int_equal(parsed("{\"type\":\"\"}").type, CLIENT_MSG_UNKNOWN);
    assert_int_equal(parsed("{\"type\":\"ping\"}").type, CLIENT_MSG_UNKNOWN);
    assert_int_equal(parsed("{\"type\":\"PINGS\"}").type, CLIENT_MSG_UNKNOWN);
    assert_int_equal(parsed("{\"type\":\"PING\",\"more\":{\"type\":1}}").type, CLIENT_MSG_PING);
    assert_int_equal(parsed("{\"type\":\"PING\",\"data\":null}").type, CLIENT_MSG_PING);
    assert_int_equal(parsed("{\"type\":\"P\\u0049NG\"}").type, CLIENT_MSG_PING);
}

static void matches_names_in_any_case_and_the_last_wins(void **state)
{
    (void)state;
    assert_room("{\"TYPE\":\"JOIN\",\"Data\":{\"rOOm\":\"R\"}}", CLIENT_MSG_JOIN, "R");
    assert_room("{\"type\":\"PING\",\"Type\":\"JOIN\",\"data\":{\"room\":\"a\",\"ROOM\":\"b\"}}",
                CLIENT_MSG_JOIN, "b");
    assert_room("{\"type\":\"JOIN\",\"data\":{\"room\":\"a\"},\"data\":{\"room\":\"c\"}}", CLIENT_MSG_JOIN,
                "c");
    assert_id("{\"type\":\"PING\",\"id\":1,\"ID\":2}", "2");
    assert_invalid("{\"type\":\"PING\",\"type\":1}");
    assert_invalid("{\"type\":\"JOIN\",\"data\":{\"room\":\"\\udc00\"}}");
}

static void decodes_the_room(void **state)
{
    (void)state;
    assert_room("{\"type\":\"JOIN\",\"data\":{\"room\":\"a\\/\\u00e9\\ud83d\\ude00\"}}", CLIENT_MSG_JOIN,
                "a/\xc3\xa9\xf0\x9f\x98\x80");
    assert_room("{\"type\":\"JOIN\",\"data\":{\"room\":\"1234567890123456\"}}", CLIENT_MSG_JOIN,
                "1234567890123456");
}

static void says_why_a_room_is_none(void **state)
{
    char text[4096];

    (void)state;
    assert_room_fault("{\"type\":\"JOIN\"}", "the room is missing");
    assert_room_fault("{\"type\":\"JOIN\",\"data\":{}}", "the room is missing");
    assert_room_fault("{\"type\":\"JOIN\",\"data\":\"room\"}", "the room is missing");
    assert_room_fault("{\"type\":\"JOIN\",\"data\":[\"room\",\"r\"]}", "the room is missing");
    assert_room_fault("{\"type\":\"JOIN\",\"room\":\"r\"}", "the room is missing");
    assert_room_fault("{\"type\":\"LEAVE\",\"data\":{\"room\":7}}", "the room is not a string");
    assert_room_fault("{\"type\":\"JOIN\",\"data\":{\"room\":\"\"}}", "the room name is empty");
    assert_room_fault("{\"type\":\"JOIN\",\"data\":{\"room\":\"12345678901234567\"}}",
                      "the room name is too long");
    assert_room_fault("{\"type\":\"JOIN\",\"data\":{\"room\":\"a\\u0000\"}}",
                      "the room name has a control character");
    snprintf(text, sizeof text, "{\"type\":\"JOIN\",\"data\":{\"room\":\"%03000d\"}}", 0);
    assert_room_fault(text, "the room name is too long");
}

static void assert_token(const char *text, enum status expected, const char *token)
{
    struct client_msg msg = parsed(text);
    char out[CLIENT_MSG_MAX_TOKEN];
    size_t len = 0;

    assert_int_equal(client_msg_token(&msg, out, &len), expected);
    if (expected == STATUS_OK) {
        assert_int_equal(len, strlen(token));
        assert_memory_equal(out, token, len);
    }
}

static void finds_the_token(void **state)
{
    char text[CLIENT_MSG_MAX_TOKEN + 64], token[CLIENT_MSG_MAX_TOKEN + 2];

    (void)state;
    assert_int_equal(parsed("{\"type\":\"AUTH\",\"data\":{\"token\":\"a.b.c\"}}").type, CLIENT_MSG_AUTH);
    assert_token("{\"type\":\"AUTH\",\"data\":{\"token\":\"a.b.c\"}}", STATUS_OK, "a.b.c");
    assert_token("{\"data\":{\"token\":\"a\\u002eb\"},\"type\":\"JOIN\"}", STATUS_OK, "a.b");
    assert_token("{\"type\":\"JOIN\",\"data\":{\"room\":\"r\"}}", STATUS_NOT_FOUND, NULL);
    assert_token("{\"type\":\"AUTH\",\"token\":\"a\"}", STATUS_NOT_FOUND, NULL);
    assert_token("{\"type\":\"LEAVE\",\"data\":{\"room\":\"r\",\"token\":\"a\"}}", STATUS_NOT_FOUND, NULL);
    assert_token("{\"type\":\"AUTH\",\"data\":{\"token\":null}}", STATUS_INVALID, NULL);
    assert_token("{\"type\":\"AUTH\",\"data\":{\"token\":[\"a\"]}}", STATUS_INVALID, NULL);
    assert_token("{\"type\":\"AUTH\",\"data\":{\"token\":\"\"}}", STATUS_INVALID, NULL);
    memset(token, 'a', sizeof token - 1);
    token[CLIENT_MSG_MAX_TOKEN + 1] = '\0';
    snprintf(text, sizeof text, "{\"type\":\"AUTH\",\"data\":{\"token\":\"%s\"}}", token);
    assert_token(text, STATUS_TOO_LARGE, NULL);
    token[CLIENT_MSG_MAX_TOKEN] = '\0';
    snprintf(text, sizeof text, "{\"type\":\"AUTH\",\"data\":{\"token\":\"%s\"}}", token);
    assert_token(text, STATUS_OK, token);
}

static void keeps_the_id_byte_for_byte(void **state)
{
    char text[512], id[300];

    (void)state;
    assert_id("{\"type\":\"PING\",\"id\":12345678901234567890}", "12345678901234567890");
    assert_id("{\"id\":{\"b\":1, \"a\":[2]},\"type\":\"PING\"}", "{\"b\":1, \"a\":[2]}");
    assert_id("{\"type\":\"SHOUT\",\"id\":\"\\u0041\"}", "\"\\u0041\"");
    assert_id("{\"type\":\"JOIN\",\"id\":null}", "null");
    snprintf(id, sizeof id, "\"%0254d\"", 0);
    snprintf(text, sizeof text, "{\"type\":\"PING\",\"id\":%s}", id);
    assert_id(text, id);
    snprintf(id, sizeof id, "\"%0255d\"", 0);
    snprintf(text, sizeof text, "{\"type\":\"PING\",\"id\":%s}", id);
    assert_invalid(text);
}

static void refuses_what_is_no_message(void **state)
{
    static const char *const texts[] = {
        "",
        "hello",
        "[]",
        "\"PING\"",
        "null",
        "{}",
        "{\"data\":{}}",
        "{\"type\":1}",
        "{\"type\":null}",
        "{\"type\":\"PING\"",
        "{\"type\":\"PING\"} x",
        "{\"type\":\"PING\",}",
        "{'type':'PING'}",
        "{\"type\":\"\xff\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_invalid(texts[i]);
    }
}

static void bounds_the_depth(void **state)
{
    char text[256];
    int len = snprintf(text, sizeof text, "{\"type\":\"PING\",\"data\":");
    struct client_msg msg;

    (void)state;
    memset(text + len, '[', 63);
    memset(text + len + 63, ']', 63);
    text[len + 126] = '}';
    assert_int_equal(client_msg_parse(slice_of(text, (size_t)len + 127), MAX_ROOM, &msg), STATUS_OK);
    memset(text + len, '[', 64);
    memset(text + len + 64, ']', 64);
    text[len + 128] = '}';
    assert_int_equal(client_msg_parse(slice_of(text, (size_t)len + 129), MAX_ROOM, &msg), STATUS_INVALID);
}

static void assert_bytes(struct buf *out, const char *expected)
{
    assert_int_equal(out->len, strlen(expected));
    assert_memory_equal(out->data, expected, out->len);
    buf_clear(out);
}

static void writes_the_answers(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 256);
    assert_int_equal(client_msg_ack(&out, slice_str("7")), STATUS_OK);
    assert_bytes(&out, "{\"type\":\"ACK\",\"id\":7}");
    assert_int_equal(
        client_msg_error(&out, slice_str("\"x\""), slice_of(NULL, 0), "invalid_room", "not a \"room\""),
        STATUS_OK);
    assert_bytes(&out, "{\"type\":\"ERROR\",\"id\":\"x\",\"data\":{\"code\":\"invalid_room\","
                       "\"message\":\"not a \\\"room\\\"\"}}");
    assert_int_equal(client_msg_error(&out, slice_of(NULL, 0), slice_str("a\"b"), "forbidden", "no"),
                     STATUS_OK);
    assert_bytes(&out, "{\"type\":\"ERROR\",\"data\":{\"code\":\"forbidden\",\"message\":\"no\","
                       "\"room\":\"a\\\"b\"}}");
    assert_int_equal(client_msg_left(&out, slice_str("r"), "token_expired"), STATUS_OK);
    assert_bytes(&out, "{\"type\":\"LEFT\",\"data\":{\"room\":\"r\",\"reason\":\"token_expired\"}}");
    buf_fini(&out);
    buf_init(&out, 10);
    assert_int_equal(client_msg_ack(&out, slice_str("7")), STATUS_TOO_LARGE);
    assert_int_equal(client_msg_error(&out, slice_str("7"), slice_of(NULL, 0), "c", "m"), STATUS_TOO_LARGE);
    buf_fini(&out);
    assert_string_equal(CLIENT_MSG_PONG, "{\"type\":\"PONG\",\"data\":{}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_go_push_clients_say),
        cmocka_unit_test(ignores_what_it_does_not_know),
        cmocka_unit_test(matches_names_in_any_case_and_the_last_wins),
        cmocka_unit_test(decodes_the_room),
        cmocka_unit_test(says_why_a_room_is_none),
        cmocka_unit_test(finds_the_token),
        cmocka_unit_test(keeps_the_id_byte_for_byte),
        cmocka_unit_test(refuses_what_is_no_message),
        cmocka_unit_test(bounds_the_depth),
        cmocka_unit_test(writes_the_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
