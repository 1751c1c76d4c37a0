/* SPDX-License-Identifier: Apache-2.0 */
/* What is said first on a connection to Redis: AUTH, SELECT, ROLE, PING, EXISTS, SUBSCRIBE, as far as
 * needed, all at once. The loop's thread only; embedded in the client, owns nothing. */
#ifndef FANFARE_SHARED_REDIS_REDIS_HANDSHAKE_H
#define FANFARE_SHARED_REDIS_REDIS_HANDSHAKE_H

#include "shared/redis/redis_conn.h"
#include "shared/redis/redis_url.h"

struct redis_handshake_conf {
    struct redis_conn *conn; /* connected */
    const struct redis_url *url;
    const char *probe; /* a key, so that a cluster's node says at once whether it is the right one; or NULL */
    const char *channel; /* or NULL */
    /* `error` NULL: Redis serves us. Else why not, and what may help; the connection is then of no
     * more use. Called once, or never when the connection ends first. */
    void (*done)(const char *error, const char *remedy, void *arg);
    void *arg;
};

struct redis_handshake {
    struct redis_handshake_conf conf;
    int due; /* answers */
};

/* What redis_refusal_of knows is left to the connection's judge. STATUS_NO_MEMORY. */
enum status redis_handshake_begin(struct redis_handshake *handshake, const struct redis_handshake_conf *conf);

#endif
