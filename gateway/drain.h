/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a gateway: SIGTERM or SIGINT makes it not ready, stops new clients, flushes the
 * merge batches, closes the clients spread over drainSeconds while pushes still arrive, and
 * ends the loop. The registry says draining from the beginning, and nothing at the end. The second signal
 * ends the process at once. The control thread. */
#ifndef FANFARE_GATEWAY_DRAIN_H
#define FANFARE_GATEWAY_DRAIN_H

#include <event2/event.h>
#include <stdbool.h>

#include "gateway/accept/acceptor.h"
#include "gateway/bucket/readiness.h"
#include "gateway/fanout/fanout.h"
#include "gateway/registrar.h"
#include "gateway/rpc/canary.h"
#include "gateway/rpc/rpc_server.h"

struct drain;

struct drain_conf {
    int64_t seconds;
    int64_t accept_per_second; /* as the acceptor has it */
    struct acceptor *acceptor;
    struct bucket *const *buckets;
    unsigned bucket_count;
    struct fanout *fanout;
    struct rpc_server *rpc;
    struct canary *canary;
    struct readiness *readiness;
    struct registrar *registrar; /* NULL: not in a registry */
};

/* Listens for the signals from here on. */
enum status drain_new(struct event_base *base, const struct drain_conf *conf, struct drain **out);
/* Legal on NULL. */
void drain_free(struct drain *drain);
/* Another time, and the acceptor's other rate, for a drain that has not begun. */
void drain_set_pace(struct drain *drain, int64_t seconds, int64_t accept_per_second);

#endif
