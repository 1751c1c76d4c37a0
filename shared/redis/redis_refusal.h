/* SPDX-License-Identifier: Apache-2.0 */
/* The answers by which Redis says that it will not serve us here or now. Pure; any thread. */
#ifndef FANFARE_SHARED_REDIS_REDIS_REFUSAL_H
#define FANFARE_SHARED_REDIS_REDIS_REFUSAL_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>

/* Both texts are static. */
struct redis_refusal {
    const char *beginning; /* of the error answer */
    const char *remedy;
};

/* NULL: an error of the one command only. */
const struct redis_refusal *redis_refusal_of(const char *error);
/* Whether `error` is "MOVED <slot> <host>:<port>". The host, in `cap` bytes, is "" when it is the one
 * that answered. */
bool redis_moved_to(const char *error, char *host, size_t cap, int *port);
/* NULL, or why the one who answers ROLE so cannot be used: a replica, or a sentinel. A text that is
 * no such answer passes. */
const struct redis_refusal *redis_role_refusal(const redisReply *answer);

#endif
