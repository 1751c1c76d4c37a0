/* SPDX-License-Identifier: Apache-2.0 */
/* Gathers the results of one call and answers when all are there. The loop's thread only. */
#include "logic/api/push_job.h"

#include <limits.h>
#include <stdlib.h>

#include "logic/api/api_guard.h"
#include "logic/api/push_permit.h"
#include "logic/metrics/logic_metrics.h"
#include "logic/push/push_trace.h"
#include "shared/base/clock.h"
#include "shared/json/error_json.h"

struct push_job;

struct job_slot {
    struct push_job *job;
    int status;
    struct buf json;
};

struct push_job {
    struct http_exchange *exchange;
    const char *id_prefix;
    bool list;
    size_t pending; /* slots without a result, and one while the job is being begun */
    size_t count;
    struct job_slot slots[];
};

void push_job_on_answer(struct http_exchange *exchange, int status)
{
    logic_metrics_count_answer(status);
    if (status == 503 || status == 429)
        http_exchange_header(exchange, "Retry-After", "1");
}

void push_job_reply(struct http_exchange *exchange, int status, struct slice json)
{
    push_job_on_answer(exchange, status);
    http_reply(exchange, status, "application/json", json.data, json.len);
}

static void reply_no_memory(struct http_exchange *exchange)
{
    logic_metrics_count_answer(500);
    http_reply_error(exchange, 500, "internal",
                     "out of memory while the answer was made; the push may be queued");
}

static bool slot_failed(const struct job_slot *slot)
{
    return slot->status != 200;
}

static int list_status(const struct push_job *job)
{
    size_t failed = 0;
    int first = 200;

    for (size_t i = 0; i < job->count; i++) {
        failed += slot_failed(&job->slots[i]);
        if (first == 200)
            first = job->slots[i].status;
    }
    return failed == job->count ? first : failed > 0 ? 207 : 200;
}

static enum status append_list(const struct push_job *job, struct buf *out)
{
    enum status status = STATUS_OK;

    for (size_t i = 0; status == STATUS_OK && i < job->count; i++) {
        status = buf_append_str(out, i == 0 ? "[" : ",");
        if (status == STATUS_OK)
            status = buf_append(out, job->slots[i].json.data, job->slots[i].json.len);
    }
    return status != STATUS_OK ? status : buf_append_str(out, "]");
}

static bool slots_complete(const struct push_job *job)
{
    for (size_t i = 0; i < job->count; i++)
        if (job->slots[i].json.len == 0)
            return false;
    return true;
}

static void answer(struct push_job *job)
{
    struct buf list;

    buf_init(&list, SIZE_MAX);
    if (!slots_complete(job) || (job->list && append_list(job, &list) != STATUS_OK))
        reply_no_memory(job->exchange);
    else if (job->list)
        push_job_reply(job->exchange, list_status(job), slice_of(list.data, list.len));
    else
        push_job_reply(job->exchange, job->slots[0].status,
                       slice_of(job->slots[0].json.data, job->slots[0].json.len));
    buf_fini(&list);
}

static void settle(struct push_job *job)
{
    if (--job->pending > 0)
        return;
    answer(job);
    for (size_t i = 0; i < job->count; i++)
        buf_fini(&job->slots[i].json);
    free(job);
}

static void count_taken(const struct job_slot *slot, const struct push_outcome *outcome)
{
    const struct api_caller *caller = api_guard_caller(slot->job->exchange);

    if (caller != NULL && outcome->sequence > 0)
        metrics_add_named(LM_CALLER_PUSHES, caller->place, 1);
}

static void on_done(const struct push_outcome *outcome, void *arg)
{
    struct job_slot *slot = arg;

    if (push_answer_append(&slot->json, slot->job->id_prefix, outcome, &slot->status) != STATUS_OK)
        buf_clear(&slot->json);
    count_taken(slot, outcome);
    settle(slot->job);
}

static const struct {
    int status;    /* of the fault; 0: any other */
    unsigned row;  /* of all pushes */
    unsigned mine; /* of the caller's */
} refusals[] = {
    {403, LM_PUSHES_REFUSED_FORBIDDEN, LM_CALLER_REFUSED_FORBIDDEN},
    {429, LM_PUSHES_REFUSED_RATE, LM_CALLER_REFUSED_RATE},
    {500, LM_PUSHES_REFUSED_MEMORY, UINT_MAX},
    {0, LM_PUSHES_REFUSED_INVALID, LM_CALLER_REFUSED_INVALID},
};

void push_job_count_refused(const struct push_fault *fault, const struct traceparent *header,
                            const struct api_caller *caller)
{
    size_t i = 0;

    while (refusals[i].status != 0 && refusals[i].status != fault->status)
        i++;
    push_trace_invalid(fault, header, caller != NULL ? caller->name : NULL);
    metrics_add(LM_PUSHES_RECEIVED, 1);
    metrics_add(refusals[i].row, 1);
    if (caller != NULL && refusals[i].mine != UINT_MAX)
        metrics_add_named(refusals[i].mine, caller->place, 1);
}

static void refuse(struct job_slot *slot, const struct push_fault *fault, const struct traceparent *trace)
{
    push_job_count_refused(fault, trace, api_guard_caller(slot->job->exchange));
    slot->status = fault->status;
    if (error_json_append(&slot->json, fault->code, fault->message) != STATUS_OK)
        buf_clear(&slot->json);
    settle(slot->job);
}

static struct push_job *job_new(struct http_exchange *exchange, size_t count, bool list,
                                const char *id_prefix)
{
    struct push_job *job = calloc(1, sizeof *job + count * sizeof job->slots[0]);

    if (job == NULL)
        return NULL;
    job->exchange = exchange;
    job->id_prefix = id_prefix;
    job->list = list;
    job->count = count;
    job->pending = count + 1;
    for (size_t i = 0; i < count; i++) {
        job->slots[i].job = job;
        buf_init(&job->slots[i].json, SIZE_MAX);
    }
    return job;
}

static void run_entry(struct dispatch *dispatch, const struct push_entry *entry,
                      const struct push_manner *manner, struct job_slot *slot)
{
    struct api_caller *caller = api_guard_caller(slot->job->exchange);
    struct push push = entry->push;
    struct push_fault fault;

    push.wait = push.wait || manner->wait;
    if (!push.trace.set)
        push.trace = manner->trace;
    push.caller = caller != NULL ? caller->name : NULL;
    if (entry->fault != NULL)
        refuse(slot, entry->fault, &manner->trace);
    else if (caller != NULL && !push_permit(caller, &push, clock_now_us(), &fault))
        refuse(slot, &fault, &manner->trace);
    else
        dispatch_push(dispatch, &push, on_done, slot);
}

void push_job_run(struct http_exchange *exchange, struct dispatch *dispatch,
                  const struct push_request *request, const struct push_manner *manner, const char *id_prefix)
{
    struct push_job *job = job_new(exchange, request->count, manner->list, id_prefix);

    if (job == NULL) {
        reply_no_memory(exchange);
        return;
    }
    for (size_t i = 0; i < request->count; i++)
        run_entry(dispatch, &request->entries[i], manner, &job->slots[i]);
    settle(job);
}
