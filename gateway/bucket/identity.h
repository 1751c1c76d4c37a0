/* SPDX-License-Identifier: Apache-2.0 */
/* The messages that ask who a client is: AUTH, and JOIN. What takes long is held (client_auth.h) and judged
 * when its turn comes. The bucket's thread. */
#ifndef FANFARE_GATEWAY_BUCKET_IDENTITY_H
#define FANFARE_GATEWAY_BUCKET_IDENTITY_H

#include "gateway/bucket/client_auth.h"
#include "gateway/websocket/client_msg.h"

/* `text` is the whole message `msg`; its room is valid, if it is a JOIN. Each answers, or begins to wait. */
void identity_on_auth(struct client *client, const struct client_msg *msg, struct slice text);
void identity_on_join(struct client *client, const struct client_msg *msg, struct slice text);
/* A message that was held: its token's turn has come (`answer` NULL), or this is what becomes of it, whose
 * grant it takes over. */
void identity_on_turn(struct client *client, const struct client_msg *msg, struct auth_answer *answer);

/* Joins what the handshake named, as far as that can be judged now; the service is asked about the rest, one
 * after the other. The client is open and has a grant. */
void identity_join_first(struct client *client);
/* The service's answer about the first of them, whose grant it takes over; goes on with the others. */
void identity_on_first(struct client *client, const struct auth_answer *answer);

#endif
