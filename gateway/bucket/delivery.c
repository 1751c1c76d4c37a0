/* SPDX-License-Identifier: Apache-2.0 */
/* Built on the control thread, read and released by the buckets. */
#include "gateway/bucket/delivery.h"

#include <stdlib.h>

static void delivery_free(struct delivery *delivery)
{
    for (int encoding = 0; encoding < ENCODING_COUNT; encoding++)
        frame_unref(delivery->frames[encoding]);
    exclusions_free(delivery->exclusions);
    key_command_free(delivery->command);
    free(delivery);
}

struct delivery *delivery_new(struct slice key, uint64_t hash, struct slice items, uint32_t count,
                              const uint32_t members[ENCODING_COUNT])
{
    struct delivery *delivery = calloc(1, sizeof *delivery + key.len);

    if (delivery == NULL)
        return NULL;
    atomic_init(&delivery->refs, 1);
    delivery->items = count;
    delivery->hash = hash;
    if (key.len > 0)
        memcpy(delivery->name, key.data, key.len);
    delivery->key = slice_of(delivery->name, key.len);
    for (int encoding = 0; encoding < ENCODING_COUNT; encoding++) {
        if (members[encoding] == 0)
            continue;
        delivery->frames[encoding] = encoding_make((enum encoding)encoding, key, items);
        if (delivery->frames[encoding] == NULL) {
            delivery_free(delivery);
            return NULL;
        }
    }
    return delivery;
}

void delivery_expire(struct delivery *delivery, int64_t expires_us)
{
    delivery->expires_us = expires_us;
    for (int encoding = 0; encoding < ENCODING_COUNT; encoding++)
        if (delivery->frames[encoding] != NULL)
            delivery->frames[encoding]->expires_us = expires_us;
}

struct delivery *delivery_new_command(struct slice key, uint64_t hash, struct key_command *command)
{
    static const uint32_t nobody[ENCODING_COUNT];
    struct delivery *delivery = delivery_new(key, hash, slice_of(NULL, 0), 0, nobody);

    if (delivery == NULL)
        key_command_free(command);
    else
        delivery->command = command;
    return delivery;
}

struct delivery *delivery_ref(struct delivery *delivery)
{
    atomic_fetch_add_explicit(&delivery->refs, 1, memory_order_relaxed);
    return delivery;
}

void delivery_unref(struct delivery *delivery)
{
    if (delivery != NULL && atomic_fetch_sub_explicit(&delivery->refs, 1, memory_order_acq_rel) == 1)
        delivery_free(delivery);
}
