/* SPDX-License-Identifier: Apache-2.0 */
/* POST /rpc/canary: answered when the push has reached the gateway's own client, or has not in time
 * (docs/protocol.md, "The canary"). The control thread only. */
#ifndef FANFARE_GATEWAY_RPC_RPC_CANARY_H
#define FANFARE_GATEWAY_RPC_RPC_CANARY_H

#include "gateway/rpc/canary.h"
#include "gateway/rpc/rpc_call.h"

/* Sends a push through `canary` and answers later; 503 or 500 at once if it cannot be sent. */
void rpc_canary_begin(struct canary *canary, const struct rpc_call *call);

#endif
