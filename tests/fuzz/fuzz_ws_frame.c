/* SPDX-License-Identifier: Apache-2.0 */
/* A client's reader of what servers say. The bytes are read as frames, cut off at every length, and
 * as an answer to a handshake; and as the payload of a frame of our own. */
#include <string.h>

#include "shared/websocket/ws_frame.h"
#include "shared/websocket/ws_handshake.h"
#include "tests/fuzz/fuzz.h"

enum { MAX_PAYLOAD = 70000, PREFIX_MAX = 64 };

static const char accept_value[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/* A whole frame lies in the bytes, and with fewer of them it is none. */
static void check_frame(const uint8_t *data, size_t len, const struct ws_frame *frame)
{
    struct ws_frame other;
    size_t from = frame->size > PREFIX_MAX ? frame->size - PREFIX_MAX : 0;

    fuzz_check(frame->size >= 2 && frame->size <= len);
    fuzz_check(frame->payload.len <= MAX_PAYLOAD);
    fuzz_check(frame->payload.data + frame->payload.len == data + frame->size);
    fuzz_check(frame->opcode < WS_OP_CLOSE || (frame->fin && frame->payload.len <= 125));
    for (size_t cut = from; cut < frame->size; cut++)
        fuzz_check(ws_frame_read(data, cut, MAX_PAYLOAD, &other) == WS_READ_MORE);
}

static void read_frames(const uint8_t *data, size_t len)
{
    struct ws_frame frame;

    while (ws_frame_read(data, len, MAX_PAYLOAD, &frame) == WS_READ_FRAME) {
        check_frame(data, len, &frame);
        data += frame.size;
        len -= frame.size;
    }
}

/* What opens a connection does so as soon as its last byte is there, whatever follows. */
static void read_answer(const uint8_t *data, size_t len)
{
    const char *why = NULL;
    size_t used = 0;
    size_t again = 0;

    if (ws_answer_read(slice_of(data, len), MAX_PAYLOAD, accept_value, &used, &why) != WS_READ_FRAME) {
        return;
    }
    fuzz_check(why == NULL && used <= len);
    fuzz_check(memmem(data, used, accept_value, sizeof accept_value - 1) != NULL);
    fuzz_check(ws_answer_read(slice_of(data, used), MAX_PAYLOAD, accept_value, &again, &why) ==
               WS_READ_FRAME);
    fuzz_check(again == used);
    fuzz_check(ws_answer_read(slice_of(data, used - 1), MAX_PAYLOAD, accept_value, &again, &why) ==
               WS_READ_MORE);
}

/* Our frame, with its mask taken off, is one that the reader takes. */
static void round_trip(const uint8_t *data, size_t len)
{
    static const uint8_t mask[4] = {0, 0, 0, 0};
    struct ws_frame frame;
    struct buf out;
    size_t head;

    buf_init(&out, len + 16);
    fuzz_check(ws_frame_append(&out, WS_OP_TEXT, slice_of(data, len), mask) == STATUS_OK);
    head = out.len - 4 - len;
    fuzz_check((out.data[1] & 0x80) != 0);
    out.data[1] &= 0x7F;
    memmove(out.data + head, out.data + head + 4, len);
    fuzz_check(ws_frame_read(out.data, out.len - 4, MAX_PAYLOAD, &frame) == WS_READ_FRAME);
    fuzz_check(frame.size == out.len - 4 && slice_equal(frame.payload, slice_of(data, len)));
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_frames(data, size);
    read_answer(data, size);
    if (size > 0 && size <= MAX_PAYLOAD)
        round_trip(data, size);
    return 0;
}
