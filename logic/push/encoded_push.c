/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the bytes of one push from its acceptance until the last gateway has answered for it.
 * The loop's thread only; never changes the bytes after encoded_push_new. */
#include "logic/push/encoded_push.h"

#include <stdlib.h>

#include "logic/push/push_measure.h"
#include "logic/push/push_wait.h"
#include "shared/base/clock.h"

enum status encoded_push_new(const struct push *push, uint64_t sequence, struct encoded_push **out)
{
    size_t len = push_record_size(push);
    struct encoded_push *encoded = malloc(sizeof *encoded + len);

    if (encoded == NULL)
        return STATUS_NO_MEMORY;
    encoded->sequence = sequence;
    encoded->item_count = push->command ? 0 : push->item_count;
    encoded->wait = NULL;
    encoded->needs = push_needs(push);
    encoded->ttl_at = push_record_ttl_at(push);
    encoded->ttl_ms = push->terms.ttl_ms;
    encoded->accepted_ms = encoded->ttl_at > 0 ? clock_now_ms() : 0;
    encoded->refs = 1;
    encoded->len = len;
    push_record_encode(push, sequence, encoded->bytes);
    *out = encoded;
    return STATUS_OK;
}

void encoded_push_ttl_left(const struct encoded_push *push, int64_t now_ms, uint8_t out[PUSH_OPTION_TTL_LEN])
{
    int64_t passed = now_ms - push->accepted_ms;

    push_record_ttl_encode(passed < push->ttl_ms ? push->ttl_ms - (uint32_t)passed : 0, out);
}

struct encoded_push *encoded_push_ref(struct encoded_push *push)
{
    push->refs++;
    return push;
}

void encoded_push_unref(struct encoded_push *push)
{
    if (push == NULL || --push->refs > 0)
        return;
    push_wait_free(push->wait);
    free(push);
}
