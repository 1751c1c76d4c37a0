/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the bytes of one push from its acceptance until the last gateway has answered for it.
 * The loop's thread only; never changes the bytes after encoded_push_new. */
#include "logic/push/encoded_push.h"

#include <stdlib.h>

#include "logic/push/push_wait.h"

enum status encoded_push_new(const struct push *push, uint64_t sequence, struct encoded_push **out)
{
    size_t len = push_record_size(push);
    struct encoded_push *encoded = malloc(sizeof *encoded + len);

    if (encoded == NULL)
        return STATUS_NO_MEMORY;
    encoded->sequence = sequence;
    encoded->item_count = push->item_count;
    encoded->wait = NULL;
    encoded->refs = 1;
    encoded->len = len;
    push_record_encode(push, sequence, encoded->bytes);
    *out = encoded;
    return STATUS_OK;
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
