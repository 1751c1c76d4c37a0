/* SPDX-License-Identifier: Apache-2.0 */
/* The client port's HTTP side: bytes in, the answer's bytes out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "gateway/metrics/gateway_metrics.h"
#include "gateway/websocket/handshake.h"

#define UPGRADE                                                                                              \
    "Host: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static const struct handshake_conf open_conf = {
    {(const uint8_t *)"PAGE", 4}, NULL, REFUSAL_NONE, 0, 8192, {16, 2}, NULL, NULL, NULL, NULL};

/* Feeds the text and expects the answer to begin so; returns the encoding. */
static enum encoding expect_with(const struct handshake_conf *conf, const char *text, const char *begins)
{
    struct http_request *request = NULL;
    struct handshake answer;
    size_t used = 0;

    assert_int_equal(http_request_new(8192, 0, &request), STATUS_OK);
    assert_true(handshake_feed(request, slice_str(text), conf, &used, &answer));
    if (strncmp((const char *)answer.response.data, begins, strlen(begins)) != 0)
        fail_msg("%s: %.*s", text, (int)answer.response.len, (const char *)answer.response.data);
    assert_int_equal(answer.upgraded, strstr(begins, " 101 ") != NULL);
    enum encoding encoding = answer.query.encoding;
    handshake_fini(&answer);
    http_request_free(request);
    return encoding;
}

static enum encoding expect(const char *text, const char *begins)
{
    return expect_with(&open_conf, text, begins);
}

static void the_rfcs_example(void **state)
{
    char accept[HANDSHAKE_ACCEPT_LEN + 1];

    (void)state;
    handshake_accept(slice_str("dGhlIHNhbXBsZSBub25jZQ=="), accept);
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    expect("GET /connect HTTP/1.1\r\n" UPGRADE KEY "\r\n", "HTTP/1.1 101 Switching Protocols\r\n");
}

static void the_query_chooses_the_version(void **state)
{
    (void)state;
    assert_int_equal(expect("GET /connect HTTP/1.1\r\n" UPGRADE KEY "\r\n", "HTTP/1.1 101 "), ENCODING_WS_V1);
    assert_int_equal(expect("GET /connect?v=1 HTTP/1.1\r\n" UPGRADE KEY "\r\n", "HTTP/1.1 101 "),
                     ENCODING_WS_V1);
    assert_int_equal(expect("GET /connect?v=2 HTTP/1.1\r\n" UPGRADE KEY "\r\n", "HTTP/1.1 101 "),
                     ENCODING_WS_V2);
    assert_int_equal(expect("GET /connect?a=1&v=2 HTTP/1.1\r\n" UPGRADE KEY "\r\n", "HTTP/1.1 101 "),
                     ENCODING_WS_V2);
    assert_int_equal(expect("GET /connect?v=22 HTTP/1.1\r\n" UPGRADE KEY "\r\n", "HTTP/1.1 101 "),
                     ENCODING_WS_V1);
}

static void whatever_is_wrong_has_its_status(void **state)
{
    (void)state;
    expect("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "PAGE");
    expect("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 ");
    expect("POST /connect HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405 ");
    expect("GET /connect HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 426 ");
    expect("GET /connect HTTP/1.0\r\n" UPGRADE KEY "\r\n", "HTTP/1.1 400 ");
    expect("GET /connect HTTP/1.1\r\n" UPGRADE "\r\n", "HTTP/1.1 400 ");
    expect("GET /connect HTTP/1.1\r\n" UPGRADE "Sec-WebSocket-Key: dG9vIHNob3J0\r\n\r\n", "HTTP/1.1 400 ");
    expect("GET /connect HTTP/1.1\r\n" UPGRADE "Sec-WebSocket-Key: ========================\r\n\r\n",
           "HTTP/1.1 400 ");
    expect("nonsense\r\n\r\n", "HTTP/1.1 400 ");
}

/* RFC 6455, 11.3.1 and 11.3.5; RFC 6454, 7.3. */
static void what_may_stand_once_does_not_stand_twice(void **state)
{
    (void)state;
    expect("GET /connect HTTP/1.1\r\n" UPGRADE KEY KEY "\r\n", "HTTP/1.1 400 ");
    expect("GET /connect HTTP/1.1\r\n" UPGRADE KEY "Sec-WebSocket-Version: 13\r\n\r\n", "HTTP/1.1 400 ");
    expect("GET /connect HTTP/1.1\r\n" UPGRADE KEY "sec-websocket-version: 8\r\n\r\n", "HTTP/1.1 400 ");
    expect("GET /connect HTTP/1.1\r\n" UPGRADE KEY "Origin: https://a\r\nOrigin: https://a\r\n\r\n",
           "HTTP/1.1 400 ");
    expect("GET /connect HTTP/1.1\r\n" UPGRADE KEY "Host: x\r\n\r\n", "HTTP/1.1 400 ");
    expect("GET /connect HTTP/1.1\r\n" UPGRADE KEY
           "Sec-WebSocket-Extensions: a\r\nSec-WebSocket-Extensions: b\r\n"
           "Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: b\r\n"
           "Upgrade: foo\r\nConnection:\tx\t\r\n\r\n",
           "HTTP/1.1 101 ");
}

/* Expects the same header section for HEAD as for GET, with nothing behind it. */
static void expect_headless(const struct handshake_conf *conf, const char *rest)
{
    char text[300];
    char heads[2][600];

    for (int i = 0; i < 2; i++) {
        struct http_request *request = NULL;
        struct handshake answer;
        size_t used = 0;

        snprintf(text, sizeof text, "%s %s", i == 0 ? "GET" : "HEAD", rest);
        assert_int_equal(http_request_new(8192, 0, &request), STATUS_OK);
        assert_true(handshake_feed(request, slice_str(text), conf, &used, &answer));
        snprintf(heads[i], sizeof heads[i], "%.*s", (int)answer.response.len,
                 (const char *)answer.response.data);
        handshake_fini(&answer);
        http_request_free(request);
    }
    size_t len = strlen(heads[1]);
    assert_true(len > 4 && strlen(heads[0]) > len);
    assert_memory_equal(heads[0], heads[1], len);
    assert_string_equal(heads[1] + len - 4, "\r\n\r\n");
}

static void head_is_get_without_the_body(void **state)
{
    static const struct handshake_conf conf = {
        .page = {(const uint8_t *)"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nPAGE", 42}, .limits = {16, 2}};

    (void)state;
    expect_headless(&conf, "/ HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_headless(&conf, "/nowhere HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_headless(&conf, "/connect HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_headless(&conf, "/ HTTP/1.1\r\nHost: x\r\nA B: c\r\n\r\n");
    expect("HEAD /connect HTTP/1.1\r\n" UPGRADE KEY "\r\n", "HTTP/1.1 426 ");
    expect("POST / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405 Method Not Allowed\r\n");
    expect("GET / HTTP/2.0\r\n", "HTTP/1.1 505 ");
}

static void a_full_gateway_says_so(void **state)
{
    const struct handshake_conf full = {{NULL, 0}, NULL, REFUSAL_MAX_CLIENTS, 0, 8192, {16, 2}, NULL, NULL,
                                        NULL,      NULL};

    (void)state;
    expect_with(&full, "GET /connect HTTP/1.1\r\n" UPGRADE KEY "\r\n", "HTTP/1.1 503 ");
    expect_with(&full, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 ");
}

static void what_is_too_large_is_told_before_it_is_read(void **state)
{
    char text[9000] = "GET /connect HTTP/1.1\r\nHost: x\r\nX-Long: ";
    size_t len = strlen(text);

    (void)state;
    memset(text + len, 'a', sizeof text - 1 - len);
    expect(text, "HTTP/1.1 431 ");
    expect("POST /connect HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n", "HTTP/1.1 413 ");
    expect("POST /connect HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 413 ");
    expect("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 413 ");
}

/* Expects the answer to begin so, and to hold `part`. */
static void expect_said(const char *text, const char *begins, const char *part)
{
    struct http_request *request = NULL;
    struct handshake answer;
    size_t used = 0;

    assert_int_equal(http_request_new(open_conf.max_header, 0, &request), STATUS_OK);
    assert_true(handshake_feed(request, slice_str(text), &open_conf, &used, &answer));
    assert_memory_equal(answer.response.data, begins, strlen(begins));
    if (memmem(answer.response.data, answer.response.len, part, strlen(part)) == NULL)
        fail_msg("no \"%s\" in %.*s", part, (int)answer.response.len, (const char *)answer.response.data);
    handshake_fini(&answer);
    http_request_free(request);
}

static void the_reason_is_the_true_one(void **state)
{
    char text[9000] = "GET /connect HTTP/1.1\r\nHost: x\r\nCookie: ";

    (void)state;
    memset(text + strlen(text), 'a', sizeof text - 1 - strlen(text));
    expect_said(text, "HTTP/1.1 431 ", "may have 8192 bytes (maxHeaderBytes) and 100 fields");
    expect_said("GET /connect HTTP/1.1\r\nHost: x\r\n b: c\r\n\r\n", "HTTP/1.1 400 ",
                "a line begins with a space");
    expect_said("GET /connect HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ", "Host");
}

/* Expects the whole answer to hold each part (NULL: no more), and whether it is a probe's. */
static void expect_probe(const struct handshake_conf *conf, const char *text, const char *begins,
                         const char *end)
{
    struct http_request *request = NULL;
    struct handshake answer;
    uint64_t refused = metrics_get(M_REFUSED_HANDSHAKE) + metrics_get(M_REFUSED_FULL);
    size_t used = 0;

    assert_int_equal(http_request_new(conf->max_header, 0, &request), STATUS_OK);
    assert_true(handshake_feed(request, slice_str(text), conf, &used, &answer));
    assert_true(answer.probe);
    assert_false(answer.upgraded);
    assert_memory_equal(answer.response.data, begins, strlen(begins));
    assert_true(answer.response.len > strlen(end));
    assert_memory_equal(answer.response.data + answer.response.len - strlen(end), end, strlen(end));
    assert_int_equal(metrics_get(M_REFUSED_HANDSHAKE) + metrics_get(M_REFUSED_FULL), refused);
    handshake_fini(&answer);
    http_request_free(request);
}

static void probes_are_answered_whatever_the_refusal(void **state)
{
    static const char unready[] = "\r\n\r\n{\"error\":{\"code\":\"not_ready\",\"message\":\"it rains\"}}";
    const struct handshake_conf full = {{NULL, 0}, NULL, REFUSAL_MAX_CLIENTS, 0, 8192, {16, 2}, NULL, NULL,
                                        NULL,      NULL};
    const struct handshake_conf draining = {
        {NULL, 0}, "it rains", REFUSAL_DRAINING, 0, 8192, {16, 2}, NULL, NULL, NULL, NULL};

    (void)state;
    expect_probe(&full, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 ",
                 "\r\n\r\n{\"status\":\"ready\"}");
    expect_probe(&full, "GET /healthz HTTP/1.0\r\n\r\n", "HTTP/1.1 200 ", "\r\n\r\n{\"status\":\"ok\"}");
    expect_probe(&full, "HEAD /healthz HTTP/1.0\r\n\r\n", "HTTP/1.1 200 ", "\r\n\r\n");
    expect_probe(&draining, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 ",
                 "\r\n\r\n{\"status\":\"ok\"}");
    expect_probe(&draining, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 503 ", unready);
    expect_probe(&draining, "HEAD /readyz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 503 ", "\r\n\r\n");
    expect("POST /readyz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405 ");
    expect_said("POST /readyz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405 ", "\r\nAllow: GET, HEAD\r\n");
}

static void origins_are_looked_at_before_anything_else(void **state)
{
    char *origins[] = {"https://a.example", "https://*.b.example"};
    const struct conf_list list = {origins, 2};
    const struct conf_list none = {NULL, 0};
    struct handshake_rules *rules = NULL;
    uint64_t before = metrics_get(M_REFUSED_ORIGIN);

    (void)state;
    assert_int_equal(handshake_rules_new(&list, &none, NULL, &rules), STATUS_OK);
    const struct handshake_conf conf = {{NULL, 0}, NULL,  REFUSAL_NONE, 0,    8192,
                                        {16, 2},   rules, NULL,         NULL, NULL};
    const struct handshake_conf full = {{NULL, 0}, NULL, REFUSAL_MAX_CLIENTS, 0, 8192, {16, 2}, rules, NULL,
                                        NULL,      NULL};
    expect_with(&conf, "GET /connect HTTP/1.1\r\n" UPGRADE KEY "\r\n", "HTTP/1.1 101 ");
    expect_with(&conf, "GET /connect HTTP/1.1\r\nOrigin: https://a.example\r\n" UPGRADE KEY "\r\n",
                "HTTP/1.1 101 ");
    expect_with(&conf, "GET /connect HTTP/1.1\r\nOrigin: https://x.B.example:443\r\n" UPGRADE KEY "\r\n",
                "HTTP/1.1 101 ");
    expect_with(&conf, "GET /connect HTTP/1.1\r\nOrigin: null\r\n" UPGRADE KEY "\r\n", "HTTP/1.1 403 ");
    expect_with(&conf, "GET /connect HTTP/1.1\r\nOrigin:\r\n" UPGRADE KEY "\r\n", "HTTP/1.1 403 ");
    expect_with(
        &conf,
        "GET /connect HTTP/1.1\r\nOrigin: https://a.example\r\nOrigin: https://a.example\r\n" UPGRADE KEY
        "\r\n",
        "HTTP/1.1 403 ");
    expect_with(&full, "GET /connect HTTP/1.1\r\nOrigin: https://c.example\r\nHost: x\r\n\r\n",
                "HTTP/1.1 403 ");
    assert_int_equal(metrics_get(M_REFUSED_ORIGIN), before + 4);
    expect("GET /connect HTTP/1.1\r\nOrigin: https://c.example\r\n" UPGRADE KEY "\r\n", "HTTP/1.1 101 ");
    handshake_rules_unref(rules);
}

/* What the answer to an offer of these lines selects; "" for nothing. */
static void expect_subprotocol(const struct handshake_conf *conf, const char *lines, const char *selected)
{
    struct http_request *request = NULL;
    struct handshake answer;
    char text[512];
    char line[128];
    size_t used = 0;

    (void)snprintf(text, sizeof text, "GET /connect HTTP/1.1\r\n%s" UPGRADE KEY "\r\n", lines);
    (void)snprintf(line, sizeof line, "\r\nSec-WebSocket-Protocol: %s\r\n\r\n", selected);
    assert_int_equal(http_request_new(8192, 0, &request), STATUS_OK);
    assert_true(handshake_feed(request, slice_str(text), conf, &used, &answer));
    assert_true(answer.upgraded);
    if (selected[0] == '\0')
        assert_null(memmem(answer.response.data, answer.response.len, "Sec-WebSocket-Protocol", 22));
    else if (memmem(answer.response.data, answer.response.len, line, strlen(line)) == NULL)
        fail_msg("%s: %.*s", lines, (int)answer.response.len, (const char *)answer.response.data);
    handshake_fini(&answer);
    http_request_free(request);
}

static void the_first_subprotocol_that_is_listed_is_selected(void **state)
{
    char *names[] = {"fanfare", "chat.v2"};
    const struct conf_list list = {names, 2};
    const struct conf_list none = {NULL, 0};
    struct handshake_rules *rules = NULL;

    (void)state;
    assert_int_equal(handshake_rules_new(&none, &list, NULL, &rules), STATUS_OK);
    const struct handshake_conf conf = {{NULL, 0}, NULL,  REFUSAL_NONE, 0,    8192,
                                        {16, 2},   rules, NULL,         NULL, NULL};
    expect_subprotocol(&conf, "", "");
    expect_subprotocol(&conf, "Sec-WebSocket-Protocol: fanfare\r\n", "fanfare");
    expect_subprotocol(&conf, "Sec-WebSocket-Protocol: x, chat.v2 ,fanfare\r\n", "chat.v2");
    expect_subprotocol(&conf, "Sec-WebSocket-Protocol: x\r\nsec-websocket-protocol: ,, fanfare\r\n",
                       "fanfare");
    expect_subprotocol(&conf, "Sec-WebSocket-Protocol: Fanfare, chat, fanfare2, fan fare\r\n", "");
    expect_subprotocol(&open_conf, "Sec-WebSocket-Protocol: fanfare\r\n", "");
    handshake_rules_unref(rules);
}

static void what_comes_too_late_is_408(void **state)
{
    static const char begins[] = "HTTP/1.1 408 Request Timeout\r\n";
    struct handshake answer;
    uint64_t before = metrics_get(M_REFUSED_TIMEOUT);

    (void)state;
    handshake_time_out(2500, &answer);
    assert_false(answer.upgraded);
    assert_memory_equal(answer.response.data, begins, sizeof begins - 1);
    assert_non_null(memmem(answer.response.data, answer.response.len, "2500 ms (wsReadTimeout)", 23));
    assert_int_equal(metrics_get(M_REFUSED_TIMEOUT), before + 1);
    handshake_fini(&answer);
}

/* Expects the answer to a good request to hold `line`, and exactly `row` to count it. */
static void expect_refusal(enum refusal refusal, enum gateway_metric row, const char *line)
{
    const struct handshake_conf conf = {{NULL, 0}, NULL, refusal, 7, 8192, {16, 2}, NULL, NULL, NULL, NULL};
    struct http_request *request = NULL;
    struct handshake answer;
    size_t used = 0;
    uint64_t before = metrics_get(row);
    uint64_t bad = metrics_get(M_REFUSED_HANDSHAKE);

    assert_int_equal(http_request_new(8192, 0, &request), STATUS_OK);
    assert_true(handshake_feed(request, slice_str("GET /connect HTTP/1.1\r\n" UPGRADE KEY "\r\n"), &conf,
                               &used, &answer));
    assert_false(answer.upgraded);
    assert_non_null(memmem(answer.response.data, answer.response.len, line, strlen(line)));
    assert_non_null(memmem(answer.response.data, answer.response.len, "\r\nRetry-After: ", 15));
    assert_int_equal(metrics_get(row), before + 1);
    assert_int_equal(metrics_get(M_REFUSED_HANDSHAKE), bad);
    handshake_fini(&answer);
    http_request_free(request);
}

static void each_refusal_has_its_code_and_its_count(void **state)
{
    (void)state;
    expect_refusal(REFUSAL_MAX_CLIENTS, M_REFUSED_FULL, "\"code\":\"full\"");
    expect_refusal(REFUSAL_MAX_CLIENTS_PER_ADDRESS, M_REFUSED_ADDRESS, "\"code\":\"full_for_address\"");
    expect_refusal(REFUSAL_RATE, M_REFUSED_RATE, "\r\nRetry-After: 7\r\n");
    expect_refusal(REFUSAL_DRAINING, M_REFUSED_DRAINING, "\"code\":\"draining\"");
    expect_refusal(REFUSAL_STARTING, M_REFUSED_STARTING, "\"code\":\"starting\"");
}

static void a_bad_handshake_is_counted_as_such_though_the_gateway_is_full(void **state)
{
    const struct handshake_conf full = {{NULL, 0}, NULL, REFUSAL_MAX_CLIENTS, 0, 8192, {16, 2}, NULL, NULL,
                                        NULL,      NULL};
    uint64_t refused_full = metrics_get(M_REFUSED_FULL);
    uint64_t bad = metrics_get(M_REFUSED_HANDSHAKE);

    (void)state;
    expect_with(&full, "GET /connect HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 426 ");
    assert_int_equal(metrics_get(M_REFUSED_FULL), refused_full);
    assert_int_equal(metrics_get(M_REFUSED_HANDSHAKE), bad + 1);
}

static void frames_behind_the_request_are_not_its_own(void **state)
{
    static const char text[] = "GET /connect HTTP/1.1\r\n" UPGRADE KEY "\r\n";
    char bytes[sizeof text + 3];
    struct http_request *request = NULL;
    struct handshake answer;
    size_t used = 0;

    (void)state;
    (void)snprintf(bytes, sizeof bytes, "%sabc", text);
    assert_int_equal(http_request_new(8192, 0, &request), STATUS_OK);
    for (size_t i = 0; i + 1 < strlen(text); i++)
        assert_false(handshake_feed(request, slice_of(bytes + i, 1), &open_conf, &used, &answer));
    assert_true(handshake_feed(request, slice_of(bytes + strlen(text) - 1, 4), &open_conf, &used, &answer));
    assert_int_equal(used, 1);
    handshake_fini(&answer);
    http_request_free(request);
}

static int setup(void **state)
{
    (void)state;
    gateway_metrics_setup();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rfcs_example),
        cmocka_unit_test(the_query_chooses_the_version),
        cmocka_unit_test(whatever_is_wrong_has_its_status),
        cmocka_unit_test(what_may_stand_once_does_not_stand_twice),
        cmocka_unit_test(head_is_get_without_the_body),
        cmocka_unit_test(a_full_gateway_says_so),
        cmocka_unit_test(what_is_too_large_is_told_before_it_is_read),
        cmocka_unit_test(the_reason_is_the_true_one),
        cmocka_unit_test(probes_are_answered_whatever_the_refusal),
        cmocka_unit_test(origins_are_looked_at_before_anything_else),
        cmocka_unit_test(the_first_subprotocol_that_is_listed_is_selected),
        cmocka_unit_test(what_comes_too_late_is_408),
        cmocka_unit_test(each_refusal_has_its_code_and_its_count),
        cmocka_unit_test(a_bad_handshake_is_counted_as_such_though_the_gateway_is_full),
        cmocka_unit_test(frames_behind_the_request_are_not_its_own),
    };

    return cmocka_run_group_tests_name("handshake", tests, setup, NULL);
}
