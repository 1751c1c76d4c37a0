/* SPDX-License-Identifier: Apache-2.0 */
/* The query of /connect?v=2&join=ROOM: how frames should look, and rooms to join at once, which spares each
 * client of a storm a message and its answer. Pure; one thread. */
#ifndef FANFARE_GATEWAY_WEBSOCKET_CONNECT_QUERY_H
#define FANFARE_GATEWAY_WEBSOCKET_CONNECT_QUERY_H

#include "gateway/websocket/encoding.h"
#include "shared/base/buf.h"
#include "shared/base/slice.h"

struct connect_query {
    enum encoding encoding;
    struct buf rooms; /* the names that were asked for, each ended by a NUL, which no name contains */
};

struct connect_limits {
    size_t max_room_name; /* bytes, decoded */
    unsigned max_rooms;
};

/* Reads `v=2` and each `join=` (percent-encoded); whatever else stands there is the client's own business, as
 * with go-push. NULL, or what is wrong, as a sentence for the client (static). Call connect_query_fini in
 * both cases. */
const char *connect_query_read(struct slice query, const struct connect_limits *limits,
                               struct connect_query *out);
void connect_query_fini(struct connect_query *query);
/* Takes the parameter up to the next '&', not decoded, off `rest`, which begins as the query. False at the
 * end. */
bool connect_query_next(struct slice *rest, struct slice *parameter);
/* Takes the next name off `rest`, which begins as the query's rooms. False at the end. */
bool connect_query_next_room(struct slice *rest, struct slice *room);

#endif
