/* SPDX-License-Identifier: Apache-2.0 */
/* The opening handshake of a client (RFC 6455, section 4.1): the request, and what the answer must
 * say. Offers no subprotocol and no extension by itself. Pure, but for random bytes. */
#ifndef FANFARE_SHARED_WEBSOCKET_WS_HANDSHAKE_H
#define FANFARE_SHARED_WEBSOCKET_WS_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/base/buf.h"
#include "shared/base/slice.h"
#include "shared/websocket/ws_frame.h"

enum { WS_KEY_LEN = 24, WS_ACCEPT_LEN = 28 };

/* A new random Sec-WebSocket-Key. */
void ws_handshake_key(char key[WS_KEY_LEN + 1]);
/* The Sec-WebSocket-Accept that the server must answer to `key`, which has WS_KEY_LEN characters. */
void ws_handshake_accept(const char *key, char accept[WS_ACCEPT_LEN + 1]);
/* Appends the request but for the empty line that ends it, so that header lines of the caller may
 * follow. `target` is path and query, `host` the Host field, as they are. As buf_append. */
enum status ws_handshake_print(struct buf *out, const char *target, const char *host, const char *key);

/* What an answer has said so far. Zeroes are an answer that has said nothing. */
struct ws_answer {
    int status;        /* of the status line */
    unsigned upgrades; /* Upgrade lines; good ones say websocket, in any case of letters */
    unsigned good_upgrades;
    bool connection;  /* Connection has the token Upgrade */
    unsigned accepts; /* Sec-WebSocket-Accept lines */
    unsigned good_accepts;
    bool extensions; /* Sec-WebSocket-Extensions is there */
    bool protocol;   /* Sec-WebSocket-Protocol is there */
};

/* Takes one header line; the spaces around its value are cut off. Others than the five above say
 * nothing. `accept` is the value expected. */
void ws_answer_field(struct ws_answer *answer, struct slice name, struct slice value, const char *accept);
/* NULL when the answer opens the connection, else why not (static text). `asked_protocol`: the
 * request named subprotocols, so the answer may choose one. */
const char *ws_answer_fault(const struct ws_answer *answer, bool asked_protocol);
/* Reads the head of an answer to a request without subprotocols from the first bytes of a
 * connection. FRAME: it opens the connection, and took `*used` bytes. MORE: it is not whole. BIG: it
 * is not whole within `max` bytes. BAD: it does not open the connection; `*why` is static text. */
enum ws_read ws_answer_read(struct slice bytes, size_t max, const char *accept, size_t *used,
                            const char **why);

#endif
