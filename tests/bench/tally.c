/* SPDX-License-Identifier: Apache-2.0 */
/* A bitmap of push numbers for each client, the last number of each caller, and a running
 * hash of the order. */
#include "tests/bench/tally.h"

#include <stdlib.h>
#include <string.h>

struct tally_client {
    uint64_t *seen;
    size_t words;
    uint64_t order; /* hash of the numbers in the order of their arrival */
    uint32_t *last; /* by caller */
};

struct tally {
    size_t clients;
    size_t callers;
    struct tally_result sum;
    struct tally_client *client;
    uint32_t *last;
};

struct tally *tally_new(size_t clients, size_t callers)
{
    struct tally *tally = calloc(1, sizeof *tally);

    if (tally == NULL)
        return NULL;
    tally->clients = clients;
    tally->callers = callers;
    tally->client = calloc(clients + 1, sizeof *tally->client);
    tally->last = calloc(clients * callers + 1, sizeof *tally->last);
    if (tally->client == NULL || tally->last == NULL) {
        tally_free(tally);
        return NULL;
    }
    for (size_t i = 0; i < clients; i++)
        tally->client[i].last = tally->last + i * callers;
    return tally;
}

void tally_free(struct tally *tally)
{
    if (tally == NULL)
        return;
    for (size_t i = 0; tally->client != NULL && i < tally->clients; i++)
        free(tally->client[i].seen);
    free(tally->client);
    free(tally->last);
    free(tally);
}

static bool grow(struct tally_client *client, size_t words)
{
    size_t larger = words + words / 2 + 8;
    uint64_t *seen = realloc(client->seen, larger * sizeof *seen);

    if (seen == NULL)
        return false;
    memset(seen + client->words, 0, (larger - client->words) * sizeof *seen);
    client->seen = seen;
    client->words = larger;
    return true;
}

static bool has(const struct tally_client *client, size_t number)
{
    return number / 64 < client->words && (client->seen[number / 64] >> number % 64 & 1) != 0;
}

bool tally_note(struct tally *tally, size_t index, const struct item *item)
{
    struct tally_client *client = &tally->client[index];
    size_t word = item->number / 64;

    if (item->caller >= tally->callers || (word >= client->words && !grow(client, word + 1)))
        return false;
    if (has(client, item->number)) {
        tally->sum.duplicates++;
        return true;
    }
    client->seen[word] |= 1ULL << item->number % 64;
    client->order = (client->order ^ item->number) * 0x100000001b3ULL;
    tally->sum.items++;
    if (item->number < client->last[item->caller])
        tally->sum.out_of_order++;
    else
        client->last[item->caller] = item->number;
    return true;
}

uint64_t tally_items(const struct tally *tally)
{
    return tally->sum.items;
}

struct tally_result tally_result(const struct tally *tally, const bool *accepted, size_t pushes)
{
    struct tally_result result = tally->sum;

    for (size_t i = 0; i < tally->clients; i++) {
        const struct tally_client *client = &tally->client[i];

        for (size_t number = 1; number <= pushes; number++) {
            bool got = has(client, number);

            result.lost += accepted[number - 1] && !got;
            result.unaccepted += got && !accepted[number - 1];
        }
        result.disagreeing += client->order != tally->client[0].order;
    }
    return result;
}
