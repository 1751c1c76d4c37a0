/* SPDX-License-Identifier: Apache-2.0 */
/* The one place where a query's errors are put into words. */
#include "logic/api/query_refusal.h"

#include "logic/api/api_guard.h"
#include "logic/api/push_job.h"
#include "logic/metrics/logic_metrics.h"

void query_refuse(struct http_exchange *exchange, const struct push_fault *fault)
{
    const struct api_caller *caller = api_guard_caller(exchange);

    if (fault->status == 403)
        metrics_add(LM_HTTP_FORBIDDEN, 1);
    if (fault->status == 403 && caller != NULL)
        metrics_add_named(LM_CALLER_REFUSED_FORBIDDEN, caller->place, 1);
    push_job_on_answer(exchange, fault->status);
    http_reply_error(exchange, fault->status, fault->code, "%s", fault->message);
}

void query_refuse_status(struct http_exchange *exchange, enum status status)
{
    struct push_fault fault = {
        .status = 500, .code = "internal", .message = "out of memory while the gateways were asked"};

    if (status == STATUS_CLOSED)
        fault = (struct push_fault){.status = 504,
                                    .code = "query_timeout",
                                    .message = "none of the users that the caller may see was found in time"};
    if (status == STATUS_FULL)
        fault = (struct push_fault){.status = 503,
                                    .code = "too_many_queries",
                                    .message = "32 queries, the most at once, are under way"};
    query_refuse(exchange, &fault);
}

void query_refuse_closing(struct http_exchange *exchange)
{
    const struct push_fault fault = {
        .status = 503, .code = "not_ready", .message = "the daemon is shutting down"};

    query_refuse(exchange, &fault);
}
