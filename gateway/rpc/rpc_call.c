/* SPDX-License-Identifier: Apache-2.0 */
/* A connection lists the calls that are not answered yet, so that each ends with it. */
#include "gateway/rpc/rpc_call.h"

void rpc_answer_send(struct h2_conn *h2, int32_t stream, const struct rpc_answer *answer)
{
    if (answer->allow != NULL)
        h2_reply_header(h2, stream, "allow", answer->allow);
    h2_reply(h2, stream, answer->status, answer->content_type, answer->body.data, answer->body.len);
}

void rpc_later_begin(struct rpc_later *later, const struct rpc_call *call)
{
    later->h2 = call->caller->h2;
    later->stream = call->request->stream;
    list_add_tail(&call->caller->later, &later->node);
    call->answer->later = true;
}

void rpc_later_answer(struct rpc_later *later, const struct rpc_answer *answer)
{
    list_remove(&later->node);
    rpc_answer_send(later->h2, later->stream, answer);
}

void rpc_caller_forget(struct rpc_caller *caller)
{
    struct list *node;

    while ((node = list_first(&caller->later)) != NULL) {
        struct rpc_later *later = container_of(node, struct rpc_later, node);

        list_remove(node);
        later->forget(later);
    }
}
