/* SPDX-License-Identifier: Apache-2.0 */
/* A chain of SipHashes: each part's key is the digest so far and the part's kind, so that no byte can move
 * from one part to the next unseen. */
#include "logic/store/push_digest.h"

#include <endian.h>
#include <string.h>

#include "shared/base/hashmap.h"

enum part {
    PART_TARGET = 1,
    PART_NAME,
    PART_ITEM,
    PART_EXCLUSIONS,
    PART_KEY,
    PART_TTL,
    PART_URGENT,
    PART_COMMAND
};

static uint64_t add(uint64_t digest, enum part part, struct slice bytes)
{
    const uint64_t key[2] = {digest, (uint64_t)part};

    return hashmap_siphash(key, bytes);
}

/* Terms that a push does not have are no parts of it. */
static uint64_t add_terms(uint64_t digest, const struct push_terms *terms)
{
    const uint32_t ttl_ms = htobe32(terms->ttl_ms);

    if (terms->exclusions.len > 0)
        digest = add(digest, PART_EXCLUSIONS, terms->exclusions);
    if (terms->key.len > 0)
        digest = add(digest, PART_KEY, terms->key);
    if (terms->has_ttl)
        digest = add(digest, PART_TTL, slice_of(&ttl_ms, sizeof ttl_ms));
    if (terms->urgent)
        digest = add(digest, PART_URGENT, slice_of(NULL, 0));
    return digest;
}

/* What a command says of bans has the time in it, which is another one each time that it is said. */
static struct slice item_of(const struct push *push, size_t index)
{
    static const char *const times[] = {",\"until\":", "\"at\":"};
    struct slice item = push->items[index];

    for (size_t i = 0; push->bans && i < sizeof times / sizeof times[0]; i++) {
        const uint8_t *at = memmem(item.data, item.len, times[i], strlen(times[i]));

        if (at != NULL)
            return slice_of(item.data, (size_t)(at - item.data));
    }
    return item;
}

uint64_t push_digest(const struct push *push)
{
    const uint8_t target = audience_target(push->target);
    uint64_t digest = add(0, PART_TARGET, slice_of(&target, 1));

    for (size_t i = 0; i < push->room_count; i++)
        digest = add(digest, PART_NAME, push->rooms[i]);
    for (size_t i = 0; i < push->item_count; i++)
        digest = add(digest, PART_ITEM, item_of(push, i));
    if (push->command)
        digest = add(digest, PART_COMMAND, slice_of(NULL, 0));
    return add_terms(digest, &push->terms);
}
