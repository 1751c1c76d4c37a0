/* SPDX-License-Identifier: Apache-2.0 */
/* The opening handshake of a client, as RFC 6455, section 4.1 wants it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/websocket/ws_handshake.h"

#define KEY    "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define GOOD   "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " ACCEPT "\r\n"

enum { MAX = 4096 };

static enum ws_read read_text(const char *text, size_t *used, const char **why)
{
    *used = 0;
    *why = NULL;
    return ws_answer_read(slice_str(text), MAX, ACCEPT, used, why);
}

static void the_key_of_the_rfc_gets_its_answer(void **state)
{
    char accept[WS_ACCEPT_LEN + 1];

    (void)state;
    ws_handshake_accept(KEY, accept);
    assert_string_equal(accept, ACCEPT);
}

static void keys_are_16_bytes_and_differ(void **state)
{
    char one[WS_KEY_LEN + 1];
    char other[WS_KEY_LEN + 1];

    (void)state;
    ws_handshake_key(one);
    ws_handshake_key(other);
    assert_int_equal(strlen(one), WS_KEY_LEN);
    assert_string_equal(one + WS_KEY_LEN - 2, "==");
    assert_string_not_equal(one, other);
}

static void the_request_as_it_is_sent(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 1000);
    assert_int_equal(ws_handshake_print(&out, "/connect?v=2", "[::1]:7777", KEY), STATUS_OK);
    assert_true(slice_equal(
        slice_of(out.data, out.len),
        slice_str("GET /connect?v=2 HTTP/1.1\r\nHost: [::1]:7777\r\nUpgrade: websocket\r\n"
                  "Connection: Upgrade\r\nSec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 13\r\n")));
    buf_fini(&out);
}

static void an_answer_opens_with_its_last_byte(void **state)
{
    static const char text[] = "HTTP/1.1 101 Switching Protocols\r\n" GOOD "\r\n\x81";
    size_t used = 0;
    const char *why = NULL;

    (void)state;
    for (size_t len = 0; len < sizeof text - 2; len++)
        assert_int_equal(ws_answer_read(slice_of(text, len), MAX, ACCEPT, &used, &why), WS_READ_MORE);
    assert_int_equal(read_text(text, &used, &why), WS_READ_FRAME);
    assert_int_equal(used, sizeof text - 2);
}

static void cases_spaces_and_lists(void **state)
{
    size_t used;
    const char *why;

    (void)state;
    assert_int_equal(read_text("HTTP/1.1 101 \r\nUPGRADE:WebSocket \r\nconnection: keep-alive ,\tupgrade\r\n"
                               "Sec-Websocket-Accept:\t" ACCEPT "\r\nServer: a:b\r\n\r\n",
                               &used, &why),
                     WS_READ_FRAME);
    assert_int_equal(read_text("HTTP/1.1 101 OK\r\nConnection: keep-alive\r\n" GOOD "\r\n", &used, &why),
                     WS_READ_FRAME);
}

static void what_does_not_open_a_connection(void **state)
{
    static const char *const bad[][2] = {
        {"HTTP/1.1 200 OK\r\n" GOOD "\r\n", "the handshake was refused"},
        {"HTTP/1.0 101 OK\r\n" GOOD "\r\n", "the answer is not HTTP/1.1"},
        {"HTTP/1.1 101\r\n" GOOD "\r\n", "the answer is not HTTP/1.1"},
        {"HTTP/1.1 1O1 OK\r\n" GOOD "\r\n", "the answer is not HTTP/1.1"},
        {"HTTP/1.1 101 OK\r\n" GOOD "Server\r\n\r\n", "the answer is not HTTP/1.1"},
        {"HTTP/1.1 101 OK\r\n" GOOD ": x\r\n\r\n", "the answer is not HTTP/1.1"},
        {"HTTP/1.1 101 OK\r\n" GOOD "Server : x\r\n\r\n", "the answer is not HTTP/1.1"},
        {"HTTP/1.1 101 OK\r\n" GOOD " folded: x\r\n\r\n", "the answer is not HTTP/1.1"},
        {"HTTP/1.1 101 OK\r\n" GOOD "Server: a\rb\r\n\r\n", "the answer is not HTTP/1.1"},
        {"HTTP/1.1 101 OK\r\n\r\n", "the answer does not say Upgrade: websocket"},
        {"HTTP/1.1 101 OK\r\nUpgrade: h2c\r\n" GOOD "\r\n", "the answer does not say Upgrade: websocket"},
        {"HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgraded\r\nSec-WebSocket-Accept: " ACCEPT
         "\r\n\r\n",
         "the answer does not say Connection: Upgrade"},
        {"HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
         "s3pPLMBiTxaQ9kYGzzhZRbK+xOp=\r\n\r\n",
         "Sec-WebSocket-Accept is not the one expected"},
        {"HTTP/1.1 101 OK\r\n" GOOD "Sec-WebSocket-Accept: " ACCEPT "\r\n\r\n",
         "Sec-WebSocket-Accept is not the one expected"},
        {"HTTP/1.1 101 OK\r\n" GOOD "Sec-WebSocket-Accept: x\r\n\r\n",
         "Sec-WebSocket-Accept is not the one expected"},
        {"HTTP/1.1 101 OK\r\n" GOOD "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
         "the answer has a WebSocket extension that was not asked for"},
        {"HTTP/1.1 101 OK\r\n" GOOD "Sec-WebSocket-Protocol: a\r\n\r\n",
         "the answer has a WebSocket subprotocol that was not asked for"},
    };
    size_t used;
    const char *why;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(read_text(bad[i][0], &used, &why), WS_READ_BAD);
        assert_string_equal(why, bad[i][1]);
    }
}

static void an_answer_that_does_not_end_is_given_up(void **state)
{
    static char text[MAX];
    size_t used;
    const char *why;

    (void)state;
    memset(text, 'a', sizeof text);
    assert_int_equal(ws_answer_read(slice_of(text, MAX - 1), MAX, ACCEPT, &used, &why), WS_READ_MORE);
    assert_int_equal(ws_answer_read(slice_of(text, MAX), MAX, ACCEPT, &used, &why), WS_READ_BIG);
}

static void a_subprotocol_may_come_when_it_was_asked_for(void **state)
{
    struct ws_answer answer = {.status = 101};

    (void)state;
    ws_answer_field(&answer, slice_str("upgrade"), slice_str("websocket"), ACCEPT);
    ws_answer_field(&answer, slice_str("connection"), slice_str("Upgrade"), ACCEPT);
    ws_answer_field(&answer, slice_str("sec-websocket-accept"), slice_str(ACCEPT), ACCEPT);
    ws_answer_field(&answer, slice_str("sec-websocket-protocol"), slice_str("chat"), ACCEPT);
    assert_null(ws_answer_fault(&answer, true));
    assert_non_null(ws_answer_fault(&answer, false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_of_the_rfc_gets_its_answer),
        cmocka_unit_test(keys_are_16_bytes_and_differ),
        cmocka_unit_test(the_request_as_it_is_sent),
        cmocka_unit_test(an_answer_opens_with_its_last_byte),
        cmocka_unit_test(cases_spaces_and_lists),
        cmocka_unit_test(what_does_not_open_a_connection),
        cmocka_unit_test(an_answer_that_does_not_end_is_given_up),
        cmocka_unit_test(a_subprotocol_may_come_when_it_was_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
