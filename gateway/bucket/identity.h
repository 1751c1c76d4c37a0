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
/* Goes on with a message that waited: it has been judged, or its turn to be judged has come (`answer` NULL).
 * Takes the answer's grant over. */
void identity_on_turn(struct client *client, const struct client_msg *msg, struct auth_answer *answer);

/* Joins what the handshake named, as far as that can be judged now; the service is asked about the rest, one
 * after the other. The client is open and has a grant. */
void identity_join_first(struct client *client);
/* The service's answer about the first of them, whose grant it takes over; goes on with the others. */
void identity_on_first(struct client *client, const struct auth_answer *answer);

#endif
