/* SPDX-License-Identifier: Apache-2.0 */
/* How the bytes of a push are made once for many readers: a row for each form in which clients read it. A
 * delivery holds one frame for each encoding that somebody reads; whoever sends it knows bytes only. */
#ifndef FANFARE_GATEWAY_WEBSOCKET_ENCODING_H
#define FANFARE_GATEWAY_WEBSOCKET_ENCODING_H

#include "gateway/websocket/frame.h"

/* Encoding, the function that makes its bytes (as encoding_make). */
#define ENCODINGS(X)                                                                                         \
    X(WS_V1, frame_new_push_v1) /* as go-push */                                                             \
    X(WS_V2, frame_new_push_v2) /* with the room's or user's name: /connect?v=2 */

#define ENCODING_ENUM(name, make) ENCODING_##name,
enum encoding { ENCODINGS(ENCODING_ENUM) ENCODING_COUNT };
#undef ENCODING_ENUM

/* A push with `items` (JSON values joined by commas) for a key (audience.h). One reference, the caller's.
 * NULL for want of memory. Any thread. */
struct frame *encoding_make(enum encoding encoding, struct slice key, struct slice items);

#endif
