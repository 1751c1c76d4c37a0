/* SPDX-License-Identifier: Apache-2.0 */
/* A bucket: a thread that owns some of the clients, their rooms and their part of every
 * fan-out. Nothing of it is touched by another thread but through the functions here. */
#ifndef FANFARE_GATEWAY_BUCKET_H
#define FANFARE_GATEWAY_BUCKET_H

#include <stddef.h>

#include "gateway/delivery.h"
#include "gateway/directory.h"
#include "gateway/ticket.h"
#include "gateway/wire.h"
#include "shared/mailbox.h"

struct bucket;

enum slow_client_policy { SLOW_CLOSE, SLOW_DROP_OLDEST, SLOW_DROP_NEWEST };

struct bucket_conf {
    struct directory *directory;
    struct mailbox *returns; /* tickets go back there */
    struct slice page;       /* the whole HTTP answer to GET /, or empty: 404 */
    const char *cert;        /* of client TLS, or "" */
    const char *key;
    enum wire_kind wire;
    enum slow_client_policy policy;
    size_t queue_bytes;      /* per client */
    uint32_t queue_frames;   /* per client */
    size_t max_message;      /* bytes of a client's message */
    size_t max_room_name;    /* bytes */
    unsigned max_rooms;      /* per client */
    int messages_per_second; /* per client; 0: no limit */
    int64_t handshake_ms;
    int64_t heartbeat_ms;
};

/* Starts the thread; returns when it runs or has failed. `conf` must outlive the bucket. */
enum status bucket_new(unsigned index, const struct bucket_conf *conf, struct bucket **out,
                       struct fault *fault);
/* Closes what is left, ends the thread, frees. Legal on NULL. The control thread. */
void bucket_free(struct bucket *bucket);

/* Hands a connection over; on failure it stays the caller's. Any thread. */
enum status bucket_post_ticket(struct bucket *bucket, struct ticket *ticket);
/* Queues a delivery; takes a reference of its own. STATUS_FULL, STATUS_NO_MEMORY. Any thread. */
enum status bucket_post_delivery(struct bucket *bucket, struct delivery *delivery);
/* Closes all clients with 1001, evenly over `duration_ms`, and tells each when to come back, evenly
 * over `ramp_ms`, both counted from now; new ones are refused. Any thread. */
enum status bucket_post_drain(struct bucket *bucket, int64_t duration_ms, int64_t ramp_ms);
/* Deliveries that wait or are under way. Any thread. */
size_t bucket_jobs(const struct bucket *bucket);
enum wire_kind bucket_wire(const struct bucket *bucket);

#endif
