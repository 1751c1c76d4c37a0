/* SPDX-License-Identifier: Apache-2.0 */
/* What one push looks like on its way to each kind of server. Pure but for the sockets; the
 * pusher's thread. */
#ifndef FANFARE_BENCH_PUSH_ROUTE_H
#define FANFARE_BENCH_PUSH_ROUTE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/http_caller.h"
#include "tests/bench/rooms.h"

/* The HTTP API of logic; the publisher of nginx with nchan, which gets the whole frame's text; the
 * datagrams of bare_loop: the room's number in 8 hexadecimal digits, then the frame's text. */
enum push_way { PUSH_HTTP, PUSH_NCHAN, PUSH_DATAGRAM };

enum { ROUTE_MEMBERS_MAX = 400 };

struct push_route {
    enum push_way way;
    struct rooms rooms;
    bool to_all; /* PUSH_HTTP: to every client, not to a room */
    bool wait;   /* PUSH_HTTP: the answer comes after the gateways' */
    /* PUSH_HTTP: JSON, not a form, with these members behind the items, at most ROUTE_MEMBERS_MAX bytes; each
     * "%" in them is the push's number. "": none. NULL: a form. Lives as long as the route. */
    const char *members;
};

/* Posts push `number` (from 1) to its room. False when the socket does not take it. */
bool push_route_post(const struct push_route *route, struct http_caller *caller, uint32_t number,
                     const char *item, size_t item_len);
/* Sends it as a datagram. */
bool push_route_datagram(const struct push_route *route, int fd, const struct sockaddr_in *address,
                         uint32_t number, const char *item, size_t item_len);

#endif
