/* SPDX-License-Identifier: Apache-2.0 */
/* One thread of the yardstick server: its own listener, its own sockets, its own loop. */
#ifndef FANFARE_BENCH_BARE_WORKER_H
#define FANFARE_BENCH_BARE_WORKER_H

#include <stddef.h>
#include <stdint.h>

#include "tests/bench/bare_fanout.h"

enum { BARE_MAX_PAYLOAD = 60000 };

/* The sockets of one room. */
struct bare_room {
    int *sockets;
    size_t count;
    size_t capacity;
};

enum bare_state { BARE_SHAKING, BARE_JOINING, BARE_JOINED };

struct bare_client {
    enum bare_state state;
    uint32_t room;
    uint32_t place; /* in the room's sockets */
};

struct bare_worker {
    enum bare_loop loop;
    size_t slice; /* sockets in one io_uring submission */
    int listener; /* SO_REUSEPORT: each worker has one on the same port */
    int command;  /* datagrams: a room in 8 hexadecimal digits, then the payload of one frame */
    int poll;
    size_t room_count;
    struct bare_room *rooms;
    struct bare_client *clients; /* by descriptor */
    struct bare_fanout fanout;
    const int *peers; /* worker 0 passes every command on to these */
    size_t peer_count;
};

/* A thread's main function: `arg` is a struct bare_worker with loop, slice, listener, command, room_count
 * and peers set. Never returns but for a fault, which it prints before it ends the process. */
void *bare_worker_run(void *arg);

#endif
