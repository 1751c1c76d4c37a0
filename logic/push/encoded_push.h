/* SPDX-License-Identifier: Apache-2.0 */
/* A push as it goes to the gateways: encoded once (shared/contract/push.h, "Record"), never changed
 * again, and shared by the queues of all links. The loop's thread only: the count of
 * references is not atomic. */
#ifndef FANFARE_LOGIC_PUSH_ENCODED_PUSH_H
#define FANFARE_LOGIC_PUSH_ENCODED_PUSH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/slice.h"
#include "shared/base/status.h"
#include "shared/contract/push.h"

struct push_wait;

struct encoded_push {
    uint64_t sequence;
    size_t item_count;
    struct push_wait *wait; /* who waits for the gateways, or NULL; freed with the push */
    size_t refs;
    size_t len;      /* bytes in `bytes` */
    uint8_t bytes[]; /* the record with its length prefix */
};

/* Encodes `push` under `sequence` (at least 1). The caller holds the one reference. */
enum status encoded_push_new(const struct push *push, uint64_t sequence, struct encoded_push **out);
/* Whether the record has a trace. */
static inline bool encoded_push_is_traced(const struct encoded_push *push)
{
    return (push->bytes[PUSH_RECORD_FLAGS_AT] & PUSH_FLAG_TRACED) != 0;
}

/* Whether it is a push to users. */
static inline bool encoded_push_is_to_users(const struct encoded_push *push)
{
    return push->bytes[PUSH_RECORD_TARGET_AT] == audience_target(AUDIENCE_USER);
}

struct encoded_push *encoded_push_ref(struct encoded_push *push);
/* Gives a reference back; the last one frees the push and its push_wait. Legal on NULL. */
void encoded_push_unref(struct encoded_push *push);

#endif
