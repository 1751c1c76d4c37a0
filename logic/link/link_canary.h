/* SPDX-License-Identifier: Apache-2.0 */
/* Sends a canary through a gateway every canary.intervalSeconds: POST /rpc/canary, answered when the
 * push has reached the gateway's own client. A gateway that answers 404 (go-push's) is judged by no
 * canary, one that drains neither. The loop's thread only; has no timer, closes nothing. */
#ifndef FANFARE_LOGIC_LINK_LINK_CANARY_H
#define FANFARE_LOGIC_LINK_LINK_CANARY_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/h2/h2_conn.h"

enum { LINK_CANARY_FAILURES = 3, LINK_CANARY_TIMEOUT_MS = 3000 };

struct link_canary {
    struct h2_conn *conn; /* NULL while there is none */
    int64_t interval_us;  /* 0: no canaries */
    bool owed;            /* an answer is due on `stream` */
    bool unknown_there;   /* the gateway does not know canaries */
    int32_t stream;
    int64_t sent_us;
    int64_t us;        /* how long the last one took there and back, or -1: unknown, or it was lost */
    unsigned failures; /* in a row, over connections */
};

/* Without a connection. */
void link_canary_init(struct link_canary *canary, int64_t interval_us);
/* A connection is ready: the first canary goes with the next tick. */
void link_canary_start(struct link_canary *canary, struct h2_conn *conn);
/* The connection is over; failures in a row stay counted. */
void link_canary_stop(struct link_canary *canary);
/* Sends the next one when it is due, and gives up one that has no answer. Call a few times a second. */
void link_canary_tick(struct link_canary *canary, int64_t now_us);
/* Takes an answer (see h2_callbacks.on_response); false when it is not a canary's. */
bool link_canary_answer(struct link_canary *canary, int32_t stream, int status, int64_t now_us);
/* Whether LINK_CANARY_FAILURES in a row have failed. */
bool link_canary_is_failing(const struct link_canary *canary);

#endif
