/* SPDX-License-Identifier: Apache-2.0 */
/* A bucket: a thread that owns some of the clients, their rooms and their part of every
 * fan-out. Nothing of it is touched by another thread but through the functions here. */
#ifndef FANFARE_GATEWAY_BUCKET_BUCKET_H
#define FANFARE_GATEWAY_BUCKET_BUCKET_H

#include <stddef.h>

#include "gateway/bucket/address_table.h"
#include "gateway/bucket/ban_table.h"
#include "gateway/bucket/connection_table.h"
#include "gateway/bucket/delivery.h"
#include "gateway/bucket/directory.h"
#include "gateway/bucket/readiness.h"
#include "gateway/bucket/ticket.h"
#include "gateway/bucket/wire.h"
#include "gateway/websocket/handshake_rules.h"
#include "shared/base/mailbox.h"

struct auth_policy;
struct bucket;
struct join_orders;
struct query_part;

struct bucket_conf {
    struct directory *directory;
    struct mailbox *returns;              /* struct control_mail goes there */
    struct address_table *addresses;      /* whom trusted proxies speak for is counted there */
    struct connection_table *connections; /* the clients' ids; NULL: they have none */
    struct ban_table *bans;               /* whom it keeps out; NULL: nobody */
    struct join_orders *orders;           /* which rooms users join when they come; NULL: none */
    struct slice page;                    /* the whole HTTP answer to GET /, or empty: 404 */
    const struct readiness *readiness;    /* answers /readyz; NULL: ready */
    SSL_CTX *certificate;                 /* of client TLS, for bucket_new only; NULL: plain sockets */
    struct handshake_rules *rules;        /* those of the start, for bucket_new only; NULL: none */
    unsigned buckets;                     /* how many there are, to share what is bounded for all; 0: one */
    enum wire_kind wire;
    struct bucket_limits limits; /* those of the start */
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
/* Wakes the thread, which finds nothing to do: for when something may come soon. Any thread. */
void bucket_wake(struct bucket *bucket);
/* Closes all clients with 1001, evenly over `duration_ms`, and tells each when to come back, evenly
 * over `ramp_ms`, both counted from now; new ones are refused. Any thread. */
enum status bucket_post_drain(struct bucket *bucket, int64_t duration_ms, int64_t ramp_ms);
/* Other limits, for the clients that are there too. STATUS_NO_MEMORY, STATUS_FULL: the old ones stay. Any
 * thread. */
enum status bucket_post_limits(struct bucket *bucket, const struct bucket_limits *limits);
/* Other rules, for handshakes from now on; takes a reference of its own. As bucket_post_limits. */
enum status bucket_post_rules(struct bucket *bucket, struct handshake_rules *rules);
/* Judges by another policy from now on; takes a reference of its own. NULL: auth.mode none. As
 * bucket_post_limits. */
enum status bucket_post_policy(struct bucket *bucket, struct auth_policy *policy);
/* Shows what `certificate` shows (certificate, chain, key) to clients that come from now on; takes a
 * reference of its own. For a bucket that was made with one. As bucket_post_limits. */
enum status bucket_post_certificate(struct bucket *bucket, SSL_CTX *certificate);
/* Brings a question back to the bucket that asked it; on failure it stays the caller's. Any thread. */
enum status bucket_post_hook(struct bucket *bucket, struct hook_mail *mail);
/* Hands a part of a query over, which comes back as CONTROL_QUERY; on failure it stays the caller's. Any
 * thread. */
enum status bucket_post_query(struct bucket *bucket, struct query_part *part);
/* Deliveries that wait or are under way. Any thread. */
size_t bucket_jobs(const struct bucket *bucket);
/* Open clients, the canary apart. Any thread. */
size_t bucket_clients(const struct bucket *bucket);
enum wire_kind bucket_wire(const struct bucket *bucket);

#endif
