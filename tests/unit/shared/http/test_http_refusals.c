/* SPDX-License-Identifier: Apache-2.0 */
/* What the request parser refuses, request smuggling above all, and its limits. */
#include "tests/unit/http_texts.h"

static void refuses_what_is_not_http(void **state)
{
    static const char *const texts[] = {
        "hello\r\n",
        "GET\r\n",
        "GET /\r\n",
        " GET / HTTP/1.1\r\n",
        "GET / HTTP/1.1 \r\n",
        "GET /a b HTTP/1.1\r\n",
        "GET / HTTP/1.10\r\n",
        "GET  / HTTP/1.1\r\n",
        "GET /  HTTP/1.1\r\n",
        "GET /\tHTTP/1.1\r\n",
        "GET\t/ HTTP/1.1\r\n",
        "GET / HTTP/1.1\t\r\n",
        "GET / HTTP/1,1\r\n",
        "GET / HTTP/1\r\n",
        "GET / HTTP/11\r\n",
        "GET / Http/1.1\r\n",
        "GET / HTTP /1.1\r\n",
        "GET * HTTP/1.1\r\n",
        "POST * HTTP/1.1\r\n",
        "OPTIONS ** HTTP/1.1\r\n",
        "GET h:80 HTTP/1.1\r\n",
        "GET ../x HTTP/1.1\r\n",
        "GET http:/// HTTP/1.1\r\n",
        "GET http:// HTTP/1.1\r\n",
        "GET http://?q HTTP/1.1\r\n",
        "GET http://user@h/ HTTP/1.1\r\n",
        "GET http://h:x/ HTTP/1.1\r\n",
        "GET http://h:65536/ HTTP/1.1\r\n",
        "GET http://[::1/ HTTP/1.1\r\n",
        "GET http:/h/ HTTP/1.1\r\n",
        "CONNECT /x HTTP/1.1\r\n",
        "GET / http/1.1\r\n",
        "GET / ICE/1.0\r\n",
        "GET a HTTP/1.1\r\n",
        "GET ftp://h/ HTTP/1.1\r\n",
        "GET http:// HTTP/1.1 x\r\n",
        "CONNECT h:80 HTTP/1.1\r\n",
        "GET /# HTTP/1.1\r\n",
        "GET /\x80 HTTP/1.1\r\n",
        "G(T / HTTP/1.1\r\n",
        "GET / HTTP/1.1\n",
        "GET /\r HTTP/1.1\r\n",
        "\n",
        "\x16\x03\x01\x02",
        "GET /\x01",
    };

    char text[200];

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        snprintf(text, sizeof text, "%s" HOST "\r\n", texts[i]);
        expect(text, HTTP_PARSE_BAD);
    }
}

static void knows_other_versions(void **state)
{
    static const char *const texts[] = {"GET / HTTP/2.0\r\n", "GET / HTTP/0.9\r\n", "PRI * HTTP/2.0\r\n",
                                        "GET / HTTP/9.1\r\n"};
    char text[100];

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        snprintf(text, sizeof text, "%s\r\n", texts[i]);
        expect(text, HTTP_PARSE_VERSION);
    }
}

/* RFC 9112, 3.2: 400 for none, for more than one, and for one that is no host. */
static void refuses_every_other_host(void **state)
{
    static const char *const fields[] = {
        "",
        "Host: a\r\nHost: a\r\n",
        "Host: a\r\nHost:\r\n",
        "Host: a\r\nhost: b\r\n",
        "Host: a b\r\n",
        "Host: a, b\r\n",
        "Host: a/b\r\n",
        "Host: http://a\r\n",
        "Host: user@a\r\n",
        "Host: a?b\r\n",
        "Host: a\\b\r\n",
        "Host: \"a\"\r\n",
        "Host: <a>\r\n",
        "Host: a:b\r\n",
        "Host: a:80:80\r\n",
        "Host: a:-1\r\n",
        "Host: a:65536\r\n",
        "Host: a:99999999999999999999\r\n",
        "Host: a: 80\r\n",
        "Host: a :80\r\n",
        "Host: :80\r\n",
        "Host: %\r\n",
        "Host: a%2\r\n",
        "Host: a%zz\r\n",
        "Host: ::1\r\n",
        "Host: [::1\r\n",
        "Host: []\r\n",
        "Host: [a]\r\n",
        "Host: [1.2.3.4]\r\n",
        "Host: [::1]x\r\n",
        "Host: [::1]:x\r\n",
        "Host: [[::1]]\r\n",
        "Host: \xc3\xa9\r\n",
    };
    char text[200];

    (void)state;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        snprintf(text, sizeof text, "GET / HTTP/1.1\r\n%s\r\n", fields[i]);
        expect(text, HTTP_PARSE_BAD);
        snprintf(text, sizeof text, "GET http://good/ HTTP/1.0\r\n%s\r\n", fields[i]);
        expect(text, fields[i][0] == '\0' ? HTTP_PARSE_COMPLETE : HTTP_PARSE_BAD);
    }
}

static void refuses_trailers_that_are_none(void **state)
{
    static const char *const trailers[] = {
        "X\r\n",
        "X y\r\n",
        ": y\r\n",
        "X : y\r\n",
        " X: y\r\n",
        "X: y\r\n z: a\r\n",
        "X: y\n",
        "X: \x01\r\n",
        "X\x80: y\r\n",
        "(: y\r\n",
        "X: y\rZ",
        "\r\r\n",
        "Content-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Host: h\r\n",
        "authorization: Bearer x\r\n",
        "CONTENT-TYPE: a/b\r\n",
        "Content-Encoding: gzip\r\n",
        "X: y\r\nTrailer: X\r\n",
        "Connection: close\r\n",
        "Upgrade: websocket\r\n",
        "Expect: 100-continue\r\n",
        "Origin: https://a\r\n",
        "Cookie: a=b\r\n",
        "proxy-authorization: x\r\n",
        "If-Unmodified-Since: x\r\n",
        "X-Forwarded-For: 1.2.3.4\r\n",
    };
    char text[300];

    (void)state;
    for (size_t i = 0; i < sizeof trailers / sizeof *trailers; i++) {
        snprintf(text, sizeof text, CHUNKED "1\r\nx\r\n0\r\n%s\r\n", trailers[i]);
        expect(text, HTTP_PARSE_BAD);
    }
    expect(CHUNKED "0\r\nContent-Lengths: 5\r\nHos: h\r\nETag: "
                   "\"x\"\r\nA-name-that-is-longer-than-any-that-is-refused:\r\n\r\n",
           HTTP_PARSE_COMPLETE);
}

static void refuses_bad_headers(void **state)
{
    static const char *const headers[] = {
        "Content-Length : 5\r\n",
        "Content Length: 5\r\n",
        " X: y\r\n",
        "X: y\r\n z\r\n",
        "X: y\r\n\tz\r\n",
        "X\r\n",
        ": y\r\n",
        "X\t: y\r\n",
        "(X): y\r\n",
        "X@: y\r\n",
        "\"X\": y\r\n",
        "X: y\n",
        "X: y\rZ: a\r\n",
        "X: y\r\r\n",
        "X: \x01\r\n",
        "X: \x7f\r\n",
        "X\xc3\xa9: y\r\n",
        "Host: other\r\n\r\n",
    };
    char text[200];

    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        snprintf(text, sizeof text, "GET / HTTP/1.1\r\n" HOST "%s\r\n", headers[i]);
        expect(text, HTTP_PARSE_BAD);
    }
    expect("GET / HTTP/1.1\r\n\r\n", HTTP_PARSE_BAD);
    expect("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", HTTP_PARSE_BAD);
}

static void refuses_framing_that_could_be_read_twice(void **state)
{
    static const char *const headers[] = {
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: 5 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 5.\r\n",
        "Content-Length:\r\n",
        "Content-Length: 5\t5\r\n",
        "Content-Length: 5,\r\n",
        "Content-Length: 5;\r\n",
        "Content-Length: \"5\"\r\n",
        "Content-Length: \xb2\r\n",
        "Content-Length: 18446744073709551616\r\n",
        "Transfer-Encoding: chunked;q=1\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked,\r\n",
        "Content-Length: 18446744073709551621\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, gzip\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding:\r\n",
        "Transfer-Encoding:\r\n chunked\r\n",
        "Transfer-Encoding: \013chunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "Content-Length: 0\r\ntransfer-encoding: CHUNKED\r\n\r\n",
    };
    char text[200];

    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        snprintf(text, sizeof text, POST "%s\r\n", headers[i]);
        expect(text, HTTP_PARSE_BAD);
    }
    expect("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_PARSE_BAD);
}

static void refuses_bad_chunks(void **state)
{
    static const char *const bodies[] = {
        "\r\n",
        ";\r\n",
        "g\r\n",
        "-1\r\n",
        "+1\r\n",
        "0x1\r\n",
        " 1\r\n",
        "1 \r\n",
        "1\n",
        "1\rX",
        "1;a\n",
        "1;\x01",
        "1\r\nab",
        "1\r\na\n",
        "1\r\na\rX",
        "1\r\na\r\n\r\n",
        "0\r\nX: y\n",
        "0\r\n\n",
        "0\r\n\rX",
        "0\r\nX: y\rZ",
        "FFFFFFFFFFFFFFFFF",
        "0000000000000001",
    };
    char text[200];

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        snprintf(text, sizeof text, CHUNKED "%s", bodies[i]);
        expect(text, HTTP_PARSE_BAD);
    }
}

static void keeps_its_limits(void **state)
{
    char text[700];
    char filler[400];

    (void)state;
    memset(filler, 'x', sizeof filler);
    for (int pad = 270; pad < 300; pad++) {
        int len = snprintf(text, sizeof text, "GET / HTTP/1.1\r\n" HOST "X: %.*s\r\n\r\n", pad, filler);

        expect(text, len <= MAX_HEADER ? HTTP_PARSE_COMPLETE : HTTP_PARSE_HEADER_BIG);
    }
    snprintf(text, sizeof text, "GET /%.*s", MAX_HEADER, filler);
    expect(text, HTTP_PARSE_HEADER_BIG);
    expect(POST "Content-Length: 21\r\n\r\n", HTTP_PARSE_BODY_BIG);
    expect(POST "Content-Length: 9999999999999999999\r\n\r\n", HTTP_PARSE_BODY_BIG);
    expect(CHUNKED "15\r\nx", HTTP_PARSE_BODY_BIG);
    expect(CHUNKED "7fffffffffffff\r\nx", HTTP_PARSE_BODY_BIG);
    expect(CHUNKED "14\r\n01234567890123456789\r\n1\r\nx", HTTP_PARSE_BODY_BIG);
    snprintf(text, sizeof text, CHUNKED "1;%.*s", MAX_HEADER + 1, filler);
    expect(text, HTTP_PARSE_HEADER_BIG);
    snprintf(text, sizeof text, CHUNKED "0\r\nX:%.*s", MAX_HEADER + 1, filler);
    expect(text, HTTP_PARSE_HEADER_BIG);
    snprintf(text, sizeof text, CHUNKED "0\r\nX:%.*s\r\n\r\n", MAX_HEADER - 2, filler);
    expect(text, HTTP_PARSE_COMPLETE);
}

static void more_than_a_hundred_fields_are_too_many(void **state)
{
    for (int count = 99; count <= 100; count++) {
        struct http_request *request;
        size_t used;

        (void)state;
        assert_int_equal(http_request_new(4096, 0, &request), STATUS_OK);
        assert_int_equal(feed(request, "GET / HTTP/1.1\r\n" HOST, 25, 100, &used), HTTP_PARSE_MORE);
        for (int i = 0; i < count - 1; i++)
            assert_int_equal(feed(request, "A: b\r\n", 6, 6, &used), HTTP_PARSE_MORE);
        assert_int_equal(feed(request, "A: b\r\n", 6, 6, &used),
                         count < 100 ? HTTP_PARSE_MORE : HTTP_PARSE_HEADER_BIG);
        http_request_free(request);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_not_http),
        cmocka_unit_test(knows_other_versions),
        cmocka_unit_test(refuses_every_other_host),
        cmocka_unit_test(refuses_trailers_that_are_none),
        cmocka_unit_test(refuses_bad_headers),
        cmocka_unit_test(refuses_framing_that_could_be_read_twice),
        cmocka_unit_test(refuses_bad_chunks),
        cmocka_unit_test(keeps_its_limits),
        cmocka_unit_test(more_than_a_hundred_fields_are_too_many),
    };

    return cmocka_run_group_tests_name("http_refusals", tests, NULL, NULL);
}
