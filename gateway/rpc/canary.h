/* SPDX-License-Identifier: Apache-2.0 */
/* A client of the gateway's own, connected over a socket pair to a bucket like any other, in a room
 * that nobody else can name. Logics send it pushes through the RPC (docs/protocol.md, "The canary"):
 * what reaches it has gone the way of every push but the merge window. A gateway whose canaries fail
 * CANARY_FAILURES times in a row is not ready, until one arrives again. It counts as no client, and is
 * there from the first canary on. The control thread only. */
#ifndef FANFARE_GATEWAY_RPC_CANARY_H
#define FANFARE_GATEWAY_RPC_CANARY_H

#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/accept/acceptor.h"
#include "gateway/bucket/readiness.h"
#include "gateway/fanout/fanout.h"
#include "shared/base/list.h"

enum { CANARY_FAILURES = 3, CANARY_TIMEOUT_MS = 2000 };

struct canary;

/* One push on its way; embedded in what the asker keeps. */
struct canary_probe {
    struct list node;
    uint64_t number;
    int64_t sent_us;
    bool warm; /* the client was there before */
    /* Told once, unless cancelled: how long it took in microseconds, or -1: it did not arrive within
     * CANARY_TIMEOUT_MS. */
    void (*done)(struct canary_probe *probe, int64_t us);
};

/* `tls`: the client port speaks TLS. `acceptor`, `fanout` and `readiness` (told of failures) outlive the
 * canary. */
enum status canary_new(struct event_base *base, struct acceptor *acceptor, struct fanout *fanout,
                       struct readiness *readiness, bool tls, struct canary **out);
/* No probe may be left. Legal on NULL. */
void canary_free(struct canary *canary);
/* Sends a push; `probe->done` is set, the rest is filled here. */
void canary_send(struct canary *canary, struct canary_probe *probe);
/* Nobody is told. */
void canary_cancel(struct canary_probe *probe);
/* Closes the client, so that a drain need not wait for it; later probes fail. */
void canary_stop(struct canary *canary);
bool canary_is_stopped(const struct canary *canary);

#endif
