/* SPDX-License-Identifier: Apache-2.0 */
/* POST /rpc/hello: a logic says who it is and what it may send, and is told what this gateway takes
 * (docs/protocol.md, section 3, "The hello"). The control thread only. */
#ifndef FANFARE_GATEWAY_RPC_RPC_HELLO_H
#define FANFARE_GATEWAY_RPC_RPC_HELLO_H

#include "gateway/rpc/rpc_bans.h"
#include "gateway/rpc/rpc_call.h"
#include "shared/contract/hello.h"

/* Answers with `own`, but for the bytes of a request: there the connection's own limit is told, not what a
 * reload has made of it; and for the bans, which are those of now. The log says who has come when it is the
 * first good hello of its connection. */
void rpc_hello_answer(const struct hello *own, const struct rpc_bans *bans, const struct rpc_call *call);

#endif
