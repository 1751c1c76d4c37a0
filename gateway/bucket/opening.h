/* SPDX-License-Identifier: Apache-2.0 */
/* The opening handshake of a client (RFC 6455, section 4.2). The bucket's thread. */
#ifndef FANFARE_GATEWAY_BUCKET_OPENING_H
#define FANFARE_GATEWAY_BUCKET_OPENING_H

#include "gateway/bucket/client_auth.h"

/* Bytes of a client in its handshake; may open it or end it. Returns how many were the handshake's: fewer
 * than `len` when it is through and the rest comes behind it. */
size_t opening_on_bytes(struct client *client, const uint8_t *data, size_t len);
/* Goes on with a handshake that waited: its credential has been judged, or its turn to be judged has come
 * (`answer` NULL). Takes the answer's grant over. */
void opening_judged(struct client *client, const struct handshake *handshake, struct auth_answer *answer);
/* Its request has taken too long: 408 where one has begun. A connection on which nothing came is only closed:
 * an answer that nobody asked for would be taken for that of the next request (RFC 9112, 9.5), by browsers
 * that connect in advance for instance. */
void opening_time_out(struct client *client);

#endif
