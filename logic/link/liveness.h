/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a peer is still there, judged by when its last byte came: any byte counts, so a
 * gateway that holds an answer back but answers pings is alive. Pure: time is an argument. */
#ifndef FANFARE_LOGIC_LINK_LIVENESS_H
#define FANFARE_LOGIC_LINK_LIVENESS_H

#include <stdbool.h>
#include <stdint.h>

enum liveness_verdict { LIVENESS_FINE, LIVENESS_PING, LIVENESS_DEAD };

/* All times in ms of one clock that never goes back. */
struct liveness {
    int64_t timeout_ms;   /* silent for so long while it owes us something: dead */
    int64_t idle_ms;      /* silent for so long while it owes us nothing: ping */
    bool owed;            /* an answer is due */
    int64_t patient_from; /* silence counts from here at the earliest */
    int64_t pinged_ms;    /* when the last ping was sent */
    int64_t checked_ms;   /* when liveness_check was last called */
};

void liveness_init(struct liveness *liveness, int64_t timeout_ms, int64_t idle_ms, int64_t now_ms);
/* A request was sent; an answer is due from now on. */
void liveness_owe(struct liveness *liveness, int64_t now_ms);
/* No answer is due any more. */
void liveness_settle(struct liveness *liveness);
/* Call every timeout_ms / 6 or so. `received_ms` is when the last byte came. After
 * LIVENESS_PING the caller sends a ping. When the calls themselves stopped for half a time-out
 * (this process was suspended), the silence begins anew: the peer is not to blame. */
enum liveness_verdict liveness_check(struct liveness *liveness, int64_t received_ms, int64_t now_ms);

#endif
