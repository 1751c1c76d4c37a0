/* SPDX-License-Identifier: Apache-2.0 */
/* The lists of a bucket's clients, one for each phase (see struct bucket). Whoever enters a list goes to its
 * end with the time of now, so each is sorted by since_ms and only its head can be due. The bucket's thread.
 */
#ifndef FANFARE_GATEWAY_BUCKET_CLIENT_LISTS_H
#define FANFARE_GATEWAY_BUCKET_CLIENT_LISTS_H

#include "gateway/bucket/client.h"

/* Moves the client from the list that it is in to the end of `list`. `now_ms` is monotonic. */
void client_move_to(struct list *list, struct client *client, int64_t now_ms);
/* The first client of the list if it has stood there for `age_ms`, else NULL. */
struct client *client_due(const struct list *list, int64_t age_ms, int64_t now_ms);
/* Who should give way to a newcomer when max_clients are there, or NULL: the oldest that has not said a byte
 * of its request, else the one that has been longest in its handshake, if that is a second or more. Never one
 * that is open, nor the canary, nor one that is being told 503. */
struct client *client_silent(const struct bucket *bucket, int64_t now_ms);
/* The TLS handshake is through: the request's time begins. */
void client_secured(struct client *client);
/* Something came from the open client: it is quiet from now on. */
void client_heard(struct client *client);

#endif
