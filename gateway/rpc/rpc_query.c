/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the call of a query that is under way. The control thread only. */
#include "gateway/rpc/rpc_query.h"

#include <stdlib.h>

struct rpc_query {
    struct query_asker asker;
    struct rpc_later later;
};

static void on_done(struct query_asker *asker, struct query_answer *from)
{
    struct rpc_query *query = container_of(asker, struct rpc_query, asker);
    struct rpc_answer answer;

    rpc_answer_init(&answer);
    if (from->code != NULL) {
        rpc_answer_error(&answer, from->status, from->code, from->message);
    } else {
        answer.content_type = RPC_JSON_TYPE;
        answer.body = from->body;
        buf_init(&from->body, 0);
    }
    rpc_later_answer(&query->later, &answer);
    buf_fini(&answer.body);
    free(query);
}

static void forget(struct rpc_later *later)
{
    struct rpc_query *query = container_of(later, struct rpc_query, later);

    query_desk_cancel(&query->asker);
    free(query);
}

void rpc_query_begin(struct query_desk *desk, const struct rpc_call *call)
{
    struct rpc_query *begun = calloc(1, sizeof *begun);

    if (begun == NULL) {
        rpc_answer_error(call->answer, 500, "internal", "out of memory");
        return;
    }
    begun->asker.done = on_done;
    begun->later.forget = forget;
    rpc_later_begin(&begun->later, call);
    query_desk_ask(desk, call->request->body, &begun->asker);
}
