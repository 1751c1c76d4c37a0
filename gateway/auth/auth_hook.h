/* SPDX-License-Identifier: Apache-2.0 */
/* Asks the operator's own service (auth.hook.url) who a client is, and whether it may join a room:
 *   POST {"gateway":"…","event":"connect","address":"…","query":"…","headers":{…}}
 *   POST {"gateway":"…","event":"join","user":"…","room":"…"}
 * 200 grants what its body says (hook_answer.h), 403 refuses, and whatever else comes, or does not come in
 * time, is AUTH_UNAVAILABLE: nobody gets in because the service is away. What is bounded, and how, stands in
 * hook_queue.h (the questions) and hook_cache.h (the answers); counted by hook_answers_total{result="full"}.
 * The control thread; nothing here blocks. */
#ifndef FANFARE_GATEWAY_AUTH_AUTH_HOOK_H
#define FANFARE_GATEWAY_AUTH_AUTH_HOOK_H

#include <event2/event.h>

#include "gateway/auth/auth_policy.h"
#include "gateway/auth/hook_question.h"
#include "gateway/conf/auth_conf.h"
#include "shared/base/status.h"
#include "shared/net/resolver.h"

struct auth_hook;

struct auth_hook_env {
    struct event_base *base;
    struct resolver *resolver; /* must outlive the hook */
    const char *gateway;       /* this gateway's id; copied */
    size_t max_asked; /* at once, whatever auth.hook.maxConcurrent says: descriptors are shared out for so
                         many (gateway/descriptor_plan.h) */
    /* Gives a question back, answered; it is the receiver's then. May be called before auth_hook_ask returns.
     */
    void (*on_answer)(struct hook_question *question, void *arg);
    void *arg;
};

/* STATUS_INVALID, STATUS_IO: auth.hook.tokenFile will not do; the fault says why. STATUS_NO_MEMORY. */
enum status auth_hook_new(const struct auth_hook_env *env, const struct auth_hook_conf *conf,
                          struct auth_hook **out, struct fault *fault);
/* All questions that wait are answered AUTH_UNAVAILABLE. Legal on NULL; not from inside on_answer. */
void auth_hook_free(struct auth_hook *hook);
/* Other settings for questions from now on; what was kept of answers is forgotten. As auth_hook_new: when it
 * fails, the old ones stay. */
enum status auth_hook_set(struct auth_hook *hook, const struct auth_hook_conf *conf, struct fault *fault);
/* What makes grants of answers from now on; takes a reference of its own. NULL: everything is unavailable. */
void auth_hook_use(struct auth_hook *hook, struct auth_policy *policy);
/* Takes the question over, and gives it back once through on_answer, at the latest after auth.hook.timeout.
 */
void auth_hook_ask(struct auth_hook *hook, struct hook_question *question);

#endif
