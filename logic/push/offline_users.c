/* SPDX-License-Identifier: Apache-2.0 */
/* Bits, 64 to a word. Pure. */
#include "logic/push/offline_users.h"

#include <stdlib.h>
#include <string.h>

enum { WORD = 64 };

static size_t words_of(size_t users)
{
    return (users + WORD - 1) / WORD;
}

enum status offline_users_init(struct offline_users *offline, size_t users, struct slice names)
{
    size_t words = words_of(users);
    uint64_t *bits = calloc(2 * words, sizeof *bits);

    if (bits == NULL)
        return STATUS_NO_MEMORY;
    memset(bits, 0xFF, words * sizeof *bits);
    if (users % WORD != 0)
        bits[words - 1] = (UINT64_C(1) << users % WORD) - 1;
    *offline = (struct offline_users){.users = users, .names = names, .left = bits, .here = bits + words};
    return STATUS_OK;
}

void offline_users_fini(struct offline_users *offline)
{
    free(offline->left);
    *offline = (struct offline_users){.users = 0};
}

void offline_users_begin(struct offline_users *offline)
{
    memset(offline->here, 0, words_of(offline->users) * sizeof *offline->here);
}

void offline_users_add(struct offline_users *offline, uint64_t index)
{
    if (index >= offline->users) {
        offline->unknown = true;
        return;
    }
    offline->here[index / WORD] |= UINT64_C(1) << index % WORD;
}

void offline_users_end(struct offline_users *offline)
{
    for (size_t i = 0; i < words_of(offline->users); i++)
        offline->left[i] &= offline->here[i];
}

void offline_users_not_said(struct offline_users *offline)
{
    offline->unknown = true;
}

bool offline_users_has(const struct offline_users *offline, size_t index)
{
    return (offline->left[index / WORD] >> index % WORD & 1) != 0;
}

size_t offline_users_count(const struct offline_users *offline)
{
    size_t count = 0;

    for (size_t i = 0; i < words_of(offline->users); i++)
        count += (size_t)__builtin_popcountll(offline->left[i]);
    return count;
}
