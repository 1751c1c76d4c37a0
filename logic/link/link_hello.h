/* SPDX-License-Identifier: Apache-2.0 */
/* The first call of a connection to a gateway, POST /rpc/hello, and again every LINK_HELLO_MS: a reload may
 * have changed the gateway's limits. What a gateway has said counts for its connection only. One that answers
 * 404 or 405 (go-push's, or an older one) or in words that are no hello gets batches all the same and is not
 * asked again. The loop's thread only; has no timer, closes nothing. */
#ifndef FANFARE_LOGIC_LINK_LINK_HELLO_H
#define FANFARE_LOGIC_LINK_LINK_HELLO_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/contract/hello.h"
#include "shared/h2/h2_conn.h"

enum { LINK_HELLO_MS = 5000 };

struct link_hello {
    struct h2_conn *conn; /* NULL while there is none */
    bool owed;            /* an answer is due on `stream` */
    bool answered;        /* the first one of this connection has been, whatever it said */
    bool known;           /* `peer` is what the gateway said on this connection */
    int32_t stream;
    int64_t said_us;
    struct hello peer;
    struct buf text; /* of the one that is under way */
    size_t sent;
};

enum link_hello_reply {
    LINK_HELLO_OTHER,  /* not a hello's answer */
    LINK_HELLO_HEARD,  /* the gateway has said what it has to say: batches may follow */
    LINK_HELLO_FAILED, /* it could not answer the first one: the connection is of no use */
};

void link_hello_init(struct link_hello *hello);
void link_hello_fini(struct link_hello *hello);
/* A connection is ready: says hello with what `own` has. Times in us are clock_now_us(). */
enum status link_hello_start(struct link_hello *hello, struct h2_conn *conn, const struct hello *own,
                             int64_t now_us);
/* The connection is over: what was said over it is forgotten. */
void link_hello_stop(struct link_hello *hello);
/* Whether the next one is due, at once with `news`; then link_hello_again says it. Ask a few times a second.
 */
bool link_hello_is_due(const struct link_hello *hello, bool news, int64_t now_us);
void link_hello_again(struct link_hello *hello, const struct hello *own, int64_t now_us);
/* Takes an answer (see h2_callbacks.on_response). `gateway` is for the log. */
enum link_hello_reply link_hello_answer(struct link_hello *hello, const char *gateway, int32_t stream,
                                        int status, struct slice body);

#endif
