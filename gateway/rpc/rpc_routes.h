/* SPDX-License-Identifier: Apache-2.0 */
/* The RPC's routes: a request in, an answer out (docs/protocol.md, section 3). Pure but for what
 * the handler's sink does; the control thread. */
#ifndef FANFARE_GATEWAY_RPC_RPC_ROUTES_H
#define FANFARE_GATEWAY_RPC_RPC_ROUTES_H

#include <stdbool.h>

#include "gateway/intake/push_handler.h"
#include "shared/h2/h2_conn.h"

#define RPC_JSON_TYPE "application/json"

struct rpc_routes {
    struct push_handler *handler;
    enum status (*stats)(struct buf *out, void *arg); /* appends the JSON of GET /stats */
    void *arg;
};

struct rpc_answer {
    int status;
    const char *content_type; /* NULL without a body; static */
    const char *allow;        /* of a 405, else NULL; static */
    bool applied;             /* pushes went to the sink */
    struct buf body;          /* the caller's: buf_fini */
};

/* Fills `answer`; never fails (want of memory is a 500). */
void rpc_routes_answer(const struct rpc_routes *routes, const struct h2_request *request, int64_t now_ms,
                       struct rpc_answer *answer);
/* Makes `answer`, whose body is begun, an error with the JSON of docs/protocol.md; `code` is static. */
void rpc_routes_error(struct rpc_answer *answer, int status, const char *code, const char *message);

#endif
