/* SPDX-License-Identifier: Apache-2.0 */
/* A question to the operator's own service (auth.hook.url) and its answer: who connects, or whether somebody
 * may join a room. A bucket makes it and hands it over; it comes back with its answer, once. Whoever holds it
 * owns it: any thread, one at a time. */
#ifndef FANFARE_GATEWAY_AUTH_HOOK_QUESTION_H
#define FANFARE_GATEWAY_AUTH_HOOK_QUESTION_H

#include "gateway/auth/auth_policy.h"
#include "gateway/auth/grant.h"
#include "shared/base/buf.h"
#include "shared/base/list.h"
#include "shared/conf/conf.h"
#include "shared/http/http_request.h"

/* Bytes of JSON; what a client's request makes longer is refused (STATUS_TOO_LARGE). */
enum { HOOK_QUESTION_MAX = 65536 };

enum hook_event { HOOK_CONNECT, HOOK_JOIN };

struct hook_question {
    struct list node; /* the holder's; initialised */
    void *client; /* the bucket's: nobody else reads or writes it, so that the bucket may clear it at any time
                   */
    enum hook_event event;
    struct buf json;           /* what is sent, but for the gateway's id; what is asked twice is equal here */
    struct auth_answer answer; /* of a join the grant holds nothing but `expires_s`, when it ends */
};

/* Of the request that connects: the address as text, the query as it came (no issuer judges a token in it, or
 * nobody would ask), and of `headers` (auth.hook.headers) those that stand in the request exactly once; one
 * that stands there twice is left out, for the service would see only one of two claims. Bytes that are no
 * UTF-8 are taken as ISO-8859-1. STATUS_TOO_LARGE, STATUS_NO_MEMORY: nothing was made. */
enum status hook_question_connect(struct hook_question *question, struct slice address,
                                  const struct http_request *request, const struct conf_list *headers);
/* Of a room that no right of `grant` covers, and that the hook may allow (auth_policy_hook_may_allow); its
 * user is named with its prefix, or null. As above. */
enum status hook_question_join(struct hook_question *question, const struct grant *grant, struct slice room);
/* Frees what it holds, an answer's grant included (take it out before: set it NULL). Legal after a failure.
 */
void hook_question_fini(struct hook_question *question);

#endif
