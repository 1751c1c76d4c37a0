/* SPDX-License-Identifier: Apache-2.0 */
/* A bit for each cause in one word, so that a reader on another thread sees all of them at one time. */
#include "gateway/bucket/readiness.h"

#include <stddef.h>

static const char *const texts[] = {
    [UNREADY_DRAINING] = "the gateway is shutting down",
    [UNREADY_CANARY] = "the canaries of the logics do not arrive",
    [UNREADY_REGISTRY] = "the gateway is not yet in the registry",
    [UNREADY_BANS] = "no logic has said yet who is banned",
};

void readiness_set(struct readiness *readiness, enum unready_cause cause, bool holds)
{
    unsigned bit = 1U << cause;

    if (holds)
        (void)atomic_fetch_or(&readiness->causes, bit);
    else
        (void)atomic_fetch_and(&readiness->causes, ~bit);
}

bool readiness_is(const struct readiness *readiness, enum unready_cause cause)
{
    return (atomic_load(&readiness->causes) & 1U << cause) != 0;
}

const char *readiness_fault(const struct readiness *readiness)
{
    unsigned causes = atomic_load(&readiness->causes);

    for (unsigned cause = 0; cause < sizeof texts / sizeof texts[0]; cause++)
        if ((causes & 1U << cause) != 0)
            return texts[cause];
    return NULL;
}
