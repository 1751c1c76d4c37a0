/* SPDX-License-Identifier: Apache-2.0 */
/* The least a server can do to send one frame to many sockets, in two ways. */
#ifndef FANFARE_BENCH_BARE_FANOUT_H
#define FANFARE_BENCH_BARE_FANOUT_H

#include <stddef.h>
#include <stdint.h>

#ifdef FANFARE_URING
#include <liburing.h>
#endif

enum bare_loop { BARE_SEND, BARE_URING };

/* Belongs to the thread that calls bare_fanout_init. */
struct bare_fanout {
    enum bare_loop loop;
    size_t slice;     /* sockets in one submission */
    uint64_t refused; /* sends that the socket did not take whole */
#ifdef FANFARE_URING
    struct io_uring ring; /* BARE_URING only */
#endif
};

enum { BARE_MAX_SOCKETS = 32768 }; /* the kernel's largest submission queue */

/* With `slice` (1 to BARE_MAX_SOCKETS) sockets in one submission. 0, or a negative errno when
 * io_uring is not to be had. */
int bare_fanout_init(struct bare_fanout *fanout, enum bare_loop loop, size_t slice);
void bare_fanout_fini(struct bare_fanout *fanout);
/* Sends `len` bytes to each of `count` (at most BARE_MAX_SOCKETS) sockets; returns when the
 * kernel has taken or refused every one. */
void bare_fanout_send(struct bare_fanout *fanout, const int *sockets, size_t count, const uint8_t *frame,
                      size_t len);

#endif
