/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the call of a canary that is under way. The control thread only. */
#include "gateway/rpc/rpc_canary.h"

#include <stdlib.h>

struct rpc_canary {
    struct canary_probe probe;
    struct rpc_later later;
};

static void on_done(struct canary_probe *probe, int64_t us)
{
    struct rpc_canary *canary = container_of(probe, struct rpc_canary, probe);
    struct rpc_answer answer;

    rpc_answer_init(&answer);
    answer.content_type = RPC_JSON_TYPE;
    if (us < 0)
        rpc_answer_error(&answer, 504, "canary_lost", "the push did not reach the gateway's own client");
    else if (buf_printf(&answer.body, "{\"us\":%lld}", (long long)us) != STATUS_OK)
        rpc_answer_error(&answer, 500, "internal", "out of memory");
    rpc_later_answer(&canary->later, &answer);
    buf_fini(&answer.body);
    free(canary);
}

static void forget(struct rpc_later *later)
{
    struct rpc_canary *canary = container_of(later, struct rpc_canary, later);

    canary_cancel(&canary->probe);
    free(canary);
}

void rpc_canary_begin(struct canary *canary, const struct rpc_call *call)
{
    struct rpc_canary *begun;

    if (canary_is_stopped(canary)) {
        rpc_answer_error(call->answer, 503, "draining", "the gateway is shutting down");
        return;
    }
    begun = calloc(1, sizeof *begun);
    if (begun == NULL) {
        rpc_answer_error(call->answer, 500, "internal", "out of memory");
        return;
    }
    begun->probe.done = on_done;
    begun->later.forget = forget;
    rpc_later_begin(&begun->later, call);
    canary_send(canary, &begun->probe);
}
