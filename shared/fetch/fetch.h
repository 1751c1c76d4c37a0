/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP requests to other people's servers, each with a time limit: HTTP/1.1 over TLS 1.2 or later with
 * certificate and name verified (RFC 9110, section 4.3.4), or plain HTTP to this machine (fetch_url.h).
 * Connections are kept and used again. Never: redirects, proxies (nor those of the environment), cookies,
 * .netrc, decompression, signals, other protocols. At most sixteen connections are being made at once, so
 * that a server that is back does not cost the loop a hundred handshakes in one turn.
 *
 * Nothing blocks and there is no other thread: names go through shared/net, and libcurl is given addresses,
 * so that its own resolver, a thread that it would wait for at the end, is never begun. The loop's thread. */
#ifndef FANFARE_SHARED_FETCH_FETCH_H
#define FANFARE_SHARED_FETCH_FETCH_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/slice.h"
#include "shared/base/status.h"
#include "shared/net/resolver.h"

struct fetch;
struct fetch_call;

enum { FETCH_HEAD_MAX = 16384 }; /* bytes of an answer's header and trailer sections, interim ones included */

struct fetch_conf {
    struct event_base *base;
    struct resolver *resolver; /* must outlive the fetch */
    size_t max_calls;          /* under way at once; one more gets STATUS_FULL */
};

struct fetch_header {
    const char *name;
    const char *value;
};

struct fetch_request {
    const char *url;                    /* as fetch_url_fault passes it */
    const struct fetch_header *headers; /* beside Host, User-Agent and Content-Length */
    size_t header_count;
    bool post; /* with `body`; else GET */
    struct slice body;
    const char *ca;     /* PEM file of the authorities that are believed; NULL or "": the system's */
    int64_t timeout_ms; /* for everything: the name, the connection, the answer's last byte */
    size_t max_bytes;   /* of the answer's body */
};

/* How a call ended: X(constant, name). */
#define FETCH_RESULTS(X)                                                                                     \
    X(FETCH_ANSWERED, "answered")           /* the whole answer is there, whatever its status */             \
    X(FETCH_NO_ADDRESS, "no_address")       /* the name was not found, or no name server answers */          \
    X(FETCH_NO_CONNECTION, "no_connection") /* refused, unreachable, or no TLS of ours */                    \
    X(FETCH_NOT_VERIFIED, "not_verified")   /* the certificate is not believed or not of that name */        \
    X(FETCH_TIMED_OUT, "timed_out")                                                                          \
    X(FETCH_TOO_LARGE, "too_large") /* body or header section */                                             \
    X(FETCH_BROKEN, "broken")       /* no HTTP, or it ended in the middle */                                 \
    X(FETCH_NO_MEMORY, "no_memory")

enum fetch_result {
#define X(result, name) result,
    FETCH_RESULTS(X)
#undef X
        FETCH_RESULT_COUNT
};

struct fetch_answer {
    enum fetch_result result;
    const char *why; /* for a log: what failed; "" when answered. Holds no header and no body */
    int status;      /* this and the rest when answered */
    struct slice body;
    const char *content_type; /* "" when there was none */
    int64_t max_age_s;        /* of Cache-Control (cache_control.h); -1: nothing said */
};

/* In a turn of the loop of its own, once for each call. `answer` and all in it are valid during the call.
 * May send and cancel, but not free the fetch. */
typedef void fetch_done(const struct fetch_answer *answer, void *arg);

/* "answered" and so on. */
const char *fetch_result_name(enum fetch_result result);

/* Main thread the first time (libcurl is set up). Descriptors: at most fetch_descriptors(max_calls). */
enum status fetch_new(const struct fetch_conf *conf, struct fetch **out);
/* What calls are under way is forgotten, uncalled; it waits for nobody. Legal on NULL. */
void fetch_free(struct fetch *fetch);
/* Sends; all of the request is copied. `*slot` names the call until `done` is called. STATUS_FULL;
 * STATUS_INVALID: a URL that fetch_url.h refuses, a header with a control character, a time below 1 ms;
 * STATUS_NO_MEMORY: `done` is not called, and `*slot` is NULL. */
enum status fetch_send(struct fetch *fetch, const struct fetch_request *request, fetch_done *done, void *arg,
                       struct fetch_call **slot);
/* Ends the call, if there is one: `done` is not called any more. */
void fetch_cancel(struct fetch_call **slot);
/* Calls under way. */
size_t fetch_calls(const struct fetch *fetch);
/* How many descriptors a fetch of `max_calls` has at most, without those of its resolver. Any thread. */
size_t fetch_descriptors(size_t max_calls);

#endif
