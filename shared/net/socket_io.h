/* SPDX-License-Identifier: Apache-2.0 */
/* One non-blocking socket, with TLS (OpenSSL) or without, as steps that never wait: each says what came of it
 * and what it waits for. Knows no loop. One thread at a time. */
#ifndef FANFARE_SHARED_NET_SOCKET_IO_H
#define FANFARE_SHARED_NET_SOCKET_IO_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum io_outcome {
    IO_DONE,
    IO_WANT_READ,  /* nothing now: again when the socket is readable */
    IO_WANT_WRITE, /* nothing now: again when it is writable */
    IO_CLOSED,     /* the peer closed in order */
    IO_FAILED,     /* for good: see reason */
};

struct io_result {
    enum io_outcome outcome;
    size_t len; /* bytes moved, with IO_DONE */
    int error;  /* errno, with IO_FAILED; 0: TLS's own fault */
};

struct socket_io {
    int fd;
    SSL *ssl;          /* NULL without TLS */
    bool shaken;       /* the TLS handshake is through */
    bool refused_peer; /* the handshake failed over the peer's certificate, or that it showed none */
    bool failed;       /* nothing more may be said over TLS */
    char reason[160];  /* of the last IO_FAILED, for the log */
};

/* Takes both over, until socket_io_fini; `server` is the side in the handshake. False: no memory, fini is due
 * all the same. */
bool socket_io_init(struct socket_io *io, int fd, SSL *ssl, bool server);
/* Closes; with `goodbye` a TLS close_notify goes first if the socket takes it (RFC 8446, 6.1). */
void socket_io_fini(struct socket_io *io, bool goodbye);
/* Ends our direction: a TLS close_notify if the socket takes it, and no byte after it (shutdown). False: the
 * peer is gone. What the peer still sends is read raw. */
bool socket_io_end(struct socket_io *io);
/* From now on without TLS, of which nothing has been sent or read. */
void socket_io_plain(struct socket_io *io);
/* A step of the handshake; IO_DONE at its end, and at once without TLS. */
struct io_result socket_io_shake(struct socket_io *io);
/* At most `len` bytes, and at most one TLS record of 16 KB. */
struct io_result socket_io_read(struct socket_io *io, uint8_t *data, size_t len);
/* May take a part. After IO_WANT_… the same bytes come first again, at any address. */
struct io_result socket_io_write(struct socket_io *io, const uint8_t *data, size_t len);
/* Whether OpenSSL holds bytes that the socket does not show any more. */
bool socket_io_holds_bytes(const struct socket_io *io);

#endif
