/* SPDX-License-Identifier: Apache-2.0 */
/* Whom the last waiting pushes of one logic reached, so that a push that comes again, or came by
 * the bus first, gets the same answer. Bound: 8192 pushes; past it the oldest half is forgotten
 * (so the last 4096, a whole batch of ours, are always there). Pure; one thread at a time. */
#ifndef FANFARE_GATEWAY_INTAKE_ACK_CACHE_H
#define FANFARE_GATEWAY_INTAKE_ACK_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "shared/base/status.h"

enum { ACK_CACHE_MAX = 8192 };

/* How many clients were subscribed when the push was applied. */
struct reached {
    uint64_t sequence;
    uint32_t clients;
};

/* All zero is an empty cache. */
struct ack_cache {
    struct reached *entries; /* rising sequences; owned */
    size_t count;
    size_t cap;
};

void ack_cache_fini(struct ack_cache *cache);
/* Makes room for `extra` more, so that adding them cannot fail. STATUS_NO_MEMORY. */
enum status ack_cache_reserve(struct ack_cache *cache, size_t extra);
/* `sequence` is above all that stand there, and room was made for it. */
void ack_cache_add(struct ack_cache *cache, uint64_t sequence, uint32_t clients);
/* What is remembered of a push, or NULL; valid until the next call. */
const struct reached *ack_cache_find(const struct ack_cache *cache, uint64_t sequence);

#endif
