/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP answers as the tool reads them, whole and byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "deploy/tool/http_answer.h"

static void feed(struct http_answer *answer, const char *text, size_t step)
{
    http_answer_init(answer, 100);
    for (size_t at = 0, len = strlen(text); at < len && !answer->complete && answer->fault == NULL;
         at += step)
        (void)http_answer_feed(answer, text + at, len - at < step ? len - at : step);
}

static void a_length_chunks_or_the_end(void **state)
{
    static const char *const texts[] = {
        "HTTP/1.1 503 No\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nhi",
        "HTTP/1.1 503 No\r\nretry-after: 7\r\nTransfer-Encoding: "
        "chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 No\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nhi",
        "HTTP/1.1 503 No\r\nRetry-After: 7\r\n\r\nhi",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        for (size_t step = 1; step < 200; step += 99) {
            struct http_answer answer;

            feed(&answer, texts[i], step);
            http_answer_end(&answer);
            assert_true(answer.complete);
            assert_null(answer.fault);
            assert_int_equal(answer.status, 503);
            assert_int_equal(answer.body.len, 2);
            assert_memory_equal(answer.body.data, "hi", 2);
            assert_int_equal(http_answer_retry_after(&answer), 7);
            http_answer_fini(&answer);
        }
}

static void what_is_no_answer(void **state)
{
    static const char *const texts[] = {
        "",
        "SSH-2.0-OpenSSH\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct http_answer answer;

        feed(&answer, texts[i], 1000);
        http_answer_end(&answer);
        assert_false(answer.complete);
        assert_non_null(answer.fault);
        http_answer_fini(&answer);
    }
}

static void a_body_past_its_bound(void **state)
{
    char text[300] = "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n";
    struct http_answer answer;

    (void)state;
    memset(text + strlen(text), 'x', 101);
    feed(&answer, text, 1000);
    assert_string_equal(answer.fault, "the answer is too long");
    http_answer_fini(&answer);
}

static void an_upgrade_leaves_the_rest(void **state)
{
    static const char text[] = "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                               "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n\x81\x01x";
    struct http_answer answer;

    (void)state;
    http_answer_init(&answer, 100);
    assert_int_equal(http_answer_feed(&answer, text, sizeof text - 1), sizeof text - 1 - 3);
    assert_true(answer.upgraded);
    assert_string_equal(answer.values[FIELD_ACCEPT], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    http_answer_fini(&answer);
}

static void lines_of_one_field_are_a_list(void **state)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nServer: x\r\n"
                               "Connection: Upgrade\r\nContent-Length: 0\r\n\r\n";
    struct http_answer answer;

    (void)state;
    http_answer_init(&answer, 100);
    (void)http_answer_feed(&answer, text, sizeof text - 1);
    assert_string_equal(answer.values[FIELD_CONNECTION], "keep-alive, Upgrade");
    assert_string_equal(http_answer_name(FIELD_CONNECTION), "connection");
    http_answer_fini(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_length_chunks_or_the_end),    cmocka_unit_test(what_is_no_answer),
        cmocka_unit_test(a_body_past_its_bound),         cmocka_unit_test(an_upgrade_leaves_the_rest),
        cmocka_unit_test(lines_of_one_field_are_a_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
