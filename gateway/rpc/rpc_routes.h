/* SPDX-License-Identifier: Apache-2.0 */
/* The RPC's routes: a call in, an answer out, at once or later (docs/protocol.md, section 3). Pure but for
 * what the handler's sink and the canary do; the control thread. */
#ifndef FANFARE_GATEWAY_RPC_RPC_ROUTES_H
#define FANFARE_GATEWAY_RPC_RPC_ROUTES_H

#include "gateway/intake/push_handler.h"
#include "gateway/query/query_desk.h"
#include "gateway/rpc/canary.h"
#include "gateway/rpc/rpc_bans.h"
#include "gateway/rpc/rpc_call.h"
#include "shared/contract/hello.h"

struct rpc_routes {
    struct push_handler *handler;
    struct canary *canary;                            /* NULL: /rpc/canary is not known */
    struct query_desk *queries;                       /* NULL: /rpc/query is not known */
    const struct hello *hello;                        /* what logics are told */
    const struct rpc_bans *bans;                      /* without a table /rpc/bans is not known */
    enum status (*stats)(struct buf *out, void *arg); /* appends the JSON of GET /stats */
    void *arg;
};

/* Fills the call's answer, whose body is the caller's (buf_fini); never fails: want of memory is a 500. With
 * answer->later it comes later. */
void rpc_routes_answer(const struct rpc_routes *routes, const struct rpc_call *call);

#endif
