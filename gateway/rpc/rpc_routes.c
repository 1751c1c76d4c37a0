/* SPDX-License-Identifier: Apache-2.0 */
/* One table; each route only translates between the request and push_handler. */
#include "gateway/rpc/rpc_routes.h"

#include <string.h>

#include "shared/http/http_text.h"
#include "shared/json/error_json.h"

#define FORM_TYPE "application/x-www-form-urlencoded"

struct route {
    const char *method;
    const char *path;
    const char *content_type; /* what the body must be, or NULL */
    void (*handle)(const struct rpc_routes *routes, struct slice body, int64_t now_ms,
                   struct rpc_answer *answer);
};

void rpc_routes_error(struct rpc_answer *answer, int status, const char *code, const char *message)
{
    buf_clear(&answer->body);
    answer->status = status;
    answer->content_type = RPC_JSON_TYPE;
    if (error_json_append(&answer->body, code, message))
        buf_clear(&answer->body);
}

static void answer_failure(struct rpc_answer *answer, enum status status, const char *code,
                           const struct fault *fault)
{
    bool invalid = status == STATUS_INVALID;

    rpc_routes_error(answer, invalid ? 400 : 500, invalid ? code : "internal",
                     invalid ? fault->text : status_text(status));
}

static void push_batch(const struct rpc_routes *routes, struct slice body, int64_t now_ms,
                       struct rpc_answer *answer)
{
    struct fault fault;
    enum status status =
        push_handler_batch(routes->handler, PUSH_BY_RPC, body, now_ms, &answer->body, &fault);

    if (status == STATUS_NOT_FOUND) {
        rpc_routes_error(answer, 503, "gap", fault.text);
        answer->applied = true; /* what came before the gap */
        return;
    }
    if (status) {
        answer_failure(answer, status, "invalid_batch", &fault);
        return;
    }
    answer->content_type = RPC_JSON_TYPE;
    answer->applied = true;
}

static void push_form(const struct rpc_routes *routes, enum audience target, struct slice body,
                      struct rpc_answer *answer)
{
    struct fault fault;
    const char *code = "";
    enum status status = push_handler_form(routes->handler, target, body, &fault, &code);

    if (status)
        answer_failure(answer, status, code, &fault);
    else
        answer->applied = true;
}

static void push_all(const struct rpc_routes *routes, struct slice body, int64_t now_ms,
                     struct rpc_answer *answer)
{
    (void)now_ms;
    push_form(routes, AUDIENCE_EVERYONE, body, answer);
}

static void push_room(const struct rpc_routes *routes, struct slice body, int64_t now_ms,
                      struct rpc_answer *answer)
{
    (void)now_ms;
    push_form(routes, AUDIENCE_ROOM, body, answer);
}

static void print_stats(const struct rpc_routes *routes, struct slice body, int64_t now_ms,
                        struct rpc_answer *answer)
{
    enum status status = routes->stats(&answer->body, routes->arg);

    (void)body;
    (void)now_ms;
    if (status)
        rpc_routes_error(answer, 500, "internal", status_text(status));
    else
        answer->content_type = RPC_JSON_TYPE;
}

static const struct route table[] = {
    {"POST", "/rpc/batch", PUSH_BATCH_CONTENT_TYPE, push_batch},
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

void rpc_routes_answer(const struct rpc_routes *routes, const struct h2_request *request, int64_t now_ms,
                       struct rpc_answer *answer)
{
    const struct route *route = find(request->path);

    *answer = (struct rpc_answer){.status = 200};
    buf_init(&answer->body, SIZE_MAX);
    if (!route) {
        rpc_routes_error(answer, 404, "not_found",
                         "known are /rpc/hello, /rpc/batch, /rpc/canary, /push/all, /push/room and /stats");
    } else if (strcmp(request->method, route->method) != 0) {
        answer->allow = route->method;
        rpc_routes_error(answer, 405, "method_not_allowed", route->method);
    } else if (route->content_type &&
               !http_text_is_media_type(slice_str(request->content_type), route->content_type)) {
        rpc_routes_error(answer, 415, "unsupported_media_type", route->content_type);
    } else {
        route->handle(routes, request->body, now_ms, answer);
    }
}
