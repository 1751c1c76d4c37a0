/* SPDX-License-Identifier: Apache-2.0 */
/* Four threads check tokens with one set of keys each, as the bucket threads do, while references come and
 * go. Under ThreadSanitizer this says whether anything is shared that is written to. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/jose/jwt.h"
#include "tests/unit/jose_sign.h"

enum { THREADS = 4, ROUNDS = 25 };

#define CLAIMS "{\"sub\":\"u7\",\"exp\":1000600}"

struct work {
    struct jwk_set *sets[JOSE_ALGS];
    char *good[JOSE_ALGS];
    char *bad[JOSE_ALGS];
    atomic_int wrong;
};

static enum jwt_verdict judge(const struct jwk_set *keys, const char *token)
{
    struct jwt_issuer issuer = {.keys = keys};
    struct jwt_rules rules = {&issuer, 1, 10, 3600};
    struct jwt jwt;
    enum jwt_verdict verdict = jwt_check(slice_str(token), &rules, 1000000, &jwt);

    jwt_fini(&jwt);
    return verdict;
}

static void *check(void *arg)
{
    struct work *work = arg;

    for (int i = 0; i < ROUNDS * JOSE_ALGS; i++) {
        struct jwk_set *set = jwk_set_ref(work->sets[i % JOSE_ALGS]);

        atomic_fetch_add(&work->wrong, judge(set, work->good[i % JOSE_ALGS]) != JWT_GOOD);
        atomic_fetch_add(&work->wrong, judge(set, work->bad[i % JOSE_ALGS]) != JWT_BAD_SIGNATURE);
        jwk_set_unref(set);
    }
    return NULL;
}

static void make_set(struct work *work, enum jose_alg alg)
{
    struct jose_signer signer = jose_signer_of(alg);
    char json[4096];
    char *jwk, *dot;

    if (signer.pkey == NULL) {
        assert_int_equal(jwk_set_of_secret(signer.secret, &work->sets[alg], NULL), STATUS_OK);
    } else {
        jwk = jose_jwk(&signer, "");
        snprintf(json, sizeof json, "{\"keys\":[%s]}", jwk);
        free(jwk);
        assert_int_equal(jwk_set_parse(slice_str(json), &work->sets[alg], NULL), STATUS_OK);
    }
    work->good[alg] = jose_token(&signer, NULL, CLAIMS);
    work->bad[alg] = strdup(work->good[alg]);
    dot = strrchr(work->bad[alg], '.');
    dot[20] = dot[20] == 'A' ? 'B' : 'A';
    jose_signer_fini(&signer);
}

static void threads_share_a_set(void **state)
{
    static struct work work;
    pthread_t threads[THREADS];

    (void)state;
    for (int i = 0; i < JOSE_ALGS; i++) {
        make_set(&work, (enum jose_alg)i);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, check, &work), 0);
    }
    for (int i = 0; i < JOSE_ALGS; i++) {
        jwk_set_unref(jwk_set_ref(work.sets[i]));
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&work.wrong), 0);
    for (int i = 0; i < JOSE_ALGS; i++) {
        jwk_set_unref(work.sets[i]);
        free(work.good[i]);
        free(work.bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_share_a_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
