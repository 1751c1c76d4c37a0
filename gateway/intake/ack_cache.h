/* SPDX-License-Identifier: Apache-2.0 */
/* Whom the last waiting pushes of one logic reached, so that a push that comes again, or came by
 * the bus first, gets the same answer. Bound: 8192 pushes; past it the oldest half is forgotten
 * (so the last 4096, a whole batch of ours, are always there). Of pushes to users also who was not there, a
 * bit a user: at most ACK_CACHE_BITS bytes, past which, or for want of memory, the older ones (the new one)
 * are not known any more; an answer then leaves them out. Pure; one thread at a time. */
#ifndef FANFARE_GATEWAY_INTAKE_ACK_CACHE_H
#define FANFARE_GATEWAY_INTAKE_ACK_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/intake/offline_set.h"
#include "shared/base/status.h"

enum { ACK_CACHE_MAX = 8192, ACK_CACHE_BITS = 256 * 1024 };

/* How many clients were subscribed when the push was applied. */
struct reached {
    uint64_t sequence;
    uint32_t clients;
    uint32_t offline; /* 0: nothing is known of users; else 1 + where it stands in the cache's bits */
};

/* All zero is an empty cache. */
struct ack_cache {
    struct reached *entries; /* rising sequences; owned */
    size_t count;
    size_t cap;
    uint8_t *bits; /* owned; for each push to users two bytes, how many they are, and their bits */
    size_t bits_len;
    size_t bits_cap;
};

void ack_cache_fini(struct ack_cache *cache);
/* Makes room for `extra` more, so that adding them cannot fail. STATUS_NO_MEMORY. */
enum status ack_cache_reserve(struct ack_cache *cache, size_t extra);
/* `sequence` is above all that stand there, and room was made for it. `offline` is copied when it has users.
 */
void ack_cache_add(struct ack_cache *cache, uint64_t sequence, uint32_t clients,
                   const struct offline_set *offline);
/* What is remembered of a push, or NULL; valid until the next call. */
const struct reached *ack_cache_find(const struct ack_cache *cache, uint64_t sequence);
/* The bits of the users that were not there, `*users` of them; NULL when that is not known. Valid until the
 * next ack_cache_add. */
const uint8_t *ack_cache_offline(const struct ack_cache *cache, uint64_t sequence, uint16_t *users);

#endif
