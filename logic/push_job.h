/* SPDX-License-Identifier: Apache-2.0 */
/* One push call of the API from its parsed body to its answer: one push, or a batch whose
 * answer waits for the last of its pushes. The loop's thread only. */
#ifndef FANFARE_LOGIC_PUSH_JOB_H
#define FANFARE_LOGIC_PUSH_JOB_H

#include <stdbool.h>

#include "logic/dispatch.h"
#include "logic/push_request.h"
#include "shared/http_server.h"

/* Ends an exchange: counts the answer, adds Retry-After where docs/protocol.md has it. */
void push_job_reply(struct http_exchange *exchange, int status, struct slice json);
/* Dispatches the pushes in order and sees that `exchange` is answered, now or later; it is not
 * the caller's any more. `list`: the answer is an array (the batch door). `wait`: the query asks
 * to wait. `id_prefix` must outlive the job; `request` is not needed afterwards. */
void push_job_run(struct http_exchange *exchange, struct dispatch *dispatch,
                  const struct push_request *request, bool list, bool wait, const char *id_prefix);

#endif
