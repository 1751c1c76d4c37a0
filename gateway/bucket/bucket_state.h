/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a bucket, for the files that run on its thread. */
#ifndef FANFARE_GATEWAY_BUCKET_BUCKET_STATE_H
#define FANFARE_GATEWAY_BUCKET_BUCKET_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "gateway/bucket/bucket.h"
#include "gateway/bucket/client.h"
#include "gateway/bucket/expiry_wheel.h"
#include "gateway/bucket/kick_list.h"
#include "gateway/bucket/room.h"
#include "gateway/bucket/rounds.h"
#include "gateway/bucket/ws_server.h"

enum { TURN_ROUNDS = 4, TICK_MS = 50, CLOSING_MS = 5000 };

struct auth_policy;

/* Identity (bucket_auth.h); all but the policy is at rest without one. */
struct bucket_auth {
    struct auth_policy *policy; /* in force, a reference; NULL: auth.mode none */
    uint32_t max_pending;       /* this bucket's part of auth.maxPending */
    uint32_t max_clients_per_user;
    int64_t deadline_ms;
    int64_t leeway_s;
    struct list pending;      /* clients that have shown nothing yet; since: opened */
    struct list judged_first; /* in their handshake, while what they showed is judged; since: shown */
    uint32_t pending_count;
    uint32_t line_count;
    struct list line;          /* struct auth_wait: slow tokens, in the order of their coming */
    struct expiry_wheel wheel; /* struct client_auth: the ends of grants and passes */
};

struct bucket {
    const struct bucket_conf *conf;
    struct bucket_limits limits;   /* in force */
    struct handshake_rules *rules; /* in force, a reference; NULL: none */
    unsigned index;
    pthread_t thread;
    struct mailbox *mailbox;
    struct ws_server *server;
    struct wire *wire;
    struct rooms rooms;
    atomic_size_t jobs;
    atomic_size_t clients;

    /* Clients by phase, each list sorted by since_ms. */
    struct list securing;    /* in the TLS handshake; since: accepted */
    struct list handshaking; /* since: accepted, or the end of the TLS handshake */
    struct list quiet;       /* since: last heard of */
    struct list pinged;      /* since: pinged */
    struct list closing;     /* since: closed */

    struct bucket_auth auth;
    struct kick_list kicks;
    size_t kicks_left; /* that may be closed until the next tick */

    struct list queries; /* struct query_part, in the order of their turns */
    struct list scans;   /* struct room_scan */

    struct rounds rounds;
    struct rounds_edge rounds_edge;
    struct frame *ping;

    bool stopped; /* the server is ending: no more work */
    bool draining;
    int64_t drain_start_ms;
    int64_t drain_ms;
    int64_t drain_ramp_ms;
    uint32_t drain_total;
    uint32_t drain_closed;
};

/* bucket_tick: time-outs, heartbeats, drain. */
void bucket_tick(struct bucket *bucket);
void bucket_drain_begin(struct bucket *bucket, const struct drain_order *order);
/* While draining: closes as many clients as are due by now. Call when the mail is taken: what was pushed
 * before reaches whoever is still connected. */
void bucket_drain_some(struct bucket *bucket);
/* Closes every client that is left, now. */
void bucket_drain_rest(struct bucket *bucket);

#endif
