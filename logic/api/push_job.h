/* SPDX-License-Identifier: Apache-2.0 */
/* One push call of the API from its parsed body to its answer: one push, or a batch whose
 * answer waits for the last of its pushes. The loop's thread only. */
#ifndef FANFARE_LOGIC_API_PUSH_JOB_H
#define FANFARE_LOGIC_API_PUSH_JOB_H

#include <stdbool.h>

#include "logic/api/push_request.h"
#include "logic/conf/api_caller.h"
#include "logic/dispatch/dispatch.h"
#include "logic/store/repeats.h"
#include "shared/http/http_server.h"

/* Before an answer: counts it, adds Retry-After where docs/protocol.md has it. */
void push_job_on_answer(struct http_exchange *exchange, int status);
/* Counts a push that was refused before it was one, also for its caller (may be NULL), and logs it when it is
 * traced. `header` is the request's trace, for a push that has none. */
void push_job_count_refused(const struct push_fault *fault, const struct traceparent *header,
                            const struct api_caller *caller);
/* Ends an exchange: counts the answer, adds Retry-After where docs/protocol.md has it. */
void push_job_reply(struct http_exchange *exchange, int status, struct slice json);
/* What the request around the body says. */
struct push_manner {
    bool list;                    /* the answer is an array (the batch door) */
    bool wait;                    /* the query asks to wait */
    struct traceparent trace;     /* the header's, for pushes that have none of their own */
    struct slice idempotency_key; /* the header's, likewise; no bytes: none */
    struct repeats *repeats;      /* who knows such keys; not asked for pushes without one */
};

/* Dispatches the pushes in order, those that `exchange`'s caller may not make aside, and those that are
 * repeats; sees that `exchange` is answered, now or later; it is not the caller's any more. `dispatch` and
 * `id_prefix` must outlive the job. True: `request` is not needed afterwards. False: a push has a key about
 * which Redis is asked, those behind it wait for their turn, and the job frees `request` itself. */
bool push_job_run(struct http_exchange *exchange, struct dispatch *dispatch, struct push_request *request,
                  const struct push_manner *manner, const char *id_prefix);

#endif
