/* SPDX-License-Identifier: Apache-2.0 */
/* A bucket's part of identity that is no client's own: the policy in force, the line of slow tokens, what
 * time does to those that show nothing and to grants. The bucket's thread only. */
#ifndef FANFARE_GATEWAY_BUCKET_BUCKET_AUTH_H
#define FANFARE_GATEWAY_BUCKET_BUCKET_AUTH_H

#include "gateway/bucket/bucket_state.h"

struct hook_mail;

/* Without a policy. */
void bucket_auth_init(struct bucket *bucket);
/* Takes the caller's reference over; NULL: auth.mode none. Who is connected keeps his grant and his
 * memberships: what he joins from now on is judged by this one. */
void bucket_auth_set_policy(struct bucket *bucket, struct auth_policy *policy);
/* Judges some of the tokens that wait, some milliseconds' worth. True when more wait. */
bool bucket_auth_judge_some(struct bucket *bucket);
/* A question has come back with its answer; frees it. */
void bucket_auth_on_hook(struct bucket *bucket, struct hook_mail *mail);
/* Ends what is over: grants and passes, those that have shown nothing, questions that are not answered. */
void bucket_auth_tick(struct bucket *bucket);

#endif
