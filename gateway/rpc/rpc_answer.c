/* SPDX-License-Identifier: Apache-2.0 */
/* Want of memory leaves an error's body empty: its status says enough. */
#include "gateway/rpc/rpc_answer.h"

#include "shared/json/error_json.h"

void rpc_answer_init(struct rpc_answer *answer)
{
    *answer = (struct rpc_answer){.status = 200};
    buf_init(&answer->body, SIZE_MAX);
}

void rpc_answer_error(struct rpc_answer *answer, int status, const char *code, const char *message)
{
    buf_clear(&answer->body);
    answer->status = status;
    answer->content_type = RPC_JSON_TYPE;
    if (error_json_append(&answer->body, code, message) != STATUS_OK)
        buf_clear(&answer->body);
}
