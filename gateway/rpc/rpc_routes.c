/* SPDX-License-Identifier: Apache-2.0 */
/* One table of every call; each route only translates between the call and the part that does it. */
#include "gateway/rpc/rpc_routes.h"

#include <string.h>

#include "gateway/rpc/rpc_canary.h"
#include "gateway/rpc/rpc_hello.h"
#include "gateway/rpc/rpc_query.h"
#include "shared/http/http_text.h"

#define FORM_TYPE "application/x-www-form-urlencoded"

struct route {
    const char *method;
    const char *path;
    const char *content_type; /* what the body must be, or NULL */
    void (*handle)(const struct rpc_routes *routes, const struct rpc_call *call);
};

static void answer_failure(struct rpc_answer *answer, enum status status, const char *code,
                           const struct fault *fault)
{
    bool invalid = status == STATUS_INVALID;

    rpc_answer_error(answer, invalid ? 400 : 500, invalid ? code : "internal",
                     invalid ? fault->text : status_text(status));
}

static void answer_unknown(struct rpc_answer *answer)
{
    rpc_answer_error(answer, 404, "not_found",
                     "known are /rpc/hello, /rpc/batch, /rpc/bans, /rpc/canary, /rpc/query, /push/all, "
                     "/push/room and /stats");
}

static void say_hello(const struct rpc_routes *routes, const struct rpc_call *call)
{
    rpc_hello_answer(routes->hello, routes->bans, call);
}

static void exchange_bans(const struct rpc_routes *routes, const struct rpc_call *call)
{
    if (routes->bans->table != NULL)
        rpc_bans_exchange(routes->bans, call);
    else
        answer_unknown(call->answer);
}

static void push_batch(const struct rpc_routes *routes, const struct rpc_call *call)
{
    struct rpc_answer *answer = call->answer;
    struct fault fault;
    enum status status = push_handler_batch(routes->handler, PUSH_BY_RPC, call->request->body, call->now_ms,
                                            &answer->body, &fault);

    if (status == STATUS_NOT_FOUND) {
        rpc_answer_error(answer, 503, "gap", fault.text);
        answer->applied = true; /* what came before the gap */
        return;
    }
    if (status != STATUS_OK) {
        answer_failure(answer, status, "invalid_batch", &fault);
        return;
    }
    answer->content_type = RPC_JSON_TYPE;
    answer->applied = true;
}

static void send_canary(const struct rpc_routes *routes, const struct rpc_call *call)
{
    if (routes->canary != NULL)
        rpc_canary_begin(routes->canary, call);
    else
        answer_unknown(call->answer);
}

static void answer_query(const struct rpc_routes *routes, const struct rpc_call *call)
{
    if (routes->queries != NULL)
        rpc_query_begin(routes->queries, call);
    else
        answer_unknown(call->answer);
}

static void push_form(const struct rpc_routes *routes, enum audience target, const struct rpc_call *call)
{
    struct fault fault;
    const char *code = "";
    enum status status = push_handler_form(routes->handler, target, call->request->body, &fault, &code);

    if (status != STATUS_OK)
        answer_failure(call->answer, status, code, &fault);
    else
        call->answer->applied = true;
}

static void push_all(const struct rpc_routes *routes, const struct rpc_call *call)
{
    push_form(routes, AUDIENCE_EVERYONE, call);
}

static void push_room(const struct rpc_routes *routes, const struct rpc_call *call)
{
    push_form(routes, AUDIENCE_ROOM, call);
}

static void print_stats(const struct rpc_routes *routes, const struct rpc_call *call)
{
    enum status status = routes->stats(&call->answer->body, routes->arg);

    if (status != STATUS_OK)
        rpc_answer_error(call->answer, 500, "internal", status_text(status));
    else
        call->answer->content_type = RPC_JSON_TYPE;
}

static const struct route table[] = {
    {"POST", "/rpc/hello", RPC_JSON_TYPE, say_hello},
    {"POST", "/rpc/batch", PUSH_BATCH_CONTENT_TYPE, push_batch},
    {"POST", "/rpc/bans", RPC_JSON_TYPE, exchange_bans},
    {"POST", "/rpc/canary", NULL, send_canary},
    {"POST", "/rpc/query", RPC_JSON_TYPE, answer_query},
    {"POST", "/push/all", FORM_TYPE, push_all},
    {"POST", "/push/room", FORM_TYPE, push_room},
    {"GET", "/stats", NULL, print_stats},
};

static const struct route *find(const char *path)
{
    size_t len = strcspn(path, "?");

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strlen(table[i].path) == len && memcmp(table[i].path, path, len) == 0)
            return &table[i];
    return NULL;
}

void rpc_routes_answer(const struct rpc_routes *routes, const struct rpc_call *call)
{
    const struct h2_request *request = call->request;
    const struct route *route = find(request->path);
    struct rpc_answer *answer = call->answer;

    rpc_answer_init(answer);
    if (route == NULL) {
        answer_unknown(answer);
    } else if (strcmp(request->method, route->method) != 0) {
        answer->allow = route->method;
        rpc_answer_error(answer, 405, "method_not_allowed", route->method);
    } else if (route->content_type != NULL &&
               !http_text_is_media_type(slice_str(request->content_type), route->content_type)) {
        rpc_answer_error(answer, 415, "unsupported_media_type", route->content_type);
    } else {
        route->handle(routes, call);
    }
}
