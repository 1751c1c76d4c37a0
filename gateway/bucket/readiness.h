/* SPDX-License-Identifier: Apache-2.0 */
/* Whether this gateway should get new clients. The control thread's parts each set what they know; every port
 * that answers /readyz reads, on its own thread, without asking anybody. */
#ifndef FANFARE_GATEWAY_BUCKET_READINESS_H
#define FANFARE_GATEWAY_BUCKET_READINESS_H

#include <stdatomic.h>
#include <stdbool.h>

enum unready_cause {
    UNREADY_DRAINING, /* drain.c: from the first moment on */
    UNREADY_CANARY,   /* canary.c: while canaries fail */
    UNREADY_REGISTRY, /* registrar.c: until the entry has stood once */
    UNREADY_BANS,     /* gateway_bans.c: until it is known who is banned */
};

struct readiness {
    atomic_uint causes; /* a bit for each; 0: ready */
};

/* The cause holds, or holds no longer. The control thread. */
void readiness_set(struct readiness *readiness, enum unready_cause cause, bool holds);
/* Whether the cause holds. Any thread. */
bool readiness_is(const struct readiness *readiness, enum unready_cause cause);
/* The first cause that holds, as a static sentence for whoever asks, or NULL: ready. Any thread. */
const char *readiness_fault(const struct readiness *readiness);

#endif
