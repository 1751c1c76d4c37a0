/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes over one socket on libevent's loop, with TLS (OpenSSL) or without. What is written goes to the
 * socket at once, in the caller's turn; only what the socket does not take waits for the loop. The loop's
 * thread only. Never frees itself. */
#ifndef FANFARE_SHARED_NET_TRANSPORT_H
#define FANFARE_SHARED_NET_TRANSPORT_H

#include <event2/event.h>
#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "shared/base/status.h"

struct transport;

/* All are called from the loop, none from within another function of this header. Each of them may call
 * everything but transport_free. */
struct transport_callbacks {
    /* Connected, and TLS is established. Before it nothing may be written and nothing comes. */
    void (*on_open)(void *arg);
    /* At most 16 KB; valid during the call. */
    void (*on_bytes)(const uint8_t *data, size_t len, void *arg);
    /* The socket took something of what waited. */
    void (*on_drained)(void *arg);
    /* The end: `reason` is for the log, NULL when the peer closed in order. Nothing is called after it. */
    void (*on_end)(const char *reason, void *arg);
    /* Bytes are about to be read and decrypted: a thread that will need them may be woken. May be NULL. */
    void (*on_coming)(void *arg);
};

/* Takes over an accepted (or paired) non-blocking socket and `ssl`, NULL for none, in every case. Begins
 * with transport_start. */
enum status transport_new_accepted(struct event_base *base, int fd, SSL *ssl, struct transport **out);
/* Connects to `address`; takes `ssl` over in every case. STATUS_IO: that could not be begun. */
enum status transport_new_connecting(struct event_base *base, const struct sockaddr *address, socklen_t len,
                                     SSL *ssl, struct transport **out);
/* Once, before anything else. */
enum status transport_start(struct transport *transport, const struct transport_callbacks *callbacks,
                            void *arg);
/* A TLS close_notify if the socket takes it (RFC 8446, 6.1), nobody waits for the peer's; closes. Legal on
 * NULL. */
void transport_free(struct transport *transport);
/* No callback is called from now on, nothing is written or read any more. */
void transport_stop(struct transport *transport);

/* Appends to what is to be written; copies. Bounded by the caller, who looks at transport_unsent. */
enum status transport_write(struct transport *transport, const void *data, size_t len);
/* Hands the socket what it takes of that; the loop goes on with the rest. */
void transport_flush(struct transport *transport);
/* Bytes that were written and have not gone to the socket. */
size_t transport_unsent(const struct transport *transport);
/* Whether bytes are taken from the socket; they are, at first. */
void transport_set_reading(struct transport *transport, bool reading);

/* The protocol that was agreed on (RFC 7301), "" for none; NULL without TLS. `*len` bytes. */
const uint8_t *transport_alpn(const struct transport *transport, unsigned *len);
/* Whether the handshake failed over the peer's certificate, or that it showed none. */
bool transport_refused_peer(const struct transport *transport);
bool transport_is_tls(const struct transport *transport);

#endif
