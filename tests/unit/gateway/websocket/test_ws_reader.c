/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 6455 from the server's side: every rule, and every split of the bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "gateway/websocket/ws_reader.h"

enum { MAX_MESSAGE = 4096, MAX_BYTES = 16384 };

static const uint8_t mask[4] = {0x37, 0xFA, 0x21, 0x3D};

/* Appends a masked frame: `first` is FIN, RSV and opcode. */
static size_t frame(uint8_t *out, uint8_t first, const char *payload, size_t len)
{
    size_t at = 0;

    out[at++] = first;
    if (len < 126) {
        out[at++] = (uint8_t)(0x80 | len);
    } else {
        out[at++] = 0x80 | 126;
        out[at++] = (uint8_t)(len >> 8);
        out[at++] = (uint8_t)len;
    }
    memcpy(out + at, mask, 4);
    at += 4;
    for (size_t i = 0; i < len; i++)
        out[at++] = (uint8_t)payload[i] ^ mask[i & 3];
    return at;
}

static const char *name(enum ws_event event)
{
    static const char *const names[] = {"more", "fragment", "text",  "binary",
                                        "ping", "pong",     "close", "fail"};

    return names[event];
}

/* Feeds `bytes` in pieces of `step` and writes the events down as "text:hello ". */
static void transcribe(const uint8_t *bytes, size_t len, size_t step, char *out, size_t cap)
{
    struct ws_reader reader;
    uint8_t piece[MAX_BYTES];

    out[0] = '\0';
    ws_reader_init(&reader, MAX_MESSAGE);
    for (size_t at = 0; at < len; at += step) {
        size_t left = len - at < step ? len - at : step;
        uint8_t *data = piece;
        struct ws_input input;

        memcpy(piece, bytes + at, left);
        while ((input = ws_reader_next(&reader, &data, &left)).event != WS_MORE) {
            size_t used = strlen(out);

            if (input.event == WS_FRAGMENT)
                continue;
            if (input.event == WS_FAIL || input.event == WS_CLOSE)
                (void)snprintf(out + used, cap - used, "%s:%u ", name(input.event), input.code);
            else
                (void)snprintf(out + used, cap - used, "%s:%.*s ", name(input.event), (int)input.payload.len,
                               (const char *)input.payload.data);
            if (input.event == WS_FAIL) {
                ws_reader_fini(&reader);
                return;
            }
        }
    }
    ws_reader_fini(&reader);
}

/* The same events whatever the splits: all at once, byte by byte, and in threes. */
static void expect(const uint8_t *bytes, size_t len, const char *text)
{
    static const size_t steps[] = {MAX_BYTES, 1, 3};
    char seen[MAX_BYTES * 2];

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        transcribe(bytes, len, steps[i], seen, sizeof seen);
        assert_string_equal(seen, text);
    }
}

static void expect_frame(uint8_t first, const char *payload, size_t len, const char *text)
{
    uint8_t bytes[MAX_BYTES];

    expect(bytes, frame(bytes, first, payload, len), text);
}

static void whole_messages(void **state)
{
    uint8_t bytes[MAX_BYTES];
    size_t len = frame(bytes, 0x81, "Hello", 5);

    (void)state;
    len += frame(bytes + len, 0x82, "bin", 3);
    len += frame(bytes + len, 0x81, "", 0);
    len += frame(bytes + len, 0x89, "p", 1);
    len += frame(bytes + len, 0x8A, "", 0);
    expect(bytes, len, "text:Hello binary:bin text: ping:p pong: ");
}

static void fragments_with_a_ping_between(void **state)
{
    uint8_t bytes[MAX_BYTES];
    size_t len = frame(bytes, 0x01, "Hel", 3);

    (void)state;
    len += frame(bytes + len, 0x89, "!", 1);
    len += frame(bytes + len, 0x00, "", 0);
    len += frame(bytes + len, 0x80, "lo", 2);
    len += frame(bytes + len, 0x81, "next", 4);
    expect(bytes, len, "ping:! text:Hello text:next ");
}

static void utf8_is_judged_over_fragments(void **state)
{
    uint8_t bytes[MAX_BYTES];
    size_t len = frame(bytes, 0x01, "\xC3", 1);

    (void)state;
    len += frame(bytes + len, 0x80, "\xA9", 1);
    expect(bytes, len, "text:\xC3\xA9 ");
    expect_frame(0x81, "\xC3", 1, "fail:1007 ");
    expect_frame(0x81, "\xC0\x80", 2, "fail:1007 ");
    expect_frame(0x81, "\xED\xA0\x80", 3, "fail:1007 ");
    expect_frame(0x82, "\xFF", 1, "binary:\xFF ");
}

static void header_rules(void **state)
{
    const uint8_t unmasked[] = {0x81, 0x01, 'x'};
    const uint8_t control_126[] = {0x89, 0xFE, 0x00, 0x7E};
    const uint8_t not_minimal[] = {0x81, 0xFE, 0x00, 0x7D, 0, 0, 0, 0};
    const uint8_t not_minimal_64[] = {0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0};
    const uint8_t top_bit[] = {0x81, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0};

    (void)state;
    expect(unmasked, sizeof unmasked, "fail:1002 ");
    expect_frame(0xC1, "x", 1, "fail:1002 ");
    expect_frame(0xA1, "x", 1, "fail:1002 ");
    expect_frame(0x91, "x", 1, "fail:1002 ");
    expect_frame(0x83, "x", 1, "fail:1002 ");
    expect_frame(0x8B, "", 0, "fail:1002 ");
    expect_frame(0x09, "", 0, "fail:1002 ");
    expect_frame(0x80, "x", 1, "fail:1002 ");
    expect(control_126, sizeof control_126, "fail:1002 ");
    expect(not_minimal, sizeof not_minimal, "fail:1002 ");
    expect(not_minimal_64, sizeof not_minimal_64, "fail:1002 ");
    expect(top_bit, sizeof top_bit, "fail:1002 ");
}

static void a_new_message_inside_another_fails(void **state)
{
    uint8_t bytes[MAX_BYTES];
    size_t len = frame(bytes, 0x01, "a", 1);

    (void)state;
    len += frame(bytes + len, 0x81, "b", 1);
    expect(bytes, len, "fail:1002 ");
}

static void the_limit_counts_the_whole_message(void **state)
{
    static char payload[MAX_MESSAGE + 1];
    static char expected[MAX_MESSAGE + 16];
    uint8_t bytes[MAX_BYTES];

    (void)state;
    memset(payload, 'x', sizeof payload);
    (void)snprintf(expected, sizeof expected, "text:%.*s ", MAX_MESSAGE, payload);
    expect_frame(0x81, payload, MAX_MESSAGE, expected);
    expect_frame(0x81, payload, MAX_MESSAGE + 1, "fail:1009 ");
    size_t len = frame(bytes, 0x01, payload, MAX_MESSAGE);
    len += frame(bytes + len, 0x80, payload, 1);
    expect(bytes, len, "fail:1009 ");
    const uint8_t huge[] = {0x81, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0};
    expect(huge, sizeof huge, "fail:1009 ");
}

/* A text frame and `count - 1` continuations, all empty, of which the last ends the message. */
static size_t empty_fragments(uint8_t *bytes, size_t count)
{
    size_t len = frame(bytes, 0x01, "", 0);

    for (size_t i = 2; i < count; i++)
        len += frame(bytes + len, 0x00, "", 0);
    return len + frame(bytes + len, 0x80, "", 0);
}

static void the_limit_counts_fragments(void **state)
{
    uint8_t bytes[MAX_BYTES];
    size_t len = empty_fragments(bytes, WS_MAX_FRAGMENTS);

    (void)state;
    expect(bytes, len, "text: ");
    len += empty_fragments(bytes + len, WS_MAX_FRAGMENTS);
    expect(bytes, len, "text: text: ");
    expect(bytes, empty_fragments(bytes, WS_MAX_FRAGMENTS + 1), "fail:1009 ");
    len = empty_fragments(bytes, WS_MAX_FRAGMENTS);
    bytes[len - 6] = 0x00;
    len += frame(bytes + len, 0x00, "", 0);
    expect(bytes, len, "fail:1009 ");
}

/* What is not told of is not counted. */
static void every_fragment_is_an_event(void **state)
{
    uint8_t bytes[MAX_BYTES];
    uint8_t *data = bytes;
    struct ws_reader reader;
    size_t left = empty_fragments(bytes, 10);

    (void)state;
    ws_reader_init(&reader, MAX_MESSAGE);
    for (int i = 1; i < 10; i++)
        assert_int_equal(ws_reader_next(&reader, &data, &left).event, WS_FRAGMENT);
    assert_int_equal(ws_reader_next(&reader, &data, &left).event, WS_TEXT);
    assert_int_equal(ws_reader_next(&reader, &data, &left).event, WS_MORE);
    ws_reader_fini(&reader);
}

static void close_payloads(void **state)
{
    (void)state;
    expect_frame(0x88, "", 0, "close:1005 ");
    expect_frame(0x88,
                 "\x03\xE8"
                 "bye",
                 5, "close:1000 ");
    expect_frame(0x88, "\x0F\xA0", 2, "close:4000 ");
    expect_frame(0x88, "\x03", 1, "fail:1002 ");
    expect_frame(0x88, "\x03\xED", 2, "fail:1002 ");
    expect_frame(0x88, "\x03\xEE", 2, "fail:1002 ");
    expect_frame(0x88, "\x03\xE7", 2, "fail:1002 ");
    expect_frame(0x88, "\x07\xD0", 2, "fail:1002 ");
    expect_frame(0x88, "\x03\xE8\xFF", 3, "fail:1007 ");
}

static void nothing_is_held_between_messages(void **state)
{
    struct ws_reader reader;
    uint8_t bytes[MAX_BYTES];
    size_t len = frame(bytes, 0x81, "Hello", 5);

    (void)state;
    ws_reader_init(&reader, MAX_MESSAGE);
    for (size_t i = 0; i < len; i++) {
        uint8_t *data = bytes + i;
        size_t left = 1;

        while (ws_reader_next(&reader, &data, &left).event != WS_MORE)
            continue;
    }
    assert_null(reader.frame.data);
    assert_null(reader.message.data);
    ws_reader_fini(&reader);
}

static enum ws_event feed(struct ws_reader *reader, const uint8_t *bytes, size_t len)
{
    uint8_t piece[MAX_BYTES];
    uint8_t *data = piece;

    memcpy(piece, bytes, len);
    return ws_reader_next(reader, &data, &len).event;
}

static void another_limit_holds_once_no_message_is_half_read(void **state)
{
    struct ws_reader reader;
    char text[600] = "";
    uint8_t bytes[MAX_BYTES];

    (void)state;
    memset(text, 'x', sizeof text);
    size_t len = frame(bytes, 0x81, text, 500);
    ws_reader_init(&reader, MAX_MESSAGE);
    assert_int_equal(feed(&reader, bytes, 100), WS_MORE);
    ws_reader_limit(&reader, 200);
    assert_int_equal(feed(&reader, bytes + 100, len - 100), WS_TEXT);
    assert_int_equal(feed(&reader, bytes, 0), WS_MORE);
    ws_reader_limit(&reader, 200);
    assert_int_equal(feed(&reader, bytes, len), WS_FAIL);
    ws_reader_fini(&reader);
    ws_reader_init(&reader, 200);
    ws_reader_limit(&reader, 600);
    assert_int_equal(feed(&reader, bytes, len), WS_TEXT);
    ws_reader_fini(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_messages),
        cmocka_unit_test(fragments_with_a_ping_between),
        cmocka_unit_test(utf8_is_judged_over_fragments),
        cmocka_unit_test(header_rules),
        cmocka_unit_test(a_new_message_inside_another_fails),
        cmocka_unit_test(the_limit_counts_the_whole_message),
        cmocka_unit_test(the_limit_counts_fragments),
        cmocka_unit_test(every_fragment_is_an_event),
        cmocka_unit_test(close_payloads),
        cmocka_unit_test(nothing_is_held_between_messages),
        cmocka_unit_test(another_limit_holds_once_no_message_is_half_read),
    };

    return cmocka_run_group_tests_name("ws_reader", tests, NULL, NULL);
}
