/* SPDX-License-Identifier: Apache-2.0 */
/* What the log says of one connection to Redis: a line when an outage begins, then one every 10 s, and
 * one when it ends. The loop's thread only; embedded in the client. */
#ifndef FANFARE_SHARED_REDIS_REDIS_OUTAGE_H
#define FANFARE_SHARED_REDIS_REDIS_OUTAGE_H

#include <stdbool.h>
#include <stdint.h>

struct redis_outage {
    const char *what;  /* "registry", "bus" */
    const char *redis; /* redis_client_name */
    bool open;
    char reason[160]; /* the last one, while open */
    bool told_up;
    int64_t since_ms;
    int64_t logged_ms;
};

/* `remedy` is for what Redis itself refuses; NULL: it could not be reached. */
void redis_outage_note(struct redis_outage *outage, const char *reason, const char *remedy);
/* A node of a cluster has named another one. */
void redis_outage_note_moved(const struct redis_outage *outage, const char *host, int port);
/* It is up, for the first time or again; harmless when that was told. */
void redis_outage_end(struct redis_outage *outage);

#endif
