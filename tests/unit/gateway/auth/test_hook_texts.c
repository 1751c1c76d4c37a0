/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON of questions, the reading of answers, and the token in a file. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/auth/bearer_file.h"
#include "gateway/auth/hook_answer.h"
#include "gateway/auth/hook_question.h"
#include "shared/json/json_scan.h"

static char *header_items[] = {"Cookie", "X-Forwarded-Proto", "X-Twice", "Authorization"};
static const struct conf_list headers = {.items = header_items, .count = 4};

static struct http_request *request_of(const char *text)
{
    struct http_request *request;
    size_t used;

    assert_int_equal(http_request_new(65536, 0, &request), STATUS_OK);
    assert_int_equal(http_request_feed(request, text, strlen(text), &used), HTTP_PARSE_HEADERS);
    return request;
}

static void expect_connect(const char *text, const char *json)
{
    struct http_request *request = request_of(text);
    struct hook_question question;
    struct json_value value;
    struct json_error error;

    assert_int_equal(hook_question_connect(&question, slice_str("192.0.2.1"), request, &headers), STATUS_OK);
    assert_int_equal(question.event, HOOK_CONNECT);
    if (!slice_equal(slice_of(question.json.data, question.json.len), slice_str(json)))
        fail_msg("%.*s\ninstead of %s", (int)question.json.len, (const char *)question.json.data, json);
    assert_int_equal(json_scan(slice_of(question.json.data, question.json.len), 8, &value, &error),
                     STATUS_OK);
    hook_question_fini(&question);
    http_request_free(request);
}

static void test_who_connects(void **state)
{
    (void)state;
    expect_connect("GET /connect?v=2&x=%22 HTTP/1.1\r\nHost: h\r\nCOOKIE: a=b; c=\"d\\e\"\r\nX-Other: no\r\n"
                   "Authorization: Basic eA==\r\n\r\n",
                   "{\"event\":\"connect\",\"address\":\"192.0.2.1\",\"query\":\"v=2&x=%22\",\"headers\":{"
                   "\"Cookie\":\"a=b; c=\\\"d\\\\e\\\"\",\"Authorization\":\"Basic eA==\"}}");
    expect_connect("GET /connect HTTP/1.1\r\nHost: h\r\n\r\n",
                   "{\"event\":\"connect\",\"address\":\"192.0.2.1\",\"query\":\"\",\"headers\":{}}");
}

/* A proxy that appends its own leaves the client's in front. */
static void test_a_header_that_stands_twice_is_left_out(void **state)
{
    (void)state;
    expect_connect(
        "GET / HTTP/1.1\r\nHost: h\r\nX-Twice: mine\r\nx-twice: the proxy's\r\nCookie:\r\n\r\n",
        "{\"event\":\"connect\",\"address\":\"192.0.2.1\",\"query\":\"\",\"headers\":{\"Cookie\":\"\"}}");
}

static void test_bytes_that_are_no_utf8(void **state)
{
    (void)state;
    expect_connect("GET / HTTP/1.1\r\nHost: h\r\nCookie: \xe9\xff\r\nX-Forwarded-Proto: \xc3\xa9\r\n\r\n",
                   "{\"event\":\"connect\",\"address\":\"192.0.2.1\",\"query\":\"\",\"headers\":{"
                   "\"Cookie\":\"\xc3\xa9\xc3\xbf\",\"X-Forwarded-Proto\":\"\xc3\xa9\"}}");
}

static void test_questions_are_bounded(void **state)
{
    static char text[HOOK_QUESTION_MAX];
    struct http_request *request;
    struct hook_question question;
    size_t len = (size_t)sprintf(text, "GET / HTTP/1.1\r\nHost: h\r\nCookie: ");

    (void)state;
    memset(text + len, '"', HOOK_QUESTION_MAX / 2);
    strcat(text, "\r\n\r\n");
    request = request_of(text);
    assert_int_equal(hook_question_connect(&question, slice_str("a"), request, &headers), STATUS_TOO_LARGE);
    hook_question_fini(&question);
    http_request_free(request);
}

static void test_who_joins(void **state)
{
    char user[] = "k:u\"7";
    struct grant grant = {.user = user, .user_len = 5, .prefix_len = 2};
    struct hook_question question;

    (void)state;
    assert_int_equal(hook_question_join(&question, &grant, slice_str("a\nb")), STATUS_OK);
    assert_int_equal(question.event, HOOK_JOIN);
    assert_memory_equal(question.json.data, "{\"event\":\"join\",\"user\":\"k:u\\\"7\",\"room\":\"a\\nb\"}",
                        question.json.len);
    hook_question_fini(&question);
    grant = (struct grant){.user = NULL};
    assert_int_equal(hook_question_join(&question, &grant, slice_str("r")), STATUS_OK);
    assert_memory_equal(question.json.data, "{\"event\":\"join\",\"user\":null,\"room\":\"r\"}",
                        question.json.len);
    hook_question_fini(&question);
}

static void test_a_whole_answer(void **state)
{
    struct hook_answer answer;

    (void)state;
    assert_null(
        hook_answer_read(slice_str(" {\"user\":\"u7\",\"rooms\":[\"a\"],\"join\":[\"b\"],\"info\":{\"x\":1},"
                                   "\"seconds\":60,\"other\":[null]} "),
                         &answer));
    assert_int_equal(answer.seconds, 60);
    assert_true(slice_equal(answer.claims.user.text, slice_str("\"u7\"")));
    assert_true(slice_equal(answer.claims.rooms.text, slice_str("[\"a\"]")));
    assert_true(slice_equal(answer.claims.join.text, slice_str("[\"b\"]")));
    assert_true(slice_equal(answer.claims.info.text, slice_str("{\"x\":1}")));
    assert_null(answer.claims.room.text.data);
    assert_null(hook_answer_read(slice_str("{\"user\":null,\"seconds\":null,\"room\":\"x\"}"), &answer));
    assert_null(answer.claims.user.text.data);
    assert_null(answer.claims.room.text.data); /* a service gives no room tokens */
    assert_int_equal(answer.seconds, 0);
}

static void test_seconds(void **state)
{
    static const struct {
        const char *body;
        int64_t seconds; /* -1: refused */
    } cases[] = {
        {"{\"seconds\":0}", 0},
        {"{\"seconds\":86400}", 86400},
        {"{\"seconds\":86401}", -1},
        {"{\"seconds\":-1}", -1},
        {"{\"seconds\":1.5}", -1},
        {"{\"seconds\":1e3}", -1},
        {"{\"seconds\":\"60\"}", -1},
        {"{\"seconds\":true}", -1},
        {"{\"seconds\":99999999999999999999}", -1},
    };
    struct hook_answer answer;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *why = hook_answer_read(slice_str(cases[i].body), &answer);

        if ((why == NULL) != (cases[i].seconds >= 0) || (why == NULL && answer.seconds != cases[i].seconds))
            fail_msg("%s: %s", cases[i].body, why != NULL ? why : "taken");
    }
}

static void test_what_is_no_answer(void **state)
{
    static const char *const bodies[] = {
        "",
        "ok",
        "[]",
        "\"u7\"",
        "{\"user\":\"a\",\"user\":\"b\"}",
        "{\"user\":\"a\",\"us\\u0065r\":\"b\"}",
        "{\"user\":\"a\"",
        "{\"user\":\"a\"}x",
        "{\"user\":\"a\\u0000\"}",
        "{\"x\":\"\xff\"}",
        "{'user':'a'}",
    };
    struct hook_answer answer;

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        if (hook_answer_read(slice_str(bodies[i]), &answer) == NULL)
            fail_msg("%s was taken", bodies[i]);
}

static enum status read_file(const char *text, size_t len, char *out)
{
    char path[] = "/tmp/fanfare-token-XXXXXX";
    struct fault fault;
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    close(fd);
    enum status status = bearer_file_read(path, out, &fault);
    unlink(path);
    if (status != STATUS_OK) {
        assert_int_equal(strncmp(fault.text, path, strlen(path)), 0);
        if (len > 3)
            assert_null(strstr(fault.text + strlen(path), "abc"));
    }
    return status;
}

static void test_a_token_in_a_file(void **state)
{
    static char longest[BEARER_MAX + 2];
    char out[BEARER_MAX + 1];
    struct fault fault;

    (void)state;
    assert_int_equal(read_file("abc.DEF-_~+/=", 13, out), STATUS_OK);
    assert_string_equal(out, "abc.DEF-_~+/=");
    assert_int_equal(read_file("abc\n", 4, out), STATUS_OK);
    assert_string_equal(out, "abc");
    assert_int_equal(read_file("abc\r\n", 5, out), STATUS_OK);
    assert_string_equal(out, "abc");
    memset(longest, 'a', sizeof longest);
    assert_int_equal(read_file(longest, BEARER_MAX, out), STATUS_OK);
    assert_int_equal(read_file(longest, BEARER_MAX + 1, out), STATUS_INVALID);
    assert_int_equal(read_file("", 0, out), STATUS_INVALID);
    assert_int_equal(read_file("\n", 1, out), STATUS_INVALID);
    assert_int_equal(read_file("abc\n\n", 5, out), STATUS_INVALID);
    assert_int_equal(read_file("abc def", 7, out), STATUS_INVALID);
    assert_int_equal(read_file("abc\0def", 7, out), STATUS_INVALID);
    assert_int_equal(read_file("abc\r\nX: y", 9, out), STATUS_INVALID);
    assert_int_equal(bearer_file_read("/nowhere/token", out, &fault), STATUS_IO);
    assert_int_equal(bearer_file_read("/tmp", out, &fault), STATUS_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_connects),
        cmocka_unit_test(test_a_header_that_stands_twice_is_left_out),
        cmocka_unit_test(test_bytes_that_are_no_utf8),
        cmocka_unit_test(test_questions_are_bounded),
        cmocka_unit_test(test_who_joins),
        cmocka_unit_test(test_a_whole_answer),
        cmocka_unit_test(test_seconds),
        cmocka_unit_test(test_what_is_no_answer),
        cmocka_unit_test(test_a_token_in_a_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
