/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP side of the client port: the opening handshake (RFC 6455, section 4.2), the page,
 * and every error, as bytes to send. Pure but for counting refusals; one thread. */
#ifndef FANFARE_GATEWAY_WEBSOCKET_HANDSHAKE_H
#define FANFARE_GATEWAY_WEBSOCKET_HANDSHAKE_H

#include <stdbool.h>

#include "gateway/websocket/connect_query.h"
#include "gateway/websocket/credential.h"
#include "gateway/websocket/handshake_rules.h"
#include "gateway/websocket/refusal.h"
#include "shared/base/buf.h"
#include "shared/base/slice.h"
#include "shared/http/http_request.h"

struct handshake_conf {
    struct slice page;    /* the whole answer to GET /, or empty for 404 */
    const char *unready;  /* answer 503 to /readyz, for this reason; NULL: 200 */
    enum refusal refusal; /* answer 503 to /connect */
    int retry_s;          /* with REFUSAL_RATE: seconds of the Retry-After */
    size_t max_header;    /* bytes of request line and headers, as `request` has it */
    struct connect_limits limits;
    const struct handshake_rules *rules; /* NULL: none */
    /* Asked once all else of a request to /connect is good: what only its headers can tell. NULL: nothing. */
    enum refusal (*judge)(void *arg, const struct http_request *request);
    void *arg;
    /* Which credentials to find; `known_page` is the handshake's own to say. NULL: none (auth.mode none). */
    const struct credential_rules *credentials;
};

struct handshake {
    bool head;                    /* the request is HEAD: the answer has no body (RFC 9110, 9.3.2) */
    bool upgraded;                /* the answer is 101: frames follow; else the connection ends after it */
    bool probe;                   /* /healthz or /readyz was asked for: it counts as no client */
    bool known_page;              /* with `upgraded`: its Origin is there and listed */
    struct connect_query query;   /* meaningful with `upgraded` */
    struct credential credential; /* likewise: what it shows, which points into the request; not judged */
    struct buf response;
};

/* Feeds bytes of the request. True when `out` is filled: the caller then calls handshake_fini;
 * `*used` says how many bytes were the request's. */
bool handshake_feed(struct http_request *request, struct slice bytes, const struct handshake_conf *conf,
                    size_t *used, struct handshake *out);
/* Fills `out` with 408: the request was not complete within `limit_ms`. */
void handshake_time_out(int64_t limit_ms, struct handshake *out);
void handshake_fini(struct handshake *handshake);

/* Sec-WebSocket-Accept for a key (section 4.2.2): 28 characters and a NUL into `out`. */
enum { HANDSHAKE_ACCEPT_LEN = 28 };
void handshake_accept(struct slice key, char out[HANDSHAKE_ACCEPT_LEN + 1]);

#endif
