/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the sources of keys and makes the policies: one at the start, and a new one whenever keys or settings
 * change. With auth.mode none there are neither. The control thread. Bounds: AUTH_ISSUERS_MAX sources;
 * policies live as long as somebody holds them. */
#ifndef FANFARE_GATEWAY_AUTH_AUTH_H
#define FANFARE_GATEWAY_AUTH_AUTH_H

#include <event2/event.h>
#include <stdbool.h>

#include "gateway/auth/auth_policy.h"
#include "gateway/conf/gateway_conf.h"
#include "shared/net/resolver.h"

struct auth;

/* Told of the policy that is in force from now on; NULL: auth.mode none. Who keeps it takes a reference. */
typedef void auth_on_policy(void *arg, struct auth_policy *policy);

/* Nothing yet. STATUS_NO_MEMORY. */
enum status auth_new(struct event_base *base, auth_on_policy *on_policy, void *arg, struct auth **out);
/* Legal on NULL. */
void auth_free(struct auth *auth);

/* Whether these settings fetch keys, so that auth_set needs a resolver. */
bool auth_needs_resolver(const struct gateway_conf *conf);
/* How many descriptors that takes; 0: nothing is fetched. */
size_t auth_descriptors(const struct gateway_conf *conf);
/* Takes settings over (checked; they must outlive it or the next auth_set), at the start and with a reload,
 * and tells the policy before it returns. A source whose settings are the same goes on with its keys; a file
 * is read anew. On a fault the policy stays, and no new keys are taken until there are good settings:
 * STATUS_NO_MEMORY, or that of a file (key_file.h). `resolver` may be NULL where nothing is fetched; it must
 * outlive the auth. */
enum status auth_set(struct auth *auth, const struct gateway_conf *conf, struct resolver *resolver,
                     struct fault *fault);
/* A bucket has met a key that is not there: `source` of auth_answer.refresh. */
void auth_unknown_key(struct auth *auth, uint64_t source);
/* The policy in force; NULL: none. */
struct auth_policy *auth_get(const struct auth *auth);
/* Sets the gauges of keys. */
void auth_measure(const struct auth *auth);

#endif
