/* SPDX-License-Identifier: Apache-2.0 */
/* One connection to a gateway: socket, TLS, HTTP/2. The loop's thread only. */
#ifndef FANFARE_LOGIC_LINK_LINK_TRANSPORT_H
#define FANFARE_LOGIC_LINK_LINK_TRANSPORT_H

#include <netdb.h>

#include "logic/link/link_env.h"
#include "shared/h2/h2_conn.h"

struct link_target {
    const char *hostname; /* what the gateway's certificate must name, unless rpc.serverName is set */
    const char *name;     /* "host:port", for :authority */
    const struct addrinfo *addresses; /* at least one */
    unsigned turn; /* which address is tried: they take turns, since one of them may be dead */
};

/* Begins to connect; `callbacks` (with `arg`) hear what comes of it. Returns NULL and `*out` is
 * the connection, the caller's; or why it could not be begun (static text), `*out` is NULL. */
const char *link_transport_open(const struct link_env *env, const struct link_target *target,
                                const struct h2_callbacks *callbacks, void *arg, struct h2_conn **out);

#endif
