/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the body that the operator's service answers with 200: one JSON object, each name once, with
 * - user, rooms, join, info: as in claims.h
 * - seconds: 0 to 86400, without a fraction: how long the answer is good; 0 or absent: for this one
 * connection (or membership), as long as it lasts
 *
 * A member that is null is as absent; other members are passed over. Pure; any thread; allocates nothing. */
#ifndef FANFARE_GATEWAY_AUTH_HOOK_ANSWER_H
#define FANFARE_GATEWAY_AUTH_HOOK_ANSWER_H

#include <stdint.h>

#include "gateway/auth/claims.h"
#include "shared/base/slice.h"

/* HOOK_ANSWER_MAX: bytes of a body. */
enum { HOOK_ANSWER_MAX = 65536, HOOK_SECONDS_MAX = 86400 };

struct hook_answer {
    struct claims claims; /* point into the body */
    int64_t seconds;
};

/* NULL, or why the body is refused (static, a clause). */
const char *hook_answer_read(struct slice body, struct hook_answer *out);

#endif
