/* SPDX-License-Identifier: Apache-2.0 */
/* Frames from a client (RFC 6455, sections 5 and 7.4): bytes in, messages and control frames
 * out, every rule checked. Pure; one thread. Holds no memory while nothing is half-read. */
#ifndef FANFARE_GATEWAY_WEBSOCKET_WS_READER_H
#define FANFARE_GATEWAY_WEBSOCKET_WS_READER_H

#include <stddef.h>
#include <stdint.h>

#include "shared/base/buf.h"
#include "shared/base/slice.h"

enum { WS_MAX_FRAGMENTS = 1024 }; /* of one message, the last one included; past it: 1009 */

struct ws_reader {
    struct buf frame;        /* a frame that has not come whole */
    struct buf message;      /* fragments of a message */
    uint8_t message_opcode;  /* of the fragmented message under way, or 0 */
    uint8_t deliver_message; /* the last event lent `message` out */
    uint16_t fragments;      /* of the message under way */
    size_t consumed;         /* bytes of `frame` that the last event lent out */
};

enum ws_event {
    WS_MORE,     /* all input is taken; nothing complete */
    WS_FRAGMENT, /* a frame was taken whose message is not whole yet; an event so that it is counted */
    WS_TEXT,     /* a whole message, valid UTF-8 */
    WS_BINARY,   /* a whole message */
    WS_PING,
    WS_PONG,
    WS_CLOSE, /* `payload` is the peer's reason; `code` its code, 1005 when it gave none */
    WS_FAIL,  /* `code` says with which close code the connection must end */
};

struct ws_input {
    enum ws_event event;
    uint16_t code;
    struct slice payload; /* unmasked; valid until the next call */
};

void ws_reader_init(struct ws_reader *reader, size_t max_message);
/* Another limit, once no message is half-read: call before the bytes of each reading. */
void ws_reader_limit(struct ws_reader *reader, size_t max_message);
void ws_reader_fini(struct ws_reader *reader);
/* Takes bytes from `*data` (which it may unmask in place), advances `*data` and `*len`, and
 * returns the first event in them. Call until WS_MORE or WS_FAIL. */
struct ws_input ws_reader_next(struct ws_reader *reader, uint8_t **data, size_t *len);

#endif
