/* SPDX-License-Identifier: Apache-2.0 */
/* Routes of the API, one short function each. The loop's thread only; knows no gateway. */
#include "logic/api/http_api.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logic/api/api_guard.h"
#include "logic/api/cluster_page.h"
#include "logic/api/cluster_query.h"
#include "logic/api/cors.h"
#include "logic/api/descriptor_share.h"
#include "logic/api/gateways_answer.h"
#include "logic/api/push_job.h"
#include "logic/api/push_permit.h"
#include "logic/api/push_request.h"
#include "logic/api/query_routes.h"
#include "logic/metrics/logic_metrics.h"
#include "logic/push/push_trace.h"
#include "logic/store/repeat_key.h"
#include "shared/base/clock.h"
#include "shared/base/form.h"
#include "shared/base/wall_clock.h"
#include "shared/daemon/ops_routes.h"
#include "shared/http/http_text.h"
#include "shared/json/error_json.h"
#include "shared/log/log.h"
#include "shared/net/descriptors.h"

struct http_api {
    const struct logic_conf *conf;
    struct dispatch *dispatch;
    struct repeats *repeats;
    struct http_server *server;
    struct push_request_limits limits;
    struct api_guard guard;
    struct ops_routes ops;
    struct query_routes queries;
    struct cluster_query cluster;
    struct cluster_page *page; /* NULL without page.enabled */
    size_t descriptors_open;   /* at the start */
    size_t places;             /* callers' connections: maxConnections, or what the descriptors give */
    bool draining;
    http_api_state *state; /* NULL: nothing to say */
    void *state_arg;
    char id_prefix[PUSH_ID_PREFIX_LEN + 1];
};

static void reply_fault(struct http_exchange *exchange, const struct push_fault *fault,
                        const struct traceparent *trace)
{
    struct buf json;

    buf_init(&json, SIZE_MAX);
    push_job_count_refused(fault, trace, api_guard_caller(exchange));
    if (error_json_append(&json, fault->code, fault->message) != STATUS_OK)
        buf_clear(&json);
    push_job_reply(exchange, fault->status, slice_of(json.data, json.len));
    buf_fini(&json);
}

static bool find_body_kind(const struct http_request *request, enum push_door door, enum push_body *kind)
{
    struct slice header = http_request_only_header(request, "Content-Type");

    if (header.data == NULL)
        return false;
    if (http_text_is_media_type(header, "application/json"))
        *kind = PUSH_BODY_JSON;
    else if (http_text_is_media_type(header, "application/x-www-form-urlencoded") &&
             push_door_takes_forms(door))
        *kind = PUSH_BODY_FORM;
    else
        return false;
    return true;
}

static bool query_asks_to_wait(const struct http_request *request)
{
    struct slice query = http_request_query(request);
    struct buf value;
    size_t bad;

    if (query.len == 0)
        return false;
    buf_init(&value, 16);
    bool wait =
        form_field(query, "wait", &value, &bad) == STATUS_OK && value.len == 1 && value.data[0] == '1';
    buf_fini(&value);
    return wait;
}

/* A header that is malformed, or stands twice, counts as absent (W3C Trace Context, 4.3). */
static struct traceparent header_trace(const struct http_request *request)
{
    struct traceparent trace;

    traceparent_parse(http_request_only_header(request, "traceparent"), &trace);
    return trace;
}

static const char *key_fault(const struct http_request *request, enum push_door door, struct slice *key)
{
    *key = http_request_only_header(request, "Idempotency-Key");
    if (door == PUSH_DOOR_BATCH)
        return "it is not for a batch, whose pushes each have their own idempotencyKey";
    return key->data == NULL ? "it stands twice" : repeat_key_fault(*key);
}

/* The key of a request's one push; none: no bytes. STATUS_INVALID: the fault says what is wrong with it. */
static enum status read_key(const struct http_request *request, enum push_door door, struct slice *key,
                            struct push_fault *fault)
{
    const char *reason = NULL;

    *key = http_request_header(request, "Idempotency-Key");
    if (key->data != NULL)
        reason = key_fault(request, door, key);
    if (reason == NULL)
        return STATUS_OK;
    *fault = (struct push_fault){.status = 400, .code = "invalid_request"};
    snprintf(fault->message, sizeof fault->message,
             "the header Idempotency-Key: %s; allowed are 1 to %d bytes of UTF-8 without control characters",
             reason, REPEAT_KEY_MAX);
    return STATUS_INVALID;
}

/* Answers 415 before the body is read. With a coding it says that only identity is taken (RFC 9110, 12.5.3).
 */
static bool refuses_kind(struct http_exchange *exchange, enum push_door door)
{
    const struct http_request *request = http_exchange_request(exchange);
    enum push_body kind;
    bool encoded = http_request_is_encoded(request);

    if (!encoded && find_body_kind(request, door, &kind))
        return false;
    struct push_fault fault = {.status = 415, .code = "unsupported_media_type"};
    snprintf(fault.message, sizeof fault.message, "the body must %s%s",
             encoded ? "not be encoded: Content-Encoding may only be identity" : "be application/json",
             encoded || !push_door_takes_forms(door) ? "" : " or application/x-www-form-urlencoded");
    if (encoded)
        http_exchange_header(exchange, "Accept-Encoding", "identity");
    const struct traceparent trace = header_trace(request);
    reply_fault(exchange, &fault, &trace);
    return true;
}

static bool refuses_push(struct http_exchange *exchange, void *arg)
{
    (void)arg;
    return refuses_kind(exchange, PUSH_DOOR_ROOM);
}

static bool refuses_forms(struct http_exchange *exchange, void *arg)
{
    (void)arg;
    return refuses_kind(exchange, PUSH_DOOR_BATCH);
}

static void handle_push(struct http_api *api, struct http_exchange *exchange, enum push_door door)
{
    const struct http_request *request = http_exchange_request(exchange);
    const struct traceparent trace = header_trace(request);
    struct push_request *pushes;
    struct push_fault fault = {0};
    enum push_body kind = PUSH_BODY_JSON;
    struct slice key;

    (void)find_body_kind(request, door, &kind);
    api->limits.bans = api->dispatch->bans;
    api->limits.now_ms = wall_clock_ms();
    enum status status = read_key(request, door, &key, &fault);
    if (status == STATUS_OK)
        status = push_request_parse(door, kind, http_request_body(request), &api->limits, &pushes, &fault);
    if (status == STATUS_NO_MEMORY)
        fault = (struct push_fault){
            .status = 500, .code = "internal", .message = "out of memory; nothing was queued"};
    if (status != STATUS_OK) {
        reply_fault(exchange, &fault, &trace);
        return;
    }
    bool list = door == PUSH_DOOR_BATCH;
    const struct push_manner manner = {list, !list && query_asks_to_wait(request), trace, key, api->repeats};
    if (push_job_run(exchange, api->dispatch, pushes, &manner, api->id_prefix))
        push_request_free(pushes);
}

static void handle_push_all(struct http_exchange *exchange, void *arg)
{
    handle_push(arg, exchange, PUSH_DOOR_ALL);
}

static void handle_push_room(struct http_exchange *exchange, void *arg)
{
    handle_push(arg, exchange, PUSH_DOOR_ROOM);
}

static void handle_push_user(struct http_exchange *exchange, void *arg)
{
    handle_push(arg, exchange, PUSH_DOOR_USER);
}

static void handle_push_batch(struct http_exchange *exchange, void *arg)
{
    handle_push(arg, exchange, PUSH_DOOR_BATCH);
}

static void handle_kick(struct http_exchange *exchange, void *arg)
{
    handle_push(arg, exchange, PUSH_DOOR_KICK);
}

static void handle_join(struct http_exchange *exchange, void *arg)
{
    handle_push(arg, exchange, PUSH_DOOR_JOIN);
}

static void handle_leave(struct http_exchange *exchange, void *arg)
{
    handle_push(arg, exchange, PUSH_DOOR_LEAVE);
}

static void handle_unban(struct http_exchange *exchange, void *arg)
{
    handle_push(arg, exchange, PUSH_DOOR_UNBAN);
}

static uint64_t sum_rows(const unsigned *rows, size_t count)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += metrics_get(rows[i]);
    return sum;
}

static void on_answer(struct http_exchange *exchange, int status, void *arg)
{
    (void)arg;
    push_job_on_answer(exchange, status);
}

static const char *why_not_ready(void *arg)
{
    const struct http_api *api = arg;

    return api->draining ? "the daemon is shutting down" : dispatch_why_not_ready(api->dispatch);
}

static enum status print_state(struct buf *out, void *arg)
{
    const struct http_api *api = arg;

    return api->state != NULL ? api->state(out, api->state_arg) : STATUS_OK;
}

static enum status print_metrics(struct buf *out, void *arg)
{
    const struct http_api *api = arg;

    if (api->dispatch->bans != NULL)
        metrics_set(LM_BANS, ban_list_in_force(api->dispatch->bans, wall_clock_s()));
    return metrics_print(out);
}

static enum status print_stats(struct buf *out, void *arg)
{
    static const unsigned refused[] = {LM_PUSHES_REFUSED_FULL, LM_PUSHES_REFUSED_NO_GATEWAY,
                                       LM_PUSHES_REFUSED_MEMORY};
    static const unsigned dropped[] = {LM_LINK_PUSHES_EXPIRED, LM_LINK_PUSHES_DOWN, LM_LINK_PUSHES_REFUSED,
                                       LM_LINK_PUSHES_GONE, LM_LINK_PUSHES_SHUTDOWN};

    (void)arg;
    return buf_printf(out,
                      "{\"DispatchTotal\":%" PRIu64 ",\"DispatchFail\":%" PRIu64 ",\"PushFail\":%" PRIu64 "}",
                      metrics_get(LM_PUSHES_ACCEPTED), sum_rows(refused, sizeof refused / sizeof refused[0]),
                      sum_rows(dropped, sizeof dropped / sizeof dropped[0]));
}

static enum status print_gateways(struct buf *out, void *arg)
{
    const struct http_api *api = arg;

    return gateways_answer_append(out, api->dispatch->gateways, clock_now_ms());
}

static void handle_healthz(struct http_exchange *exchange, void *arg)
{
    ops_healthz(&((const struct http_api *)arg)->ops, exchange);
}

static void handle_readyz(struct http_exchange *exchange, void *arg)
{
    ops_readyz(&((const struct http_api *)arg)->ops, exchange);
}

static void handle_metrics(struct http_exchange *exchange, void *arg)
{
    ops_metrics(&((const struct http_api *)arg)->ops, exchange);
}

static void handle_stats(struct http_exchange *exchange, void *arg)
{
    ops_stats(&((const struct http_api *)arg)->ops, exchange);
}

static void handle_gateways(struct http_exchange *exchange, void *arg)
{
    ops_json(&((const struct http_api *)arg)->ops, exchange, print_gateways);
}

/* It has no parameters. */
static bool refuses_parameters(struct http_exchange *exchange, void *arg)
{
    (void)arg;
    return query_refuses_parameters(exchange);
}

static void handle_cluster(struct http_exchange *exchange, void *arg)
{
    cluster_query_run(&((struct http_api *)arg)->cluster, exchange);
}

static void handle_room(struct http_exchange *exchange, void *arg)
{
    query_room(&((struct http_api *)arg)->queries, exchange);
}

static void handle_rooms(struct http_exchange *exchange, void *arg)
{
    query_rooms(&((struct http_api *)arg)->queries, exchange);
}

static void handle_user(struct http_exchange *exchange, void *arg)
{
    query_user(&((struct http_api *)arg)->queries, exchange);
}

static void handle_client(struct http_exchange *exchange, void *arg)
{
    query_client(&((struct http_api *)arg)->queries, exchange);
}

static void handle_page(struct http_exchange *exchange, void *arg)
{
    push_job_on_answer(exchange, 200);
    cluster_page_reply(((const struct http_api *)arg)->page, exchange);
}

/* The page stands first: without page.enabled the table begins behind it. */
static const struct http_route routes[] = {
    {"GET", "/", handle_page, NULL, 0},
    {"POST", "/push/all", handle_push_all, refuses_push, API_RIGHT_BROADCAST},
    {"POST", "/push/room", handle_push_room, refuses_push, API_RIGHT_PUSH},
    {"POST", "/push/user", handle_push_user, refuses_push, API_RIGHT_PUSH},
    {"POST", "/push/batch", handle_push_batch, refuses_forms, API_RIGHT_PUSH},
    {"POST", "/kick", handle_kick, refuses_forms, API_RIGHT_KICK},
    {"POST", "/unban", handle_unban, refuses_forms, API_RIGHT_KICK},
    {"POST", "/join", handle_join, refuses_forms, API_RIGHT_MEMBER},
    {"POST", "/leave", handle_leave, refuses_forms, API_RIGHT_MEMBER},
    {"GET", "/stats", handle_stats, NULL, 0},
    {"GET", "/healthz", handle_healthz, NULL, 0},
    {"GET", "/readyz", handle_readyz, NULL, 0},
    {"GET", "/metrics", handle_metrics, NULL, 0},
    {"GET", "/gateways", handle_gateways, NULL, API_RIGHT_QUERY},
    {"GET", "/cluster", handle_cluster, refuses_parameters, API_RIGHT_QUERY},
    {"GET", "/rooms", handle_rooms, NULL, API_RIGHT_QUERY},
    {"GET", "/rooms/*", handle_room, NULL, API_RIGHT_QUERY},
    {"GET", "/users/*", handle_user, NULL, API_RIGHT_QUERY},
    {"GET", "/clients/*", handle_client, NULL, API_RIGHT_QUERY},
};

static bool filter(struct http_exchange *exchange, void *arg)
{
    const struct http_api *api = arg;

    return cors_filter(exchange, &api->conf->cors_origins) ||
           cors_refuses(exchange, &api->conf->cors_origins) || api_guard_refuses(&api->guard, exchange);
}

/* Before the body is read; what it then holds is judged push by push. */
static bool permits(struct http_exchange *exchange, unsigned right, void *arg)
{
    const struct http_request *request = http_exchange_request(exchange);
    const struct api_caller *caller = api_guard_caller(exchange);
    struct push_fault fault = {0};

    (void)arg;
    if (caller == NULL || push_permit_right(caller, right, &fault))
        return true;
    const struct traceparent trace = header_trace(request);
    log_event(LOG_DEBUG, "call refused", LOG_S("reason", fault.message));
    metrics_add(LM_HTTP_FORBIDDEN, 1);
    if (right & (API_RIGHT_PUSH | API_RIGHT_BROADCAST | API_RIGHT_KICK | API_RIGHT_MEMBER)) {
        reply_fault(exchange, &fault, &trace);
        return false;
    }
    metrics_add_named(LM_CALLER_REFUSED_FORBIDDEN, caller->place, 1);
    logic_metrics_count_answer(fault.status);
    http_reply_error(exchange, fault.status, fault.code, "%s", fault.message);
    return false;
}

static void adorn(struct http_exchange *exchange, void *arg)
{
    const struct http_api *api = arg;

    (void)cors_adorn(exchange, &api->conf->cors_origins);
}

static void on_refused(int status, void *arg)
{
    (void)arg;
    logic_metrics_count_answer(status);
}

static struct http_server_conf server_conf_of(struct http_api *api)
{
    const struct logic_conf *conf = api->conf;
    size_t first = api->page != NULL ? 0 : 1;

    return (struct http_server_conf){.max_header_bytes = (size_t)conf->max_header_bytes,
                                     .max_body_bytes = (size_t)conf->max_body_bytes,
                                     .max_inflight = (size_t)conf->max_inflight_bytes,
                                     .read_timeout_ms = (int)conf->service_read_timeout,
                                     .idle_timeout_ms = (int)conf->service_idle_timeout * 1000,
                                     .write_timeout_ms = (int)conf->service_write_timeout,
                                     .max_connections = (int)api->places,
                                     .probes = ops_probes,
                                     .rows = {.accept_failures = LM_ACCEPT_FAILURES,
                                              .evicted = LM_CONNECTIONS_EVICTED,
                                              .refused_full = LM_HTTP_REFUSED_FULL,
                                              .refused_inflight = LM_HTTP_REFUSED_INFLIGHT,
                                              .inflight = LM_HTTP_INFLIGHT,
                                              .tls_failures = LM_TLS_FAILURES},
                                     .routes = routes + first,
                                     .route_count = sizeof routes / sizeof *routes - first,
                                     .filter = filter,
                                     .permits = permits,
                                     .adorn = adorn,
                                     .on_refused = on_refused,
                                     .arg = api};
}

static enum status plan_descriptors(struct http_api *api, struct fault *fault)
{
    struct descriptor_share share;
    size_t limit = descriptors_limit();
    enum status status = descriptor_share_make(limit, api->descriptors_open, api->conf, &share, fault);

    if (status != STATUS_OK)
        return status;
    bool fewer = share.connections < (size_t)api->conf->max_connections;
    api->places = share.connections;
    log_event(fewer ? LOG_WARN : LOG_INFO, fewer ? "fewer connections than configured" : "file descriptors",
              LOG_I("limit", limit), LOG_I("own", share.own), LOG_I("links", share.links),
              LOG_I("connections", share.connections), LOG_I("maxConnections", api->conf->max_connections));
    return STATUS_OK;
}

static enum status start_server(struct http_api *api, struct event_base *base, struct fault *fault)
{
    const struct logic_conf *conf = api->conf;
    const struct http_server_conf server_conf = server_conf_of(api);

    if (http_server_new(base, &server_conf, &api->server) != STATUS_OK)
        return fault_set(fault, STATUS_NO_MEMORY, "no memory for the HTTP server");
    enum status status =
        http_server_listen(api->server, "api", conf->service_bind, (int)conf->service_port, fault);
    return listener_blame(&logic_service_keys, conf->service_bind, status, fault);
}

static void fill_limits(struct push_request_limits *limits, const struct logic_conf *conf)
{
    limits->max_items = (size_t)conf->max_items_per_push;
    limits->max_item_len = (size_t)conf->max_item_bytes;
    limits->max_rooms = (size_t)conf->max_rooms_per_push;
    limits->max_room_len = (size_t)conf->max_room_name_bytes;
    limits->max_pushes = (size_t)conf->max_pushes_per_batch;
    limits->max_depth = (int)conf->max_json_depth;
}

static enum status make_page(struct http_api *api, struct fault *fault)
{
    if (!api->conf->page_enabled)
        return STATUS_OK;
    api->guard.page_is_open = true;
    enum status status = cluster_page_new(&api->page);
    return status != STATUS_OK ? fault_set(fault, status, "no memory for the page") : STATUS_OK;
}

static enum status start_cluster(struct http_api *api, struct event_base *base, struct fault *fault)
{
    enum status status = cluster_query_init(&api->cluster, base, &api->queries.queries, api->id_prefix);

    return status != STATUS_OK ? fault_set(fault, status, "no memory for the queries") : STATUS_OK;
}

enum status http_api_new(struct event_base *base, const struct logic_conf *conf, struct dispatch *dispatch,
                         const uint8_t logic_id[LOGIC_ID_LEN], struct http_api **out, struct fault *fault)
{
    struct http_api *api = calloc(1, sizeof *api);

    if (api == NULL)
        return fault_set(fault, STATUS_NO_MEMORY, "no memory");
    api->conf = conf;
    api->dispatch = dispatch;
    api->ops = (struct ops_routes){why_not_ready, print_state, print_metrics, print_stats, on_answer, api};
    fill_limits(&api->limits, conf);
    query_routes_init(&api->queries, base, conf, dispatch->gateways);
    api->descriptors_open = descriptors_open();
    enum status status = start_cluster(api, base, fault);
    if (status == STATUS_OK)
        status = plan_descriptors(api, fault);
    if (status == STATUS_OK)
        status = http_api_load_tokens(api, fault);
    if (status == STATUS_OK)
        status = make_page(api, fault);
    for (size_t i = 0; i < PUSH_ID_PREFIX_LEN / 2; i++)
        snprintf(api->id_prefix + 2 * i, 3, "%02x", logic_id[i]);
    if (status == STATUS_OK)
        status = start_server(api, base, fault);
    if (status != STATUS_OK) {
        http_api_free(api);
        return status;
    }
    *out = api;
    return STATUS_OK;
}

enum status http_api_load_tokens(struct http_api *api, struct fault *fault)
{
    return api_guard_load(&api->guard, api->conf->api_tokens_file, fault);
}

void http_api_apply(struct http_api *api)
{
    struct fault fault;

    (void)plan_descriptors(api, &fault); /* should there be too few by now, the places stay */
    const struct http_server_conf server_conf = server_conf_of(api);
    query_routes_apply(&api->queries);
    fill_limits(&api->limits, api->conf);
    http_server_limit(api->server, &server_conf);
}

void http_api_tell(struct http_api *api, http_api_state *state, void *arg)
{
    api->state = state;
    api->state_arg = arg;
}

void http_api_remember(struct http_api *api, struct repeats *repeats)
{
    api->repeats = repeats;
}

void http_api_use_tls(struct http_api *api, SSL_CTX *tls)
{
    http_server_use_tls(api->server, tls);
}

void http_api_drain(struct http_api *api)
{
    api->draining = true;
    http_server_drain(api->server);
}

size_t http_api_busy(const struct http_api *api)
{
    return http_server_busy(api->server);
}

void http_api_free(struct http_api *api)
{
    if (api == NULL)
        return;
    cluster_query_fini(&api->cluster);
    query_routes_fini(&api->queries);
    http_server_free(api->server);
    cluster_page_free(api->page);
    api_guard_fini(&api->guard);
    free(api);
}
