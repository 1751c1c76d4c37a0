/* SPDX-License-Identifier: Apache-2.0 */
/* WebSocket framing of a client. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/websocket/ws_frame.h"

static const uint8_t mask[4] = {1, 2, 3, 4};

/* Prints a client's frame of `len` bytes and gives its header's length. */
static size_t header_of(size_t len)
{
    static uint8_t payload[70000];
    struct buf out;
    size_t header;

    buf_init(&out, 100000);
    assert_int_equal(ws_frame_append(&out, WS_OP_TEXT, slice_of(payload, len), mask), STATUS_OK);
    header = out.len - len;
    assert_int_equal(out.data[0], 0x81);
    assert_true(out.data[1] & 0x80);
    buf_fini(&out);
    return header;
}

static void lengths_are_minimal(void **state)
{
    (void)state;
    assert_int_equal(header_of(0), 6);
    assert_int_equal(header_of(125), 6);
    assert_int_equal(header_of(126), 8);
    assert_int_equal(header_of(65535), 8);
    assert_int_equal(header_of(65536), 14);
}

static void the_example_of_the_rfc(void **state)
{
    static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};
    static const uint8_t expected[] = {0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58};
    struct buf out;

    (void)state;
    buf_init(&out, 100);
    assert_int_equal(ws_frame_append(&out, WS_OP_TEXT, slice_str("Hello"), key), STATUS_OK);
    assert_int_equal(out.len, sizeof expected);
    assert_memory_equal(out.data, expected, sizeof expected);
    buf_fini(&out);
}

static void a_frame_is_whole_only_with_its_last_byte(void **state)
{
    static const uint8_t frame[] = {0x81, 3, 'a', 'b', 'c', 0x89};
    struct ws_frame found;

    (void)state;
    for (size_t len = 0; len < 5; len++)
        assert_int_equal(ws_frame_read(frame, len, 100, &found), WS_READ_MORE);
    assert_int_equal(ws_frame_read(frame, sizeof frame, 100, &found), WS_READ_FRAME);
    assert_int_equal(found.size, 5);
    assert_true(found.fin);
    assert_int_equal(found.opcode, WS_OP_TEXT);
    assert_true(slice_equal(found.payload, slice_str("abc")));
    assert_int_equal(ws_frame_read(frame, sizeof frame, 2, &found), WS_READ_BIG);
}

static void what_no_server_may_send(void **state)
{
    static const uint8_t bad[][10] = {
        {0xC1, 0},           /* a reserved bit */
        {0x83, 0},           /* an unknown opcode */
        {0x81, 0x80},        /* masked */
        {0x09, 0},           /* a fragmented ping */
        {0x89, 126, 0, 126}, /* a long ping */
        {0x88, 1, 3},        /* half a close code */
        {0x81, 126, 0, 125}, /* a length that is not minimal */
        {0x81, 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF},
        {0x81, 127, 0x80, 0, 0, 0, 0, 0, 0, 0},
    };
    struct ws_frame found;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(ws_frame_read(bad[i], sizeof bad[i], 1 << 20, &found), WS_READ_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_are_minimal),
        cmocka_unit_test(the_example_of_the_rfc),
        cmocka_unit_test(a_frame_is_whole_only_with_its_last_byte),
        cmocka_unit_test(what_no_server_may_send),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
