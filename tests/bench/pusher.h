/* SPDX-License-Identifier: Apache-2.0 */
/* The business side: one thread that pushes to the rooms in turn, at a rate or as fast as the
 * answers come, over HTTP or as datagrams. Every push has one item. */
#ifndef FANFARE_BENCH_PUSHER_H
#define FANFARE_BENCH_PUSHER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/histogram.h"
#include "tests/bench/push_route.h"

struct pusher;

struct pusher_config {
    struct push_route route;
    struct sockaddr_in address;
    uint32_t first_caller; /* the first caller's name in the items */
    size_t callers;        /* keep-alive connections, 1 to 1024 */
    size_t item_bytes;
    bool from_sent; /* stamp each push when it is sent, not when it was due */
    double rate;    /* pushes per second; 0: each caller pushes as soon as it has its answer */
    double seconds; /* what is due by then and finds no idle caller is tried for one second more */
};

struct pusher_result {
    size_t pushes;            /* sent */
    size_t accepted;          /* answered 2xx, or sent as datagrams */
    size_t refused;           /* answered with another status */
    size_t failed;            /* callers whose connection broke; their last push counts as not accepted */
    double seconds;           /* from the first push to the last answer */
    const bool *was_accepted; /* by push number minus one; the pusher's */
    const struct histogram *answer; /* microseconds from request to answer; the pusher's */
};

/* Connects and starts the thread. NULL with errno set. */
struct pusher *pusher_start(const struct pusher_config *config);
/* Whether the thread has pushed everything and has every answer. Any thread. */
bool pusher_done(const struct pusher *pusher);
/* No push begins from here on; the answers that are due are still waited for. Any thread. */
void pusher_stop(struct pusher *pusher);
/* Pushes accepted so far. Any thread. */
size_t pusher_accepted(const struct pusher *pusher);
/* Waits for the thread. */
struct pusher_result pusher_finish(struct pusher *pusher);
/* After pusher_finish. Legal on NULL. */
void pusher_free(struct pusher *pusher);

#endif
