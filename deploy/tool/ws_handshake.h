/* SPDX-License-Identifier: Apache-2.0 */
/* The opening handshake of a client (RFC 6455, section 4.1). Pure, but for random bytes. */
#ifndef FANFARE_DEPLOY_TOOL_WS_HANDSHAKE_H
#define FANFARE_DEPLOY_TOOL_WS_HANDSHAKE_H

#include "deploy/tool/http_answer.h"
#include "deploy/tool/tool.h"
#include "deploy/tool/url.h"
#include "shared/base/buf.h"

enum { WS_KEY_LEN = 24, WS_ACCEPT_LEN = 28 };

/* A new random Sec-WebSocket-Key. */
void ws_handshake_key(char key[WS_KEY_LEN + 1]);
/* What the server must answer to `key`. */
void ws_handshake_accept(const char *key, char accept[WS_ACCEPT_LEN + 1]);
/* Appends the request, --header lines included. The fault names a bad header. */
enum status ws_handshake_print(const struct tool *tool, const struct url *url, const char *key,
                               struct buf *out, struct fault *fault);
/* NULL when a complete answer opens the connection, else why not (static text). */
const char *ws_handshake_fault(const struct http_answer *answer, const char *key);

#endif
