/* SPDX-License-Identifier: Apache-2.0 */
/* POST /rpc/hello: a logic says who it is and what it may send, and is told what this gateway takes
 * (docs/protocol.md, section 3, "The hello"). The control thread only. */
#ifndef FANFARE_GATEWAY_RPC_RPC_HELLO_H
#define FANFARE_GATEWAY_RPC_RPC_HELLO_H

#include <stdbool.h>

#include "gateway/rpc/rpc_routes.h"
#include "shared/contract/hello.h"
#include "shared/h2/h2_conn.h"

/* Whether the request is one. */
bool rpc_hello_is(const struct h2_request *request);
/* Fills `answer` with `own`; never fails (want of memory is a 500). With `first` the log says who has come:
 * `from` is its address. */
void rpc_hello_answer(const struct hello *own, const struct h2_request *request, bool first, const char *from,
                      struct rpc_answer *answer);

#endif
