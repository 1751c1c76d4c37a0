/* SPDX-License-Identifier: Apache-2.0 */
/* Walks the parameters; the decoding is form.c's. */
#include "gateway/websocket/connect_query.h"

#include <string.h>

#include "shared/base/form.h"
#include "shared/contract/push.h"

bool connect_query_next(struct slice *rest, struct slice *parameter)
{
    if (rest->len == 0)
        return false;
    const uint8_t *mark = memchr(rest->data, '&', rest->len);
    size_t len = mark != NULL ? (size_t)(mark - rest->data) : rest->len;
    size_t used = mark != NULL ? len + 1 : len;

    *parameter = slice_of(rest->data, len);
    *rest = slice_of(rest->data + used, rest->len - used);
    return true;
}

static const char *read_room(struct slice parameter, const struct connect_limits *limits, struct buf *rooms)
{
    size_t before = rooms->len;
    size_t bad;

    switch (form_field(parameter, "join", rooms, &bad)) {
    case STATUS_OK:
        break;
    case STATUS_NOT_FOUND:
        return NULL;
    case STATUS_INVALID:
        return "join has a % without two hexadecimal digits";
    default:
        return "out of memory";
    }
    const char *fault =
        push_room_fault(slice_of(rooms->data + before, rooms->len - before), limits->max_room_name);
    if (fault != NULL)
        return fault;
    return buf_append(rooms, "", 1) == STATUS_OK ? NULL : "out of memory";
}

const char *connect_query_read(struct slice query, const struct connect_limits *limits,
                               struct connect_query *out)
{
    struct slice parameter;
    unsigned rooms = 0;

    out->encoding = ENCODING_WS_V1;
    buf_init(&out->rooms, query.len + 1);
    while (connect_query_next(&query, &parameter)) {
        size_t before = out->rooms.len;
        const char *fault = read_room(parameter, limits, &out->rooms);

        if (fault != NULL)
            return fault;
        rooms += out->rooms.len > before;
        if (rooms > limits->max_rooms)
            return "join is there more often than maxJoinRoom allows";
        if (slice_equal(parameter, slice_str("v=2")))
            out->encoding = ENCODING_WS_V2;
    }
    return NULL;
}

void connect_query_fini(struct connect_query *query)
{
    buf_fini(&query->rooms);
}

bool connect_query_next_room(struct slice *rest, struct slice *room)
{
    if (rest->len == 0)
        return false;
    *room = slice_of(rest->data, strlen((const char *)rest->data));
    *rest = slice_of(rest->data + room->len + 1, rest->len - room->len - 1);
    return true;
}
