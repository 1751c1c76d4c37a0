/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses as people give them to the tool. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "deploy/tool/url.h"

static const struct {
    const char *text;
    enum url_family family;
    bool tls;
    const char *host;
    int port;
    const char *path;
    const char *authority;
} good[] = {
    {"http://127.0.0.1:7799", URL_HTTP, false, "127.0.0.1", 7799, "", "127.0.0.1:7799"},
    {"HTTP://example.org", URL_HTTP, false, "example.org", 80, "", "example.org"},
    {"https://example.org/fanfare/", URL_HTTP, true, "example.org", 443, "/fanfare", "example.org"},
    {"https://[::1]:8443", URL_HTTP, true, "::1", 8443, "", "[::1]:8443"},
    {"ws://gw:7777/connect", URL_WS, false, "gw", 7777, "/connect", "gw:7777"},
    {"wss://gw?token=a/", URL_WS, true, "gw", 443, "/?token=a/", "gw"},
};

static void good_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char authority[300];
        struct url url;

        assert_int_equal(url_parse(good[i].text, good[i].family, &url, NULL), STATUS_OK);
        assert_int_equal(url.tls, good[i].tls);
        assert_string_equal(url.host, good[i].host);
        assert_int_equal(url.port, good[i].port);
        assert_string_equal(url.path, good[i].path);
        url_authority(&url, authority, sizeof authority);
        assert_string_equal(authority, good[i].authority);
    }
}

static void bad_ones(void **state)
{
    static const char *const bad[] = {
        "",           "example.org", "ftp://x",          "ws://x",        "http://",       "http://:80",
        "http://x:",  "http://x:0",  "http://x:65536",   "http://x:1a",   "http://u:p@x",  "http://[::1",
        "http://x y", "http://x/#a", "http://x\r\nA: b", "unix:relative", "http://[::1]x", "http://x]",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct fault fault = {""};
        struct url url;

        assert_int_equal(url_parse(bad[i], URL_HTTP, &url, &fault), STATUS_INVALID);
        assert_true(fault.text[0]);
    }
}

static void a_unix_socket(void **state)
{
    struct url url;

    (void)state;
    assert_int_equal(url_parse("unix:/run/api.sock", URL_HTTP, &url, NULL), STATUS_OK);
    assert_true(url.local);
    assert_string_equal(url.host, "/run/api.sock");
    assert_int_equal(url_parse("unix:/run/api.sock", URL_WS, &url, NULL), STATUS_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones),
        cmocka_unit_test(bad_ones),
        cmocka_unit_test(a_unix_socket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
