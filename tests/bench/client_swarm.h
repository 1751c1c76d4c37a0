/* SPDX-License-Identifier: Apache-2.0 */
/* Many WebSocket clients in one thread: they connect, join rooms, and keep account of what
 * they get. Made to cost the machine little: one recv() for all that waits on a socket, frames
 * read where they lie. */
#ifndef FANFARE_BENCH_CLIENT_SWARM_H
#define FANFARE_BENCH_CLIENT_SWARM_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/histogram.h"
#include "tests/bench/rooms.h"
#include "tests/bench/swarm_client.h"
#include "tests/bench/tally.h"

struct client_swarm;

struct swarm_config {
    struct sockaddr_in server;
    enum swarm_style style;
    struct rooms rooms;    /* and the clients in them */
    uint32_t first_caller; /* of those whose pushes are counted */
    size_t callers;
    size_t item_bytes;
    size_t under_way; /* connections that may be on their way at a time, at least 1 */
};

struct swarm_stats {
    size_t joined;    /* clients that are in their rooms */
    size_t gone;      /* connections that failed or were closed by the server */
    uint64_t frames;  /* PUSH frames received */
    uint64_t foreign; /* PUSH frames of another bench's callers */
    uint64_t strange; /* frames or items that no bench sent, or that were for somebody else */
};

/* NULL for want of memory or descriptors. */
struct client_swarm *client_swarm_new(const struct swarm_config *config);
/* Resets the connections, so that no TIME_WAIT stays behind. Legal on NULL. */
void client_swarm_free(struct client_swarm *swarm);

/* Opens connections while few enough are under way, and handles what comes within `timeout_ms`.
 * A client counts as joined when the server has answered the PING that follows its JOINs; one of
 * nchan's when its handshake is answered. */
void client_swarm_step(struct client_swarm *swarm, int timeout_ms);

struct swarm_stats client_swarm_stats(const struct client_swarm *swarm);
const struct tally *client_swarm_tally(const struct client_swarm *swarm);
/* Microseconds from an item's stamp to its arrival. */
const struct histogram *client_swarm_latency(const struct client_swarm *swarm);
/* The same for the last client of each push. */
const struct histogram *client_swarm_last_latency(const struct client_swarm *swarm);

#endif
