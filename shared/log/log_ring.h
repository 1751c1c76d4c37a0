/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines that wait for stderr, in a bounded ring. Pure: knows no thread and no descriptor.
 * The queue's maximum is LOG_RING_BYTES; its policy is to drop the new line; what it dropped comes out
 * of log_ring_take as a gap. */
#ifndef FANFARE_SHARED_LOG_LOG_RING_H
#define FANFARE_SHARED_LOG_LOG_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A line is at most what a pipe takes in one piece (PIPE_BUF). */
enum { LOG_LINE_MAX = 4096, LOG_RING_BYTES = 32 * 1024 };

/* Zeroed is empty. Embedded; no part of it is the caller's. */
struct log_ring {
    char bytes[LOG_RING_BYTES];
    size_t first;     /* of the oldest record */
    size_t used;      /* bytes of all records */
    uint64_t dropped; /* lines since the newest record */
    bool full;        /* since a line was dropped, until half of the ring is free again */
};

/* Copies a line of 1 to LOG_LINE_MAX bytes in; false: there is no room, it was dropped and counted. After
 * a drop there is room again when half of the ring is free, so that a slow reader gets stretches of lines
 * and not single ones. */
bool log_ring_put(struct log_ring *ring, const char *line, size_t len);
/* Copies the oldest line to `out` and forgets it; returns its length, or 0 when the ring is empty.
 * `*gap` is how many lines were dropped right before it, or, when the ring is empty, after the last one;
 * each is told once. */
size_t log_ring_take(struct log_ring *ring, char out[LOG_LINE_MAX], uint64_t *gap);
/* Whether log_ring_take has nothing to give, neither a line nor a gap. */
bool log_ring_is_idle(const struct log_ring *ring);

#endif
