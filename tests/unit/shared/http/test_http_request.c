/* SPDX-License-Identifier: Apache-2.0 */
/* The request parser and what it makes of good requests. */
#include "tests/unit/http_texts.h"

static void expect_slice(struct slice slice, const char *text)
{
    assert_int_equal(slice.len, strlen(text));
    if (slice.len > 0)
        assert_memory_equal(slice.data, text, slice.len);
}

static void expect_body(const char *text, const char *body)
{
    size_t used;

    for (size_t step = 1; step <= strlen(text); step++) {
        struct http_request *request = request_new();

        assert_int_equal(feed(request, text, strlen(text), step, &used), HTTP_PARSE_COMPLETE);
        assert_int_equal(used, strlen(text));
        expect_slice(http_request_body(request), body);
        http_request_free(request);
    }
}

static void takes_a_request_apart(void **state)
{
    static const char text[] =
        "POST /push/room?wait=1&x HTTP/1.1\r\nHost: h\r\nX-Empty:\r\n"
        "content-TYPE:\t a/b; c=d \t\r\nX: 1\r\nX: 2\r\nContent-Length: 5\r\n\r\nhello";
    struct http_request *request = request_new();
    size_t used;

    (void)state;
    assert_int_equal(feed(request, text, strlen(text), sizeof text, &used), HTTP_PARSE_COMPLETE);
    expect_slice(http_request_method(request), "POST");
    expect_slice(http_request_path(request), "/push/room");
    expect_slice(http_request_query(request), "wait=1&x");
    expect_slice(http_request_header(request, "Content-Type"), "a/b; c=d");
    expect_slice(http_request_header(request, "x"), "1");
    expect_slice(http_request_header(request, "X-Empty"), "");
    assert_non_null(http_request_header(request, "X-Empty").data);
    assert_null(http_request_header(request, "X-Other").data);
    expect_slice(http_request_body(request), "hello");
    http_request_free(request);
}

static void tells_the_headers_before_the_body(void **state)
{
    static const char text[] = POST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello";
    struct http_request *request = request_new();
    size_t used;
    size_t rest;

    (void)state;
    assert_int_equal(http_request_feed(request, text, strlen(text), &used), HTTP_PARSE_HEADERS);
    assert_int_equal(used, strlen(text) - 5);
    assert_true(http_request_expects_continue(request));
    assert_int_equal(http_request_feed(request, text + used, 0, &rest), HTTP_PARSE_MORE);
    assert_int_equal(http_request_feed(request, text + used, 5, &rest), HTTP_PARSE_COMPLETE);
    assert_int_equal(rest, 5);
    http_request_free(request);
}

static void leaves_what_is_behind_and_goes_on_after_reset(void **state)
{
    static const char text[] = "GET /one HTTP/1.1\r\n" HOST "\r\n\r\n\r\n" POST
                               "Content-Length: 3\r\n\r\nabcGET /three HTTP/1.0\r\n\r\n";
    struct http_request *request = request_new();
    size_t at = 0;
    size_t used;

    (void)state;
    assert_int_equal(feed(request, text, strlen(text), 100, &used), HTTP_PARSE_COMPLETE);
    expect_slice(http_request_path(request), "/one");
    assert_int_equal(http_request_feed(request, text, 5, &at), HTTP_PARSE_COMPLETE);
    assert_int_equal(at, 0);
    at = used;
    http_request_reset(request);
    assert_false(http_request_begun(request));
    assert_int_equal(http_request_feed(request, text + at, 4, &used), HTTP_PARSE_MORE);
    assert_false(http_request_begun(request));
    at += used;
    assert_int_equal(feed(request, text + at, strlen(text) - at, 100, &used), HTTP_PARSE_COMPLETE);
    assert_true(http_request_begun(request));
    expect_slice(http_request_body(request), "abc");
    at += used;
    http_request_reset(request);
    assert_int_equal(feed(request, text + at, strlen(text) - at, 100, &used), HTTP_PARSE_COMPLETE);
    expect_slice(http_request_path(request), "/three");
    expect_slice(http_request_body(request), "");
    assert_int_equal(at + used, strlen(text));
    http_request_free(request);
}

static void the_target_may_be_absolute(void **state)
{
    static const char *const cases[][3] = {
        {"http://h:80/a/b?q", "/a/b", "q"},
        {"HTTPS://h", "/", ""},
        {"http://h?q=1", "/", "q=1"},
        {"/?", "/", ""},
        {"/a?b?c", "/a", "b?c"},
        {"http://[::1]:8080/a", "/a", ""},
        {"http://h:/", "/", ""},
    };
    char text[100];
    size_t used;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_request *request = request_new();

        snprintf(text, sizeof text, "GET %s HTTP/1.1\r\n" HOST "\r\n", cases[i][0]);
        assert_int_equal(feed(request, text, strlen(text), 7, &used), HTTP_PARSE_COMPLETE);
        expect_slice(http_request_path(request), cases[i][1]);
        expect_slice(http_request_query(request), cases[i][2]);
        http_request_free(request);
    }
}

static void takes_every_form_of_host(void **state)
{
    static const char *const hosts[] = {
        "h",     "h:80",       "H.example:65535",  "127.0.0.1:7799",
        "[::1]", "[::1]:7799", "[::ffff:1.2.3.4]", "logic_1",
        "a%20b", "h:",         "\t h:80 \t",       "",
    };
    char text[100];

    (void)state;
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost:%s\r\n\r\n", hosts[i]);
        expect(text, HTTP_PARSE_COMPLETE);
    }
    expect("GET / HTTP/1.0\r\n\r\n", HTTP_PARSE_COMPLETE);
}

/* RFC 9110, 9.1: case matters, and what a method means is not the parser's to know. */
static void methods_are_any_token_in_their_own_case(void **state)
{
    static const char *const methods[] = {"GET", "get", "Post", "PURGE", "M-SEARCH", "!#$%&'*+-.^_`|~0"};
    char text[100];
    size_t used;

    (void)state;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        struct http_request *request = request_new();

        snprintf(text, sizeof text, "%s / HTTP/1.1\r\n" HOST "\r\n", methods[i]);
        assert_int_equal(feed(request, text, strlen(text), 3, &used), HTTP_PARSE_COMPLETE);
        expect_slice(http_request_method(request), methods[i]);
        http_request_free(request);
    }
    expect("OPTIONS * HTTP/1.1\r\n" HOST "\r\n", HTTP_PARSE_COMPLETE);
}

/* RFC 9110, 2.5: the highest minor version that we know of is 1. */
static void a_later_minor_version_is_1_1(void **state)
{
    static const char text[] = "GET / HTTP/1.9\r\n" HOST "\r\n";
    struct http_request *request = request_new();
    size_t used;

    (void)state;
    assert_int_equal(feed(request, text, strlen(text), 50, &used), HTTP_PARSE_COMPLETE);
    assert_true(http_request_keep_alive(request));
    assert_false(http_request_is_http10(request));
    http_request_free(request);
}

/* RFC 9112, 5: any spaces and tabs around a value are none of it, where it frames the request too. */
static void space_around_values_does_not_matter(void **state)
{
    (void)state;
    expect_body(POST "Content-Length:5\r\n\r\nhello", "hello");
    expect_body(POST "Content-Length:\t5\t\r\n\r\nhello", "hello");
    expect_body(POST "Content-Length: \t 5 \t \r\n\r\nhello", "hello");
    expect_body(POST "Transfer-Encoding:\tchunked \t\r\n\r\n1\r\nx\r\n0\r\n\r\n", "x");
    expect_body(POST "Transfer-Encoding:chunked\r\n\r\n0\r\n\r\n", "");
}

static void knows_of_a_coding(void **state)
{
    static const struct {
        const char *fields;
        bool encoded;
    } cases[] = {
        {"", false},
        {"Content-Encoding: identity\r\n", false},
        {"Content-Encoding: Identity ,, identity\r\n", false},
        {"Content-Encoding:\r\n", false},
        {"Content-Encoding: gzip\r\n", true},
        {"Content-Encoding: identity, br\r\n", true},
        {"Content-Encoding: identity\r\ncontent-encoding:\tx-gzip\t\r\n", true},
        {"Content-Encoding: identityx\r\n", true},
    };
    char text[200];
    size_t used;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_request *request = request_new();

        snprintf(text, sizeof text, POST "%s\r\n", cases[i].fields);
        assert_int_equal(feed(request, text, strlen(text), 5, &used), HTTP_PARSE_COMPLETE);
        assert_int_equal(http_request_is_encoded(request), cases[i].encoded);
        assert_false(http_request_has_body(request));
        http_request_free(request);
    }
}

/* So that an answer to a request that never came whole can say what the whole one would have got. */
static void whole_lines_are_known_before_the_section_ends(void **state)
{
    static const char text[] = "HEAD / HTTP/1.1\r\nOrigin: https://a\r\nX: y";
    struct http_request *request = request_new();
    size_t used;

    (void)state;
    expect_slice(http_request_method(request), "");
    assert_int_equal(feed(request, text, 15, 4, &used), HTTP_PARSE_MORE);
    expect_slice(http_request_method(request), "");
    assert_null(http_request_header(request, "Origin").data);
    assert_int_equal(feed(request, text + 15, strlen(text) - 15, 4, &used), HTTP_PARSE_MORE);
    expect_slice(http_request_method(request), "HEAD");
    expect_slice(http_request_header(request, "Origin"), "https://a");
    assert_null(http_request_header(request, "X").data);
    http_request_free(request);
}

struct flags {
    const char *head;
    bool keep_alive;
    bool upgrade;
    bool http10;
};

static void knows_how_the_connection_goes_on(void **state)
{
    static const struct flags cases[] = {
        {"GET / HTTP/1.1\r\n" HOST, true, false, false},
        {"GET / HTTP/1.1\r\n" HOST "Connection: foo ,\tCLOSE\r\n", false, false, false},
        {"GET / HTTP/1.1\r\n" HOST "Connection: keep-alive\r\nConnection: close\r\n", false, false, false},
        {"GET / HTTP/1.1\r\n" HOST "Connection: closed\r\n", true, false, false},
        {"GET / HTTP/1.1\r\n" HOST "Connection: keep-alive, Upgrade\r\nUpgrade: x\r\n", true, true, false},
        {"GET / HTTP/1.1\r\n" HOST "Upgrade: x\r\n", true, false, false},
        {"GET / HTTP/1.0\r\n", false, false, true},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n", true, false, true},
    };
    char text[200];
    size_t used;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_request *request = request_new();

        snprintf(text, sizeof text, "%s\r\n", cases[i].head);
        assert_int_equal(feed(request, text, strlen(text), 5, &used), HTTP_PARSE_COMPLETE);
        assert_int_equal(http_request_keep_alive(request), cases[i].keep_alive);
        assert_int_equal(http_request_is_upgrade(request), cases[i].upgrade);
        assert_int_equal(http_request_is_http10(request), cases[i].http10);
        http_request_free(request);
    }
}

static void takes_bodies(void **state)
{
    (void)state;
    expect_body(POST "\r\n", "");
    expect_body(POST "Content-Length: 0\r\n\r\n", "");
    expect_body(POST "Content-Length: 0020\r\n\r\n01234567890123456789", "01234567890123456789");
    expect_body(CHUNKED "0\r\n\r\n", "");
    expect_body(CHUNKED "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world");
    expect_body(CHUNKED "A;a=\"b\"\r\n0123456789\r\n00a ;x\r\nabcdefghij\r\n000\r\n\r\n",
                "0123456789abcdefghij");
    expect_body(CHUNKED "1\r\n\r\r\n1\r\n\n\r\n0\r\nX: y\r\nX-Empty:\r\n\r\n", "\r\n");
}

static void trailers_change_nothing(void **state)
{
    static const char text[] = CHUNKED "0\r\nConnections: close\r\nX: y\r\n\r\n";
    struct http_request *request = request_new();
    size_t used;

    (void)state;
    assert_int_equal(feed(request, text, strlen(text), 100, &used), HTTP_PARSE_COMPLETE);
    assert_true(http_request_keep_alive(request));
    assert_null(http_request_header(request, "X").data);
    http_request_free(request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_a_request_apart),
        cmocka_unit_test(tells_the_headers_before_the_body),
        cmocka_unit_test(leaves_what_is_behind_and_goes_on_after_reset),
        cmocka_unit_test(the_target_may_be_absolute),
        cmocka_unit_test(takes_every_form_of_host),
        cmocka_unit_test(methods_are_any_token_in_their_own_case),
        cmocka_unit_test(a_later_minor_version_is_1_1),
        cmocka_unit_test(space_around_values_does_not_matter),
        cmocka_unit_test(knows_of_a_coding),
        cmocka_unit_test(whole_lines_are_known_before_the_section_ends),
        cmocka_unit_test(knows_how_the_connection_goes_on),
        cmocka_unit_test(takes_bodies),
        cmocka_unit_test(trailers_change_nothing),
    };

    return cmocka_run_group_tests_name("http_request", tests, NULL, NULL);
}
