/* SPDX-License-Identifier: Apache-2.0 */
/* What the options of identity ask of each other: each fault as the operator reads it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "gateway/conf/gateway_conf.h"

static struct gateway_conf conf;
static struct fault fault;

static int begin(void **state)
{
    (void)state;
    return conf_defaults(&gateway_conf_table, &conf);
}

static int end(void **state)
{
    (void)state;
    conf_fini(&gateway_conf_table, &conf);
    return 0;
}

static void set(const char *flag, const char *value)
{
    if (conf_set_flag(&gateway_conf_table, &conf, flag, value, &fault) != STATUS_OK)
        fail_msg("%s", fault.text);
}

static void passes(void)
{
    if (auth_conf_check(&conf, &fault) != STATUS_OK)
        fail_msg("%s", fault.text);
}

static void refused(const char *expected)
{
    assert_int_equal(auth_conf_check(&conf, &fault), STATUS_INVALID);
    assert_string_equal(fault.text, expected);
}

static void by_default_there_is_nothing_of_it(void **state)
{
    (void)state;
    assert_int_equal(conf.auth.mode, AUTH_MODE_NONE);
    assert_true(conf.auth.required);
    assert_int_equal(conf.auth.issuers.count, 0);
    assert_int_equal(conf.auth.leeway_seconds, 10);
    assert_int_equal(conf.auth.max_token_seconds, 86400);
    assert_int_equal(conf.auth.deadline, 10);
    assert_int_equal(conf.auth.max_pending, 10000);
    assert_int_equal(conf.auth.rooms.count, 0);
    assert_int_equal(conf.auth.anonymous_rooms.count, 0);
    assert_int_equal(conf.auth.header_rooms.count, 1);
    assert_string_equal(conf.auth.header_rooms.items[0], "*");
    assert_string_equal(conf.auth.hook.rooms.items[0], "*");
    assert_int_equal(conf.auth.hook.timeout, 1000);
    assert_int_equal(conf.auth.hook.max_concurrent, 256);
    assert_int_equal(conf.auth.hook.max_waiting, 10000);
    assert_int_equal(conf.auth.hook.cache_entries, 10000);
    assert_false(conf.auth.hook.joins);
    assert_int_equal(conf.max_clients_per_user, 0);
    assert_int_equal(conf.trusted_proxies.count, 0);
    assert_false(conf.proxy_protocol);
    passes();
}

static void every_row_of_an_issuer_is_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < auth_issuer_table.count; i++) {
        const struct conf_option *row = &auth_issuer_table.options[i];

        assert_true(row->help[0] && row->help[strlen(row->help) - 1] == '.');
        assert_true(row->offset < auth_issuer_table.struct_size);
        assert_null(strchr(row->key, '.'));
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(row->offset, auth_issuer_table.options[j].offset);
    }
}

static void an_issuer_is_read(void **state)
{
    const struct auth_issuer_conf *issuer;

    (void)state;
    set("auth-issuers",
        "[{\"iss\":\"https://a\",\"aud\":[\"x\"],\"algs\":[\"ES256\"],\"jwksUrl\":\"https://a/keys\","
        "\"jwksCa\":\"ca.pem\",\"userPrefix\":\"a-\",\"rooms\":[\"a-*\"]}]");
    issuer = conf.auth.issuers.items;
    assert_string_equal(issuer->iss, "https://a");
    assert_string_equal(issuer->aud.items[0], "x");
    assert_string_equal(issuer->algs.items[0], "ES256");
    assert_string_equal(issuer->jwks, "");
    assert_string_equal(issuer->jwks_url, "https://a/keys");
    assert_string_equal(issuer->jwks_ca, "ca.pem");
    assert_string_equal(issuer->secret_file, "");
    assert_string_equal(issuer->user_prefix, "a-");
    assert_string_equal(issuer->rooms.items[0], "a-*");
    passes();
}

static void verify_needs_a_source(void **state)
{
    (void)state;
    set("auth-mode", "verify");
    refused("auth.mode: verify needs to know who says who a client is: auth.issuers, auth.header or "
            "auth.hook.url");
    set("auth-hook-url", "https://hook");
    passes();
    set("auth-hook-url", "");
    set("auth-issuers", "[{\"iss\":\"a\",\"jwks\":\"k\"}]");
    passes();
    set("auth-issuers", "");
    set("trusted-proxies", "10.0.0.0/8");
    set("ws-origins", "https://a.example");
    set("auth-header", "X-User");
    passes();
}

static void an_issuer_has_a_name_and_one_kind_of_keys(void **state)
{
    (void)state;
    set("auth-issuers", "[{\"iss\":\"a\",\"jwks\":\"k\"},{\"jwks\":\"k\"}]");
    refused("auth.issuers[1].iss: required: the `iss` of its tokens");
    set("auth-issuers", "[{\"iss\":\"a\"}]");
    refused("auth.issuers[0]: none of jwks, jwksUrl and secretFile is set: exactly one is allowed");
    set("auth-issuers", "[{\"iss\":\"a\",\"jwks\":\"k\",\"secretFile\":\"s\"}]");
    refused("auth.issuers[0]: more than one of jwks, jwksUrl and secretFile is set: exactly one is allowed");
    set("auth-issuers", "[{\"iss\":\"a\",\"jwks\":\"k\",\"jwksUrl\":\"https://s\"}]");
    refused("auth.issuers[0]: more than one of jwks, jwksUrl and secretFile is set: exactly one is allowed");
    set("auth-issuers", "[{\"iss\":\"a\",\"jwks\":\"k\",\"jwksCa\":\"c\"}]");
    refused("auth.issuers[0].jwksCa: needs jwksUrl: nothing else is fetched");
    set("auth-issuers", "[{\"iss\":\"a\",\"jwks\":\"k\",\"userPrefix\":\"a\"},{\"iss\":\"b\",\"jwks\":\"k\","
                        "\"userPrefix\":\"b\"},"
                        "{\"iss\":\"a\",\"jwks\":\"k\",\"userPrefix\":\"c\"}]");
    refused(
        "auth.issuers[2].iss: \"a\" is also the one of auth.issuers[0]: each issuer stands once, its keys "
        "in one set");
}

static void the_kind_of_keys_decides_the_algorithms(void **state)
{
    (void)state;
    set("auth-issuers", "[{\"iss\":\"a\",\"jwks\":\"k\",\"algs\":[\"RS256\",\"PS256\",\"ES256\",\"ES384\","
                        "\"EdDSA\"]}]");
    passes();
    set("auth-issuers", "[{\"iss\":\"a\",\"secretFile\":\"k\",\"algs\":[\"HS256\",\"HS384\",\"HS512\"]}]");
    passes();
    set("auth-issuers", "[{\"iss\":\"a\",\"jwks\":\"k\",\"algs\":[\"ES256\",\"HS256\"]}]");
    refused(
        "auth.issuers[0].algs: \"HS256\" is not allowed: with jwks or jwksUrl: RS256, PS256, ES256, ES384, "
        "EdDSA");
    set("auth-issuers", "[{\"iss\":\"a\",\"secretFile\":\"k\",\"algs\":[\"RS256\"]}]");
    refused("auth.issuers[0].algs: \"RS256\" is not allowed: with secretFile: HS256, HS384, HS512");
    set("auth-issuers", "[{\"iss\":\"a\",\"jwksUrl\":\"https://k\",\"algs\":[\"none\"]}]");
    refused(
        "auth.issuers[0].algs: \"none\" is not allowed: with jwks or jwksUrl: RS256, PS256, ES256, ES384, "
        "EdDSA");
}

static void what_is_asked_is_asked_over_tls(void **state)
{
    (void)state;
    set("auth-issuers", "[{\"iss\":\"a\",\"jwksUrl\":\"http://keys.example/\"}]");
    refused("auth.issuers[0].jwksUrl: must begin with https:// (http:// only to 127.0.0.0/8, [::1] or "
            "localhost)");
    set("auth-issuers", "[{\"iss\":\"a\",\"jwksUrl\":\"http://127.0.0.1:8000/keys\"}]");
    passes();
    set("auth-issuers", "");
    set("auth-hook-url", "http://hook.example/");
    refused("auth.hook.url: must begin with https:// (http:// only to 127.0.0.0/8, [::1] or localhost)");
}

static void patterns_are_bounded(void **state)
{
    char many[65 * 2 + 1];

    (void)state;
    for (size_t i = 0; i < 65; i++)
        memcpy(many + 2 * i, "a,", 2);
    many[65 * 2 - 1] = '\0';
    set("auth-anonymous-rooms", many);
    refused("auth.anonymousRooms: 65 patterns are not allowed: at most 64");
    many[64 * 2 - 1] = '\0';
    set("auth-anonymous-rooms", many);
    passes();
    set("auth-issuers", "[{\"iss\":\"a\",\"jwks\":\"k\",\"rooms\":[\"x\",\"\xc2\x85\"]}]");
    refused(
        "auth.issuers[0].rooms: \"\xc2\x85\" is not allowed: a pattern has 1 to 256 bytes of UTF-8 without "
        "control characters");
}

static void no_source_can_name_a_user_of_another(void **state)
{
    (void)state;
    set("auth-issuers", "[{\"iss\":\"a\",\"jwks\":\"k\"}]");
    passes();
    set("auth-hook-url", "https://hook");
    refused(
        "auth.issuers[0].userPrefix: required: with more than one source of users each has a prefix of its "
        "own");
    set("auth-issuers", "[{\"iss\":\"a\",\"jwks\":\"k\",\"userPrefix\":\"acme\"}]");
    refused(
        "auth.hook.userPrefix: required: with more than one source of users each has a prefix of its own");
    set("auth-hook-user-prefix", "acme-eu");
    refused(
        "auth.hook.userPrefix: \"acme-eu\" is not allowed beside auth.issuers[0].userPrefix: \"acme\": none "
        "may begin with another, or a user of one source could pass as one of the other");
    set("auth-hook-user-prefix", "acm");
    refused(
        "auth.hook.userPrefix: \"acm\" is not allowed beside auth.issuers[0].userPrefix: \"acme\": none may "
        "begin with another, or a user of one source could pass as one of the other");
    set("auth-hook-user-prefix", "acmf");
    passes();
    set("trusted-proxies", "10.0.0.0/8");
    set("ws-origins", "https://a.example");
    set("auth-header", "X-User");
    refused(
        "auth.headerUserPrefix: required: with more than one source of users each has a prefix of its own");
    set("auth-header-user-prefix", "acme");
    refused("auth.headerUserPrefix: \"acme\" is not allowed beside auth.issuers[0].userPrefix: \"acme\": "
            "none may "
            "begin with another, or a user of one source could pass as one of the other");
    set("auth-header-user-prefix", "h:");
    passes();
    set("auth-rooms", "lobby,inbox-{sub}");
    refused(
        "auth.rooms: \"inbox-{sub}\" is not allowed with more than one source of users: {sub} has no prefix, "
        "so users of one name would share the room; tokens and the hook's answers may grant it, within the "
        "rooms of their source");
    set("auth-rooms", "lobby");
    passes();
    set("auth-issuers",
        "[{\"iss\":\"a\",\"jwks\":\"k\",\"userPrefix\":\"acme\"},{\"iss\":\"b\",\"jwks\":\"k\","
        "\"userPrefix\":\"h:x\"}]");
    refused(
        "auth.headerUserPrefix: \"h:\" is not allowed beside auth.issuers[1].userPrefix: \"h:x\": none may "
        "begin with another, or a user of one source could pass as one of the other");
}

static void what_a_browser_sends_by_itself_needs_origins(void **state)
{
    (void)state;
    set("auth-cookie", "session");
    refused("auth.cookie: needs ws.origins: else any page could connect as the user who has it open");
    set("ws-origins", "https://a.example");
    passes();
    set("ws-origins", "");
    set("auth-cookie", "");
    set("auth-hook-headers", "X-Device,cookie");
    refused("auth.hook.headers: Cookie: needs ws.origins: else any page could connect as the user who has it "
            "open");
    set("auth-hook-headers", "X-Device");
    passes();
    set("trusted-proxies", "10.0.0.0/8");
    set("auth-header", "X-User");
    refused("auth.header: needs ws.origins: else any page could connect as the user who has it open");
}

static void a_header_is_nobodys_but_a_trusted_proxys(void **state)
{
    (void)state;
    set("ws-origins", "https://a.example");
    set("auth-header", "X-User");
    refused("auth.header: needs trustedProxies: from anybody else the header means nothing");
    set("auth-header", "");
    set("proxy-protocol", "true");
    refused("proxyProtocol: true needs trustedProxies: from anybody else no header is read");
    set("trusted-proxies", "10.0.0.0/8,fd00::/8");
    passes();
    set("trusted-proxies", "10.0.0.0/8,fd00::/129");
    assert_int_equal(auth_conf_check(&conf, &fault), STATUS_INVALID);
    assert_non_null(strstr(fault.text, "trustedProxies: "));
    assert_non_null(strstr(fault.text, "fd00::/129"));
}

static void names_are_tokens(void **state)
{
    (void)state;
    set("ws-origins", "https://a.example");
    set("auth-cookie", "a b");
    refused("auth.cookie: \"a b\" is not allowed: a name has letters, digits and !#$%&'*+-.^_`|~ only (RFC "
            "9110, 5.6.2)");
    set("auth-cookie", "");
    set("auth-header", "X-User:");
    refused(
        "auth.header: \"X-User:\" is not allowed: a name has letters, digits and !#$%&'*+-.^_`|~ only (RFC "
        "9110, 5.6.2)");
    set("auth-header", "");
    set("auth-hook-headers", "X-A,Sch\xc3\xb6n");
    refused("auth.hook.headers: \"Sch\xc3\xb6n\" is not allowed: a name has letters, digits and "
            "!#$%&'*+-.^_`|~ only (RFC 9110, 5.6.2)");
}

/* What is prepared is judged before it is switched on. */
static void mode_none_is_judged_too(void **state)
{
    (void)state;
    set("auth-mode", "none");
    set("auth-issuers", "[{\"iss\":\"a\"}]");
    assert_int_equal(auth_conf_check(&conf, &fault), STATUS_INVALID);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(by_default_there_is_nothing_of_it),
        TEST(every_row_of_an_issuer_is_whole),
        TEST(an_issuer_is_read),
        TEST(verify_needs_a_source),
        TEST(an_issuer_has_a_name_and_one_kind_of_keys),
        TEST(the_kind_of_keys_decides_the_algorithms),
        TEST(what_is_asked_is_asked_over_tls),
        TEST(patterns_are_bounded),
        TEST(no_source_can_name_a_user_of_another),
        TEST(what_a_browser_sends_by_itself_needs_origins),
        TEST(a_header_is_nobodys_but_a_trusted_proxys),
        TEST(names_are_tokens),
        TEST(mode_none_is_judged_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
