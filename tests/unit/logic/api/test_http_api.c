/* SPDX-License-Identifier: Apache-2.0 */
/* The API's routes, what refuses a call before its body is read, and what is counted. The server of HTTP is
 * played: it asks the API as the real one does (http_server.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "logic/api/gateways_answer.h"
#include "logic/api/http_api.h"
#include "shared/http/http_request.h"
#include "shared/log/log.h"
#include "shared/net/descriptors.h"
#include "tests/unit/logic/api/api_bench.h"

enum { OPEN_AT_START = 10, PLENTY = 1000000 };

#define TOKEN "a-token-of-the-test"

struct http_server {
    struct http_server_conf conf;
    bool draining;
};

static struct http_server the_server;
static const char *unready;         /* dispatch's */
static size_t descriptors = PLENTY; /* the process's limit */
static enum status listen_status = STATUS_OK;

enum status http_server_new(struct event_base *base, const struct http_server_conf *conf,
                            struct http_server **out)
{
    (void)base;
    the_server = (struct http_server){.conf = *conf};
    *out = &the_server;
    return STATUS_OK;
}

enum status http_server_listen(struct http_server *server, const char *what, const char *bind, int port,
                               struct fault *fault)
{
    (void)server;
    (void)what;
    (void)bind;
    (void)port;
    return listen_status == STATUS_OK ? STATUS_OK : fault_set(fault, listen_status, "port taken");
}

void http_server_use_tls(struct http_server *server, SSL_CTX *tls)
{
    (void)server;
    (void)tls;
}

void http_server_limit(struct http_server *server, const struct http_server_conf *conf)
{
    server->conf.max_header_bytes = conf->max_header_bytes;
    server->conf.max_body_bytes = conf->max_body_bytes;
    server->conf.max_connections = conf->max_connections;
}

size_t http_server_descriptors(size_t max_connections)
{
    return 2 * max_connections;
}

void http_server_drain(struct http_server *server)
{
    server->draining = true;
}

size_t http_server_busy(const struct http_server *server)
{
    (void)server;
    return 3;
}

void http_server_free(struct http_server *server)
{
    (void)server;
}

size_t descriptors_limit(void)
{
    return descriptors;
}

size_t descriptors_open(void)
{
    return OPEN_AT_START;
}

const char *dispatch_why_not_ready(const struct dispatch *dispatch)
{
    (void)dispatch;
    return unready;
}

enum status gateways_answer_append(struct buf *out, const struct gateway_set *set, int64_t now_ms)
{
    (void)set;
    (void)now_ms;
    return buf_append_str(out, "{\"gateways\":[]}");
}

enum status gateways_answer_append_one(struct buf *out, const char *address,
                                       const struct gateway_entry *entry, const struct link_details *link)
{
    (void)out;
    (void)address;
    (void)entry;
    (void)link;
    return STATUS_OK;
}

static const struct push_outcome taken = {
    .verdict = PUSH_TAKEN, .sequence = 7, .items = 1, .known = 1, .queued = 1};
static char origin[] = "https://app.example";
static char *origins[] = {origin};

struct bench {
    struct logic_conf conf;
    struct dispatch dispatch;
    struct event_base *base;
    struct http_api *api;
    struct http_exchange exchange; /* the last one */
    bool body_was_read;
};

static void start(struct bench *bench)
{
    static const uint8_t logic_id[LOGIC_ID_LEN] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
    struct fault fault;

    assert_int_equal(http_api_new(bench->base, &bench->conf, &bench->dispatch, logic_id, &bench->api, &fault),
                     STATUS_OK);
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);

    reset_bench();
    log_setup(LOG_ERROR, LOG_LOGFMT);
    unready = NULL;
    descriptors = PLENTY;
    listen_status = STATUS_OK;
    at_once = &taken;
    bench->conf = (struct logic_conf){.service_bind = "",
                                      .api_tokens_file = "",
                                      .redis = {.url = ""},
                                      .max_header_bytes = 8192,
                                      .max_body_bytes = 65536,
                                      .max_inflight_bytes = 100000,
                                      .max_connections = 50,
                                      .max_items_per_push = 10,
                                      .max_item_bytes = 1000,
                                      .max_rooms_per_push = 5,
                                      .max_room_name_bytes = 20,
                                      .max_pushes_per_batch = 5,
                                      .max_json_depth = 8};
    bench->base = event_base_new();
    bench->exchange.replies = -1;
    *state = bench;
    return 0;
}

static void forget_exchange(struct bench *bench)
{
    if (bench->exchange.request != NULL)
        http_request_free(bench->exchange.request);
    bench->exchange = (struct http_exchange){.request = NULL};
}

static int tear_down(void **state)
{
    struct bench *bench = *state;

    http_api_free(bench->api);
    forget_exchange(bench);
    event_base_free(bench->base);
    free(bench);
    return 0;
}

static const struct http_route *find_route(const struct http_request *request)
{
    for (size_t i = 0; i < the_server.conf.route_count; i++) {
        const struct http_route *route = &the_server.conf.routes[i];

        if (slice_equal(http_request_path(request), slice_str(route->path)) &&
            slice_equal(http_request_method(request), slice_str(route->method)))
            return route;
    }
    return NULL;
}

static enum http_parse feed(struct http_request *request, const char *text, size_t *at)
{
    size_t used;
    enum http_parse parse = http_request_feed(request, text + *at, strlen(text) - *at, &used);

    *at += used;
    return parse;
}

/* Hands the request over as http_server.h says: the filter and the route's own refusal when the header
 * section is complete, the handler when the body is. */
static void serve(struct bench *bench, const char *text)
{
    struct http_exchange *exchange = &bench->exchange;
    size_t at = 0;

    forget_exchange(bench);
    bench->body_was_read = false;
    assert_int_equal(http_request_new(8192, 65536, &exchange->request), STATUS_OK);
    assert_int_equal(feed(exchange->request, text, &at), HTTP_PARSE_HEADERS);
    if (the_server.conf.filter(exchange, the_server.conf.arg))
        return;
    const struct http_route *route = find_route(exchange->request);
    assert_non_null(route);
    if (route->right != 0 && !the_server.conf.permits(exchange, route->right, the_server.conf.arg))
        return;
    if (route->refuses != NULL && route->refuses(exchange, the_server.conf.arg))
        return;
    assert_int_equal(feed(exchange->request, text, &at), HTTP_PARSE_COMPLETE);
    bench->body_was_read = true;
    route->handle(exchange, the_server.conf.arg);
}

/* `headers`: each with its CRLF. */
static void call(struct bench *bench, const char *method, const char *path, const char *headers,
                 const char *body)
{
    char text[2048];

    snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: logic\r\n%sContent-Length: %zu\r\n\r\n%s", method,
             path, headers, strlen(body), body);
    serve(bench, text);
}

#define JSON "Content-Type: application/json\r\n"
#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"

static void these_are_the_routes(void **state)
{
    static const char *const known[] = {"POST /push/all", "POST /push/room", "POST /push/batch",
                                        "GET /stats",     "GET /healthz",    "GET /readyz",
                                        "GET /metrics",   "GET /gateways"};
    struct bench *bench = *state;

    start(bench);
    for (size_t k = 0; k < sizeof known / sizeof known[0]; k++) {
        size_t found = 0;

        for (size_t i = 0; i < the_server.conf.route_count; i++) {
            const struct http_route *route = &the_server.conf.routes[i];
            char text[64];

            snprintf(text, sizeof text, "%s %s", route->method, route->path);
            found += strcmp(text, known[k]) == 0;
        }
        if (found != 1)
            fail_msg("%s: %zu routes", known[k], found);
    }
}

static size_t routes_of(const char *path)
{
    size_t found = 0;

    for (size_t i = 0; i < the_server.conf.route_count; i++)
        found += strcmp(the_server.conf.routes[i].path, path) == 0;
    return found;
}

static void the_page_is_off_unless_asked_for(void **state)
{
    struct bench *bench = *state;

    start(bench);
    assert_int_equal(routes_of("/"), 0);
    assert_int_equal(routes_of("/push/all"), 1);
}

static void the_page_is_whole_and_may_talk_to_its_own_logic_alone(void **state)
{
    struct bench *bench = *state;

    bench->conf.page_enabled = true;
    start(bench);
    assert_int_equal(routes_of("/"), 1);
    call(bench, "GET", "/", "", "");
    expect_answer(&bench->exchange, 200, "<title>Fanfare cluster</title>");
    assert_memory_equal(bench->exchange.body, "<!doctype html>", 15);
    assert_string_equal(bench->exchange.body + strlen(bench->exchange.body) - 8, "</html>\n");
    assert_non_null(strstr(bench->exchange.headers, "connect-src 'self'; base-uri 'none'"));
    assert_non_null(
        strstr(bench->exchange.headers, "Content-Security-Policy: default-src 'none'; style-src 'sha256-"));
    assert_null(strstr(bench->exchange.headers, "unsafe"));
    assert_null(strstr(bench->exchange.body, "innerHTML"));
    assert_int_equal(metrics_get(LM_HTTP_2XX), 1);
}

static void a_push_to_everyone(void **state)
{
    struct bench *bench = *state;

    start(bench);
    call(bench, "POST", "/push/all", JSON, "{\"items\":[{\"n\":1}]}");
    expect_answer(&bench->exchange, 200, "{\"id\":\"0123456789abcdef-7\",\"items\":1,");
    assert_int_equal(push_count, 1);
    assert_int_equal(pushes[0].target, AUDIENCE_EVERYONE);
    assert_string_equal(pushes[0].item, "{\"n\":1}");
    assert_false(pushes[0].wait);
    assert_false(pushes[0].trace.set);
    assert_int_equal(metrics_get(LM_HTTP_2XX), 1);
}

static void a_form_to_a_room_as_go_push_makes_it(void **state)
{
    struct bench *bench = *state;

    start(bench);
    call(bench, "POST", "/push/room?wait=1", FORM, "room=r%201&items=[5,6]");
    expect_answer(&bench->exchange, 200, "\"items\":1");
    assert_int_equal(pushes[0].target, AUDIENCE_ROOM);
    assert_string_equal(pushes[0].room, "r 1");
    assert_int_equal(pushes[0].items, 2);
    assert_true(pushes[0].wait);
}

static void a_batch_is_answered_as_a_list(void **state)
{
    struct bench *bench = *state;

    start(bench);
    call(bench, "POST", "/push/batch?wait=1", JSON,
         "[{\"all\":true,\"items\":[1]},{\"room\":\"r\",\"items\":[2],\"wait\":true}]");
    expect_answer(&bench->exchange, 200, "[{\"id\"");
    assert_int_equal(push_count, 2);
    assert_false(pushes[0].wait); /* a batch has no wait of its own */
    assert_true(pushes[1].wait);
}

static void only_wait_1_waits(void **state)
{
    static const char *const paths[] = {"/push/all", "/push/all?wait=0", "/push/all?wait=11",
                                        "/push/all?wait", "/push/all?await=1"};
    struct bench *bench = *state;

    start(bench);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        call(bench, "POST", paths[i], JSON, "{\"items\":[1]}");
        assert_false(pushes[i].wait);
    }
}

#define TRACE "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"

static void the_header_names_the_trace(void **state)
{
    struct bench *bench = *state;

    start(bench);
    call(bench, "POST", "/push/all", JSON TRACE, "{\"items\":[1]}");
    assert_true(pushes[0].trace.set && pushes[0].trace.sampled);
    assert_int_equal(pushes[0].trace.trace_id[0], 0x0a);
    call(bench, "POST", "/push/all", JSON TRACE TRACE, "{\"items\":[1]}"); /* twice is as none */
    assert_false(pushes[1].trace.set);
}

static void expect_refused_unread(struct bench *bench, int status, const char *part)
{
    expect_answer(&bench->exchange, status, part);
    assert_false(bench->body_was_read);
    assert_int_equal(push_count, 0);
}

static void other_kinds_of_body_are_refused_unread(void **state)
{
    static const char *const kinds[] = {"", "Content-Type: text/plain\r\n",
                                        "Content-Type: application/jsonx\r\n", JSON JSON};
    struct bench *bench = *state;
    uint64_t calls = 0;

    start(bench);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        call(bench, "POST", "/push/all", kinds[i], "{\"items\":[1]}");
        expect_refused_unread(
            bench, 415,
            "{\"error\":{\"code\":\"unsupported_media_type\",\"message\":\"the body must be "
            "application/json or application/x-www-form-urlencoded\"}}");
        call(bench, "POST", "/push/room", kinds[i], "{\"items\":[1]}");
        expect_refused_unread(bench, 415, "\"unsupported_media_type\"");
        calls += 2;
    }
    call(bench, "POST", "/push/batch", FORM, "items=[1]");
    expect_refused_unread(bench, 415, "the body must be application/json\"");
    calls++;
    assert_int_equal(metrics_get(LM_PUSHES_RECEIVED), calls);
    assert_int_equal(metrics_get(LM_PUSHES_REFUSED_INVALID), calls);
    assert_int_equal(metrics_get(LM_HTTP_4XX), calls);
}

static void a_coded_body_is_refused_unread(void **state)
{
    struct bench *bench = *state;

    start(bench);
    call(bench, "POST", "/push/all", JSON "Content-Encoding: gzip\r\n", "{\"items\":[1]}");
    expect_refused_unread(bench, 415, "Content-Encoding may only be identity");
    assert_string_equal(bench->exchange.headers, "Accept-Encoding: identity\n");
    call(bench, "POST", "/push/all", JSON "Content-Encoding: identity\r\n", "{\"items\":[1]}");
    expect_answer(&bench->exchange, 200, "\"id\"");
}

static void a_body_that_cannot_be_read_is_counted(void **state)
{
    struct bench *bench = *state;

    start(bench);
    call(bench, "POST", "/push/all", JSON, "{\"items\":[01]}");
    expect_answer(&bench->exchange, 400, "\"invalid_json\"");
    assert_int_equal(push_count, 0);
    assert_int_equal(metrics_get(LM_PUSHES_RECEIVED), 1);
    assert_int_equal(metrics_get(LM_PUSHES_REFUSED_INVALID), 1);
    assert_int_equal(metrics_get(LM_HTTP_4XX), 1);
}

static void limits_are_those_of_the_options(void **state)
{
    struct bench *bench = *state;

    start(bench);
    call(bench, "POST", "/push/all", JSON, "{\"items\":[1,2,3,4,5,6,7,8,9,10,11]}");
    assert_int_equal(bench->exchange.status, 400);
    call(bench, "POST", "/push/room", JSON, "{\"room\":\"123456789012345678901\",\"items\":[1]}");
    assert_int_equal(bench->exchange.status, 400);
    call(bench, "POST", "/push/all", JSON, "{\"items\":[[[[[[[[[[1]]]]]]]]]]}");
    assert_int_equal(bench->exchange.status, 400);
    assert_int_equal(push_count, 0);
    bench->conf.max_items_per_push = 11;
    http_api_apply(bench->api);
    call(bench, "POST", "/push/all", JSON, "{\"items\":[1,2,3,4,5,6,7,8,9,10,11]}");
    assert_int_equal(bench->exchange.status, 200);
}

static void what_dispatch_refuses_comes_back_with_a_time(void **state)
{
    static const struct push_outcome full = {.verdict = PUSH_NO_GATEWAY};
    struct bench *bench = *state;

    at_once = &full;
    start(bench);
    call(bench, "POST", "/push/all", JSON, "{\"items\":[1]}");
    expect_answer(&bench->exchange, 503, "\"error\"");
    assert_string_equal(bench->exchange.headers, "Retry-After: 1\n");
    assert_int_equal(metrics_get(LM_HTTP_5XX), 1);
}

static void ask_for_tokens_of(struct bench *bench, const char *text, char *path)
{
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    bench->conf.api_tokens_file = path;
    start(bench);
    unlink(path);
}

static void ask_for_tokens(struct bench *bench, char *path)
{
    ask_for_tokens_of(bench, TOKEN "\n", path);
}

static void without_a_right_nothing_is_read(void **state)
{
    static const char shown[] = JSON "Authorization: Bearer " TOKEN "\r\n";
    char path[] = "/tmp/fanfare-tokens-XXXXXX";
    struct bench *bench = *state;

    ask_for_tokens_of(bench, TOKEN " name=ops rights=member\n", path);
    call(bench, "POST", "/push/all", shown, "{\"items\":[1]}");
    expect_refused_unread(bench, 403, "lacks the right broadcast;");
    call(bench, "POST", "/push/room", shown, "{\"room\":\"r\",\"items\":[1]}");
    expect_refused_unread(bench, 403, "lacks the right push;");
    call(bench, "POST", "/push/batch", shown, "[]");
    expect_refused_unread(bench, 403, "lacks the right push;");
    assert_int_equal(metrics_get(LM_PUSHES_REFUSED_FORBIDDEN), 3);
    assert_int_equal(metrics_get(LM_PUSHES_RECEIVED), 3);
    call(bench, "GET", "/gateways", shown, "");
    expect_refused_unread(bench, 403, "lacks the right query;");
    assert_int_equal(metrics_get(LM_PUSHES_RECEIVED), 3);
    assert_int_equal(metrics_get(LM_HTTP_FORBIDDEN), 4);
    assert_int_equal(metrics_get(LM_HTTP_4XX), 4);
}

static void without_a_token_nothing_is_read(void **state)
{
    char path[] = "/tmp/fanfare-tokens-XXXXXX";
    struct bench *bench = *state;

    ask_for_tokens(bench, path);
    call(bench, "POST", "/push/all", JSON, "{\"items\":[1]}");
    expect_refused_unread(bench, 401, "\"unauthorized\"");
    assert_string_equal(bench->exchange.headers, "WWW-Authenticate: Bearer realm=\"fanfare\"\n");
    call(bench, "POST", "/push/all", JSON "Authorization: Bearer wrong\r\n", "{\"items\":[1]}");
    expect_refused_unread(bench, 401, "\"unauthorized\"");
    assert_non_null(strstr(bench->exchange.headers, "error=\"invalid_token\""));
    call(bench, "GET", "/gateways", "", "");
    expect_refused_unread(bench, 401, "\"unauthorized\"");
    assert_int_equal(metrics_get(LM_HTTP_UNAUTHORIZED), 3);
    assert_int_equal(metrics_get(LM_HTTP_4XX), 3);
    assert_int_equal(metrics_get(LM_PUSHES_RECEIVED), 0);
    call(bench, "POST", "/push/all", JSON "Authorization: Bearer " TOKEN "\r\n", "{\"items\":[1]}");
    expect_answer(&bench->exchange, 200, "\"id\"");
}

static void probes_need_no_token(void **state)
{
    static const char *const open[] = {"/healthz", "/readyz", "/metrics", "/stats"};
    char path[] = "/tmp/fanfare-tokens-XXXXXX";
    struct bench *bench = *state;

    ask_for_tokens(bench, path);
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) {
        call(bench, "GET", open[i], "", "");
        assert_int_equal(bench->exchange.status, 200);
    }
    assert_int_equal(metrics_get(LM_HTTP_UNAUTHORIZED), 0);
}

static void the_page_needs_no_token_and_nothing_behind_it_is_open(void **state)
{
    char path[] = "/tmp/fanfare-tokens-XXXXXX";
    struct bench *bench = *state;

    bench->conf.page_enabled = true;
    ask_for_tokens(bench, path);
    call(bench, "GET", "/", "", "");
    expect_answer(&bench->exchange, 200, "<title>");
    call(bench, "GET", "/gateways", "", "");
    expect_refused_unread(bench, 401, "\"unauthorized\"");
}

static void where_there_is_no_page_its_path_is_no_hole(void **state)
{
    char path[] = "/tmp/fanfare-tokens-XXXXXX";
    struct bench *bench = *state;

    ask_for_tokens(bench, path);
    call(bench, "GET", "/", "", "");
    expect_refused_unread(bench, 401, "\"unauthorized\"");
}

static void a_page_that_is_not_listed_may_not_push(void **state)
{
    struct bench *bench = *state;

    bench->conf.cors_origins = (struct conf_list){origins, 1};
    start(bench);
    call(bench, "POST", "/push/all", JSON "Origin: https://evil.example\r\n", "{\"items\":[1]}");
    expect_refused_unread(bench, 403, "\"origin_not_allowed\"");
    assert_int_equal(metrics_get(LM_HTTP_4XX), 1);
    call(bench, "POST", "/push/all", JSON "Origin: https://app.example\r\n", "{\"items\":[1]}");
    expect_answer(&bench->exchange, 200, "\"id\"");
    assert_non_null(strstr(bench->exchange.headers, "Access-Control-Allow-Origin: https://app.example\n"));
}

static void a_preflight_is_answered_without_a_token(void **state)
{
    char path[] = "/tmp/fanfare-tokens-XXXXXX";
    struct bench *bench = *state;

    bench->conf.cors_origins = (struct conf_list){origins, 1};
    ask_for_tokens(bench, path);
    call(bench, "OPTIONS", "/push/all",
         "Origin: https://app.example\r\nAccess-Control-Request-Method: POST\r\n", "");
    expect_answer(&bench->exchange, 204, "");
    assert_non_null(strstr(bench->exchange.headers, "Access-Control-Allow-Methods: GET, POST\n"));
    assert_int_equal(metrics_get(LM_HTTP_2XX), 1);
}

static enum status say_state(struct buf *out, void *arg)
{
    return buf_append_str(out, arg);
}

static void ready_is_who_can_deliver(void **state)
{
    struct bench *bench = *state;

    start(bench);
    call(bench, "GET", "/readyz", "", "");
    expect_answer(&bench->exchange, 200, "{\"status\":\"ready\"}");
    http_api_tell(bench->api, say_state, ",\"redis\":1");
    call(bench, "GET", "/readyz", "", "");
    expect_answer(&bench->exchange, 200, "{\"status\":\"ready\",\"redis\":1}");
    unready = "no gateway is connected";
    call(bench, "GET", "/readyz", "", "");
    expect_answer(&bench->exchange, 503, "no gateway is connected");
    assert_non_null(strstr(bench->exchange.headers, "Retry-After: 1\n"));
    call(bench, "GET", "/healthz", "", "");
    expect_answer(&bench->exchange, 200, "{\"status\":\"ok\"}");
}

static void who_drains_is_not_ready(void **state)
{
    struct bench *bench = *state;

    start(bench);
    http_api_drain(bench->api);
    assert_true(the_server.draining);
    assert_int_equal(http_api_busy(bench->api), 3);
    call(bench, "GET", "/readyz", "", "");
    expect_answer(&bench->exchange, 503, "the daemon is shutting down");
}

static void stats_sum_what_failed(void **state)
{
    static const unsigned refused[] = {LM_PUSHES_REFUSED_FULL, LM_PUSHES_REFUSED_NO_GATEWAY,
                                       LM_PUSHES_REFUSED_MEMORY};
    static const unsigned dropped[] = {LM_LINK_PUSHES_EXPIRED, LM_LINK_PUSHES_DOWN, LM_LINK_PUSHES_REFUSED,
                                       LM_LINK_PUSHES_GONE, LM_LINK_PUSHES_SHUTDOWN};
    struct bench *bench = *state;

    start(bench);
    metrics_add(LM_PUSHES_ACCEPTED, 5);
    for (unsigned i = 0; i < 3; i++)
        metrics_add(refused[i], 1u << i);
    for (unsigned i = 0; i < 5; i++)
        metrics_add(dropped[i], 1u << i);
    call(bench, "GET", "/stats", "", "");
    expect_answer(&bench->exchange, 200, "{\"DispatchTotal\":5,\"DispatchFail\":7,\"PushFail\":31}");
}

static void gateways_are_told(void **state)
{
    struct bench *bench = *state;

    start(bench);
    call(bench, "GET", "/gateways", "", "");
    expect_answer(&bench->exchange, 200, "{\"gateways\":[]}");
}

static void the_server_gets_the_options(void **state)
{
    struct bench *bench = *state;
    const struct http_server_conf *conf = &the_server.conf;

    bench->conf.service_idle_timeout = 60;
    bench->conf.service_read_timeout = 5000;
    start(bench);
    assert_int_equal(conf->max_connections, 50);
    assert_int_equal(conf->max_header_bytes, 8192);
    assert_int_equal(conf->max_body_bytes, 65536);
    assert_int_equal(conf->max_inflight, 100000);
    assert_int_equal(conf->read_timeout_ms, 5000);
    assert_int_equal(conf->idle_timeout_ms, 60000);
    assert_int_equal(conf->rows.evicted, LM_CONNECTIONS_EVICTED);
    assert_int_equal(conf->rows.refused_full, LM_HTTP_REFUSED_FULL);
    assert_int_equal(conf->rows.refused_inflight, LM_HTTP_REFUSED_INFLIGHT);
    assert_int_equal(conf->rows.inflight, LM_HTTP_INFLIGHT);
    assert_non_null(conf->probes);
    conf->on_refused(503, conf->arg); /* what the server answers by itself is counted too */
    assert_int_equal(metrics_get(LM_HTTP_5XX), 1);
}

static void few_descriptors_leave_fewer_places(void **state)
{
    struct bench *bench = *state;

    descriptors = 100;
    start(bench);
    assert_in_range(the_server.conf.max_connections, 4, 30);
    descriptors = PLENTY;
    http_api_apply(bench->api);
    assert_int_equal(the_server.conf.max_connections, 50);
}

static void too_few_descriptors_are_a_fault(void **state)
{
    static const uint8_t logic_id[LOGIC_ID_LEN];
    struct bench *bench = *state;
    struct fault fault;

    descriptors = 20;
    assert_int_equal(http_api_new(bench->base, &bench->conf, &bench->dispatch, logic_id, &bench->api, &fault),
                     STATUS_INVALID);
    assert_non_null(strstr(fault.text, "RLIMIT_NOFILE"));
    descriptors = PLENTY;
    listen_status = STATUS_IO;
    assert_int_equal(http_api_new(bench->base, &bench->conf, &bench->dispatch, logic_id, &bench->api, &fault),
                     STATUS_IO);
    assert_string_equal(fault.text, "servicePort: port taken; allowed: a free port, or 0");
    assert_null(bench->api);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(these_are_the_routes),
        TEST(the_page_is_off_unless_asked_for),
        TEST(the_page_is_whole_and_may_talk_to_its_own_logic_alone),
        TEST(a_push_to_everyone),
        TEST(a_form_to_a_room_as_go_push_makes_it),
        TEST(a_batch_is_answered_as_a_list),
        TEST(only_wait_1_waits),
        TEST(the_header_names_the_trace),
        TEST(other_kinds_of_body_are_refused_unread),
        TEST(a_coded_body_is_refused_unread),
        TEST(a_body_that_cannot_be_read_is_counted),
        TEST(limits_are_those_of_the_options),
        TEST(what_dispatch_refuses_comes_back_with_a_time),
        TEST(without_a_right_nothing_is_read),
        TEST(without_a_token_nothing_is_read),
        TEST(probes_need_no_token),
        TEST(the_page_needs_no_token_and_nothing_behind_it_is_open),
        TEST(where_there_is_no_page_its_path_is_no_hole),
        TEST(a_page_that_is_not_listed_may_not_push),
        TEST(a_preflight_is_answered_without_a_token),
        TEST(ready_is_who_can_deliver),
        TEST(who_drains_is_not_ready),
        TEST(stats_sum_what_failed),
        TEST(gateways_are_told),
        TEST(the_server_gets_the_options),
        TEST(few_descriptors_leave_fewer_places),
        TEST(too_few_descriptors_are_a_fault),
    };

    return cmocka_run_group_tests_name("http_api", tests, NULL, NULL);
}
