/* SPDX-License-Identifier: Apache-2.0 */
/* Which credential a request shows, what is passed over, and what is not clear. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/metrics/gateway_metrics.h"
#include "gateway/websocket/credential.h"
#include "gateway/websocket/handshake.h"

#define ALL "authorization:", "subprotocol:", "query:", "cookie:", "header:"
#define TWO "fault:the request shows two tokens: one is enough"

static const struct credential_rules tokens_only = {.tokens = true};
static const struct credential_rules everything = {true, "sid", "X-User", true};

static const char *const names[] = {"none", ALL};

/* "query:TOKEN", "none", or "fault:WHY". */
static const char *found(const struct credential_rules *rules, const char *target, const char *lines)
{
    static char text[512];
    struct http_request *request = NULL;
    struct credential credential;
    char bytes[2048];
    size_t used = 0;

    snprintf(bytes, sizeof bytes, "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", target, lines);
    assert_int_equal(http_request_new(8192, 0, &request), STATUS_OK);
    assert_int_equal(http_request_feed(request, bytes, strlen(bytes), &used), HTTP_PARSE_HEADERS);
    const char *fault = credential_find(request, rules, &credential);
    if (fault != NULL)
        snprintf(text, sizeof text, "fault:%s", fault);
    else
        snprintf(text, sizeof text, "%s%.*s", names[credential.source], (int)credential.text.len,
                 credential.text.data != NULL ? (const char *)credential.text.data : "");
    credential_fini(&credential);
    http_request_free(request);
    return text;
}

static void a_token_stands_in_three_places(void **state)
{
    (void)state;
    assert_string_equal(found(&tokens_only, "/connect", "Authorization: Bearer a.b.c\r\n"),
                        "authorization:a.b.c");
    assert_string_equal(found(&tokens_only, "/connect", "authorization: bEARER   a.b.c \r\n"),
                        "authorization:a.b.c");
    assert_string_equal(
        found(&tokens_only, "/connect", "Sec-WebSocket-Protocol: fanfare, fanfare.token.a.b.c\r\n"),
        "subprotocol:a.b.c");
    assert_string_equal(found(&tokens_only, "/connect",
                              "Sec-WebSocket-Protocol: fanfare.token.a.b.c\r\n"
                              "Sec-WebSocket-Protocol: chat, fanfare\r\n"),
                        "subprotocol:a.b.c");
    assert_string_equal(found(&tokens_only, "/connect?v=2&token=a.b%2Ec&join=r", ""), "query:a.b.c");
    assert_string_equal(found(&tokens_only, "/connect?tokens=a&xtoken=b", ""), "none");
    assert_string_equal(found(&tokens_only, "/connect", "Sec-WebSocket-Protocol: fanfare\r\n"), "none");
}

/* What is shown and empty is shown: it is judged, and refused. */
static void an_empty_token_is_one(void **state)
{
    (void)state;
    assert_string_equal(found(&tokens_only, "/connect", "Authorization: Bearer\r\n"), "authorization:");
    assert_string_equal(found(&tokens_only, "/connect?token=", ""), "query:");
    assert_string_equal(found(&tokens_only, "/connect?token", ""), "query:");
}

static void other_schemes_are_not_ours(void **state)
{
    (void)state;
    assert_string_equal(found(&tokens_only, "/connect", "Authorization: Basic YTpi\r\n"), "none");
    assert_string_equal(found(&tokens_only, "/connect", "Authorization: Bearerx a\r\n"), "none");
    assert_string_equal(found(&tokens_only, "/connect?token=t", "Authorization: Basic YTpi\r\n"), "query:t");
}

static void two_tokens_are_not_clear(void **state)
{
    (void)state;
    assert_string_equal(found(&tokens_only, "/connect?token=a", "Authorization: Bearer a\r\n"), TWO);
    assert_string_equal(
        found(&tokens_only, "/connect?token=a", "Sec-WebSocket-Protocol: fanfare, fanfare.token.a\r\n"), TWO);
    assert_string_equal(found(&tokens_only, "/connect",
                              "Authorization: Bearer a\r\n"
                              "Sec-WebSocket-Protocol: fanfare, fanfare.token.a\r\n"),
                        TWO);
    assert_string_equal(found(&tokens_only, "/connect?token=a&token=a", ""), TWO);
    assert_string_equal(found(&tokens_only, "/connect",
                              "Sec-WebSocket-Protocol: fanfare, fanfare.token.a, fanfare.token.b\r\n"),
                        TWO);
    assert_string_equal(
        found(&tokens_only, "/connect", "Authorization: Bearer a\r\nAuthorization: Bearer a\r\n"),
        "fault:Authorization stands more than once");
}

static void the_subprotocol_can_be_selected(void **state)
{
    (void)state;
    assert_string_equal(found(&tokens_only, "/connect", "Sec-WebSocket-Protocol: fanfare.token.a\r\n"),
                        "fault:the subprotocol fanfare must be offered beside fanfare.token.");
    assert_string_equal(
        found(&tokens_only, "/connect", "Sec-WebSocket-Protocol: Fanfare, fanfare.token.a\r\n"),
        "fault:the subprotocol fanfare must be offered beside fanfare.token.");
}

static void a_bad_escape_is_told(void **state)
{
    (void)state;
    assert_string_equal(found(&tokens_only, "/connect?token=%zz", ""),
                        "fault:token has a % without two hexadecimal digits");
    assert_string_equal(found(&tokens_only, "/connect?other=%zz", ""), "none");
}

static void a_cookie_by_its_name(void **state)
{
    static const struct credential_rules known = {true, "sid", NULL, true};

    (void)state;
    assert_string_equal(found(&known, "/connect", "Cookie: a=b; sid=a.b.c; x=y\r\n"), "cookie:a.b.c");
    assert_string_equal(found(&known, "/connect", "Cookie: sid=\"a.b.c\"\r\n"), "cookie:a.b.c");
    assert_string_equal(found(&known, "/connect", "Cookie: sid=\r\n"), "cookie:");
    assert_string_equal(found(&known, "/connect", "Cookie: SID=a; sidx=b; xsid=c; sid; a=sid=d\r\n"), "none");
    assert_string_equal(found(&known, "/connect", "Cookie: sid=a; sid=b\r\n"),
                        "fault:the cookie with the token stands more than once");
    assert_string_equal(found(&known, "/connect", "Cookie: a=b\r\nCookie: sid=a\r\n"),
                        "fault:Cookie stands more than once");
}

static void what_comes_by_itself_needs_a_known_page(void **state)
{
    static const struct credential_rules foreign = {true, "sid", "X-User", false};

    (void)state;
    assert_string_equal(found(&foreign, "/connect", "Cookie: sid=a\r\nX-User: u\r\n"), "none");
    assert_string_equal(found(&foreign, "/connect?token=t", "Cookie: sid=a\r\n"), "query:t");
}

static void the_proxys_header_is_the_user(void **state)
{
    static const struct credential_rules header_only = {false, "sid", "X-User", true};
    static const struct credential_rules no_proxy = {true, "sid", NULL, true};

    (void)state;
    assert_string_equal(found(&everything, "/connect", "x-user: u 7\r\nCookie: sid=a\r\n"), "header:u 7");
    assert_string_equal(found(&everything, "/connect", "X-User:\r\nCookie: sid=a\r\n"), "cookie:a");
    assert_string_equal(found(&everything, "/connect?token=t", "X-User: u\r\n"), "query:t");
    assert_string_equal(found(&everything, "/connect", "X-User: u\r\nX-User: v\r\n"),
                        "fault:the header with the user stands more than once");
    assert_string_equal(found(&no_proxy, "/connect", "X-User: u\r\n"), "none");
    assert_string_equal(
        found(&header_only, "/connect?token=t", "Authorization: Bearer a\r\nCookie: sid=a\r\n"), "none");
}

/* The answer to a handshake with those lines. */
static void expect_answer(const struct handshake_conf *conf, const char *target, const char *lines,
                          const char *part, enum credential_source source)
{
    struct http_request *request = NULL;
    struct handshake answer;
    char bytes[1024];
    size_t used = 0;

    snprintf(bytes, sizeof bytes,
             "GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
             target, lines);
    assert_int_equal(http_request_new(8192, 0, &request), STATUS_OK);
    assert_true(handshake_feed(request, slice_str(bytes), conf, &used, &answer));
    if (memmem(answer.response.data, answer.response.len, part, strlen(part)) == NULL)
        fail_msg("no \"%s\" in %.*s", part, (int)answer.response.len, (const char *)answer.response.data);
    assert_int_equal(answer.credential.source, source);
    handshake_fini(&answer);
    http_request_free(request);
}

static void the_handshake_finds_it(void **state)
{
    static const char subprotocol[] = "Sec-WebSocket-Protocol: chat, fanfare, fanfare.token.t\r\n";
    char *origin = "https://app.example", *chat = "chat";
    const struct conf_list origins = {&origin, 1}, subprotocols = {&chat, 1};
    struct handshake_rules *rules = NULL;

    (void)state;
    assert_int_equal(handshake_rules_new(&origins, &subprotocols, NULL, &rules), STATUS_OK);
    const struct handshake_conf none = {.limits = {16, 2}, .rules = rules};
    const struct handshake_conf with = {.limits = {16, 2}, .rules = rules, .credentials = &everything};
    expect_answer(&none, "/connect", subprotocol, "Sec-WebSocket-Protocol: chat\r\n", CREDENTIAL_NONE);
    expect_answer(&with, "/connect", subprotocol, "Sec-WebSocket-Protocol: fanfare\r\n",
                  CREDENTIAL_SUBPROTOCOL);
    expect_answer(&with, "/connect?token=t", subprotocol, "HTTP/1.1 400 ", CREDENTIAL_NONE);
    expect_answer(&none, "/connect?token=t&token=t", "", "HTTP/1.1 101 ", CREDENTIAL_NONE);
    expect_answer(&with, "/connect", "Cookie: sid=t\r\nOrigin: https://app.example\r\n", "HTTP/1.1 101 ",
                  CREDENTIAL_COOKIE);
    expect_answer(&with, "/connect", "Cookie: sid=t\r\n", "HTTP/1.1 101 ", CREDENTIAL_NONE);
    expect_answer(&with, "/connect", "X-User: u\r\nOrigin: null\r\n", "HTTP/1.1 403 ", CREDENTIAL_NONE);
    handshake_rules_unref(rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_stands_in_three_places),
        cmocka_unit_test(an_empty_token_is_one),
        cmocka_unit_test(other_schemes_are_not_ours),
        cmocka_unit_test(two_tokens_are_not_clear),
        cmocka_unit_test(the_subprotocol_can_be_selected),
        cmocka_unit_test(a_bad_escape_is_told),
        cmocka_unit_test(a_cookie_by_its_name),
        cmocka_unit_test(what_comes_by_itself_needs_a_known_page),
        cmocka_unit_test(the_proxys_header_is_the_user),
        cmocka_unit_test(the_handshake_finds_it),
    };

    gateway_metrics_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
