/* SPDX-License-Identifier: Apache-2.0 */
/* An IPv6 host has a whole /64 to choose addresses from, so the /64 is what counts as one. */
#include "gateway/bucket/address_table.h"

#include <pthread.h>
#include <stdlib.h>

#include "shared/base/hashmap.h"
#include "shared/base/list.h"

struct address_table {
    pthread_mutex_t lock;
    struct hashmap addresses;
    size_t max_each;
};

struct address {
    struct hashmap_node node;
    size_t count;
    uint8_t bytes[CIDR_ADDRESS_LEN]; /* IPv4 mapped into IPv6; IPv6 cut to its /64 */
};

enum status address_table_new(struct address_table **out)
{
    struct address_table *table = calloc(1, sizeof *table);

    if (table == NULL || hashmap_init(&table->addresses) != STATUS_OK) {
        free(table);
        return STATUS_NO_MEMORY;
    }
    pthread_mutex_init(&table->lock, NULL);
    *out = table;
    return STATUS_OK;
}

void address_table_free(struct address_table *table)
{
    if (table == NULL)
        return;
    hashmap_fini(&table->addresses);
    pthread_mutex_destroy(&table->lock);
    free(table);
}

void address_table_limit(struct address_table *table, size_t max_each)
{
    pthread_mutex_lock(&table->lock);
    table->max_each = max_each;
    pthread_mutex_unlock(&table->lock);
}

static struct address *find_or_make(struct address_table *table, const uint8_t bytes[CIDR_ADDRESS_LEN])
{
    struct slice key = slice_of(bytes, CIDR_ADDRESS_LEN);
    uint64_t hash = hashmap_hash(key);
    struct hashmap_node *node = hashmap_find(&table->addresses, key, hash);

    if (node != NULL)
        return container_of(node, struct address, node);
    struct address *address = calloc(1, sizeof *address);
    if (address == NULL)
        return NULL;
    memcpy(address->bytes, bytes, CIDR_ADDRESS_LEN);
    address->node.key = slice_of(address->bytes, CIDR_ADDRESS_LEN);
    address->node.hash = hash;
    hashmap_add(&table->addresses, &address->node);
    return address;
}

bool address_table_add(struct address_table *table, const uint8_t address[CIDR_ADDRESS_LEN],
                       struct address **out)
{
    uint8_t bytes[CIDR_ADDRESS_LEN];

    memcpy(bytes, address, CIDR_ADDRESS_LEN);
    if (!cidr_address_is_v4(bytes))
        memset(bytes + 8, 0, CIDR_ADDRESS_LEN - 8);
    pthread_mutex_lock(&table->lock);
    struct address *found = find_or_make(table, bytes);
    if (found != NULL)
        found->count++;
    bool within = table->max_each == 0 || (found != NULL && found->count <= table->max_each);
    pthread_mutex_unlock(&table->lock);
    *out = found;
    return within;
}

void address_table_remove(struct address_table *table, struct address *address)
{
    if (address == NULL)
        return;
    pthread_mutex_lock(&table->lock);
    bool last = --address->count == 0;
    if (last)
        hashmap_remove(&table->addresses, &address->node);
    pthread_mutex_unlock(&table->lock);
    if (last)
        free(address);
}

size_t address_table_count(struct address_table *table)
{
    pthread_mutex_lock(&table->lock);
    size_t count = table->addresses.count;
    pthread_mutex_unlock(&table->lock);
    return count;
}
