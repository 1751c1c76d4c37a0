/* SPDX-License-Identifier: Apache-2.0 */
/* A push as it goes to the gateways: encoded once (shared/contract/push.h, "Record"), never changed
 * again, and shared by the queues of all links. What is left of a time to live is written into the copies
 * that go out, so that no two machines' clocks are compared. The loop's thread only: the count of
 * references is not atomic. */
#ifndef FANFARE_LOGIC_PUSH_ENCODED_PUSH_H
#define FANFARE_LOGIC_PUSH_ENCODED_PUSH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/slice.h"
#include "shared/base/status.h"
#include "shared/contract/hello.h"
#include "shared/contract/push.h"

struct push_wait;

struct encoded_push {
    uint64_t sequence;
    size_t item_count;
    struct push_wait *wait; /* who waits for the gateways, or NULL; freed with the push */
    size_t refs;
    capability_set needs; /* push_needs */
    size_t ttl_at;        /* where its time to live stands in `bytes`; 0: it has none */
    uint32_t ttl_ms;      /* when it was accepted */
    int64_t accepted_ms;  /* of one with a time to live: clock_now_ms() */
    size_t len;           /* bytes in `bytes` */
    uint8_t bytes[];      /* the record with its length prefix */
};

/* Encodes `push` under `sequence` (at least 1). The caller holds the one reference. */
enum status encoded_push_new(const struct push *push, uint64_t sequence, struct encoded_push **out);
/* Whether the record has a trace. */
static inline bool encoded_push_is_traced(const struct encoded_push *push)
{
    return (push->bytes[PUSH_RECORD_FLAGS_AT] & PUSH_FLAG_TRACED) != 0;
}

/* Writes what is left of its time to live at `now_ms`, as it stands at ttl_at of a record that is sent now.
 */
void encoded_push_ttl_left(const struct encoded_push *push, int64_t now_ms, uint8_t out[PUSH_OPTION_TTL_LEN]);
struct encoded_push *encoded_push_ref(struct encoded_push *push);
/* Gives a reference back; the last one frees the push and its push_wait. Legal on NULL. */
void encoded_push_unref(struct encoded_push *push);

#endif
