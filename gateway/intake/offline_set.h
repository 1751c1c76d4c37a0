/* SPDX-License-Identifier: Apache-2.0 */
/* Which users of a push had no client here when it was applied: a bit for each, in the order of its record.
 * Pure; one thread at a time. */
#ifndef FANFARE_GATEWAY_INTAKE_OFFLINE_SET_H
#define FANFARE_GATEWAY_INTAKE_OFFLINE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct offline_set {
    uint16_t users; /* of the push; 0: it is not to users, or nobody asks */
    uint8_t bits[(UINT16_MAX + 7) / 8];
};

/* Bytes of `bits` that so many users take. */
static inline size_t offline_set_bytes(uint16_t users)
{
    return ((size_t)users + 7) / 8;
}

/* Nobody of `users` is offline yet. */
static inline void offline_set_begin(struct offline_set *set, uint16_t users)
{
    set->users = users;
    memset(set->bits, 0, offline_set_bytes(users));
}

static inline void offline_set_add(struct offline_set *set, uint16_t index)
{
    set->bits[index / 8] |= (uint8_t)(1u << index % 8);
}

static inline bool offline_set_has(const uint8_t *bits, size_t index)
{
    return (bits[index / 8] >> index % 8 & 1) != 0;
}

#endif
