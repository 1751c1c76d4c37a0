/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the tokens in force. The loop's thread only. Never says which token was shown, neither to the
 * caller nor in the log. */
#include "logic/api/api_guard.h"

#include "logic/conf/api_tokens.h"
#include "logic/metrics/logic_metrics.h"
#include "shared/log/log.h"
#include "shared/log/metric_names.h"

#define CHALLENGE "Bearer realm=\"fanfare\""

/* Everything else is guarded, so that a new route is. */
static const char *const open_paths[] = {"/healthz", "/readyz", "/metrics", "/stats"};

/* A name keeps its place in the metrics over every reload. */
static void place_callers(const struct api_tokens *tokens)
{
    for (size_t i = 0; i < api_tokens_caller_count(tokens); i++) {
        struct api_caller *caller = api_tokens_caller(tokens, i);
        caller->place = metric_name_place(caller->name);
    }
}

enum status api_guard_load(struct api_guard *guard, const char *path, struct fault *fault)
{
    struct api_tokens *tokens = NULL;
    bool open_to_all = false;
    enum status status = path[0] ? api_tokens_load(path, &tokens, &open_to_all, fault) : STATUS_OK;

    if (status != STATUS_OK)
        return status;
    if (open_to_all)
        log_event(LOG_WARN, "everybody on this machine may read the API's tokens", LOG_S("file", path),
                  LOG_S("remedy", "chmod o-r"));
    if (tokens != NULL) {
        place_callers(tokens);
        api_tokens_follow(tokens, guard->tokens);
        log_event(LOG_INFO, "the API asks for a token", LOG_I("tokens", api_tokens_count(tokens)),
                  LOG_I("callers", api_tokens_caller_count(tokens)));
    }
    if (tokens == NULL && guard->tokens != NULL)
        log_event(LOG_WARN, "the API asks for no token any more", LOG_S("remedy", "set api.tokensFile"));
    api_tokens_free(guard->tokens);
    guard->tokens = tokens;
    return STATUS_OK;
}

void api_guard_fini(struct api_guard *guard)
{
    api_tokens_free(guard->tokens);
    guard->tokens = NULL;
}

static bool is_open(const struct api_guard *guard, const struct http_request *request)
{
    struct slice path = http_request_path(request);

    if (guard->page_is_open && slice_equal(path, slice_str("/")))
        return true;
    for (size_t i = 0; i < sizeof open_paths / sizeof *open_paths; i++)
        if (slice_equal(path, slice_str(open_paths[i])))
            return true;
    return slice_equal(http_request_method(request), slice_str("OPTIONS"));
}

/* Why the request may not pass, or NULL and whose token it shows. */
static const char *find_fault(const struct api_guard *guard, const struct http_request *request,
                              struct api_caller **caller)
{
    struct slice header = http_request_header(request, "Authorization");

    if (header.data == NULL)
        return "a token is needed: Authorization: Bearer TOKEN";
    if (http_request_only_header(request, "Authorization").data == NULL)
        return "there is more than one Authorization header";
    struct slice token = api_tokens_bearer(header);
    if (token.data == NULL)
        return "the Authorization header is not of the form Bearer TOKEN";
    *caller = api_tokens_find(guard->tokens, token);
    return *caller != NULL ? NULL : "the token is not a valid one";
}

static void release(void *kept)
{
    api_caller_unref(kept);
}

struct api_caller *api_guard_caller(const struct http_exchange *exchange)
{
    return http_exchange_kept(exchange);
}

bool api_guard_refuses(const struct api_guard *guard, struct http_exchange *exchange)
{
    const struct http_request *request = http_exchange_request(exchange);
    struct api_caller *caller = NULL;
    const char *fault =
        guard->tokens != NULL && !is_open(guard, request) ? find_fault(guard, request, &caller) : NULL;

    if (caller != NULL)
        http_exchange_keep(exchange, api_caller_ref(caller), release);
    if (fault == NULL)
        return false;
    bool given = http_request_header(request, "Authorization").data != NULL;
    log_event(LOG_DEBUG, "call refused", LOG_S("reason", fault));
    metrics_add(LM_HTTP_UNAUTHORIZED, 1);
    logic_metrics_count_answer(401);
    http_exchange_header(exchange, "WWW-Authenticate",
                         given ? CHALLENGE ", error=\"invalid_token\"" : CHALLENGE);
    http_reply_error(exchange, 401, "unauthorized", "%s", fault);
    return true;
}
