/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts a server's byte stream into WebSocket frames (RFC 6455, section 5.2), touching no more
 * of it than the headers. Pure; one thread. */
#ifndef FANFARE_BENCH_FRAME_READER_H
#define FANFARE_BENCH_FRAME_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FRAME_TEXT = 1, FRAME_CLOSE = 8, FRAME_PING = 9 };

/* Zeroes are an empty reader. It holds memory only while a frame is incomplete. */
struct frame_reader {
    uint8_t *held;
    size_t held_len;
};

typedef void frame_reader_frame(unsigned opcode, const uint8_t *payload, size_t len, void *arg);

/* Calls `on_frame` for each whole frame; keeps the rest. False when the stream is not a
 * server's (masked, fragmented, reserved bits, above 16 MB) or memory is short. */
bool frame_reader_feed(struct frame_reader *reader, const uint8_t *data, size_t len,
                       frame_reader_frame *on_frame, void *arg);
void frame_reader_fini(struct frame_reader *reader);

#endif
