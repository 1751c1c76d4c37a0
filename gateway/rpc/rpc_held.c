/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that wait until the buckets keep up: what an answer acknowledges is applied already, so a late one
 * slows its logic and loses nothing. There are as many as connections have streams (RPC_MAX_STREAMS); past
 * that a logic cannot ask. Counter: M_RPC_HELD. The control thread only. */
#include <stdlib.h>

#include "gateway/rpc/rpc_internal.h"

struct held_answer {
    struct list node;
    struct rpc_conn *conn;
    int32_t stream;
    struct rpc_answer answer;
};

bool rpc_held_add(struct rpc_conn *conn, int32_t stream, const struct rpc_answer *answer)
{
    struct held_answer *held = calloc(1, sizeof *held);

    if (held == NULL)
        return false;
    held->conn = conn;
    held->stream = stream;
    held->answer = *answer;
    list_add_tail(&conn->server->held, &held->node);
    return true;
}

static void drop_held(struct held_answer *held)
{
    list_remove(&held->node);
    buf_fini(&held->answer.body);
    free(held);
}

void rpc_held_forget(struct rpc_server *server, const struct rpc_conn *conn)
{
    for (struct list *at = server->held.next, *next; at != &server->held; at = next) {
        struct held_answer *held = container_of(at, struct held_answer, node);

        next = at->next;
        if (held->conn == conn)
            drop_held(held);
    }
}

void rpc_held_release(struct rpc_server *server)
{
    while (!list_empty(&server->held)) {
        struct held_answer *held = container_of(list_first(&server->held), struct held_answer, node);

        rpc_answer_send(held->conn->h2, held->stream, &held->answer);
        drop_held(held);
    }
}
