/* SPDX-License-Identifier: Apache-2.0 */
/* Which client is in which room, and which room a push goes to: plain arithmetic, so that every
 * part of the bench knows it without being told. Pure; any thread. */
#ifndef FANFARE_BENCH_ROOMS_H
#define FANFARE_BENCH_ROOMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ROOM_NAME_MAX = 144, ROOMS_MAX = 100000 };

/* Pushes go to the rooms in turn. With fewer rooms than clients every client is in one, with more
 * in several; every room has as many members as any other. */
struct rooms {
    const char *name; /* lent; of a lone room, else the beginning of every room's name */
    size_t count;     /* 1 to ROOMS_MAX */
    size_t clients;
};

/* Rooms and clients must divide, one way or the other, for all rooms to be alike. */
bool rooms_even(const struct rooms *rooms);
/* Rooms whose numbers differ by a multiple of this have the same members. */
size_t rooms_stride(const struct rooms *rooms);
/* How many rooms each client joins, at least 1. */
size_t rooms_per_client(const struct rooms *rooms);
size_t rooms_members(const struct rooms *rooms);
/* The room that `client` joins as number `nth` (from 0). */
size_t rooms_of_client(const struct rooms *rooms, size_t client, size_t nth);
/* The room of push `number` (from 1). */
size_t rooms_of_push(const struct rooms *rooms, uint32_t number);
bool rooms_has(const struct rooms *rooms, size_t room, size_t client);
/* How many pushes before `number` (from 1) went to rooms of the client that gets this one. */
size_t rooms_rank(const struct rooms *rooms, uint32_t number);
void rooms_name(const struct rooms *rooms, size_t room, char out[ROOM_NAME_MAX]);

#endif
