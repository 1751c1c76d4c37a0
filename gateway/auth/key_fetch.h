/* SPDX-License-Identifier: Apache-2.0 */
/* Fetches the JWK Set behind one URL, when key_schedule.h says so, and judges what comes. What is no set with
 * a key in it is a failed fetch: another status than 200 (redirects are not followed), a body that is no JWK
 * Set, or one without keys (a server that has lost them answers so, and who withdraws all keys removes the
 * issuer). The log tells of the first of several failures, and of the end of them; never the URL, which may
 * have a secret in it. The loop's thread. */
#ifndef FANFARE_GATEWAY_AUTH_KEY_FETCH_H
#define FANFARE_GATEWAY_AUTH_KEY_FETCH_H

#include <event2/event.h>

#include "shared/base/status.h"
#include "shared/fetch/fetch.h"
#include "shared/jose/jwk_set.h"

struct key_fetch;

struct key_fetch_conf {
    struct event_base *base;
    struct fetch *fetch;
    const char *iss; /* these three are copied */
    const char *url;
    const char *ca;
    /* Good keys, the same as before or others; the reference is the callee's. */
    void (*on_keys)(void *arg, struct jwk_set *keys);
    void *arg;
};

/* The first fetch is sent with the loop's next turn. STATUS_NO_MEMORY. */
enum status key_fetch_new(const struct key_fetch_conf *conf, struct key_fetch **out);
/* As key_schedule_want. */
void key_fetch_want(struct key_fetch *fetch);
/* Forgets what is under way. Legal on NULL. */
void key_fetch_free(struct key_fetch *fetch);

#endif
