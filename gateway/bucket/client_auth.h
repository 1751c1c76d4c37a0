/* SPDX-License-Identifier: Apache-2.0 */
/* Who a client is and what of it is still being judged. Only with auth.mode verify: without it a client has
 * none of this (client->auth is NULL), and may join every room. The bucket's thread only.
 *
 * A client is in one of these states:
 * - pending: it has shown nothing, and must (auth.required): member of nothing, in the bucket's list
 * `pending`
 * - waiting: what it showed is being judged: it has a `wait`, its input is held. In its handshake it stands
 * in the list `judged_first` and has no 101 yet
 * - granted: it has a grant; anonymous ones too
 *
 * Bounded: pending ones, and likewise the queue of slow tokens, by auth.maxPending over all buckets (past it
 * the pending one that has waited longest is closed with 4101, else the newcomer), held input by
 * CLIENT_AUTH_MAX_HELD (4100; before the 101 the connection is cut). Counted: fanfare_gateway_auth_pending,
 * auth_refused_total{reason="too_many_pending"}, closes_total.
 */
#ifndef FANFARE_GATEWAY_BUCKET_CLIENT_AUTH_H
#define FANFARE_GATEWAY_BUCKET_CLIENT_AUTH_H

#include "gateway/auth/auth_policy.h"
#include "gateway/bucket/client.h"
#include "gateway/bucket/expiry_wheel.h"
#include "gateway/websocket/handshake.h"

enum { CLIENT_AUTH_MAX_HELD = 32 * 1024 }; /* bytes of input, a client */

struct hook_mail;

/* What lets a client into a room that its grant does not: a room token, the hook's word. */
struct pass {
    const struct room *room;
    int64_t expires_s; /* since 1970; INT64_MAX: with the connection */
};

/* What is being judged. */
struct auth_wait {
    struct client *client;
    struct list link;           /* in the bucket's line, or, with the hook, in none */
    bool opening;               /* the client is in its handshake: `handshake` waits */
    struct handshake handshake; /* its answer, and what it showed, which points into client->request */
    struct buf text;            /* else the message; empty: it is about the first of auth->first */
    struct buf held;            /* what came behind it */
    struct hook_mail *asked;    /* with the control thread, which owns it; NULL: waits in line */
};

struct client_auth {
    struct client *client;
    struct expiry expiry; /* in the bucket's wheel: of the grant or of the first pass */
    struct grant *grant;  /* NULL: none yet */
    struct auth_wait *wait;
    struct pass *passes;
    uint32_t pass_count;
    bool pending;
    struct buf first; /* rooms that the handshake named and that are not joined yet, each ended by a NUL */
};

/* Gives the client one; STATUS_NO_MEMORY. */
enum status client_auth_new(struct client *client);
/* The client is not open any more, or dies: nothing of it waits or ends from here on. Legal without auth, and
 * again. */
void client_auth_end(struct client *client);
/* Legal on NULL. After client_auth_end. */
void client_auth_free(struct client_auth *auth);

/* It may show something later: into the list, counted. */
void client_auth_begin_pending(struct client *client);
/* It has. The client stands in no list then. */
void client_auth_end_pending(struct client *client);

/* Whether its input is to be held. */
bool client_auth_waits(const struct client *client);
/* Begins to wait, in no line. NULL for want of memory. */
struct auth_wait *client_auth_wait(struct client *client);
/* Takes what waited out, from the line too; the caller frees it. */
struct auth_wait *client_auth_take_wait(struct client *client);
void auth_wait_free(struct auth_wait *wait);
/* Into the line of slow tokens, which bucket_auth.c works off. STATUS_FULL: it is as long as it may be. */
enum status client_auth_line_up(struct client *client);
/* Keeps what came meanwhile. STATUS_FULL past CLIENT_AUTH_MAX_HELD, STATUS_NO_MEMORY. */
enum status client_auth_hold(struct client *client, const uint8_t *data, size_t len);

/* Notes the pass for a room in which the client is, in place of an older one. STATUS_NO_MEMORY. */
enum status client_auth_note_pass(struct client *client, const struct room *room, int64_t expires_s);
/* The membership has ended. Legal when there is none. */
void client_auth_drop_pass(struct client *client, const struct room *room);
/* When the first of its grant and its passes is over, the leeway with it; since 1970. INT64_MAX: never. */
int64_t client_auth_due_s(const struct client *client);
/* Its next end is the grant's or a pass's: into the wheel. */
void client_auth_schedule(struct client *client);

#endif
