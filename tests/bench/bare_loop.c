/* SPDX-License-Identifier: Apache-2.0 */
/* The yardstick: a WebSocket server that does nothing but send ready-made frames.
 *   bare_loop --loop send|uring [--threads N] [--slice SOCKETS] [--rooms N]
 * An io_uring submission holds all sockets of the room, or as many as --slice says.
 * Prints `msg=listening what=ws addr=…` and `what=push` (a UDP port: every datagram is a room's
 * number in 8 hexadecimal digits and the payload of one text frame for it) on stderr; ends on
 * SIGTERM. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/bare_worker.h"

enum { MAX_THREADS = 16, MAX_ROOMS = 100000, BACKLOG = 4096, COMMAND_BYTES = 16 * 1024 * 1024 };

struct options {
    enum bare_loop loop;
    size_t threads;
    size_t slice;
    size_t rooms;
};

static void fail(const char *what)
{
    fprintf(stderr, "bare_loop: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint16_t port_of(int fd)
{
    struct sockaddr_in address = {0};
    socklen_t len = sizeof address;

    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        fail("getsockname");
    return ntohs(address.sin_port);
}

static int bound_socket(int type, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || (type == SOCK_STREAM && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) ||
        bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        (type == SOCK_STREAM && listen(fd, BACKLOG) != 0))
        fail("listen");
    return fd;
}

/* A push that finds this buffer full is lost, so it is as large as the system lets it be. */
static int command_socket(void)
{
    int fd = bound_socket(SOCK_DGRAM, 0);
    int bytes = COMMAND_BYTES;

    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    return fd;
}

static void set_up_workers(struct bare_worker *workers, int *peers, const struct options *options)
{
    uint16_t port = 0;

    for (size_t i = 0; i < options->threads; i++) {
        workers[i] = (struct bare_worker){.loop = options->loop,
                                          .slice = options->slice,
                                          .room_count = options->rooms,
                                          .listener = bound_socket(SOCK_STREAM, port)};
        port = port_of(workers[i].listener);
    }
    workers[0].command = command_socket();
    workers[0].peers = peers;
    workers[0].peer_count = options->threads - 1;
    for (size_t i = 1; i < options->threads; i++) {
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) != 0)
            fail("socketpair");
        peers[i - 1] = pair[0];
        workers[i].command = pair[1];
    }
    fprintf(stderr, "msg=listening what=ws addr=127.0.0.1:%u\n", port);
    fprintf(stderr, "msg=listening what=push addr=127.0.0.1:%u\n", port_of(workers[0].command));
}

static struct options read_options(int argc, char **argv)
{
    static const struct option known[] = {{"loop", required_argument, NULL, 'l'},
                                          {"threads", required_argument, NULL, 't'},
                                          {"slice", required_argument, NULL, 's'},
                                          {"rooms", required_argument, NULL, 'r'},
                                          {NULL, 0, NULL, 0}};
    struct options options = {.loop = BARE_SEND, .threads = 1, .slice = BARE_MAX_SOCKETS, .rooms = 1};
    int letter;

    while ((letter = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (letter == 'l' && (strcmp(optarg, "send") == 0 || strcmp(optarg, "uring") == 0))
            options.loop = strcmp(optarg, "uring") == 0 ? BARE_URING : BARE_SEND;
        else if (letter == 't' && atoi(optarg) >= 1 && atoi(optarg) <= MAX_THREADS)
            options.threads = (size_t)atoi(optarg);
        else if (letter == 's' && atoi(optarg) >= 1 && atoi(optarg) <= BARE_MAX_SOCKETS)
            options.slice = (size_t)atoi(optarg);
        else if (letter == 'r' && atoi(optarg) >= 1 && atoi(optarg) <= MAX_ROOMS)
            options.rooms = (size_t)atoi(optarg);
        else {
            fprintf(stderr,
                    "usage: bare_loop --loop send|uring [--threads 1..%d] [--slice 1..%d] [--rooms 1..%d]\n",
                    MAX_THREADS, BARE_MAX_SOCKETS, MAX_ROOMS);
            exit(2);
        }
    }
    return options;
}

int main(int argc, char **argv)
{
    struct options options = read_options(argc, argv);
    struct bare_worker workers[MAX_THREADS];
    int peers[MAX_THREADS];
    pthread_t thread;

    set_up_workers(workers, peers, &options);
    for (size_t i = 1; i < options.threads; i++)
        if ((errno = pthread_create(&thread, NULL, bare_worker_run, &workers[i])) != 0)
            fail("thread");
    bare_worker_run(&workers[0]);
}
