/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from a client's grant: the rooms that the server joins for it, those that it may join, what
 * ends when a grant or a pass does. The bucket's thread; clients with auth (client_auth.h) unless it says
 * otherwise. */
#ifndef FANFARE_GATEWAY_BUCKET_RIGHTS_H
#define FANFARE_GATEWAY_BUCKET_RIGHTS_H

#include "gateway/bucket/client_auth.h"

/* The open client has that grant from here on, which it owns, in place of an older one: it is in everyone's
 * room, its user's and those of the grant's `join`; memberships that neither the grant covers nor a pass end
 * with LEFT. No longer pending. STATUS_FULL: its user has as many clients as maxClientsPerUser allows, judged
 * by all buckets' counts of this moment, so that of two that come at once both may be refused; STATUS_CLOSED:
 * its user is banned; STATUS_NO_MEMORY. After each of them the caller ends the connection. */
enum status rights_grant(struct client *client, struct grant *grant);
/* A command makes the open client join the room, which it is told if it was not in. A room that is one too
 * many is left out, and counted. Without auth too. */
void rights_join_by_command(struct client *client, struct slice room);
/* Takes it out of the room, however it came in, and says so. Not in: nothing. */
void rights_leave_by_command(struct client *client, struct slice room);
/* Joins and leaves the rooms as commands have ordered for the client's user (join_orders.h), and says so.
 * After a rights_grant that gave it that user, once it may be answered. */
void rights_follow_orders(struct client *client);
/* Without auth (auth.mode none) everything. */
bool rights_allow(const struct client *client, struct slice room);
/* Whether the hook is to be asked about a room that neither the grant nor a room token opens. */
bool rights_ask_hook(const struct client *client, struct slice room);
/* Lets it into a room until then. STATUS_FULL past maxJoinRoom, STATUS_NO_MEMORY. */
enum status rights_join_by_pass(struct client *client, struct slice room, int64_t expires_s);
/* Joins what the handshake named; a room that may not be joined gets an ERROR. False: the next one is the
 * hook's to decide, and stays the first of auth->first. */
bool rights_join_first(struct client *client);
/* The silent part of it: joins those that may be joined, before the 101. */
void rights_join_allowed(struct client *client);
/* Answers the client about the first of those rooms, for which joining has ended with `status`, and takes it
 * off. STATUS_INVALID: it is forbidden. */
void rights_first_done(struct client *client, enum status status);
/* Judges a token of a connection; tells the control thread when it shows that the keys may be old. The grant
 * is the caller's. Only with a policy. */
void rights_judge_token(struct client *client, struct slice token, struct auth_answer *out);
/* The same of a room token, for a client that has a grant, and the room. */
void rights_judge_room_token(struct client *client, struct slice token, struct slice room,
                             struct auth_answer *out);
/* Counts the refusal, and ends the connection: ERROR with why, and the close code that goes with it. `id` may
 * have data NULL. */
void rights_refuse(struct client *client, struct slice id, const struct auth_answer *answer);
/* Ends the connection after a rights_grant that gave `status`, which is not STATUS_OK. */
void rights_end(struct client *client, struct slice id, enum status status);
/* Its time in the wheel has come: closes it with 4202, or ends the memberships whose pass is over; some
 * seconds later when something of it is still being judged, which may be its next token. `now_s` is since
 * 1970. */
void rights_expire(struct client *client, int64_t now_s);

#endif
