/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the stream of a canary that is under way. The control thread only. */
#include "gateway/rpc/rpc_canary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json/error_json.h"

struct rpc_canary {
    struct canary_probe probe;
    struct list node;
    struct h2_conn *h2;
    int32_t stream;
};

bool rpc_canary_is(const struct h2_request *request)
{
    return strcmp(request->path, "/rpc/canary") == 0 && strcmp(request->method, "POST") == 0;
}

static void reply_error(struct h2_conn *h2, int32_t stream, int status, const char *code, const char *message)
{
    struct buf json;

    buf_init(&json, SIZE_MAX);
    if (error_json_append(&json, code, message) != STATUS_OK)
        buf_clear(&json);
    h2_reply(h2, stream, status, "application/json", json.data, json.len);
    buf_fini(&json);
}

static void on_done(struct canary_probe *probe, int64_t us)
{
    struct rpc_canary *canary = container_of(probe, struct rpc_canary, probe);
    char json[48];

    snprintf(json, sizeof json, "{\"us\":%lld}", (long long)us);
    if (us >= 0)
        h2_reply(canary->h2, canary->stream, 200, "application/json", json, strlen(json));
    else
        reply_error(canary->h2, canary->stream, 504, "canary_lost",
                    "the push did not reach the gateway's own client");
    list_remove(&canary->node);
    free(canary);
}

void rpc_canary_begin(struct canary *canary, struct h2_conn *h2, int32_t stream, struct list *under_way)
{
    struct rpc_canary *begun;

    if (canary_is_stopped(canary)) {
        reply_error(h2, stream, 503, "draining", "the gateway is shutting down");
        return;
    }
    begun = calloc(1, sizeof *begun);
    if (begun == NULL) {
        reply_error(h2, stream, 500, "internal", "out of memory");
        return;
    }
    begun->probe.done = on_done;
    begun->h2 = h2;
    begun->stream = stream;
    list_add_tail(under_way, &begun->node);
    canary_send(canary, &begun->probe);
}

void rpc_canary_forget(struct list *under_way)
{
    struct list *node;

    while ((node = list_first(under_way)) != NULL) {
        struct rpc_canary *canary = container_of(node, struct rpc_canary, node);

        canary_cancel(&canary->probe);
        list_remove(node);
        free(canary);
    }
}
