/* SPDX-License-Identifier: Apache-2.0 */
/* An IPv6 host has a whole /64 to choose addresses from, so the /64 is what counts as one. */
#include "gateway/accept/address_table.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>

#include "shared/base/list.h"

static bool address_bytes(const struct sockaddr *peer, uint8_t out[ADDRESS_LEN])
{
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};

    memset(out, 0, ADDRESS_LEN);
    if (peer->sa_family == AF_INET) {
        memcpy(out, mapped, sizeof mapped);
        memcpy(out + 12, &((const struct sockaddr_in *)(const void *)peer)->sin_addr, 4);
        return true;
    }
    if (peer->sa_family != AF_INET6)
        return false;
    const struct in6_addr *address = &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr;
    memcpy(out, address, IN6_IS_ADDR_V4MAPPED(address) ? 16 : 8);
    return true;
}

struct address *address_add(struct hashmap *table, const struct sockaddr *peer)
{
    uint8_t bytes[ADDRESS_LEN];

    if (!address_bytes(peer, bytes))
        return NULL;
    struct slice key = slice_of(bytes, ADDRESS_LEN);
    uint64_t hash = hashmap_hash(key);
    struct hashmap_node *node = hashmap_find(table, key, hash);
    struct address *address = node != NULL ? container_of(node, struct address, node) : NULL;
    if (address == NULL) {
        address = calloc(1, sizeof *address);
        if (address == NULL)
            return NULL;
        memcpy(address->bytes, bytes, ADDRESS_LEN);
        address->node.key = slice_of(address->bytes, ADDRESS_LEN);
        address->node.hash = hash;
        hashmap_add(table, &address->node);
    }
    address->count++;
    return address;
}

void address_remove(struct hashmap *table, struct address *address)
{
    if (address == NULL || --address->count > 0)
        return;
    hashmap_remove(table, &address->node);
    free(address);
}
