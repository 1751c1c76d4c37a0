/* SPDX-License-Identifier: Apache-2.0 */
/* What a route of the RPC gets, and how it answers later than it returns. The control thread only. */
#ifndef FANFARE_GATEWAY_RPC_RPC_CALL_H
#define FANFARE_GATEWAY_RPC_RPC_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/rpc/rpc_answer.h"
#include "shared/base/list.h"
#include "shared/base/slice.h"
#include "shared/h2/h2_conn.h"

enum { RPC_PEER_LEN = 72 }; /* host:port, with an IPv6 address and its scope */

/* Who calls: a connection, as far as routes know it. */
struct rpc_caller {
    struct h2_conn *h2; /* the connection's */
    char peer[RPC_PEER_LEN];
    size_t max_body; /* of its requests, for as long as it lives */
    bool said_hello;
    struct list later; /* its calls that are not answered yet, struct rpc_later */
};

/* Valid until the route returns. */
struct rpc_call {
    struct rpc_caller *caller;
    const struct h2_request *request;
    int64_t now_ms;            /* monotonic */
    struct rpc_answer *answer; /* to be filled */
};

/* A call whose answer comes later, embedded in what the route keeps for it. */
struct rpc_later {
    struct list node;
    struct h2_conn *h2;
    int32_t stream;
    /* The connection is over: cancels what was asked and frees what `later` stands in. No answer any more. */
    void (*forget)(struct rpc_later *later);
};

/* Takes the call out of the route's hands: `forget` is set, the rest is filled here. Either rpc_later_answer
 * or `forget` follows, once. */
void rpc_later_begin(struct rpc_later *later, const struct rpc_call *call);
/* Answers it, and takes it out of its connection's list: `later` is the route's to free. */
void rpc_later_answer(struct rpc_later *later, const struct rpc_answer *answer);
/* The connection is over: each of its calls is forgotten. */
void rpc_caller_forget(struct rpc_caller *caller);
/* Sends `answer` to the request `stream`; the body stays the caller's. */
void rpc_answer_send(struct h2_conn *h2, int32_t stream, const struct rpc_answer *answer);

#endif
