/* SPDX-License-Identifier: Apache-2.0 */
/* How many connections each client address has. The control thread; pure but for memory. */
#ifndef FANFARE_GATEWAY_ACCEPT_ADDRESS_TABLE_H
#define FANFARE_GATEWAY_ACCEPT_ADDRESS_TABLE_H

#include <sys/socket.h>

#include "shared/base/hashmap.h"

enum { ADDRESS_LEN = 16 };

struct address {
    struct hashmap_node node;
    size_t count;
    uint8_t bytes[ADDRESS_LEN]; /* IPv4 mapped into IPv6; IPv6 cut to its /64 */
};

/* Counts one more connection of `peer`; NULL for want of memory or an unknown family. */
struct address *address_add(struct hashmap *table, const struct sockaddr *peer);
/* One fewer; the address goes with its last. Legal on NULL. */
void address_remove(struct hashmap *table, struct address *address);

#endif
