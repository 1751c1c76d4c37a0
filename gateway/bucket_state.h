/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a bucket, for the files that run on its thread: bucket, bucket_fanout,
 * bucket_tick, client, session. */
#ifndef FANFARE_GATEWAY_BUCKET_STATE_H
#define FANFARE_GATEWAY_BUCKET_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "gateway/bucket.h"
#include "gateway/client.h"
#include "gateway/room.h"
#include "gateway/ws_server.h"

enum { SLICE = 128, ROUND_VISITS = SLICE, TURN_ROUNDS = 4, TICK_MS = 50, CLOSING_MS = 5000 };

/* One write of the slice that is being gathered. */
struct gathered {
    struct client *client;
    struct frame *frame; /* kept alive by its job */
};

struct bucket {
    const struct bucket_conf *conf;
    struct bucket_limits limits; /* in force */
    unsigned index;
    pthread_t thread;
    struct mailbox *mailbox;
    struct ws_server *server;
    struct wire *wire;
    struct rooms rooms;
    atomic_size_t jobs;
    atomic_size_t clients;

    /* Clients by phase, each list sorted by since_ms. */
    struct list handshaking; /* since: accepted */
    struct list quiet;       /* since: last heard of */
    struct list pinged;      /* since: pinged */
    struct list closing;     /* since: closed */

    struct list run; /* rooms with jobs, in turn */
    struct gathered slice[SLICE];
    struct wire_op ops[SLICE];
    size_t slice_count;
    struct job *done; /* finished jobs, freed when the slice is written */
    int64_t now_us;   /* monotonic: when the last slice was written, or the round began */
    struct frame *ping;

    bool stopped; /* the server is ending: no more work */
    bool draining;
    int64_t drain_start_ms;
    int64_t drain_ms;
    int64_t drain_ramp_ms;
    uint32_t drain_total;
    uint32_t drain_closed;
};

/* The room "" of this bucket, or NULL while it has no client. */
struct room *bucket_everyone(const struct bucket *bucket);

/* bucket_fanout: queues a job (owned from here on), runs slices, disposes of jobs. */
void bucket_fanout_add(struct bucket *bucket, struct job *job);
/* Works for one round, about ROUND_VISITS visits; true when work is left. */
bool bucket_fanout_run(struct bucket *bucket);
/* For room_leave: a job that lost its room. `arg` is the bucket. */
void bucket_fanout_drop(void *arg, struct job *job);
/* Frees finished and dropped jobs, and counts them out; never while a slice is gathered. */
void bucket_fanout_free_done(struct bucket *bucket);

/* bucket_tick: time-outs, heartbeats, drain. */
void bucket_tick(struct bucket *bucket);
void bucket_drain_begin(struct bucket *bucket, const struct drain_order *order);
/* While draining: closes as many clients as are due by now. Call when the mail is taken: what was pushed
 * before reaches whoever is still connected. */
void bucket_drain_some(struct bucket *bucket);
/* Closes every client that is left, now. */
void bucket_drain_rest(struct bucket *bucket);
/* Something came from the client. */
void bucket_heard(struct client *client);

#endif
