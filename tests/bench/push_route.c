/* SPDX-License-Identifier: Apache-2.0 */
/* nchan and bare_loop are given the very text that the gateway makes of the push. */
#include "tests/bench/push_route.h"

#include <stdio.h>
#include <sys/socket.h>

#include "tests/bench/item.h"

#define BEFORE "{\"type\":\"PUSH\",\"data\":{\"items\":["
#define AFTER  "]}}"

enum { ROOM_DIGITS = 8, NUMBER_MAX = 11, JSON_AFTER = ROUTE_MEMBERS_MAX + 256 };

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

/* Ends the object; `out` has JSON_AFTER bytes. */
static void write_members(const char *members, uint32_t number, char *out)
{
    char *end = out + JSON_AFTER;

    out += snprintf(out, JSON_AFTER, "]%s", members[0] != '\0' ? "," : "");
    for (; *members != '\0' && end - out > NUMBER_MAX; members++) {
        if (*members == '%')
            out += snprintf(out, NUMBER_MAX, "%u", number);
        else
            *out++ = *members;
    }
    snprintf(out, (size_t)(end - out), "}");
}

static bool post_json(const struct push_route *route, struct http_caller *caller, const char *room,
                      uint32_t number, struct http_push push)
{
    char before[ROOM_NAME_MAX + 32];
    char after[JSON_AFTER];

    snprintf(before, sizeof before, "{%s%s%s%s\"items\":[", route->wait ? "\"wait\":true," : "",
             route->to_all ? "" : "\"room\":\"", route->to_all ? "" : room, route->to_all ? "" : "\",");
    write_members(route->members, number, after);
    push.path = route->to_all ? "/push/all" : "/push/room";
    push.type = "application/json";
    push.before = before;
    push.after = after;
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
    if (route->way == PUSH_NCHAN)
        return post_nchan(caller, room, push);
    return route->members != NULL ? post_json(route, caller, room, number, push)
                                  : post_logic(route, caller, room, push);
}

bool push_route_datagram(const struct push_route *route, int fd, const struct sockaddr_in *address,
                         uint32_t number, const char *item, size_t item_len)
{
    char text[ROOM_DIGITS + sizeof BEFORE + sizeof AFTER + ITEM_MAX_BYTES];
    int len = snprintf(text, sizeof text, "%08zx" BEFORE "%.*s" AFTER, rooms_of_push(&route->rooms, number),
                       (int)item_len, item);

    return sendto(fd, text, (size_t)len, 0, (const struct sockaddr *)address, sizeof *address) == len;
}
