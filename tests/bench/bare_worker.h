/* SPDX-License-Identifier: Apache-2.0 */
/* One thread of the yardstick server: its own listener, its own sockets, its own loop. */
#ifndef FANFARE_BENCH_BARE_WORKER_H
#define FANFARE_BENCH_BARE_WORKER_H

#include <stddef.h>
#include <stdint.h>

#include "tests/bench/bare_fanout.h"

enum { BARE_MAX_PAYLOAD = 60000 };

struct bare_worker {
    enum bare_loop loop;
    size_t slice; /* sockets in one io_uring submission */
    int listener; /* SO_REUSEPORT: each worker has one on the same port */
    int command;  /* datagrams: each is the payload of one frame for every socket */
    int poll;
    int *sockets; /* open WebSocket connections */
    size_t count;
    uint32_t *place; /* by descriptor: 0 handshake not done, else index in `sockets` plus one */
    struct bare_fanout fanout;
    const int *peers; /* worker 0 passes every command on to these */
    size_t peer_count;
};

/* A thread's main function: `arg` is a struct bare_worker with loop, slice, listener, command and
 * peers set. Never returns but for a fault, which it prints before it ends the process. */
void *bare_worker_run(void *arg);

#endif
