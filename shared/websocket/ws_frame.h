/* SPDX-License-Identifier: Apache-2.0 */
/* WebSocket framing of a client (RFC 6455, section 5): ours are masked, the server's are not.
 * Pure, but for random bytes. */
#ifndef FANFARE_SHARED_WEBSOCKET_WS_FRAME_H
#define FANFARE_SHARED_WEBSOCKET_WS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/buf.h"
#include "shared/base/slice.h"

enum ws_opcode {
    WS_OP_CONTINUATION = 0,
    WS_OP_TEXT = 1,
    WS_OP_BINARY = 2,
    WS_OP_CLOSE = 8,
    WS_OP_PING = 9,
    WS_OP_PONG = 10
};
enum ws_read { WS_READ_MORE, WS_READ_FRAME, WS_READ_BAD, WS_READ_BIG };

struct ws_frame {
    enum ws_opcode opcode;
    bool fin;
    struct slice payload;
    size_t size; /* of the whole frame, header included */
};

/* Looks at the first frame in the bytes. BAD: masked, reserved bits or opcodes, a control frame that
 * is long or fragmented, half a close code, a length that is not minimal. BIG: longer than `max`. */
enum ws_read ws_frame_read(const uint8_t *data, size_t len, size_t max, struct ws_frame *out);
/* A new masking key that nobody can foresee (section 5.3). */
void ws_frame_mask(uint8_t mask[4]);
/* Appends a whole frame of a client, masked with `mask`. As buf_append. */
enum status ws_frame_append(struct buf *out, enum ws_opcode opcode, struct slice payload,
                            const uint8_t mask[4]);

#endif
