/* SPDX-License-Identifier: Apache-2.0 */
/* Many WebSocket clients in one thread: they connect, join one room, and keep account of what
 * they get. Made to cost the machine little: one recv() for all that waits on a socket, frames
 * read where they lie. */
#ifndef FANFARE_BENCH_CLIENT_SWARM_H
#define FANFARE_BENCH_CLIENT_SWARM_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/histogram.h"
#include "tests/bench/tally.h"

struct client_swarm;

struct swarm_config {
    struct sockaddr_in server;
    size_t clients;
    size_t callers; /* whose pushes are to be told apart */
    size_t item_bytes;
    const char *room; /* lent for the swarm's life */
};

struct swarm_stats {
    size_t joined;    /* clients that are in the room */
    size_t gone;      /* connections that failed or were closed by the server */
    uint64_t frames;  /* PUSH frames received */
    uint64_t strange; /* frames or items that the bench did not send */
};

/* NULL for want of memory or descriptors. */
struct client_swarm *client_swarm_new(const struct swarm_config *config);
/* Resets the connections, so that no TIME_WAIT stays behind. Legal on NULL. */
void client_swarm_free(struct client_swarm *swarm);

/* Opens connections while few are under way, and handles what comes within `timeout_ms`. A
 * client counts as joined when the server has answered the PING that follows its JOIN. */
void client_swarm_step(struct client_swarm *swarm, int timeout_ms);

struct swarm_stats client_swarm_stats(const struct client_swarm *swarm);
const struct tally *client_swarm_tally(const struct client_swarm *swarm);
/* Microseconds from an item's stamp to its arrival. */
const struct histogram *client_swarm_latency(const struct client_swarm *swarm);

#endif
