/* SPDX-License-Identifier: Apache-2.0 */
/* What a client says and what it is answered: messages, pings, closes, the rate limit.
 * The bucket's thread. */
#ifndef FANFARE_GATEWAY_SESSION_H
#define FANFARE_GATEWAY_SESSION_H

#include "gateway/client.h"

/* Bytes of an open client; may close it. */
void session_on_bytes(struct client *client, uint8_t *data, size_t len);
/* Bytes of a client that is being closed: only its close frame still counts. */
void session_on_bytes_closing(struct client *client, uint8_t *data, size_t len);

#endif
