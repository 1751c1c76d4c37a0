/* SPDX-License-Identifier: Apache-2.0 */
/* A bucket's part of the queries of logics: what it knows of a room, of a user, of one client, and what the
 * directory knows of rooms. Worked on in slices between the rounds of the fan-out, so that a query of a room
 * with 100,000 members holds no push up for longer than a slice. The bucket's thread. */
#ifndef FANFARE_GATEWAY_BUCKET_BUCKET_QUERY_H
#define FANFARE_GATEWAY_BUCKET_BUCKET_QUERY_H

#include "gateway/bucket/bucket_state.h"
#include "gateway/bucket/query_part.h"

/* Visits of members, or slots of the directory, in a slice. */
enum { QUERY_SLICE = 128 };

/* Takes the part until it is given back. */
void bucket_query_add(struct bucket *bucket, struct query_part *part);
/* Works for one slice on the part whose turn it is, and gives it back when it is done. True when work is
 * left.
 */
bool bucket_query_work(struct bucket *bucket);
/* Gives every part back as it is. */
void bucket_query_end(struct bucket *bucket);

#endif
