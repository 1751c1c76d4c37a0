/* SPDX-License-Identifier: Apache-2.0 */
/* New connections: takes them from the client port, counts them (all, per address, per bucket)
 * and hands each to the bucket with the fewest. A trusted proxy's begins with a PROXY header where that is
 * wanted (proxy_stage.h). The control thread only; the counts come back with the tickets, so nobody else
 * touches them, but for those per address (address_table.h). */
#ifndef FANFARE_GATEWAY_ACCEPT_ACCEPTOR_H
#define FANFARE_GATEWAY_ACCEPT_ACCEPTOR_H

#include <event2/event.h>

#include "gateway/accept/control_box.h"
#include "gateway/bucket/address_table.h"
#include "gateway/bucket/bucket.h"
#include "shared/net/cidr.h"

struct acceptor;

struct acceptor_limits {
    size_t max_clients;
    size_t max_refused;     /* newcomers that are being told 503; past it they are closed */
    int64_t per_second;     /* new clients; past it 503 with Retry-After; 0: no limit */
    size_t max_per_address; /* 0: no limit. Addresses: IPv4 whole, IPv6 by /64 */
};

struct acceptor_conf {
    struct control_box *box; /* brings the tickets back; must outlive the acceptor */
    const char *bind;        /* until acceptor_start has returned */
    int port;
    struct acceptor_limits limits;
};

/* Past `max_clients` a connection goes to the bucket with most that are not open yet: a silent one of them
 * gives way to it (client_open), else it gets its 503 there. */
enum status acceptor_new(struct event_base *base, const struct acceptor_conf *conf, struct acceptor **out,
                         struct fault *fault);
/* Where connections are counted by address; the acceptor's, until acceptor_free. */
struct address_table *acceptor_addresses(struct acceptor *acceptor);
/* Listens. `buckets` must outlive the acceptor's last ticket. */
enum status acceptor_start(struct acceptor *acceptor, struct bucket *const *buckets, unsigned bucket_count,
                           struct fault *fault);
/* Hands one end of a socket pair to a bucket as the canary's connection; takes `fd` over in every case.
 * It counts neither as a client nor towards a limit. */
void acceptor_adopt(struct acceptor *acceptor, int fd);
/* Other limits, for those who come from now on; nobody is sent away. */
void acceptor_set_limits(struct acceptor *acceptor, const struct acceptor_limits *limits);
/* The proxies that are trusted, for connections from now on; takes a reference of its own. NULL: none, as at
 * the start. `headers`: a connection from one of them begins with a PROXY header. */
void acceptor_set_proxies(struct acceptor *acceptor, struct cidr_list *proxies, bool headers);
/* From here on every new connection is told 503 (draining), until acceptor_free. */
void acceptor_drain(struct acceptor *acceptor);
/* Connections that are alive, handshakes included; not those that are being told 503, nor probes that were
 * answered, nor the canary. */
size_t acceptor_live(const struct acceptor *acceptor);
/* Clients that are open in all buckets, the canary apart; 0 before acceptor_start. */
size_t acceptor_clients(const struct acceptor *acceptor);
/* After the buckets are gone; takes what they told last. Legal on NULL. */
void acceptor_free(struct acceptor *acceptor);

#endif
