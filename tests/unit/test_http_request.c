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
        {"*", "*", ""},
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
    expect_body(CHUNKED "1\r\n\r\r\n1\r\n\n\r\n0\r\nX: y\r\nHost: z\r\nContent-Length: 9\r\n\r\n", "\r\n");
}

static void trailers_change_nothing(void **state)
{
    static const char text[] = CHUNKED "0\r\nConnection: close\r\nX: y\r\n\r\n";
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
        cmocka_unit_test(knows_how_the_connection_goes_on),
        cmocka_unit_test(takes_bodies),
        cmocka_unit_test(trailers_change_nothing),
    };

    return cmocka_run_group_tests_name("http_request", tests, NULL, NULL);
}
