/* SPDX-License-Identifier: Apache-2.0 */
/* What clients say (docs/protocol.md, section 2), and the answers to it. Pure: text in, a
 * struct out; no socket, no client, no clock. Any thread. */
#ifndef FANFARE_GATEWAY_WEBSOCKET_CLIENT_MSG_H
#define FANFARE_GATEWAY_WEBSOCKET_CLIENT_MSG_H

#include <stddef.h>

#include "shared/base/buf.h"
#include "shared/base/slice.h"
#include "shared/base/status.h"
#include "shared/contract/connection_id.h"

enum {
    CLIENT_MSG_MAX_ROOM = 1024,                      /* bytes */
    CLIENT_MSG_MAX_ID = 256,                         /* bytes */
    CLIENT_MSG_MAX_DEPTH = 64,                       /* levels of nesting */
    CLIENT_MSG_MAX_TOKEN = 8192,                     /* bytes */
    CLIENT_MSG_MAX_AUTH = CLIENT_MSG_MAX_TOKEN + 512 /* bytes of a whole AUTH message */
};

/* The answer to a PING without id, go-push's text byte for byte. */
#define CLIENT_MSG_PONG "{\"type\":\"PONG\",\"data\":{}}"

enum client_msg_type {
    CLIENT_MSG_PING,
    CLIENT_MSG_JOIN,
    CLIENT_MSG_LEAVE,
    CLIENT_MSG_AUTH,
    CLIENT_MSG_UNKNOWN
};

struct client_msg {
    enum client_msg_type type;
    struct slice id;                /* raw JSON, points into the text; data is NULL when absent */
    char room[CLIENT_MSG_MAX_ROOM]; /* JOIN and LEAVE: decoded UTF-8, not terminated */
    size_t room_len;
    const char *room_fault; /* JOIN and LEAVE: why the room is not valid (static text), or NULL */
    struct slice token;     /* AUTH and JOIN: raw JSON of any type, points into the text; NULL when absent */
};

/* Reads one text message. Member names match without regard to ASCII case and the last of
 * two counts, as in go-push; unknown members are ignored. `max_room_len` is in bytes, at most
 * CLIENT_MSG_MAX_ROOM. STATUS_INVALID when the text is not a JSON object (strict RFC 8259,
 * nested at most CLIENT_MSG_MAX_DEPTH deep) with a string `type`, or its id is longer than
 * CLIENT_MSG_MAX_ID bytes. A bad room is no such error: see room_fault. */
enum status client_msg_parse(struct slice text, size_t max_room_len, struct client_msg *out);

/* Decodes the message's token into `out`, of CLIENT_MSG_MAX_TOKEN bytes. STATUS_NOT_FOUND: it has none;
 * STATUS_INVALID: it is no string, or an empty one; STATUS_TOO_LARGE. */
enum status client_msg_token(const struct client_msg *msg, char *out, size_t *len);

/* Append `{"type":"ACK","id":ID}`. `id` is a message's id, present. Errors as buf_append; the buffer may then
 * hold a part. */
enum status client_msg_ack(struct buf *out, struct slice id);
/* Append `{"type":"ERROR","id":ID,"data":{"code":"…","message":"…","room":"…"}}`. `id` and `room` with data
 * NULL do not stand in it. `message` and `room` are UTF-8. Errors as above. */
enum status client_msg_error(struct buf *out, struct slice id, struct slice room, const char *code,
                             const char *message);
/* Append `{"type":"LEFT","data":{"room":"…","reason":"…"}}`: the client is not in the room any more, and has
 * not asked for it. Errors as above. */
enum status client_msg_left(struct buf *out, struct slice room, const char *reason);
/* Append `{"type":"WELCOME","data":{"connection":"…","heartbeat":60}}`: the client is audience from now on.
 * `heartbeat_s` is after how many seconds of silence it is closed. Errors as above. */
enum status client_msg_welcome(struct buf *out, const struct connection_id *id, int64_t heartbeat_s);
/* Append `{"type":"JOINED","data":{"room":"…"}}`: a caller of the API has made the client join it. Errors as
 * above. */
enum status client_msg_joined(struct buf *out, struct slice room);

#endif
