/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of one issuer and how they stay fresh: a secret or a JWK Set in a file, which is watched, or a JWK
 * Set behind a URL, which is fetched in the background. What is bad changes nothing: the keys before it stay,
 * a log line says why, without a byte of a key. The control thread; nothing here blocks but the reading of a
 * file. */
#ifndef FANFARE_GATEWAY_AUTH_KEY_SOURCE_H
#define FANFARE_GATEWAY_AUTH_KEY_SOURCE_H

#include <event2/event.h>
#include <stdbool.h>

#include "gateway/auth/auth_policy.h"
#include "gateway/conf/auth_conf.h"
#include "shared/fetch/fetch.h"

/* KEY_FETCH_MAX: fetches under way at once, of all sources together; who comes then waits a second. */
enum { KEY_FETCH_MAX = 16, KEY_FETCH_TIMEOUT_MS = 5000 };

struct key_source;

struct key_source_env {
    struct event_base *base;
    struct fetch *fetch; /* of URLs; NULL where there are none */
    /* The keys are others, or were fetched anew. Not from inside key_source_new. */
    void (*on_change)(void *arg);
    void *arg;
};

/* Copies what it needs of `issuer`. A file is read at once: its fault is that of key_file.h. Else
 * STATUS_NO_MEMORY only: a URL has no keys until its server answers. */
enum status key_source_new(const struct key_source_env *env, const struct auth_issuer_conf *issuer,
                           struct key_source **out, struct fault *fault);
/* Legal on NULL. */
void key_source_free(struct key_source *source);

/* Whether these settings are those that it was made with, so that it may go on with its keys. */
bool key_source_is(const struct key_source *source, const struct auth_issuer_conf *issuer);
/* Reads a file anew, changed or not; false when it is bad. A URL's keys stay as they are: true. */
bool key_source_reread(struct key_source *source);
/* As they are now; the set is the source's. */
struct auth_keys key_source_keys(const struct key_source *source);
/* auth_source_of_issuer. */
uint64_t key_source_id(const struct key_source *source);
/* A token names a key that is not there: a URL is fetched soon, at most once each 30 s. */
void key_source_want(struct key_source *source);

#endif
