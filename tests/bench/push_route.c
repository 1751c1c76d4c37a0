/* SPDX-License-Identifier: Apache-2.0 */
/* nchan and bare_loop are given the very text that the gateway makes of the push. */
#include "tests/bench/push_route.h"

#include <stdio.h>
#include <sys/socket.h>

#include "tests/bench/item.h"

#define BEFORE "{\"type\":\"PUSH\",\"data\":{\"items\":["
#define AFTER  "]}}"

enum { ROOM_DIGITS = 8 };

static bool post_logic(const struct push_route *route, struct http_caller *caller, const char *room,
                       struct http_push push)
{
    char before[ROOM_NAME_MAX + 32];

    snprintf(before, sizeof before, "%s%s%s%sitems=[", route->wait ? "wait=1&" : "",
             route->to_all ? "" : "room=", route->to_all ? "" : room, route->to_all ? "" : "&");
    push.path = route->to_all ? "/push/all" : "/push/room";
    push.type = "application/x-www-form-urlencoded";
    push.before = before;
    push.after = "]";
    return http_caller_post(caller, &push);
}

static bool post_nchan(struct http_caller *caller, const char *room, struct http_push push)
{
    char path[ROOM_NAME_MAX + 16];

    snprintf(path, sizeof path, "/pub?id=%s", room);
    push.path = path;
    push.type = "text/plain";
    push.before = BEFORE;
    push.after = AFTER;
    return http_caller_post(caller, &push);
}

bool push_route_post(const struct push_route *route, struct http_caller *caller, uint32_t number,
                     const char *item, size_t item_len)
{
    struct http_push push = {.item = item, .item_len = item_len};
    char room[ROOM_NAME_MAX];

    rooms_name(&route->rooms, rooms_of_push(&route->rooms, number), room);
    return route->way == PUSH_NCHAN ? post_nchan(caller, room, push) : post_logic(route, caller, room, push);
}

bool push_route_datagram(const struct push_route *route, int fd, const struct sockaddr_in *address,
                         uint32_t number, const char *item, size_t item_len)
{
    char text[ROOM_DIGITS + sizeof BEFORE + sizeof AFTER + ITEM_MAX_BYTES];
    int len = snprintf(text, sizeof text, "%08zx" BEFORE "%.*s" AFTER, rooms_of_push(&route->rooms, number),
                       (int)item_len, item);

    return sendto(fd, text, (size_t)len, 0, (const struct sockaddr *)address, sizeof *address) == len;
}
