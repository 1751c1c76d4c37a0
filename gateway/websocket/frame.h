/* SPDX-License-Identifier: Apache-2.0 */
/* Ready-made WebSocket frames (RFC 6455, section 5.2; server to client: unmasked, FIN set).
 * Immutable and reference-counted atomically: built on one thread, sent from many. */
#ifndef FANFARE_GATEWAY_WEBSOCKET_FRAME_H
#define FANFARE_GATEWAY_WEBSOCKET_FRAME_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/slice.h"
#include "shared/base/status.h"

struct frame {
    atomic_uint refs;
    uint32_t len;       /* bytes on the wire */
    int64_t expires_us; /* monotonic: not to be begun from then on; 0: no deadline. Set before it is shared */
    uint8_t bytes[];
};

/* A PUSH with `items` (JSON values joined by commas) for a key (audience.h): as go-push, or with the room's
 * or the user's name. See encoding.h. The new frame, here and below, has one reference, the caller's. NULL
 * for want of memory. */
struct frame *frame_new_push_v1(struct slice key, struct slice items);
struct frame *frame_new_push_v2(struct slice key, struct slice items);
/* A text frame with this payload. */
struct frame *frame_new_text(struct slice payload);
/* Bytes that are no frame: the answer to a handshake. */
struct frame *frame_new_raw(struct slice bytes);
/* The same with a text frame of this payload behind them, to be written as one. */
struct frame *frame_new_raw_with_text(struct slice bytes, struct slice payload);
/* PING with an empty payload, PONG with the ping's payload (at most 125 bytes). */
struct frame *frame_new_ping(void);
struct frame *frame_new_pong(struct slice payload);
/* CLOSE with code and reason (at most 123 bytes; section 5.5.1). */
struct frame *frame_new_close(uint16_t code, const char *reason);

struct frame *frame_ref(struct frame *frame);
/* Legal on NULL. */
void frame_unref(struct frame *frame);

#endif
