/* SPDX-License-Identifier: Apache-2.0 */
/* A policy of two issuers, a header and a hook judges what is shown: tokens are signed here. Time is
 * 1,000,000. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/auth/auth_policy.h"
#include "gateway/conf/gateway_conf.h"
#include "tests/unit/jose_sign.h"

#define NOW INT64_C(1000000)
#define A   "\"iss\":\"https://a\",\"exp\":1000600"
#define B   "\"iss\":\"https://b\",\"exp\":1000600"

/* What the issuers' elements are; a test may set others. */
#define ISSUERS                                                                                              \
    "[{\"iss\":\"https://a\",\"jwksUrl\":\"https://a/keys\",\"userPrefix\":\"a:\"},"                         \
    "{\"iss\":\"https://b\",\"secretFile\":\"s\",\"userPrefix\":\"b:\",\"rooms\":[\"b-*\",\"user-{sub}\"]}]"

static struct jose_signer signers[2];
static struct jwk_set *sets[2];
static struct gateway_conf conf;
static struct auth_keys keys[2];
static struct auth_policy *policy;
static struct auth_answer answer;

static int make_keys(void **state)
{
    char *jwk;
    char json[1024];

    (void)state;
    signers[0] = jose_signer_of(JOSE_ES256);
    signers[1] = jose_signer_of(JOSE_HS256);
    jwk = jose_jwk(&signers[0], ",\"kid\":\"k1\"");
    snprintf(json, sizeof json, "{\"keys\":[%s]}", jwk);
    free(jwk);
    assert_int_equal(jwk_set_parse(slice_str(json), &sets[0], NULL), STATUS_OK);
    return jwk_set_of_secret(signers[1].secret, &sets[1], NULL);
}

static int free_keys(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        jose_signer_fini(&signers[i]);
        jwk_set_unref(sets[i]);
    }
    return 0;
}

static void set(const char *flag, const char *value)
{
    struct fault fault = {""};

    if (conf_set_flag(&gateway_conf_table, &conf, flag, value, &fault) != STATUS_OK)
        fail_msg("%s", fault.text);
}

static void make_policy(void)
{
    struct auth_policy_conf made = {&conf.auth, keys, 64, 3};

    auth_policy_unref(policy);
    assert_int_equal(auth_policy_new(&made, &policy), STATUS_OK);
}

static int begin(void **state)
{
    (void)state;
    assert_int_equal(conf_defaults(&gateway_conf_table, &conf), STATUS_OK);
    keys[0] = (struct auth_keys){sets[0], NOW - 3600, true};
    keys[1] = (struct auth_keys){sets[1], 0, false};
    set("auth-mode", "verify");
    set("auth-issuers", ISSUERS);
    set("auth-rooms", "news.*,inbox-{sub}");
    set("auth-anonymous-rooms", "lobby");
    set("auth-header", "X-User");
    set("auth-header-user-prefix", "h:");
    set("auth-header-rooms", "staff.*");
    set("auth-hook-url", "https://hook");
    set("auth-hook-user-prefix", "k:");
    set("auth-hook-rooms", "k-*");
    make_policy();
    return 0;
}

static int end(void **state)
{
    (void)state;
    grant_free(answer.grant);
    answer = (struct auth_answer){0};
    auth_policy_unref(policy);
    policy = NULL;
    conf_fini(&gateway_conf_table, &conf);
    return 0;
}

/* Claims without braces, signed by issuer a (with its kid) or b. */
static char *token_of(int issuer, const char *claims)
{
    char payload[16384];

    snprintf(payload, sizeof payload, "{%s}", claims);
    return jose_token(&signers[issuer], issuer == 0 ? "k1" : NULL, payload);
}

static void judge(int issuer, const char *claims)
{
    char *token = token_of(issuer, claims);

    grant_free(answer.grant);
    auth_policy_judge_token(policy, slice_str(token), NOW, &answer);
    free(token);
}

static void granted(int issuer, const char *claims, const char *user)
{
    judge(issuer, claims);
    if (answer.outcome != AUTH_GRANTED)
        fail_msg("%s: %s: %s", claims, auth_reason_name(answer.reason), answer.why);
    assert_int_equal(answer.reason, AUTH_REASON_GOOD);
    assert_string_equal(answer.grant->user, user);
}

static void refused(int issuer, const char *claims, enum auth_reason reason, const char *why)
{
    judge(issuer, claims);
    assert_int_equal(answer.outcome, AUTH_REFUSED);
    assert_null(answer.grant);
    assert_int_equal(answer.reason, reason);
    if (why != NULL)
        assert_string_equal(answer.why, why);
}

static bool may(const char *room)
{
    return auth_policy_allows(policy, answer.grant, slice_str(room));
}

static void the_user_has_its_issuers_prefix(void **state)
{
    struct slice user, sub;

    (void)state;
    granted(0, A ",\"sub\":\"u7\"", "a:u7");
    user = grant_user(answer.grant);
    sub = grant_sub(answer.grant);
    assert_int_equal(user.len, 4);
    assert_int_equal(sub.len, 2);
    assert_memory_equal(sub.data, "u7", 2);
    assert_int_equal(answer.grant->kind, GRANT_TOKEN);
    assert_int_equal(answer.grant->source, auth_source_of_issuer("https://a"));
    assert_true(answer.grant->expires_s == 1000600);
    granted(1, B ",\"sub\":\"u\\u00e4\"", "b:u\xc3\xa4");
}

static void rooms_are_those_of_the_token_and_of_everybody(void **state)
{
    (void)state;
    granted(0, A ",\"sub\":\"u7\",\"rooms\":[\"orders.*\",\"mine-{sub}\"]", "a:u7");
    assert_true(may("orders.1"));
    assert_true(may("mine-u7"));
    assert_false(may("mine-a:u7"));
    assert_false(may("mine-u8"));
    assert_true(may("news.x"));
    assert_true(may("inbox-u7"));
    assert_false(may("inbox-u8"));
    assert_false(may("lobby"));
    assert_false(may("staff.x"));
    granted(0, A ",\"sub\":\"u7\"", "a:u7");
    assert_false(may("orders.1"));
    granted(0, A ",\"sub\":\"u7\",\"rooms\":[]", "a:u7");
    assert_false(may("orders.1"));
    assert_true(may("news.x"));
}

/* Issuer b may grant `b-*` and the room of the user only, whatever its tokens say. */
static void an_issuer_grants_no_more_than_it_may(void **state)
{
    const char *at = NULL;

    (void)state;
    granted(1, B ",\"sub\":\"u7\",\"rooms\":[\"*\"],\"join\":[\"b-1\",\"orders\",\"user-u7\",\"user-u8\"]",
            "b:u7");
    assert_true(may("b-7"));
    assert_true(may("user-u7"));
    assert_false(may("user-u8"));
    assert_false(may("orders"));
    assert_int_equal(answer.grant->join_count, 2);
    assert_string_equal(grant_next_join(answer.grant, &at), "b-1");
    assert_string_equal(grant_next_join(answer.grant, &at), "user-u7");
    assert_null(grant_next_join(answer.grant, &at));
}

static void rooms_joined_at_once_may_be_joined(void **state)
{
    (void)state;
    granted(1, B ",\"sub\":\"u7\",\"join\":[\"b-1\"]", "b:u7");
    assert_true(may("b-1"));
    assert_false(may("b-2"));
    assert_false(may("b-"));
}

/* A grant is cut by what its source may grant now. */
static void another_policy_cuts_the_same_grant(void **state)
{
    (void)state;
    granted(1, B ",\"sub\":\"u7\",\"rooms\":[\"*\"]", "b:u7");
    assert_true(may("b-1"));
    set("auth-issuers",
        "[{\"iss\":\"https://c\",\"secretFile\":\"s\",\"userPrefix\":\"c:\"},{\"iss\":\"https://b\","
        "\"secretFile\":\"s\",\"userPrefix\":\"b:\",\"rooms\":[\"x-*\"]}]");
    make_policy();
    assert_false(may("b-1"));
    assert_true(may("x-1"));
    set("auth-issuers", "[{\"iss\":\"https://c\",\"secretFile\":\"s\",\"userPrefix\":\"c:\"}]");
    make_policy();
    assert_false(may("x-1"));
    assert_true(may("news.x"));
}

static void a_token_must_name_a_user(void **state)
{
    static const char bad[] = "the user is no string that could be a room's name";
    char claims[256];
    char name[64];

    (void)state;
    refused(0, A, AUTH_REASON_BAD_CLAIMS, "the user is missing");
    refused(0, A ",\"sub\":\"\"", AUTH_REASON_BAD_CLAIMS, bad);
    refused(0, A ",\"sub\":\"a\\nb\"", AUTH_REASON_BAD_CLAIMS, bad);
    refused(0, A ",\"sub\":7", AUTH_REASON_BAD_CLAIMS, "\"sub\" is not a string");
    memset(name, 'u', sizeof name);
    snprintf(claims, sizeof claims, A ",\"sub\":\"%.*s\"", 63, name);
    refused(0, claims, AUTH_REASON_BAD_CLAIMS, bad);
    snprintf(claims, sizeof claims, A ",\"sub\":\"%.*s\"", 62, name);
    judge(0, claims);
    assert_int_equal(answer.outcome, AUTH_GRANTED);
    assert_int_equal(answer.grant->user_len, 64);
}

static void claims_keep_their_types_and_bounds(void **state)
{
    static const char pattern[] = "a pattern of rooms is no string of 1 to 256 bytes";
    static const char name[] = "`join` has something that is no room's name";

    (void)state;
    refused(0, A ",\"sub\":\"u\",\"rooms\":\"*\"", AUTH_REASON_BAD_CLAIMS, "`rooms` is no list");
    refused(0, A ",\"sub\":\"u\",\"rooms\":null", AUTH_REASON_BAD_CLAIMS, "`rooms` is no list");
    refused(0, A ",\"sub\":\"u\",\"rooms\":[7]", AUTH_REASON_BAD_CLAIMS, pattern);
    refused(0, A ",\"sub\":\"u\",\"rooms\":[\"\"]", AUTH_REASON_BAD_CLAIMS, pattern);
    refused(0, A ",\"sub\":\"u\",\"join\":\"a\"", AUTH_REASON_BAD_CLAIMS, "`join` is no list");
    refused(0, A ",\"sub\":\"u\",\"join\":[\"a\\tb\"]", AUTH_REASON_BAD_CLAIMS, name);
    refused(0, A ",\"sub\":\"u\",\"join\":[{}]", AUTH_REASON_BAD_CLAIMS, name);
    refused(0, A ",\"sub\":\"u\",\"room\":{}", AUTH_REASON_BAD_CLAIMS, pattern);
    refused(0, A ",\"sub\":\"u\",\"room\":\"\"", AUTH_REASON_BAD_CLAIMS, pattern);
}

/* `count` times "a" in a list. */
static char *claims_with(const char *claim, size_t count)
{
    static char claims[4096];
    size_t used = (size_t)snprintf(claims, sizeof claims, A ",\"sub\":\"u\",\"%s\":[", claim);

    for (size_t i = 0; i < count; i++)
        used += (size_t)snprintf(claims + used, sizeof claims - used, "%s\"a\"", i > 0 ? "," : "");
    snprintf(claims + used, sizeof claims - used, "]");
    return claims;
}

static void lists_are_bounded(void **state)
{
    (void)state;
    granted(0, claims_with("rooms", 64), "a:u");
    refused(0, claims_with("rooms", 65), AUTH_REASON_BAD_CLAIMS, "there are more than 64 patterns of rooms");
    granted(0, claims_with("join", 32), "a:u");
    assert_int_equal(answer.grant->join_count, 32);
    refused(0, claims_with("join", 33), AUTH_REASON_BAD_CLAIMS, "`join` has more than 32 rooms");
}

static void info_is_kept_as_it_is_written(void **state)
{
    char claims[2048];

    (void)state;
    granted(0, A ",\"sub\":\"u\",\"info\": {\"a\" : [1.0, \"\\u00e4\"]}", "a:u");
    assert_string_equal(answer.grant->info, "{\"a\" : [1.0, \"\\u00e4\"]}");
    assert_int_equal(answer.grant->info_len, strlen(answer.grant->info));
    snprintf(claims, sizeof claims, A ",\"sub\":\"u\",\"info\":\"%01022d\"", 0);
    granted(0, claims, "a:u");
    assert_int_equal(answer.grant->info_len, 1024);
    snprintf(claims, sizeof claims, A ",\"sub\":\"u\",\"info\":\"%01023d\"", 0);
    refused(0, claims, AUTH_REASON_BAD_CLAIMS, "`info` has more than 1,024 bytes");
}

/* Each issuer's tokens are held against its own keys: b's secret signs nothing for a. */
static void no_issuer_signs_for_another(void **state)
{
    (void)state;
    refused(1, A ",\"sub\":\"u\"", AUTH_REASON_ALG_NOT_ALLOWED, NULL);
    refused(0, B ",\"sub\":\"u\"", AUTH_REASON_ALG_NOT_ALLOWED, NULL);
    refused(1, "\"iss\":\"https://c\",\"exp\":1000600,\"sub\":\"u\"", AUTH_REASON_UNKNOWN_ISSUER, NULL);
    refused(1, "\"iss\":\"https://b\",\"exp\":999000,\"sub\":\"u\"", AUTH_REASON_EXPIRED, NULL);
    refused(1, "\"iss\":\"https://b\",\"exp\":1086411,\"sub\":\"u\"", AUTH_REASON_TOO_LONG_LIVED, NULL);
}

static void show_kid(const char *kid)
{
    char *token = jose_token(&signers[0], kid, "{" A ",\"sub\":\"u\"}");

    grant_free(answer.grant);
    auth_policy_judge_token(policy, slice_str(token), NOW, &answer);
    free(token);
}

static void keys_that_are_not_there_yet_are_no_refusal(void **state)
{
    (void)state;
    keys[0].set = NULL;
    make_policy();
    judge(0, A ",\"sub\":\"u\"");
    assert_int_equal(answer.outcome, AUTH_UNAVAILABLE);
    assert_int_equal(answer.reason, AUTH_REASON_NO_KEYS);
    granted(1, B ",\"sub\":\"u\"", "b:u");
}

static void an_unknown_key_asks_for_fresh_ones(void **state)
{
    (void)state;
    show_kid("k2");
    assert_int_equal(answer.outcome, AUTH_UNAVAILABLE);
    assert_int_equal(answer.reason, AUTH_REASON_UNKNOWN_KEY);
    assert_int_equal(answer.refresh, auth_source_of_issuer("https://a"));
    show_kid("k3");
    assert_int_equal(answer.outcome, AUTH_UNAVAILABLE);
    assert_int_equal(answer.refresh, 0); /* it was asked for in this second */
    keys[0].fetched_s = NOW - AUTH_KEYS_FRESH_S + 1;
    make_policy();
    show_kid("k2");
    assert_int_equal(answer.outcome, AUTH_REFUSED);
    assert_int_equal(answer.refresh, 0);
    keys[0] = (struct auth_keys){sets[0], NOW - 3600, false};
    make_policy();
    show_kid("k2");
    assert_int_equal(answer.outcome, AUTH_REFUSED);
    assert_int_equal(answer.refresh, 0);
    show_kid("k1");
    assert_int_equal(answer.outcome, AUTH_GRANTED);
}

static void show_in_join(int issuer, const char *claims, const struct grant *of, const char *room)
{
    char *token = token_of(issuer, claims);

    grant_free(answer.grant);
    auth_policy_judge_room_token(policy, slice_str(token), of, slice_str(room), NOW, &answer);
    free(token);
}

static void a_room_token_is_good_in_a_join_only(void **state)
{
    struct grant *of;

    (void)state;
    refused(1, B ",\"sub\":\"u7\",\"room\":\"b-*\"", AUTH_REASON_ROOM_TOKEN, NULL);
    granted(1, B ",\"sub\":\"u7\"", "b:u7");
    of = answer.grant;
    answer.grant = NULL;
    show_in_join(1, B ",\"sub\":\"u7\",\"room\":\"b-*\"", of, "b-9");
    assert_int_equal(answer.outcome, AUTH_GRANTED);
    assert_string_equal(answer.grant->room_pattern, "b-*");
    assert_true(answer.grant->expires_s == 1000600);
    assert_false(may("b-9"));
    show_in_join(1, B ",\"sub\":\"u7\",\"room\":\"b-*\"", of, "c-9");
    assert_int_equal(answer.reason, AUTH_REASON_NO_ROOM_TOKEN);
    show_in_join(1, B ",\"sub\":\"u7\",\"room\":\"*\"", of, "c-9");
    assert_int_equal(answer.reason, AUTH_REASON_NO_ROOM_TOKEN);
    show_in_join(1, B ",\"sub\":\"u7\",\"rooms\":[\"b-*\"]", of, "b-9");
    assert_int_equal(answer.reason, AUTH_REASON_NO_ROOM_TOKEN);
    show_in_join(1, B ",\"sub\":\"u8\",\"room\":\"b-*\"", of, "b-9");
    assert_int_equal(answer.reason, AUTH_REASON_OTHER_USER);
    assert_int_equal(answer.outcome, AUTH_REFUSED);
    grant_free(of);
}

/* Users of two issuers could have one name only with the prefixes wrong; the issuer counts all the same. And
 * nobody in particular has no room tokens. */
static void a_room_token_is_of_the_same_issuer(void **state)
{
    struct grant *of;

    (void)state;
    granted(0, A ",\"sub\":\"u7\"", "a:u7");
    of = answer.grant;
    answer.grant = NULL;
    show_in_join(1, B ",\"sub\":\"u7\",\"room\":\"b-*\"", of, "b-9");
    assert_int_equal(answer.reason, AUTH_REASON_OTHER_USER);
    free(of->user);
    of->user = strdup("b:u7");
    show_in_join(1, B ",\"sub\":\"u7\",\"room\":\"b-*\"", of, "b-9");
    assert_int_equal(answer.reason, AUTH_REASON_OTHER_USER);
    grant_free(of);
    of = auth_policy_anonymous(policy);
    show_in_join(1, B ",\"sub\":\"u7\",\"room\":\"b-*\"", of, "b-9");
    assert_int_equal(answer.reason, AUTH_REASON_OTHER_USER);
    grant_free(of);
}

static void nobody_in_particular_has_the_anonymous_rooms(void **state)
{
    (void)state;
    answer.grant = auth_policy_anonymous(policy);
    assert_null(grant_user(answer.grant).data);
    assert_null(grant_sub(answer.grant).data);
    assert_true(answer.grant->expires_s == INT64_MAX);
    assert_true(may("lobby"));
    assert_false(may("news.x"));
    assert_false(may("staff.x"));
}

static void a_header_names_the_user(void **state)
{
    static const char latin[] = "u\xe4";

    (void)state;
    auth_policy_judge_header(policy, slice_str("ann"), &answer);
    assert_int_equal(answer.outcome, AUTH_GRANTED);
    assert_string_equal(answer.grant->user, "h:ann");
    assert_int_equal(answer.grant->kind, GRANT_HEADER);
    assert_true(may("staff.x"));
    assert_true(may("inbox-ann"));
    assert_false(may("orders.1"));
    grant_free(answer.grant);
    auth_policy_judge_header(policy, slice_str(""), &answer);
    assert_int_equal(answer.outcome, AUTH_REFUSED);
    assert_int_equal(answer.reason, AUTH_REASON_BAD_USER);
    auth_policy_judge_header(policy, slice_str(latin), &answer);
    assert_int_equal(answer.reason, AUTH_REASON_BAD_USER);
    assert_null(answer.grant);
}

static struct json_value json(const char *text)
{
    return json_value_of(slice_str(text), (const uint8_t *)text);
}

static void the_hook_grants_within_its_bounds(void **state)
{
    struct claims claims = {.user = json("\"bob\""), .rooms = json("[\"*\"]")};

    (void)state;
    auth_policy_judge_hook(policy, &claims, NOW + 60, &answer);
    assert_int_equal(answer.outcome, AUTH_GRANTED);
    assert_string_equal(answer.grant->user, "k:bob");
    assert_true(answer.grant->expires_s == NOW + 60);
    assert_true(may("k-1"));
    assert_false(may("orders"));
    grant_free(answer.grant);
    claims = (struct claims){.rooms = json("[\"k-1\"]")};
    auth_policy_judge_hook(policy, &claims, INT64_MAX, &answer);
    assert_int_equal(answer.outcome, AUTH_GRANTED);
    assert_null(answer.grant->user);
    assert_true(may("k-1"));
    assert_true(may("lobby"));
    assert_false(may("news.x"));
    grant_free(answer.grant);
    claims.rooms = json("7");
    auth_policy_judge_hook(policy, &claims, INT64_MAX, &answer);
    assert_int_equal(answer.outcome, AUTH_UNAVAILABLE);
    assert_int_equal(answer.reason, AUTH_REASON_HOOK_BAD_ANSWER);
    assert_null(answer.grant);
}

static void without_a_source_nothing_of_it_counts(void **state)
{
    struct claims claims = {.user = json("\"bob\"")};

    (void)state;
    set("auth-issuers", "");
    set("auth-header", "");
    set("auth-hook-url", "");
    make_policy();
    assert_false(auth_policy_takes_tokens(policy));
    assert_false(auth_policy_hook(policy));
    assert_string_equal(auth_policy_header(policy), "");
    refused(1, B ",\"sub\":\"u7\"", AUTH_REASON_UNKNOWN_ISSUER, NULL);
    auth_policy_judge_header(policy, slice_str("ann"), &answer);
    assert_int_equal(answer.outcome, AUTH_REFUSED);
    auth_policy_judge_hook(policy, &claims, INT64_MAX, &answer);
    assert_int_equal(answer.outcome, AUTH_REFUSED);
}

static void the_settings_are_copies(void **state)
{
    (void)state;
    set("auth-cookie", "session");
    set("auth-hook-headers", "X-A,X-B");
    set("auth-hook-joins", "true");
    set("auth-required", "false");
    make_policy();
    conf_fini(&gateway_conf_table, &conf);
    assert_int_equal(conf_defaults(&gateway_conf_table, &conf), STATUS_OK);
    assert_string_equal(auth_policy_cookie(policy), "session");
    assert_string_equal(auth_policy_header(policy), "X-User");
    assert_string_equal(auth_policy_hook_headers(policy)->items[1], "X-B");
    assert_true(auth_policy_hook_joins(policy));
    assert_false(auth_policy_required(policy));
    assert_int_equal(auth_policy_deadline_ms(policy), 10000);
    assert_int_equal(auth_policy_leeway_s(policy), 10);
    assert_int_equal(auth_policy_max_pending(policy), 10000);
    assert_int_equal(auth_policy_max_clients_per_user(policy), 3);
    granted(1, B ",\"sub\":\"u7\"", "b:u7");
}

static void every_reason_has_a_name_and_a_sentence(void **state)
{
    (void)state;
    for (int i = 0; i < AUTH_REASON_COUNT; i++) {
        const char *text = auth_reason_text((enum auth_reason)i);

        assert_true(text[strlen(text) - 1] == '.');
        for (int j = 0; j < i; j++)
            assert_string_not_equal(auth_reason_name((enum auth_reason)i),
                                    auth_reason_name((enum auth_reason)j));
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(the_user_has_its_issuers_prefix),
        TEST(rooms_are_those_of_the_token_and_of_everybody),
        TEST(an_issuer_grants_no_more_than_it_may),
        TEST(rooms_joined_at_once_may_be_joined),
        TEST(another_policy_cuts_the_same_grant),
        TEST(a_token_must_name_a_user),
        TEST(claims_keep_their_types_and_bounds),
        TEST(lists_are_bounded),
        TEST(info_is_kept_as_it_is_written),
        TEST(no_issuer_signs_for_another),
        TEST(keys_that_are_not_there_yet_are_no_refusal),
        TEST(an_unknown_key_asks_for_fresh_ones),
        TEST(a_room_token_is_good_in_a_join_only),
        TEST(a_room_token_is_of_the_same_issuer),
        TEST(nobody_in_particular_has_the_anonymous_rooms),
        TEST(a_header_names_the_user),
        TEST(the_hook_grants_within_its_bounds),
        TEST(without_a_source_nothing_of_it_counts),
        TEST(the_settings_are_copies),
        TEST(every_reason_has_a_name_and_a_sentence),
    };

    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
