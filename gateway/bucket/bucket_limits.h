/* SPDX-License-Identifier: Apache-2.0 */
/* What a bucket allows its clients. A copy for each bucket, so that its thread reads without a lock;
 * a new one comes by its mailbox (bucket_post_limits). */
#ifndef FANFARE_GATEWAY_BUCKET_BUCKET_LIMITS_H
#define FANFARE_GATEWAY_BUCKET_BUCKET_LIMITS_H

#include <stddef.h>
#include <stdint.h>

enum slow_client_policy { SLOW_CLOSE, SLOW_DROP_OLDEST, SLOW_DROP_NEWEST };

struct bucket_limits {
    enum slow_client_policy policy;
    size_t queue_bytes;      /* per client */
    uint32_t queue_frames;   /* per client */
    size_t max_message;      /* bytes of a client's message */
    size_t max_room_name;    /* bytes */
    unsigned max_rooms;      /* per client */
    int messages_per_second; /* per client; 0: no limit */
    size_t max_header;       /* bytes of the handshake's request line and headers */
    int64_t tls_ms;          /* for the TLS handshake */
    int64_t handshake_ms;    /* for the request, from the connection or the end of the TLS handshake on */
    int64_t heartbeat_ms;
};

#endif
