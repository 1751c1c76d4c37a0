/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes that a client of the swarm sends, and the address it sends from. Pure but for the
 * socket; the swarm's thread. */
#ifndef FANFARE_BENCH_SWARM_CLIENT_H
#define FANFARE_BENCH_SWARM_CLIENT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/rooms.h"

enum { SWARM_CLIENT_ANSWER_MAX = 1024, SWARM_CLIENT_ROOMS_MAX = 32 };

/* Whose protocol the clients speak: Fanfare's (JOIN once connected, or the room in the URL), or that of nginx
 * with nchan (the room in the URL). */
enum swarm_style { SWARM_FANFARE, SWARM_FANFARE_URL, SWARM_NCHAN };

/* A non-blocking socket on its way to `server`, or -1. On loopback every 10,000 clients have a
 * source address of their own (127.0.0.2 and up), so that ports do not run out. */
int swarm_client_connect(const struct sockaddr_in *server, size_t index);
/* The opening handshake (RFC 6455, section 4.1), with the key of the RFC's own example. */
bool swarm_client_shake_hands(int fd, enum swarm_style style, const struct rooms *rooms, size_t client);
/* The length of the server's whole answer if it stands in `text` and accepts; 0 if it is not
 * complete; -1 if it refuses. */
int swarm_client_answer(const char *text, size_t len);
/* JOIN of all the client's rooms (at most SWARM_CLIENT_ROOMS_MAX) and a PING, in one segment. */
bool swarm_client_join(int fd, const struct rooms *rooms, size_t client);
/* Answers a WebSocket ping. */
bool swarm_client_pong(int fd);

#endif
