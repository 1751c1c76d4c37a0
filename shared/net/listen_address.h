/* SPDX-License-Identifier: Apache-2.0 */
/* Where a listener listens: the text of a setting as an address, a socket bound to it, and why there is none.
 * Start-up; any thread. */
#ifndef FANFARE_SHARED_NET_LISTEN_ADDRESS_H
#define FANFARE_SHARED_NET_LISTEN_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "shared/base/status.h"

struct listen_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
    } at;
    socklen_t len;
    bool both; /* IPv6 that takes IPv4 too */
};

/* "*", "localhost", an IPv4 or IPv6 address (in brackets or not) or unix:/path. STATUS_INVALID: the fault
 * says what is allowed. `*address` is zeroed by the caller. */
enum status listen_address_parse(struct listen_address *address, const char *bind, int port,
                                 struct fault *fault);
bool listen_address_is_local(const struct listen_address *address);
enum { LISTEN_TEXT_MAX = 160 };
/* As "host:port", "[host]:port" or "unix:path"; `out` has LISTEN_TEXT_MAX bytes. */
void listen_address_print(const struct listen_address *address, int port, char *out);
/* A non-blocking socket bound to it, the caller's. A stale unix socket file is replaced, a live one is a
 * fault (STATUS_IO), and so is any other file. TCP_NODELAY is set and inherited by what it accepts (tcp(7)).
 */
enum status listen_address_bind(struct listen_address *address, int port, int *fd, struct fault *fault);
/* "cannot listen on …", with errno as the reason; STATUS_IO. */
enum status listen_address_refuse(const struct listen_address *address, int port, struct fault *fault);

#endif
