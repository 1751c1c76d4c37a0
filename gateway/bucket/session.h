/* SPDX-License-Identifier: Apache-2.0 */
/* What a client says and what it is answered: messages, pings, closes, the rate limit.
 * The bucket's thread. */
#ifndef FANFARE_GATEWAY_BUCKET_SESSION_H
#define FANFARE_GATEWAY_BUCKET_SESSION_H

#include "gateway/bucket/client_auth.h"

/* Callback of ws_server: bytes of a client in any phase; may open, close or end it. `data` may be changed in
 * place. */
void session_on_bytes(void *client, uint8_t *data, size_t len);
/* What the client waits for has come: the answer, or its token's turn to be judged (`answer` NULL). Then the
 * input that was held meanwhile is read. Takes the answer's grant over. */
void session_resume(struct client *client, struct auth_answer *answer);
/* Callback of ws_server: the socket is gone, and with it the client. */
void session_on_gone(void *client);

#endif
