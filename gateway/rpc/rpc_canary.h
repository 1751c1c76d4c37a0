/* SPDX-License-Identifier: Apache-2.0 */
/* POST /rpc/canary: answered when the push has reached the gateway's own client, or has not in time
 * (docs/protocol.md, "The canary"). The control thread only. */
#ifndef FANFARE_GATEWAY_RPC_RPC_CANARY_H
#define FANFARE_GATEWAY_RPC_RPC_CANARY_H

#include <stdbool.h>

#include "gateway/rpc/canary.h"
#include "shared/base/list.h"
#include "shared/h2/h2_conn.h"

/* Whether the request is one. */
bool rpc_canary_is(const struct h2_request *request);
/* Answers it, now or later; until then it stands in `under_way`, the connection's list. */
void rpc_canary_begin(struct canary *canary, struct h2_conn *h2, int32_t stream, struct list *under_way);
/* The connection is over: forgets what stands in its list. */
void rpc_canary_forget(struct list *under_way);

#endif
