/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to a call of the RPC, as its route fills it. Owns its body; the control thread. */
#ifndef FANFARE_GATEWAY_RPC_RPC_ANSWER_H
#define FANFARE_GATEWAY_RPC_RPC_ANSWER_H

#include <stdbool.h>

#include "shared/base/buf.h"

#define RPC_JSON_TYPE "application/json"

struct rpc_answer {
    int status;
    const char *content_type; /* NULL without a body; static */
    const char *allow;        /* of a 405, else NULL; static */
    bool applied;             /* pushes went to the sink */
    bool later;               /* nothing here is the answer: a struct rpc_later gives it (rpc_call.h) */
    struct buf body;          /* the caller's: buf_fini */
};

/* 200 with an empty body. */
void rpc_answer_init(struct rpc_answer *answer);
/* Makes `answer`, whose body is begun, an error with the JSON of docs/protocol.md; `code` is static. */
void rpc_answer_error(struct rpc_answer *answer, int status, const char *code, const char *message);

#endif
