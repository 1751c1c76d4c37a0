/* SPDX-License-Identifier: Apache-2.0 */
/* How a connection ends in the words of WebSocket: a close frame (RFC 6455, section 5.5.1) with a code of
 * CLOSE_CODES and a reason. New frames have one reference, the caller's; NULL for want of memory. Any
 * thread. */
#ifndef FANFARE_GATEWAY_WEBSOCKET_CLOSE_FRAME_H
#define FANFARE_GATEWAY_WEBSOCKET_CLOSE_FRAME_H

#include <stdint.h>

#include "gateway/websocket/frame.h"

/* The reason is the code's name. */
struct frame *close_frame_new(uint16_t code);
/* 1001 (going_away), with a reason that says after how many ms the client should come back. */
struct frame *close_frame_new_away(int64_t retry_ms);

#endif
