/* SPDX-License-Identifier: Apache-2.0 */
/* The parameters of a query, behind the question mark of its path. Strict: each at most once, in its range,
 * and none that the path does not have, since one that is passed over would be a mistake that nobody sees.
 * Pure; any thread. */
#ifndef FANFARE_LOGIC_API_QUERY_PARAMS_H
#define FANFARE_LOGIC_API_QUERY_PARAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "logic/push/push_fault.h"
#include "shared/base/buf.h"
#include "shared/base/slice.h"

enum query_param { PARAM_USERS, PARAM_LIMIT, PARAM_AFTER, PARAM_PREFIX, PARAM_TOP, PARAM_COUNT };

enum { QUERY_PARAM_BYTES = 16384, QUERY_LIMIT_DEFAULT = 100, QUERY_TOP_DEFAULT = 20 };

struct query_params {
    unsigned given; /* 1u << query_param for each that stands there */
    bool users;
    size_t limit; /* 1 to QUERY_LIMIT_MAX */
    size_t top;   /* the same */
    struct buf after;
    struct buf prefix;
};

/* Reads `query`, of which the parameters in `allowed` (bits) may stand there, into `out`, to be given to
 * query_params_fini in any case. False: `fault` says what is wrong. */
bool query_params_read(struct slice query, unsigned allowed, struct query_params *out,
                       struct push_fault *fault);
void query_params_fini(struct query_params *params);

#endif
