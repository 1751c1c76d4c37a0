/* SPDX-License-Identifier: Apache-2.0 */
/* One connection of a bucket, from its handshake to its end. The bucket's thread only.
 * It dies in one place, client_on_gone, when its socket has. */
#ifndef FANFARE_GATEWAY_BUCKET_CLIENT_H
#define FANFARE_GATEWAY_BUCKET_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/bucket/connection_table.h"
#include "gateway/bucket/outbox.h"
#include "gateway/bucket/room.h"
#include "gateway/bucket/ticket.h"
#include "gateway/bucket/ws_server.h"
#include "gateway/websocket/encoding.h"
#include "gateway/websocket/ws_reader.h"
#include "shared/base/list.h"
#include "shared/http/http_request.h"

struct bucket;
struct client_auth;

enum client_phase {
    CLIENT_HANDSHAKE, /* the HTTP request is not complete */
    CLIENT_OPEN,
    CLIENT_KICKED,  /* in no room and deaf; waits for its turn to be closed (kick_list.h) */
    CLIENT_CLOSING, /* the last bytes are queued or sent; input is thrown away */
    CLIENT_DEAD,    /* the socket is being closed; waits for client_on_gone */
};

/* Why a client is in a room, from what ends first to what lasts. Whoever is in already has the later of the
 * two. The first two count towards maxJoinRoom and end with LEAVE. */
enum membership_kind {
    MEMBER_BY_PASS,    /* a room token, or the hook, let it in; ends with that */
    MEMBER_BY_RIGHT,   /* it asked to be in */
    MEMBER_BY_COMMAND, /* a caller of the API made it join */
    MEMBER_FIXED,      /* by the server: everyone, its user, what its token joins */
};

/* Rooms that one client may be in by commands. */
enum { CLIENT_COMMAND_ROOMS = 256 };

struct membership {
    struct room *room;
    uint32_t index; /* in the room's members */
    uint16_t kicks; /* of the room, when it joined: a kick with a higher number is about it */
    uint8_t kind;   /* enum membership_kind */
};

struct client {
    struct bucket *bucket;
    struct ws_conn *conn;
    struct ticket *ticket;
    struct list link; /* in the bucket's list of its phase */
    int64_t since_ms; /* what the list is sorted by: see bucket_state.h */
    int64_t paced_us; /* rate limit: when the messages so far would be paid for */
    struct outbox outbox;
    struct membership *rooms;     /* [0] is everyone */
    struct http_request *request; /* in the handshake only */
    struct client_auth *auth;     /* NULL: auth.mode none */
    size_t discarded;             /* bytes that came while closing */
    struct ws_reader reader;      /* session.c's */
    int fd;
    uint32_t room_count; /* everyone included */
    uint32_t room_capacity;
    uint8_t phase;
    uint8_t encoding;     /* enum encoding */
    bool tls;             /* bytes go through the library, not straight to the socket */
    bool gathered;        /* stands in the slice being written */
    bool peer_closed;     /* its close frame has come */
    bool close_when_sent; /* kill when the outbox is empty */
    uint16_t
        excluded; /* rounds.c's, while it walks a room: 1 + the place of the exclusion of this connection */
};

/* Takes the ticket and its socket over; when it cannot, the ticket is sent back. */
void client_open(struct bucket *bucket, struct ticket *ticket);
/* Callbacks of ws_server. */
void client_on_writable(void *client);
void client_on_secured(void *client);
/* The socket is gone: frees the client, whose session has ended (session_on_gone). */
void client_on_gone(struct client *client);

/* The handshake is through: open from here on, counted, and under an id. `encoding`: how it reads pushes. */
void client_opened(struct client *client, enum encoding encoding);
/* The id of an open client. False: it has none, as the canary (connection_table.h). */
bool client_connection_id(const struct client *client, struct connection_id *out);
/* Ends with `last`, which is not a close frame but an HTTP answer; takes the caller's reference. */
void client_end_with(struct client *client, struct frame *last);
/* Sends or queues a control frame (PONG, ACK, ERROR, ping); takes the caller's reference.
 * NULL (no memory) closes with 1011. */
void client_send_control(struct client *client, struct frame *frame);
/* Queues a push that was not (wholly) sent: `sent` bytes were. Applies the policy. */
void client_queue_push(struct client *client, struct frame *frame, uint32_t sent);
/* Sends a push now if nothing waits, else queues it. For TLS and for clients that are behind. */
void client_send_push(struct client *client, struct frame *frame);
/* The socket is broken: ends without a close frame. */
void client_lost(struct client *client);
/* Leaves its rooms and ends with a close frame behind what is queued; `code` of CLOSE_CODES. */
void client_close(struct client *client, uint16_t code);
/* The same with 1001 (going_away), and a reason that says after how many ms it should come back. */
void client_send_away(struct client *client, int64_t retry_ms);
/* A caller of the API ends the connection: the open client leaves its rooms and is deaf from here on; counted
 * under `code`. It stands in no list then; client_close_kicked is to follow. */
void client_kick(struct client *client, uint16_t code);
/* Sends a kicked client its close frame, behind what is queued. Takes no reference. */
void client_close_kicked(struct client *client, struct frame *last);
/* Closes the socket without waiting for anything more. */
void client_kill(struct client *client);

/* STATUS_OK also when already in; STATUS_FULL past maxJoinRoom, or by a command past CLIENT_COMMAND_ROOMS,
 * never for a fixed one; STATUS_NO_MEMORY. */
enum status client_join(struct client *client, struct slice room, enum membership_kind kind);
/* False: the membership is fixed, or by a command, and stays. True when it is not, or is none. */
bool client_leave(struct client *client, struct slice room);
/* Where the room stands in the client's memberships, or -1. */
int64_t client_slot_of(const struct client *client, struct slice room);
/* Ends the membership at `slot`, of any kind; the last one stands there afterwards. */
void client_leave_slot(struct client *client, uint32_t slot);
/* Everyone's room included. */
void client_leave_all(struct client *client);
/* Closes the room, and drops its jobs, if nobody needs it any more. */
void client_rooms_close_unused(struct bucket *bucket, struct room *room);

#endif
