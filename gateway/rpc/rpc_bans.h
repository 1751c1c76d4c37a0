/* SPDX-License-Identifier: Apache-2.0 */
/* POST /rpc/bans: a logic tells part of the bans that it knows, and is told part of this gateway's, until
 * both have all (docs/protocol.md, section 3, "Bans"); and what of it stands in a hello. The control thread
 * only. */
#ifndef FANFARE_GATEWAY_RPC_RPC_BANS_H
#define FANFARE_GATEWAY_RPC_RPC_BANS_H

#include "gateway/bucket/ban_table.h"
#include "gateway/rpc/rpc_call.h"
#include "shared/contract/hello.h"

/* What the port has to do with bans. */
struct rpc_bans {
    struct ban_table
        *table; /* the owner's, outlives the port; NULL: none are kept, and the call is not known */
    void (*known)(void *arg); /* what some logic knows, this gateway knows */
    void (*banned)(void *arg,
                   const struct ban *ban); /* its user is kept out, and was not: closes whom he has */
    void *arg;
};

/* Merges the part, which has to be good as a whole, and answers with one. */
void rpc_bans_exchange(const struct rpc_bans *bans, const struct rpc_call *call);
/* Writes the capability and the digest into the hello that is told; `peer` is the logic's. */
void rpc_bans_hello(const struct rpc_bans *bans, const struct hello *peer, struct hello *told);

#endif
