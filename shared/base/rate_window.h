/* SPDX-License-Identifier: Apache-2.0 */
/* How fast a counter has grown over the last RATE_WINDOW_SECONDS seconds, from looks at it once a second.
 * Pure: time is an argument, of a clock that never goes back. One thread at a time. */
#ifndef FANFARE_SHARED_BASE_RATE_WINDOW_H
#define FANFARE_SHARED_BASE_RATE_WINDOW_H

#include <stdint.h>

enum { RATE_WINDOW_SECONDS = 10 };

struct rate_look {
    int64_t at_ms;
    uint64_t total;
};

/* Zeroed is empty. Embedded; no part of it is the caller's. */
struct rate_window {
    struct rate_look looks[RATE_WINDOW_SECONDS + 1]; /* the oldest gives way */
    uint32_t count;
    uint32_t next;
};

/* Notes what the counter shows; to be called once a second. */
void rate_window_note(struct rate_window *window, int64_t now_ms, uint64_t total);
/* By how much it has grown each second from the oldest look on until now, when it shows `total`. 0 before the
 * first look. */
double rate_window_per_second(const struct rate_window *window, int64_t now_ms, uint64_t total);

#endif
