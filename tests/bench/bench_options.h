/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of fanfare-bench. Main thread. */
#ifndef FANFARE_BENCH_BENCH_OPTIONS_H
#define FANFARE_BENCH_BENCH_OPTIONS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "tests/bench/push_route.h"
#include "tests/bench/swarm_client.h"

enum { BENCH_MAX_PROCESSES = 16, BENCH_MAX_CLIENTS = 100000 };

/* A process to be measured: NAME=PID. */
struct bench_process {
    char name[32];
    pid_t pid;
};

struct bench_options {
    const char *label;
    const char *json; /* a path, "-" for stdout, NULL for none */
    struct sockaddr_in ws;
    struct sockaddr_in push;
    struct push_route route; /* the rooms and the clients in them too */
    enum swarm_style style;
    bool join_in_url;
    bool from_sent; /* a push's stamp is when it is sent, not when it was due */
    bool has_ws;
    bool has_push;
    bool quiet;    /* no progress line, no table */
    bool announce; /* says on stderr what it has come to, for scripts */
    bool hold;     /* keeps the clients until stdin ends */
    size_t first_caller;
    size_t callers;
    size_t under_way; /* connections on their way at a time */
    size_t item_bytes;
    double rate;
    double seconds;
    int settle_ms;                                       /* quiet time before memory is read */
    struct bench_process processes[BENCH_MAX_PROCESSES]; /* the first is the one that holds the clients */
    size_t process_count;
};

/* Fills `options`, which lends from argv. On --help or a fault prints to stdout or stderr and
 * gives the exit status, 0 or 2; else -1. */
int bench_options_read(struct bench_options *options, int argc, char **argv);

#endif
