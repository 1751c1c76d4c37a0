/* SPDX-License-Identifier: Apache-2.0 */
/* Client c joins c, c + clients, c + 2 * clients, … modulo the number of rooms. */
#include "tests/bench/rooms.h"

#include <stdio.h>

bool rooms_even(const struct rooms *rooms)
{
    if (rooms->clients == 0)
        return true;
    return rooms->count <= rooms->clients ? rooms->clients % rooms->count == 0
                                          : rooms->count % rooms->clients == 0;
}

size_t rooms_stride(const struct rooms *rooms)
{
    return rooms->clients == 0 || rooms->count < rooms->clients ? rooms->count : rooms->clients;
}

size_t rooms_per_client(const struct rooms *rooms)
{
    return rooms->count / rooms_stride(rooms);
}

size_t rooms_members(const struct rooms *rooms)
{
    return rooms->clients / rooms_stride(rooms);
}

size_t rooms_of_client(const struct rooms *rooms, size_t client, size_t nth)
{
    return client % rooms_stride(rooms) + nth * rooms_stride(rooms);
}

size_t rooms_of_push(const struct rooms *rooms, uint32_t number)
{
    return (number - 1) % rooms->count;
}

bool rooms_has(const struct rooms *rooms, size_t room, size_t client)
{
    return room % rooms_stride(rooms) == client % rooms_stride(rooms);
}

size_t rooms_rank(const struct rooms *rooms, uint32_t number)
{
    return (number - 1) / rooms_stride(rooms);
}

void rooms_name(const struct rooms *rooms, size_t room, char out[ROOM_NAME_MAX])
{
    if (rooms->count == 1)
        snprintf(out, ROOM_NAME_MAX, "%s", rooms->name);
    else
        snprintf(out, ROOM_NAME_MAX, "%s-%zu", rooms->name, room);
}
