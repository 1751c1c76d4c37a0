/* SPDX-License-Identifier: Apache-2.0 */
/* The table as data. */
#include "shared/contract/auth_reasons.h"

static const struct {
    const char *name;
    const char *text;
} reasons[] = {
#define X(id, name, text) [AUTH_REASON_##id] = {name, text},
    AUTH_REASONS(X)
#undef X
};

/* A verdict and its reason have one number. */
#define X(id, name, text)                                                                                    \
    _Static_assert((int)AUTH_REASON_##id == (int)JWT_##id, "the verdicts of a token come first");
JWT_VERDICT_ROWS(X)
#undef X

const char *auth_reason_name(enum auth_reason reason)
{
    return reasons[reason].name;
}

const char *auth_reason_text(enum auth_reason reason)
{
    return reasons[reason].text;
}
