/* SPDX-License-Identifier: Apache-2.0 */
/* The table of algorithms. */
#include "shared/jose/jose_alg.h"

static const struct {
    const char *name;
    enum jose_kind kind;
    const char *digest;
    size_t bytes;
} rows[JOSE_ALGS] = {
#define JOSE_ALG_ROW(name, kind, digest, bytes) [JOSE_##name] = {#name, kind, digest, bytes},
    JOSE_ALG_ROWS(JOSE_ALG_ROW)
#undef JOSE_ALG_ROW
};

const char *jose_alg_name(enum jose_alg alg)
{
    return alg == JOSE_EDDSA ? "EdDSA" : rows[alg].name;
}

bool jose_alg_of(struct slice name, enum jose_alg *out)
{
    for (int i = 0; i < JOSE_ALGS; i++) {
        if (slice_equal(name, slice_str(jose_alg_name((enum jose_alg)i)))) {
            *out = (enum jose_alg)i;
            return true;
        }
    }
    return false;
}

bool jose_alg_is_slow(enum jose_alg alg)
{
    return rows[alg].kind != JOSE_SECRET;
}

enum jose_kind jose_alg_kind(enum jose_alg alg)
{
    return rows[alg].kind;
}

const char *jose_alg_digest(enum jose_alg alg)
{
    return rows[alg].digest[0] == 0 ? NULL : rows[alg].digest;
}

size_t jose_alg_bytes(enum jose_alg alg)
{
    return rows[alg].bytes;
}

unsigned jose_kind_algs(enum jose_kind kind)
{
    unsigned algs = 0;

    for (int i = 0; i < JOSE_ALGS; i++) {
        algs |= rows[i].kind == kind ? JOSE_BIT(i) : 0;
    }
    return algs;
}
