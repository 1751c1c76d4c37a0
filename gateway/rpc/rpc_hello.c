/* SPDX-License-Identifier: Apache-2.0 */
/* Answers the hello; keeps nothing of it but that it was said. The control thread only. */
#include "gateway/rpc/rpc_hello.h"

#include "shared/log/log.h"

static void log_logic(const struct hello *peer, const char *from)
{
    log_event(LOG_INFO, "logic link up", LOG_S("peer", from), LOG_S("logic", peer->instance),
              LOG_S("version", peer->version));
}

static enum status print(const struct hello *own, const struct rpc_bans *bans, const struct hello *peer,
                         const struct rpc_call *call)
{
    struct hello told = *own;

    rpc_bans_hello(bans, peer, &told);
    told.limits[HELLO_RPC_BYTES] = (int64_t)call->caller->max_body;
    return hello_print(&told, &call->answer->body);
}

void rpc_hello_answer(const struct hello *own, const struct rpc_bans *bans, const struct rpc_call *call)
{
    struct hello peer;
    struct fault fault;

    call->answer->content_type = RPC_JSON_TYPE;
    if (hello_parse(call->request->body, &peer, &fault) != STATUS_OK) {
        rpc_answer_error(call->answer, 400, "invalid_request", fault.text);
        return;
    }
    if (print(own, bans, &peer, call) != STATUS_OK) {
        rpc_answer_error(call->answer, 500, "internal", status_text(STATUS_NO_MEMORY));
        return;
    }
    if (!call->caller->said_hello)
        log_logic(&peer, call->caller->peer);
    call->caller->said_hello = true;
}
