/* SPDX-License-Identifier: Apache-2.0 */
/* The demo page's HTTP answer: its length, its headers, and the address that is written into it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/page.h"

/* The answer as a NUL-terminated string that the caller frees. */
static char *answer_for(const char *api_url)
{
    struct page *page = NULL;

    assert_int_equal(page_new(&(struct page_conf){api_url, ""}, &page), STATUS_OK);
    struct slice bytes = page_response(page);
    char *text = malloc(bytes.len + 1);
    assert_non_null(text);
    memcpy(text, bytes.data, bytes.len);
    text[bytes.len] = '\0';
    assert_int_equal(strlen(text), bytes.len);
    page_free(page);
    return text;
}

static void contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("not in the answer: %s", part);
}

static void lacks(const char *text, const char *part)
{
    if (strstr(text, part) != NULL)
        fail_msg("in the answer: %s", part);
}

static char *body_of(char *answer)
{
    char *end = strstr(answer, "\r\n\r\n");

    assert_non_null(end);
    return end + 4;
}

static void it_is_a_complete_answer(void **state)
{
    (void)state;
    char *answer = answer_for("");
    const char *body = body_of(answer);
    const char *length = strstr(answer, "Content-Length: ");

    assert_memory_equal(answer, "HTTP/1.1 200 OK\r\n", 17);
    assert_non_null(length);
    assert_int_equal(strtoul(length + strlen("Content-Length: "), NULL, 10), strlen(body));
    assert_memory_equal(body, "<!doctype html>\n", 16);
    assert_string_equal(body + strlen(body) - 8, "</html>\n");
    free(answer);
}

static void its_headers_allow_only_what_it_needs(void **state)
{
    (void)state;
    char *answer = answer_for("");
    char *head_end = strstr(answer, "\r\n\r\n");

    *head_end = '\0';
    contains(answer, "\r\nContent-Type: text/html; charset=utf-8");
    contains(answer, "\r\nCache-Control: no-cache");
    contains(answer, "\r\nX-Content-Type-Options: nosniff");
    contains(answer, "\r\nReferrer-Policy: no-referrer");
    contains(answer, "\r\nConnection: close");
    contains(answer, "default-src 'none'; style-src 'sha256-");
    contains(answer, "script-src 'sha256-");
    contains(answer, "connect-src http: https: ws: wss:;");
    lacks(answer, "unsafe");
    free(answer);
}

static void an_empty_address_leaves_the_choice_to_the_page(void **state)
{
    (void)state;
    char *answer = answer_for("");

    contains(answer, "<meta name=\"fanfare-api\" content=\"\">");
    lacks(answer, "@API_URL@");
    free(answer);
}

static void the_address_stands_in_the_page(void **state)
{
    (void)state;
    char *answer = answer_for("https://push.example.org:7799");

    contains(answer, "<meta name=\"fanfare-api\" content=\"https://push.example.org:7799\">");
    free(answer);
}

static void the_address_cannot_leave_its_attribute(void **state)
{
    (void)state;
    char *answer = answer_for("\"><script>alert('1')</script>&");

    contains(answer, "content=\"&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;\"");
    lacks(answer, "<script>alert");
    free(answer);
}

static void the_issuer_stands_in_the_page(void **state)
{
    struct page *page = NULL;

    (void)state;
    assert_int_equal(page_new(&(struct page_conf){"", "http://127.0.0.1:7787/token?a&b"}, &page), STATUS_OK);
    struct slice bytes = page_response(page);
    static const char wanted[] =
        "<meta name=\"fanfare-issuer\" content=\"http://127.0.0.1:7787/token?a&amp;b\">";
    assert_non_null(memmem(bytes.data, bytes.len, wanted, sizeof wanted - 1));
    assert_null(memmem(bytes.data, bytes.len, "@TOKEN_URL@", 11));
    page_free(page);
}

static void the_policy_does_not_depend_on_the_address(void **state)
{
    (void)state;
    char *one = answer_for("");
    char *other = answer_for("http://127.0.0.1:1");
    char *policy = strstr(one, "Content-Security-Policy");
    char *other_policy = strstr(other, "Content-Security-Policy");

    assert_non_null(policy);
    assert_non_null(other_policy);
    assert_memory_equal(policy, other_policy, strcspn(policy, "\r"));
    free(one);
    free(other);
}

static void the_page_has_what_tests_and_people_find_it_by(void **state)
{
    static const char *const ids[] = {"state",       "room",      "join",    "leave",
                                      "push-target", "push-text", "items",   "rate-chart",
                                      "rooms",       "push-send", "api-url", "api-token"};
    char *answer = answer_for("");

    (void)state;
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        char attribute[32];

        snprintf(attribute, sizeof attribute, " id=\"%s\"", ids[i]);
        contains(answer, attribute);
    }
    lacks(answer, "innerHTML");
    lacks(answer, "src=");
    free(answer);
}

static void freeing_nothing_is_legal(void **state)
{
    (void)state;
    page_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_a_complete_answer),
        cmocka_unit_test(its_headers_allow_only_what_it_needs),
        cmocka_unit_test(an_empty_address_leaves_the_choice_to_the_page),
        cmocka_unit_test(the_address_stands_in_the_page),
        cmocka_unit_test(the_issuer_stands_in_the_page),
        cmocka_unit_test(the_address_cannot_leave_its_attribute),
        cmocka_unit_test(the_policy_does_not_depend_on_the_address),
        cmocka_unit_test(the_page_has_what_tests_and_people_find_it_by),
        cmocka_unit_test(freeing_nothing_is_legal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
