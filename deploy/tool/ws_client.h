/* SPDX-License-Identifier: Apache-2.0 */
/* One WebSocket connection as a client (RFC 6455): handshake, messages, pings, and how it ended.
 * The loop's thread. */
#ifndef FANFARE_DEPLOY_TOOL_WS_CLIENT_H
#define FANFARE_DEPLOY_TOOL_WS_CLIENT_H

#include "deploy/tool/tool.h"
#include "deploy/tool/url.h"
#include "shared/base/slice.h"

enum ws_state { WS_CONNECTING, WS_OPEN, WS_ENDED };

/* How the connection ended. */
struct ws_ending {
    int code;        /* the server's close code; 1006 without one; 0 when never open */
    int http_status; /* of a refused handshake, else 0 */
    int retry_after; /* seconds, of the same */
    bool protocol;   /* what came was no WebSocket, or not valid */
    char text[256];  /* the close reason, or what went wrong, for a person; printable */
};

/* One whole text message; the bytes live until it returns. It must not free the client. */
typedef void ws_on_text(struct slice text, void *arg);

struct ws_client;

/* Begins the handshake on `url` (a path of "" is /connect) with v=2 in the query. NULL for want of
 * memory. What fails later stands in the ending. */
struct ws_client *ws_client_new(struct tool *tool, const struct url *url, ws_on_text *on_text, void *arg);
void ws_client_free(struct ws_client *client);
enum ws_state ws_client_state(const struct ws_client *client);
const struct ws_ending *ws_client_ending(const struct ws_client *client);
/* Only while WS_OPEN; otherwise nothing happens. Out of memory ends the connection. */
void ws_client_send(struct ws_client *client, struct slice text);
/* Says 1000 to the server and waits for its answer, at most a second. */
void ws_client_leave(struct ws_client *client);
/* Runs the loop while the state is `state`, until the deadline in ms (0: none; on clock_now_ms), or
 * SIGINT or SIGTERM. Messages arrive meanwhile. */
void ws_client_await(struct ws_client *client, enum ws_state state, int64_t deadline_ms);

#endif
