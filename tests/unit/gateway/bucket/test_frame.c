/* SPDX-License-Identifier: Apache-2.0 */
/* Frames byte for byte, and deliveries encoded once per encoding that somebody needs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/bucket/delivery.h"
#include "gateway/metrics/gateway_metrics.h"
#include "gateway/websocket/close_frame.h"
#include "gateway/websocket/frame.h"

static void expect(struct frame *frame, const void *bytes, size_t len)
{
    assert_non_null(frame);
    assert_int_equal(frame->len, len);
    assert_memory_equal(frame->bytes, bytes, len);
    frame_unref(frame);
}

static void expect_text(struct frame *frame, const char *payload)
{
    assert_non_null(frame);
    assert_true(strlen(payload) < 126);
    assert_int_equal(frame->bytes[0], 0x81);
    assert_int_equal(frame->bytes[1], strlen(payload));
    assert_memory_equal(frame->bytes + 2, payload, strlen(payload));
    assert_int_equal(frame->len, 2 + strlen(payload));
    frame_unref(frame);
}

static void push_of_version_1_is_go_pushs(void **state)
{
    (void)state;
    expect_text(frame_new_push_v1(slice_str("r"), slice_str("{\"a\": 1},2")),
                "{\"type\":\"PUSH\",\"data\":{\"items\":[{\"a\": 1},2]}}");
}

static void push_of_version_2_names_the_room(void **state)
{
    (void)state;
    expect_text(frame_new_push_v2(slice_str("r\"\\\xC3\xA9"), slice_str("1")),
                "{\"type\":\"PUSH\",\"data\":{\"room\":\"r\\\"\\\\\xC3\xA9\",\"items\":[1]}}");
    expect_text(frame_new_push_v2(slice_str(""), slice_str("1")),
                "{\"type\":\"PUSH\",\"data\":{\"room\":null,\"items\":[1]}}");
}

static void push_to_a_user_names_the_user(void **state)
{
    (void)state;
    expect_text(frame_new_push_v1(slice_str("\x02u\"7"), slice_str("1")),
                "{\"type\":\"PUSH\",\"data\":{\"items\":[1]}}");
    expect_text(frame_new_push_v2(slice_str("\x02u\"7"), slice_str("1,2")),
                "{\"type\":\"PUSH\",\"data\":{\"room\":null,\"user\":\"u\\\"7\",\"items\":[1,2]}}");
    expect_text(frame_new_push_v2(slice_str("\x01"), slice_str("1")),
                "{\"type\":\"PUSH\",\"data\":{\"room\":null,\"items\":[1]}}");
}

static void header_lengths(void **state)
{
    char *text = calloc(1, 70000);
    struct frame *frame;

    (void)state;
    assert_non_null(text);
    frame = frame_new_text(slice_of(text, 125));
    assert_int_equal(frame->len, 127);
    frame_unref(frame);
    frame = frame_new_text(slice_of(text, 126));
    assert_memory_equal(frame->bytes, "\x81\x7E\x00\x7E", 4);
    frame_unref(frame);
    frame = frame_new_text(slice_of(text, 65535));
    assert_memory_equal(frame->bytes, "\x81\x7E\xFF\xFF", 4);
    frame_unref(frame);
    frame = frame_new_text(slice_of(text, 65536));
    assert_memory_equal(frame->bytes, "\x81\x7F\0\0\0\0\0\x01\0\0", 10);
    assert_int_equal(frame->len, 65546);
    frame_unref(frame);
    free(text);
}

static void control_frames(void **state)
{
    char long_text[127] = {0};

    (void)state;
    expect(frame_new_ping(), "\x89\x00", 2);
    expect(frame_new_pong(slice_str("hi")), "\x8A\x02hi", 4);
    expect(frame_new_close(1001, "going_away"), "\x88\x0C\x03\xE9going_away", 14);
    assert_null(frame_new_pong(slice_of(long_text, 126)));
    memset(long_text, 'x', 124);
    assert_null(frame_new_close(1000, long_text));
    expect(close_frame_new(CLOSE_internal), "\x88\x0A\x03\xF3internal", 12);
    expect(close_frame_new_away(1500), "\x88\x1A\x03\xE9going_away retry_ms=1500", 28);
}

static void a_delivery_encodes_only_what_is_read(void **state)
{
    const uint32_t old_only[ENCODING_COUNT] = {3, 0};
    const uint32_t both[ENCODING_COUNT] = {1, 1};
    struct delivery *delivery = delivery_new(slice_str("r"), 7, slice_str("1,2"), 2, old_only);

    (void)state;
    assert_non_null(delivery->frames[ENCODING_WS_V1]);
    assert_null(delivery->frames[ENCODING_WS_V2]);
    assert_int_equal(delivery->items, 2);
    delivery_unref(delivery_ref(delivery));
    delivery_unref(delivery);
    delivery = delivery_new(slice_str("r"), 7, slice_str("1"), 1, both);
    assert_non_null(delivery->frames[ENCODING_WS_V1]);
    assert_non_null(delivery->frames[ENCODING_WS_V2]);
    delivery_unref(delivery);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(push_of_version_1_is_go_pushs),
        cmocka_unit_test(push_of_version_2_names_the_room),
        cmocka_unit_test(push_to_a_user_names_the_user),
        cmocka_unit_test(header_lengths),
        cmocka_unit_test(control_frames),
        cmocka_unit_test(a_delivery_encodes_only_what_is_read),
    };

    return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
