/* SPDX-License-Identifier: Apache-2.0 */
/* POST /rpc/query: answered when the buckets have (docs/protocol.md, section 3, "The query"). The control
 * thread only. */
#ifndef FANFARE_GATEWAY_RPC_RPC_QUERY_H
#define FANFARE_GATEWAY_RPC_RPC_QUERY_H

#include "gateway/query/query_desk.h"
#include "gateway/rpc/rpc_call.h"

/* Asks `desk` and answers later; 500 at once for want of memory. */
void rpc_query_begin(struct query_desk *desk, const struct rpc_call *call);

#endif
