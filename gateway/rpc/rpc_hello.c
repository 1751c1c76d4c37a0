/* SPDX-License-Identifier: Apache-2.0 */
/* Answers the hello; keeps nothing of it. The control thread only. */
#include "gateway/rpc/rpc_hello.h"

#include <string.h>

#include "shared/http/http_text.h"
#include "shared/log/log.h"

bool rpc_hello_is(const struct h2_request *request)
{
    return strcmp(request->path, "/rpc/hello") == 0 && strcmp(request->method, "POST") == 0;
}

static void log_logic(const struct hello *peer, const char *from)
{
    log_event(LOG_INFO, "logic link up", LOG_S("peer", from), LOG_S("logic", peer->instance),
              LOG_S("version", peer->version));
}

void rpc_hello_answer(const struct hello *own, const struct h2_request *request, bool first, const char *from,
                      struct rpc_answer *answer)
{
    struct hello peer;
    struct fault fault;

    *answer = (struct rpc_answer){.status = 200, .content_type = RPC_JSON_TYPE};
    buf_init(&answer->body, HELLO_MAX_BYTES);
    if (!http_text_is_media_type(slice_str(request->content_type), RPC_JSON_TYPE)) {
        rpc_routes_error(answer, 415, "unsupported_media_type", RPC_JSON_TYPE);
    } else if (hello_parse(request->body, &peer, &fault) != STATUS_OK) {
        rpc_routes_error(answer, 400, "invalid_request", fault.text);
    } else if (hello_print(own, &answer->body) != STATUS_OK) {
        rpc_routes_error(answer, 500, "internal", status_text(STATUS_NO_MEMORY));
    } else if (first) {
        log_logic(&peer, from);
    }
}
