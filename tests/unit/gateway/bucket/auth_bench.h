/* SPDX-License-Identifier: Apache-2.0 */
/* client_bench with auth.mode verify: issuer "fast" signs with a secret (HS256), issuer "slow" with a curve
 * (ES256), whose tokens wait for their turn. Tokens are made here; the time is BENCH_UNIX_S and what the test
 * waits. */
#ifndef FANFARE_TESTS_AUTH_BENCH_H
#define FANFARE_TESTS_AUTH_BENCH_H

#include "gateway/conf/gateway_conf.h"
#include "tests/unit/gateway/bucket/client_bench.h"
#include "tests/unit/jose_sign.h"

#define AUTH_ISSUERS                                                                                         \
    "[{\"iss\":\"fast\",\"secretFile\":\"s\",\"userPrefix\":\"f:\"},"                                        \
    "{\"iss\":\"slow\",\"jwks\":\"k\",\"userPrefix\":\"s:\"}]"

static struct jose_signer auth_signers[2];
static struct jwk_set *auth_sets[2];
static struct gateway_conf auth_conf;
static int64_t auth_max_per_user;
static const char *auth_kid;            /* that slow tokens name; "k1" is there */
static struct auth_keys auth_slow_keys; /* of the second issuer, but for the set */

static inline void auth_set(const char *flag, const char *value)
{
    struct fault fault = {""};

    if (conf_set_flag(&gateway_conf_table, &auth_conf, flag, value, &fault) != STATUS_OK)
        fail_msg("%s", fault.text);
}

/* The settings of now are in force. */
static inline void auth_apply(struct client_bench *bench)
{
    const struct auth_keys keys[] = {{auth_sets[0], 0, false},
                                     {auth_sets[1], auth_slow_keys.fetched_s, auth_slow_keys.url}};
    const struct auth_policy_conf conf = {&auth_conf.auth, keys, 64, auth_max_per_user};
    struct auth_policy *policy = NULL;

    assert_int_equal(auth_policy_new(&conf, &policy), STATUS_OK);
    bucket_auth_set_policy(&bench->bucket, policy);
}

static inline int auth_setup(void **state)
{
    char json[1024];

    bench_setup(state);
    struct client_bench *bench = *state;
    bench->bucket.limits.queue_frames = 64;
    bench->bucket.limits.queue_bytes = BENCH_OUT;
    bench->bucket.limits.heartbeat_ms = 86400000;
    auth_max_per_user = 0;
    auth_kid = "k1";
    auth_slow_keys = (struct auth_keys){0};
    auth_signers[0] = jose_signer_of(JOSE_HS256);
    auth_signers[1] = jose_signer_of(JOSE_ES256);
    char *jwk = jose_jwk(&auth_signers[1], ",\"kid\":\"k1\"");
    snprintf(json, sizeof json, "{\"keys\":[%s]}", jwk);
    free(jwk);
    assert_int_equal(jwk_set_of_secret(auth_signers[0].secret, &auth_sets[0], NULL), STATUS_OK);
    assert_int_equal(jwk_set_parse(slice_str(json), &auth_sets[1], NULL), STATUS_OK);
    assert_int_equal(conf_defaults(&gateway_conf_table, &auth_conf), STATUS_OK);
    auth_set("auth-mode", "verify");
    auth_set("auth-issuers", AUTH_ISSUERS);
    auth_apply(bench);
    return 0;
}

static inline int auth_teardown(void **state)
{
    int result = bench_teardown(state);

    conf_fini(&gateway_conf_table, &auth_conf);
    for (int i = 0; i < 2; i++) {
        jose_signer_fini(&auth_signers[i]);
        jwk_set_unref(auth_sets[i]);
    }
    return result;
}

static inline const char *auth_signed(int issuer, int seconds, const char *claims)
{
    static char texts[8][4096];
    static int at;
    char payload[2048];
    char *out = texts[at++ % 8];

    snprintf(payload, sizeof payload, "{\"iss\":\"%s\",\"exp\":%lld%s%s}", issuer == 0 ? "fast" : "slow",
             (long long)wall_clock_s() + seconds, claims[0] != '\0' ? "," : "", claims);
    char *token = jose_token(&auth_signers[issuer], issuer == 0 ? NULL : auth_kid, payload);
    snprintf(out, sizeof texts[0], "%s", token);
    free(token);
    return out;
}

/* A token that ends in so many seconds, with those claims ("\"sub\":\"u\""). Lives for seven more. */
static inline const char *auth_token(int seconds, const char *claims)
{
    return auth_signed(0, seconds, claims);
}

/* The same, whose check takes long. */
static inline const char *auth_slow_token(int seconds, const char *claims)
{
    return auth_signed(1, seconds, claims);
}

static inline struct ws_conn *auth_ask(struct client_bench *bench, const char *target, const char *token)
{
    char line[4096];

    snprintf(line, sizeof line, "Authorization: Bearer %s\r\n", token);
    return bench_ask(bench, target, line);
}

/* Connects with a token that is good. */
static inline struct ws_conn *auth_connect(struct client_bench *bench, const char *target, const char *claims)
{
    struct ws_conn *conn = auth_ask(bench, target, auth_token(600, claims));

    bench_opened(conn);
    assert_int_equal(conn->client->phase, CLIENT_OPEN);
    return conn;
}

static inline void auth_says(struct ws_conn *conn, const char *token)
{
    char text[4096];

    snprintf(text, sizeof text, "{\"type\":\"AUTH\",\"id\":1,\"data\":{\"token\":\"%s\"}}", token);
    bench_says(conn, text);
}

/* JOIN with id 2, and a room token if it is not NULL. */
static inline void auth_joins(struct ws_conn *conn, const char *room, const char *token)
{
    char text[4096];

    snprintf(text, sizeof text, "{\"type\":\"JOIN\",\"id\":2,\"data\":{\"room\":\"%s\"%s%s%s}}", room,
             token != NULL ? ",\"token\":\"" : "", token != NULL ? token : "", token != NULL ? "\"" : "");
    bench_says(conn, text);
}

#endif
