/* SPDX-License-Identifier: Apache-2.0 */
/* Which Origin headers a list lets in, and which entries a list may have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "shared/http/origin.h"

static bool listed(const char *entry, const char *origin)
{
    char text[600];
    char *items[] = {text};
    const struct conf_list list = {items, 1};

    (void)snprintf(text, sizeof text, "%s", entry);
    return origin_is_listed(&list, slice_str(origin));
}

static void yes(const char *entry, const char *origin)
{
    if (!listed(entry, origin))
        fail_msg("%s does not let %s in", entry, origin);
}

static void no(const char *entry, const char *origin)
{
    if (listed(entry, origin))
        fail_msg("%s lets %s in", entry, origin);
}

static void an_exact_origin(void **state)
{
    (void)state;
    yes("https://example.org", "https://example.org");
    no("https://example.org", "https://www.example.org");
    no("https://example.org", "https://example.org.evil.net");
    no("https://example.org", "https://evil-example.org");
    no("https://example.org", "http://example.org");
    no("https://example.org", "https://example.org/");
    no("https://example.org", "");
    no("https://example.org", "https://");
    no("https://example.org", "example.org");
    no("https://example.org", "https://example.org https://evil.net");
    no("https://example.org", "https://user@example.org");
    yes("http://[::1]:8080", "http://[::1]:8080");
    no("http://[::1]:8080", "http://[::2]:8080");
    yes("capacitor://localhost", "capacitor://localhost");
    yes("file://", "file://");
}

static void case_does_not_matter_in_scheme_and_host(void **state)
{
    (void)state;
    yes("HTTPS://Example.ORG", "https://example.org");
    yes("https://example.org", "Https://EXAMPLE.org");
    yes("https://*.Example.org", "https://A.EXAMPLE.org");
}

static void a_default_port_is_none(void **state)
{
    (void)state;
    yes("https://example.org:443", "https://example.org");
    yes("https://example.org", "https://example.org:443");
    yes("http://example.org:80", "http://example.org");
    yes("wss://example.org", "wss://example.org:443");
    yes("ws://example.org", "ws://example.org:80");
    no("https://example.org", "https://example.org:80");
    no("http://example.org", "http://example.org:443");
    no("https://example.org:8443", "https://example.org");
    no("https://example.org", "https://example.org:8443");
    no("https://example.org", "https://example.org:");
    no("https://example.org", "https://example.org:443x");
    no("https://example.org", "https://example.org:000443");
    no("https://example.org:65535", "https://example.org:131071");
}

static void a_star_stands_for_the_names_below(void **state)
{
    (void)state;
    yes("https://*.example.org", "https://a.example.org");
    yes("https://*.example.org", "https://a.b.example.org");
    yes("https://*.example.org:8443", "https://a.example.org:8443");
    no("https://*.example.org", "https://example.org");
    no("https://*.example.org", "https://.example.org");
    no("https://*.example.org", "https://aexample.org");
    no("https://*.example.org", "https://a.example.org.evil.net");
    no("https://*.example.org", "https://a.example.org:8443");
    no("https://*.example.org", "http://a.example.org");
    no("https://*.example.org", "https://*.example.org");
}

static void null_never_matches_but_with_a_lone_star(void **state)
{
    (void)state;
    no("null", "null");
    no("https://*.example.org", "null");
    no("https://example.org", "null");
    yes("*", "null");
    yes("*", "https://anything.example");
    yes("*", "");
}

static void a_long_header_matches_nothing(void **state)
{
    char origin[ORIGIN_MAX + 40];

    (void)state;
    (void)snprintf(origin, sizeof origin, "https://%0*d.example.org", ORIGIN_MAX - 20, 0);
    yes("https://*.example.org", origin);
    (void)snprintf(origin, sizeof origin, "https://%0*d.example.org", ORIGIN_MAX, 0);
    no("https://*.example.org", origin);
}

static void any_of_the_entries_will_do(void **state)
{
    char *items[] = {"https://a.example", "https://b.example"};
    const struct conf_list list = {items, 2};
    const struct conf_list empty = {NULL, 0};

    (void)state;
    assert_true(origin_is_listed(&list, slice_str("https://b.example")));
    assert_false(origin_is_listed(&list, slice_str("https://c.example")));
    assert_false(origin_is_listed(&empty, slice_str("https://a.example")));
}

/* The fault for a list of one entry must hold `part`; NULL: there must be none. */
static void expect_fault(const char *entry, bool any, const char *part)
{
    char text[600];
    char *items[] = {"https://fine.example", text};
    const struct conf_list list = {items, 2};
    struct fault fault = {""};

    (void)snprintf(text, sizeof text, "%s", entry);
    enum status status = origin_check_list("ws.origins", &list, any, &fault);
    if (part == NULL) {
        if (status != STATUS_OK)
            fail_msg("%s", fault.text);
        return;
    }
    assert_int_equal(status, STATUS_INVALID);
    if (strstr(fault.text, part) == NULL)
        fail_msg("no \"%s\" in: %s", part, fault.text);
    assert_int_equal(strncmp(fault.text, "ws.origins: \"", 13), 0);
    assert_non_null(strstr(fault.text, "https://*.example.org"));
}

static void entries_of_odd_syntax_are_refused(void **state)
{
    static const char *const good[] = {"https://example.org", "HTTP://10.0.0.1:8080", "https://*.example.org",
                                       "http://[::1]",        "app+x://host",         "file://",
                                       "http://localhost"};
    static const struct {
        const char *entry;
        const char *part;
    } bad[] = {{"example.org", "no scheme"},
               {"https:example.org", "no scheme"},
               {"://example.org", "no scheme"},
               {"1https://example.org", "scheme"},
               {"ht tp://example.org", "scheme"},
               {"https://", "no host"},
               {"https://:443", "no host"},
               {"https://example.org/", "no path"},
               {"https://example.org:443/x", "no path"},
               {"https://example.org:0", "port"},
               {"https://example.org:", "port"},
               {"https://example.org:65536", "port"},
               {"https://example.org:44x", "port"},
               {"https://user@example.org", "host"},
               {"https://ex\xc3\xa4mple.org", "xn--"},
               {"https://*", "first label"},
               {"https://*.", "first label"},
               {"https://a.*.org", "first label"},
               {"https://*a.org", "first label"},
               {"https://*.*.org", "first label"},
               {"http://[::1", "IPv6"},
               {"http://[]", "IPv6"},
               {"http://[1.2.3.4]", "IPv6"},
               {"null", "sandboxed"},
               {"NULL", "sandboxed"}};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        expect_fault(good[i], false, NULL);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        expect_fault(bad[i].entry, true, bad[i].part);
    expect_fault("*", true, NULL);
    expect_fault("*", false, "empty list");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exact_origin),
        cmocka_unit_test(case_does_not_matter_in_scheme_and_host),
        cmocka_unit_test(a_default_port_is_none),
        cmocka_unit_test(a_star_stands_for_the_names_below),
        cmocka_unit_test(null_never_matches_but_with_a_lone_star),
        cmocka_unit_test(a_long_header_matches_nothing),
        cmocka_unit_test(any_of_the_entries_will_do),
        cmocka_unit_test(entries_of_odd_syntax_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
