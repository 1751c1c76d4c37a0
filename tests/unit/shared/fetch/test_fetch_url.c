/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "shared/fetch/cache_control.h"
#include "shared/fetch/fetch_url.h"

static void test_https_goes_anywhere(void **state)
{
    struct fetch_url url;

    (void)state;
    assert_null(fetch_url_read("https://login.example/keys?x=1#part", &url));
    assert_true(url.secure);
    assert_false(url.literal);
    assert_string_equal(url.host, "login.example");
    assert_int_equal(url.port, 443);
    assert_null(fetch_url_read("HTTPS://[2001:db8::1]:8443", &url));
    assert_true(url.literal);
    assert_string_equal(url.host, "2001:db8::1");
    assert_int_equal(url.port, 8443);
    assert_null(fetch_url_read("https://10.0.0.1/", &url));
    assert_true(url.literal);
}

static void test_http_stays_on_this_machine(void **state)
{
    static const char *const good[] = {"http://127.0.0.1:80/x", "http://127.255.0.9", "http://[::1]:8080/",
                                       "http://localhost/hook", "http://LocalHost:1", "http://127.1/"};
    static const char *const bad[] = {
        "http://example.com/",        "http://10.0.0.1/", "http://[::2]/",
        "http://localhost.example/",  "http://128.0.0.1", "http://127.0.0.1.example/",
        "http://[::ffff:127.0.0.1]/", "http://0/"};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (fetch_url_fault(good[i]) != NULL)
            fail_msg("%s %s", good[i], fetch_url_fault(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (fetch_url_fault(bad[i]) == NULL)
            fail_msg("%s passed", bad[i]);
}

static void test_the_rest_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "example.com/keys",
        "//example.com",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https:/example.com/",
        "https://user@example.com/",
        "https://user:word@example.com/",
        "https://@example.com/",
        "https://example.com:0/",
        "https://example.com:65536/",
        "https://example.com:x/",
        "https://example.com./",
        "https://exa mple.com/",
        "https://example.com/a b",
        "https://example.com/\r\nX: y",
        "https://ex\xc3\xa4mple.com/",
        "https://[fe80::1%25eth0]/",
        "https://[::1/",
        "https://exa_mple.com:1:2/",
    };
    char longest[FETCH_URL_MAX + 2] = "https://e/";

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (fetch_url_fault(bad[i]) == NULL)
            fail_msg("%s passed", bad[i]);
    memset(longest + strlen(longest), 'x', FETCH_URL_MAX - strlen(longest));
    assert_null(fetch_url_fault(longest));
    longest[FETCH_URL_MAX] = 'x';
    assert_string_equal(fetch_url_fault(longest), "must have at most 2048 bytes");
    assert_string_equal(fetch_url_fault("http://example.com/"),
                        "must begin with https:// (http:// only to 127.0.0.0/8, [::1] or localhost)");
}

static void expect_age(const char *value, int64_t age)
{
    int64_t got = cache_control_max_age(slice_str(value));

    if (got != age)
        fail_msg("\"%s\": %lld instead of %lld", value, (long long)got, (long long)age);
}

static void test_max_age(void **state)
{
    (void)state;
    expect_age("max-age=600", 600);
    expect_age(" public,\tMax-Age=\"60\" , must-revalidate", 60);
    expect_age("max-age=600, max-age=30", 30);
    expect_age("max-age=0", 0);
    expect_age("no-store", 0);
    expect_age("private, no-cache=\"Set-Cookie, X\", max-age=9", 0);
    expect_age("x=\"a,max-age=5,b\", max-age=7", 7);
    expect_age("max-age=99999999999999999999", CACHE_CONTROL_MAX_S);
    expect_age("", -1);
    expect_age("public", -1);
    expect_age("max-age=", -1);
    expect_age("max-age=\"\"", -1);
    expect_age("max-age=-1", -1);
    expect_age("max-age=1.5", -1);
    expect_age("s-maxage=5", -1);
    expect_age("x=\"max-age=5", -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_https_goes_anywhere),
        cmocka_unit_test(test_http_stays_on_this_machine),
        cmocka_unit_test(test_the_rest_is_refused),
        cmocka_unit_test(test_max_age),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
