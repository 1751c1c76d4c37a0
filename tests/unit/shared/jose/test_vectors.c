/* SPDX-License-Identifier: Apache-2.0 */
/* The vectors of others in tests/vectors (its README.md names them and the form of the lines): each must be
 * taken or refused as its line says. Payloads are anything, so tokens are judged as JWS, by the same steps as
 * jwt_check takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/jose/base64url.h"
#include "shared/jose/jose_key.h"
#include "shared/jose/jwk_set.h"
#include "shared/jose/jws.h"

enum { LINE_MAX_BYTES = 16384, BYTES_MAX = 4096 };

struct run {
    const char *file;
    struct jwk_set *set; /* NULL: was refused */
    enum jose_alg alg;
    int accepted, refused;
};

static size_t decode(const char *text, uint8_t *out)
{
    size_t len = 0;

    if (strcmp(text, "-") != 0) {
        assert_int_equal(base64url_decode(slice_str(text), out, BYTES_MAX, &len), STATUS_OK);
    }
    return len;
}

static void take_keys(struct run *run, char *json)
{
    jwk_set_unref(run->set);
    run->set = NULL;
    (void)jwk_set_parse(slice_str(json), &run->set, NULL);
}

static void take_secret(struct run *run, char *text)
{
    uint8_t bytes[BYTES_MAX];
    size_t len = decode(text, bytes);

    jwk_set_unref(run->set);
    run->set = NULL;
    (void)jwk_set_of_secret(slice_of(bytes, len), &run->set, NULL);
}

static void take_alg(struct run *run, char *name)
{
    assert_true(jose_alg_of(slice_str(name), &run->alg));
}

static bool is_good_token(const struct run *run, struct slice token)
{
    struct jws jws;
    struct jws_header header;
    const struct jose_key *key;

    return run->set != NULL && jws_split(token, &jws) == STATUS_OK &&
           jws_header_read(jws.header_text, &header) == NULL && header.known &&
           base64url_decode(jws.payload, (uint8_t[LINE_MAX_BYTES]){0}, LINE_MAX_BYTES, &(size_t){0}) ==
               STATUS_OK &&
           jwk_set_find(run->set, header.has_kid ? &header.kid : NULL, header.alg, &key) == STATUS_OK &&
           jws_verify(&jws, header.alg, key) == STATUS_OK;
}

static void judge(struct run *run, const char *verdict, const char *id, bool good)
{
    if (good != (strcmp(verdict, "accept") == 0)) {
        fail_msg("%s, vector %s: to %s, was %s", run->file, id, verdict, good ? "accepted" : "refused");
    }
    run->accepted += good;
    run->refused += !good;
}

/* VERDICT ID COMMENT TOKEN, which may be empty or hold spaces. */
static void take_token(struct run *run, char *rest)
{
    const char *verdict = strtok_r(rest, " ", &rest);
    const char *id = strtok_r(rest, " ", &rest);

    assert_non_null(strtok_r(rest, " ", &rest));
    judge(run, verdict, id, is_good_token(run, slice_str(rest)));
}

/* VERDICT ID MESSAGE SIGNATURE */
static void take_signature(struct run *run, char *rest)
{
    const char *verdict = strtok_r(rest, " ", &rest);
    const char *id = strtok_r(rest, " ", &rest);
    uint8_t message[BYTES_MAX], signature[BYTES_MAX];
    size_t message_len = decode(strtok_r(rest, " ", &rest), message);
    size_t signature_len = decode(strtok_r(rest, " ", &rest), signature);
    const struct jose_key *key = NULL;

    assert_non_null(run->set);
    assert_int_equal(jwk_set_find(run->set, NULL, run->alg, &key), STATUS_OK);
    judge(run, verdict, id,
          jose_key_verify(key, run->alg, slice_of(message, message_len),
                          slice_of(signature, signature_len)) == STATUS_OK);
}

static const struct {
    const char *word;
    void (*take)(struct run *run, char *rest);
} words[] = {
    {"keys ", take_keys},   {"secret ", take_secret},       {"alg ", take_alg},
    {"token ", take_token}, {"signature ", take_signature},
};

static void take_line(struct run *run, char *line)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strncmp(line, words[i].word, strlen(words[i].word)) == 0) {
            words[i].take(run, line + strlen(words[i].word));
            return;
        }
    }
    assert_int_equal(line[0], '#');
}

/* The counts are written down, so that a file that is cut is noticed. */
static void run_file(const char *file, int accepted, int refused)
{
    static char line[LINE_MAX_BYTES];
    struct run run = {.file = file};
    char path[128];
    FILE *in;

    snprintf(path, sizeof path, "tests/vectors/%s", file);
    in = fopen(path, "r");
    if (in == NULL) {
        fail_msg("%s: run in the top folder", path);
    }
    while (fgets(line, sizeof line, in) != NULL) {
        assert_non_null(strchr(line, '\n'));
        line[strcspn(line, "\n")] = 0;
        take_line(&run, line);
    }
    fclose(in);
    jwk_set_unref(run.set);
    assert_int_equal(run.accepted, accepted);
    assert_int_equal(run.refused, refused);
}

static void rfc_7515_and_8037(void **state)
{
    (void)state;
    run_file("rfc.txt", 4, 3);
}

static void wycheproof_json_web_signature(void **state)
{
    (void)state;
    run_file("jws.txt", 24, 375);
}

static void wycheproof_json_web_key(void **state)
{
    (void)state;
    run_file("jwk.txt", 4, 22);
}

static void wycheproof_hmac(void **state)
{
    (void)state;
    run_file("hmac.txt", 90, 414);
}

static void wycheproof_rsa(void **state)
{
    (void)state;
    run_file("rs256.txt", 9, 250);
}

static void wycheproof_rsa_pss(void **state)
{
    (void)state;
    run_file("ps256.txt", 64, 255);
}

static void wycheproof_ecdsa(void **state)
{
    (void)state;
    run_file("es256.txt", 173, 89);
    run_file("es384.txt", 193, 87);
}

static void wycheproof_ed25519(void **state)
{
    (void)state;
    run_file("eddsa.txt", 88, 63);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_7515_and_8037),       cmocka_unit_test(wycheproof_json_web_signature),
        cmocka_unit_test(wycheproof_json_web_key), cmocka_unit_test(wycheproof_hmac),
        cmocka_unit_test(wycheproof_rsa),          cmocka_unit_test(wycheproof_rsa_pss),
        cmocka_unit_test(wycheproof_ecdsa),        cmocka_unit_test(wycheproof_ed25519),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
