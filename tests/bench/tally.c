/* SPDX-License-Identifier: Apache-2.0 */
/* A bitmap of the pushes for each client (by rank, see rooms.h), the last number of each caller,
 * and a running hash of the order. */
#include "tests/bench/tally.h"

#include <stdlib.h>
#include <string.h>

struct tally_client {
    uint64_t *seen;
    size_t words;
    uint64_t order; /* hash of the numbers in the order of their arrival */
    uint32_t *last; /* by room of the client, then caller */
};

struct tally {
    struct rooms rooms;
    uint32_t first_caller;
    size_t callers;
    struct tally_result sum;
    struct tally_client *client;
    uint32_t *last;
};

struct tally *tally_new(const struct rooms *rooms, uint32_t first_caller, size_t callers)
{
    struct tally *tally = calloc(1, sizeof *tally);
    size_t clients = rooms->clients;
    size_t lasts = rooms_per_client(rooms) * callers;

    if (tally == NULL)
        return NULL;
    tally->rooms = *rooms;
    tally->first_caller = first_caller;
    tally->callers = callers;
    tally->client = calloc(clients + 1, sizeof *tally->client);
    tally->last = calloc(clients * lasts + 1, sizeof *tally->last);
    if (tally->client == NULL || tally->last == NULL) {
        tally_free(tally);
        return NULL;
    }
    for (size_t i = 0; i < clients; i++)
        tally->client[i].last = tally->last + i * lasts;
    return tally;
}

void tally_free(struct tally *tally)
{
    if (tally == NULL)
        return;
    for (size_t i = 0; tally->client != NULL && i < tally->rooms.clients; i++)
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

static bool has(const struct tally_client *client, size_t rank)
{
    return rank / 64 < client->words && (client->seen[rank / 64] >> rank % 64 & 1) != 0;
}

bool tally_knows(const struct tally *tally, const struct item *item)
{
    return item->caller >= tally->first_caller && item->caller - tally->first_caller < tally->callers;
}

/* Order is promised for each room, so each has a last number of its own. */
static void note_order(struct tally *tally, struct tally_client *client, const struct item *item)
{
    size_t room = rooms_of_push(&tally->rooms, item->number) / rooms_stride(&tally->rooms);
    uint32_t *last = &client->last[room * tally->callers + item->caller - tally->first_caller];

    client->order = (client->order ^ item->number) * 0x100000001b3ULL;
    if (item->number < *last)
        tally->sum.out_of_order++;
    else
        *last = item->number;
}

bool tally_note(struct tally *tally, size_t index, const struct item *item)
{
    struct tally_client *client = &tally->client[index];
    size_t rank = rooms_rank(&tally->rooms, item->number);

    if (!tally_knows(tally, item) || item->number == 0 ||
        !rooms_has(&tally->rooms, rooms_of_push(&tally->rooms, item->number), index) ||
        (rank / 64 >= client->words && !grow(client, rank / 64 + 1)))
        return false;
    if (has(client, rank)) {
        tally->sum.duplicates++;
        return true;
    }
    client->seen[rank / 64] |= 1ULL << rank % 64;
    tally->sum.items++;
    note_order(tally, client, item);
    return true;
}

uint64_t tally_items(const struct tally *tally)
{
    return tally->sum.items;
}

static void hold_against(const struct tally *tally, size_t index, const bool *accepted, size_t pushes,
                         struct tally_result *result)
{
    const struct rooms *rooms = &tally->rooms;
    size_t step = rooms_stride(rooms);
    size_t first = index % step;

    for (size_t number = first + 1; number <= pushes; number += step) {
        bool got = has(&tally->client[index], rooms_rank(rooms, (uint32_t)number));

        result->lost += accepted[number - 1] && !got;
        result->unaccepted += got && !accepted[number - 1];
    }
    result->disagreeing += tally->client[index].order != tally->client[first].order;
}

struct tally_result tally_result(const struct tally *tally, const bool *accepted, size_t pushes)
{
    struct tally_result result = tally->sum;

    for (size_t i = 0; i < tally->rooms.clients; i++)
        hold_against(tally, i, accepted, pushes, &result);
    return result;
}
