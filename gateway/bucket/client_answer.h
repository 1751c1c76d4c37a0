/* SPDX-License-Identifier: Apache-2.0 */
/* What an open client is told: its 101, WELCOME, ACK, ERROR, LEFT, JOINED (docs/protocol.md, section 2). For
 * want of memory the connection ends with 1011. The bucket's thread. */
#ifndef FANFARE_GATEWAY_BUCKET_CLIENT_ANSWER_H
#define FANFARE_GATEWAY_BUCKET_CLIENT_ANSWER_H

#include "gateway/bucket/client.h"

/* The answer to the handshake of a client that is audience from now on, and behind it, in the same write, the
 * WELCOME where there is one. Takes the caller's reference. */
void client_answer_opened(struct client *client, struct frame *response);
/* The client is audience from now on. As go-push's it is told nothing. */
void client_answer_welcome(struct client *client);
/* `id` with data NULL: nobody asked, nothing is said. */
void client_answer_ack(struct client *client, struct slice id);
/* `id` and `room` with data NULL do not stand in it. `code` is static, `message` a sentence. */
void client_answer_error(struct client *client, struct slice id, struct slice room, const char *code,
                         const char *message);
void client_answer_left(struct client *client, struct slice room, const char *reason);
/* What a command does to memberships; nothing is said to a client that reads version 1. */
void client_answer_joined(struct client *client, struct slice room);
void client_answer_removed(struct client *client, struct slice room);

#endif
