/* SPDX-License-Identifier: Apache-2.0 */
/* From pushes to buckets, on the control thread: looks up who is there, merges, encodes each
 * sealed batch once, and posts it to the buckets that have members. What waits in the merger is at
 * most one batch a room that somebody is in. Past `max_jobs` in a bucket, on_pressure tells
 * rpc_server to hold its answers, and a logic sends its next batch only after an answer. */
#ifndef FANFARE_GATEWAY_FANOUT_FANOUT_H
#define FANFARE_GATEWAY_FANOUT_FANOUT_H

#include <event2/event.h>

#include "gateway/bucket/bucket.h"
#include "gateway/fanout/merger.h"
#include "gateway/fanout/push_sink.h"

struct fanout;

struct fanout_limits {
    struct merger_conf merger;
    size_t max_jobs; /* per bucket: the mark */
};

struct fanout_conf {
    struct fanout_limits limits;
    struct directory *directory;
    const struct connection_table *connections; /* of this gateway's clients; NULL: none has an id */
    struct bucket *const *buckets;
    unsigned bucket_count;
    struct ban_table *bans;     /* which commands change; NULL: nobody is kept out */
    struct join_orders *orders; /* what commands leave behind for users that come later */
    /* Told when pressure begins and ends. */
    void (*on_pressure)(void *arg, bool pressed);
    void *arg;
};

enum status fanout_new(struct event_base *base, const struct fanout_conf *conf, struct fanout **out);
/* Legal on NULL. */
void fanout_free(struct fanout *fanout);
/* Where push_handler delivers to. */
struct push_sink fanout_sink(struct fanout *fanout);
/* Sends one item to a key now, past the merger and outside the accounts of items: the canary. */
void fanout_send(struct fanout *fanout, struct slice key, struct slice item);
/* A push may be on its way. When there was none for a while, the buckets' threads sleep, and to wake one
 * whose core sleeps too takes as long as deciphering, checking and merging the push: both happen at once
 * then. */
void fanout_wake_buckets(struct fanout *fanout);
/* The end of a loop's turn that brought pushes. */
void fanout_end_turn(struct fanout *fanout);
/* Sends what waits, and from here on delays nothing (the drain). */
void fanout_flush(struct fanout *fanout);
/* Other limits, from now on; a shorter window ends those that are open sooner. */
void fanout_set_limits(struct fanout *fanout, const struct fanout_limits *limits);
/* Items that wait for their window. */
size_t fanout_pending(const struct fanout *fanout);

#endif
