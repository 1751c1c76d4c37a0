/* SPDX-License-Identifier: Apache-2.0 */
/* A bucket's plain sockets, on an epoll instance of its own whose descriptor the bucket's loop watches. The
 * library would keep 700 bytes for each, and look through its whole table of descriptors for each that comes
 * or goes (docs/architecture.md). The bucket's thread only. Writes nothing: see wire.h. */
#ifndef FANFARE_GATEWAY_BUCKET_SOCKET_POLL_H
#define FANFARE_GATEWAY_BUCKET_SOCKET_POLL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/list.h"
#include "shared/base/status.h"

struct socket_poll;

struct socket_callbacks {
    void (*on_bytes)(void *owner, uint8_t *data, size_t len); /* may be changed in place */
    void (*on_writable)(void *owner);                         /* once per socket_poll_want_write */
    void (*on_gone)(void *owner);                             /* the last call: the owner may free both */
};

/* Embedded in what owns it; all fields are socket_poll's. */
struct polled_socket {
    struct socket_poll *poll;
    struct list link; /* among the living, or among the killed */
    void *owner;
    int fd;
    bool wants_write;
    bool killed;
};

enum status socket_poll_new(const struct socket_callbacks *callbacks, struct socket_poll **out);
/* Ends every socket that is left (on_gone is told), and frees. Legal on NULL. */
void socket_poll_free(struct socket_poll *poll);
/* Readable while socket_poll_turn has work. */
int socket_poll_fd(const struct socket_poll *poll);

/* Takes `fd` (non-blocking) over; on failure it stays the caller's: STATUS_IO. */
enum status socket_poll_add(struct socket_poll *poll, struct polled_socket *socket, int fd, void *owner);
/* Asks for one on_writable when the socket takes bytes again. */
void socket_poll_want_write(struct polled_socket *socket);
/* From any callback: no further on_bytes or on_writable; socket_poll_reap closes it and tells on_gone. */
void socket_poll_kill(struct polled_socket *socket);

/* Takes what has come for the socket already, without waiting to be told. */
void socket_poll_take_now(struct polled_socket *socket);
/* Serves some of the sockets that are ready, without waiting, and reaps. */
void socket_poll_turn(struct socket_poll *poll);
/* Closes the killed sockets and tells on_gone. Call when a callback that may have killed one has returned. */
void socket_poll_reap(struct socket_poll *poll);

#endif
