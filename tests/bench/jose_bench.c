/* SPDX-License-Identifier: Apache-2.0 */
/* What a token costs: `jose_bench VERIFICATIONS SECONDS` prints a line of JSON for each algorithm. One
 * thread, its own CPU time. In alternation, block by block: OpenSSL's EVP as its manual shows it (a context
 * made for each signature), jws_verify for the same signature, and jwt_check for the whole token. The
 * ratios are medians of the blocks' ratios, so that work of others on this machine falls on both. Each
 * algorithm ends after so many verifications, or seconds. Exit status 1 when a good signature was refused. */
#include <stdlib.h>
#include <time.h>

#define MUST(condition)                                                                                      \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "jose_bench: %s does not hold\n", #condition);                                   \
            exit(1);                                                                                         \
        }                                                                                                    \
    } while (0)
#define assert_non_null(value)        MUST((value) != NULL)
#define assert_int_equal(left, right) MUST((left) == (right))

#include "shared/jose/jwt.h"
#include "tests/unit/jose_sign.h"

#define CLAIMS                                                                                               \
    "{\"iss\":\"https://"                                                                                    \
    "id.example.org\",\"sub\":\"u7\",\"aud\":\"fanfare\",\"iat\":1000000,\"exp\":1000600,"                   \
    "\"rooms\":[\"orders.*\",\"user-{sub}\"],\"info\":{\"name\":\"Ann\"}}"

enum { BLOCKS_MAX = 4096, FAST_BLOCK = 500, SLOW_BLOCK = 20, JSON_MAX = 8192 };

/* One algorithm's key and token, and OpenSSL's form of the signature. */
struct subject {
    struct jose_signer signer;
    struct jwk_set *set;
    const struct jose_key *key;
    char *token;
    struct jws jws;
    uint8_t evp_signature[JOSE_SIGNATURE_MAX];
    size_t evp_len;
};

enum way { WAY_EVP, WAY_VERIFY, WAY_CHECK, WAYS };

static double cpu_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void load_keys(struct subject *subject)
{
    char json[JSON_MAX];
    char *jwk;

    if (subject->signer.pkey == NULL) {
        MUST(jwk_set_of_secret(subject->signer.secret, &subject->set, NULL) == STATUS_OK);
        return;
    }
    jwk = jose_jwk(&subject->signer, ",\"kid\":\"a\"");
    snprintf(json, sizeof json, "{\"keys\":[%s]}", jwk);
    free(jwk);
    MUST(jwk_set_parse(slice_str(json), &subject->set, NULL) == STATUS_OK);
}

/* r and s side by side become DER for OpenSSL; all others are the same in both. */
static void note_signature(struct subject *subject)
{
    struct slice raw = subject->jws.signature;
    enum jose_kind kind = jose_alg_kind(subject->signer.alg);
    uint8_t *end = subject->evp_signature;
    ECDSA_SIG *pair;

    if (kind != JOSE_P256 && kind != JOSE_P384) {
        memcpy(subject->evp_signature, raw.data, raw.len);
        subject->evp_len = raw.len;
        return;
    }
    pair = ECDSA_SIG_new();
    MUST(ECDSA_SIG_set0(pair, BN_bin2bn(raw.data, (int)raw.len / 2, NULL),
                        BN_bin2bn(raw.data + raw.len / 2, (int)raw.len / 2, NULL)) == 1);
    subject->evp_len = (size_t)i2d_ECDSA_SIG(pair, &end);
    ECDSA_SIG_free(pair);
}

static void subject_init(struct subject *subject, enum jose_alg alg)
{
    struct slice kid = slice_str("a");

    *subject = (struct subject){.signer = jose_signer_of(alg)};
    load_keys(subject);
    MUST(jwk_set_find(subject->set, &kid, alg, &subject->key) == STATUS_OK);
    subject->token = jose_token(&subject->signer, "a", CLAIMS);
    MUST(jws_split(slice_str(subject->token), &subject->jws) == STATUS_OK);
    note_signature(subject);
}

static void subject_fini(struct subject *subject)
{
    free(subject->token);
    jwk_set_unref(subject->set);
    jose_signer_fini(&subject->signer);
}

static void run_hmac(const struct subject *subject)
{
    uint8_t mac[EVP_MAX_MD_SIZE];
    size_t len = jose_hmac(&subject->signer, subject->jws.input, mac);

    MUST(len == subject->evp_len && CRYPTO_memcmp(mac, subject->evp_signature, len) == 0);
}

static void run_evp(const struct subject *subject)
{
    const struct jose_signer *signer = &subject->signer;
    struct slice input = subject->jws.input;
    EVP_PKEY_CTX *options = NULL;
    EVP_MD_CTX *context;

    if (signer->pkey == NULL) {
        run_hmac(subject);
        return;
    }
    context = EVP_MD_CTX_new();
    MUST(EVP_DigestVerifyInit_ex(context, &options, jose_alg_digest(signer->alg), NULL, NULL, signer->pkey,
                                 NULL) == 1);
    if (signer->alg == JOSE_PS256) {
        MUST(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) > 0 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) > 0);
    }
    MUST(EVP_DigestVerify(context, subject->evp_signature, subject->evp_len, input.data, input.len) == 1);
    EVP_MD_CTX_free(context);
}

static void run_verify(const struct subject *subject)
{
    MUST(jws_verify(&subject->jws, subject->signer.alg, subject->key) == STATUS_OK);
}

static void run_check(const struct subject *subject)
{
    static const char *const auds[] = {"fanfare"};
    struct jwt_issuer issuer = {"https://id.example.org", auds, 1, 0, subject->set};
    struct jwt_rules rules = {&issuer, 1, 10, 86400};
    struct jwt jwt;

    MUST(jwt_check(slice_str(subject->token), &rules, 1000000, &jwt) == JWT_GOOD);
    jwt_fini(&jwt);
}

/* Microseconds a call. */
static double run_block(const struct subject *subject, enum way way, int calls)
{
    static void (*const runs[WAYS])(const struct subject *) = {run_evp, run_verify, run_check};
    double begin = cpu_us();

    for (int i = 0; i < calls; i++) {
        runs[way](subject);
    }
    return (cpu_us() - begin) / calls;
}

static int by_size(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof values[0], by_size);
    return values[count / 2];
}

static void measure(enum jose_alg alg, long verifications, double seconds)
{
    static double cost[WAYS][BLOCKS_MAX], ratio[WAYS][BLOCKS_MAX];
    int calls = jose_alg_is_slow(alg) ? SLOW_BLOCK : FAST_BLOCK, blocks = 0;
    double end = cpu_us() + seconds * 1e6;
    struct subject subject;

    subject_init(&subject, alg);
    do {
        for (int way = 0; way < WAYS; way++) {
            cost[way][blocks] = run_block(&subject, (enum way)way, calls);
            ratio[way][blocks] = cost[way][blocks] / cost[WAY_EVP][blocks];
        }
        blocks++;
    } while (blocks < BLOCKS_MAX && (long)blocks * calls < verifications && cpu_us() < end);
    printf("{\"alg\":\"%s\",\"verifications\":%d,\"evp_us\":%.3f,\"verify_us\":%.3f,\"check_us\":%.3f,"
           "\"verify_ratio\":%.4f,\"check_ratio\":%.4f}\n",
           jose_alg_name(alg), blocks * calls, median(cost[WAY_EVP], blocks),
           median(cost[WAY_VERIFY], blocks), median(cost[WAY_CHECK], blocks),
           median(ratio[WAY_VERIFY], blocks), median(ratio[WAY_CHECK], blocks));
    subject_fini(&subject);
}

int main(int argc, char **argv)
{
    long verifications = argc == 3 ? strtol(argv[1], NULL, 10) : 0;
    double seconds = argc == 3 ? strtod(argv[2], NULL) : 0;

    if (verifications <= 0 || seconds <= 0) {
        fputs("usage: jose_bench VERIFICATIONS SECONDS\n", stderr);
        return 2;
    }
    for (int i = 0; i < JOSE_ALGS; i++) {
        measure((enum jose_alg)i, verifications, seconds);
    }
    return 0;
}
