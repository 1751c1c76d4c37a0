/* SPDX-License-Identifier: Apache-2.0 */
/* Gathers the results of one call and answers when all are there. A call in which a push has an idempotency
 * key goes in two steps, since Redis may be asked about it: each push is judged, then they go in their order,
 * each as soon as all before it have gone or need not go. The loop's thread only. */
#include "logic/api/push_job.h"

#include <limits.h>
#include <stdlib.h>

#include "logic/api/api_guard.h"
#include "logic/api/push_permit.h"
#include "logic/metrics/logic_metrics.h"
#include "logic/push/push_trace.h"
#include "logic/store/push_digest.h"
#include "shared/base/clock.h"
#include "shared/json/error_json.h"

struct push_job;

struct job_slot {
    struct push_job *job;
    struct keyed_push *keyed; /* while it is under way as the first of its key; else NULL */
    int status;
    struct buf json;
};

/* HELD: whether it goes is not known yet. READY: it goes when its turn comes. OVER: it went, or does not go.
 */
enum turn { TURN_HELD, TURN_READY, TURN_OVER };

/* One push of a call in which there are keys. */
struct keyed_push {
    struct job_slot *slot;
    struct repeat repeat;
    enum turn turn;
};

/* Of such a call. */
struct job_turns {
    struct dispatch *dispatch;
    struct push_request *request; /* until all have gone */
    struct push_manner manner;
    size_t next;  /* whose turn it is */
    bool judging; /* not all are judged yet */
    bool owns;    /* `request` */
    struct keyed_push pushes[];
};

struct push_job {
    struct http_exchange *exchange;
    const char *id_prefix;
    bool list;
    size_t pending; /* slots without a result, and one while not all have gone */
    size_t count;
    struct job_turns *turns; /* of a call with keys; else NULL */
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
    free(job->turns);
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
    if (slot->keyed != NULL)
        repeats_settle(&slot->keyed->repeat, slot->status, &slot->json, outcome->sequence > 0);
    settle(slot->job);
}

static const struct {
    int status;       /* of the fault; 0: any other */
    const char *code; /* likewise; NULL: any */
    unsigned row;     /* of all pushes */
    unsigned mine;    /* of the caller's */
} refusals[] = {
    {403, NULL, LM_PUSHES_REFUSED_FORBIDDEN, LM_CALLER_REFUSED_FORBIDDEN},
    {429, NULL, LM_PUSHES_REFUSED_RATE, LM_CALLER_REFUSED_RATE},
    {409, NULL, LM_PUSHES_REFUSED_CONFLICT, LM_CALLER_REFUSED_INVALID},
    {503, "too_many_bans", LM_PUSHES_REFUSED_BANS, UINT_MAX},
    {503, NULL, LM_PUSHES_REFUSED_IN_PROGRESS, UINT_MAX},
    {500, NULL, LM_PUSHES_REFUSED_MEMORY, UINT_MAX},
    {0, NULL, LM_PUSHES_REFUSED_INVALID, LM_CALLER_REFUSED_INVALID},
};

static bool counts_as(size_t i, const struct push_fault *fault)
{
    return refusals[i].status == 0 ||
           (refusals[i].status == fault->status &&
            (refusals[i].code == NULL || strcmp(refusals[i].code, fault->code) == 0));
}

void push_job_count_refused(const struct push_fault *fault, const struct traceparent *header,
                            const struct api_caller *caller)
{
    size_t i = 0;

    while (!counts_as(i, fault))
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

static struct push push_of(const struct push_entry *entry, const struct push_manner *manner,
                           const struct api_caller *caller)
{
    struct push push = entry->push;

    push.wait = push.wait || manner->wait;
    if (!push.trace.set)
        push.trace = manner->trace;
    push.caller = caller != NULL ? caller->name : NULL;
    return push;
}

/* False: it was refused. */
static bool judge(const struct push_entry *entry, const struct push_manner *manner, struct job_slot *slot,
                  struct push *push)
{
    struct api_caller *caller = api_guard_caller(slot->job->exchange);
    struct push_fault fault;

    *push = push_of(entry, manner, caller);
    if (entry->fault != NULL) {
        refuse(slot, entry->fault, &manner->trace);
        return false;
    }
    if (caller == NULL || push_permit(caller, push, clock_now_us(), &fault))
        return true;
    refuse(slot, &fault, &manner->trace);
    return false;
}

static void run_entry(struct dispatch *dispatch, const struct push_entry *entry,
                      const struct push_manner *manner, struct job_slot *slot)
{
    struct push push;

    if (judge(entry, manner, slot, &push))
        dispatch_push(dispatch, &push, on_done, slot);
}

static struct slice key_of(const struct push_entry *entry, const struct push_manner *manner)
{
    return entry->idempotency_key.len > 0 ? entry->idempotency_key : manner->idempotency_key;
}

static struct push push_at(const struct push_job *job, size_t index)
{
    return push_of(&job->turns->request->entries[index], &job->turns->manner,
                   api_guard_caller(job->exchange));
}

static void go_on(struct push_job *job, size_t index)
{
    const struct push push = push_at(job, index);

    job->turns->pushes[index].turn = TURN_OVER;
    dispatch_push(job->turns->dispatch, &push, on_done, &job->slots[index]);
}

/* Lets go whoever's turn it is. The job may be gone afterwards. */
static void take_turns(struct push_job *job)
{
    struct job_turns *turns = job->turns;

    while (turns->next < job->count && turns->pushes[turns->next].turn != TURN_HELD) {
        size_t index = turns->next++;
        if (turns->pushes[index].turn == TURN_READY)
            go_on(job, index);
    }
    if (turns->next < job->count)
        return;
    if (turns->owns)
        push_request_free(turns->request);
    settle(job);
}

static void on_go(struct repeat *repeat)
{
    struct keyed_push *keyed = container_of(repeat, struct keyed_push, repeat);
    struct push_job *job = keyed->slot->job;

    keyed->turn = TURN_READY;
    keyed->slot->keyed = keyed;
    if (!job->turns->judging)
        take_turns(job);
}

/* Whoever was held has kept the job, and its request, from ending. */
static void on_repeat(struct repeat *repeat, const struct repeat_reply *reply)
{
    struct keyed_push *keyed = container_of(repeat, struct keyed_push, repeat);
    struct job_slot *slot = keyed->slot;
    struct push_job *job = slot->job;
    bool held = keyed->turn == TURN_HELD;

    keyed->turn = TURN_OVER;
    if (reply->refused != NULL) {
        const struct push push = push_at(job, (size_t)(slot - job->slots));
        refuse(slot, reply->refused, &push.trace);
    } else {
        slot->status = reply->status;
        if (buf_append(&slot->json, reply->json.data, reply->json.len) != STATUS_OK)
            buf_clear(&slot->json);
        settle(job);
    }
    if (held)
        take_turns(job);
}

static void judge_at(struct push_job *job, size_t index)
{
    const struct job_turns *turns = job->turns;
    const struct push_entry *entry = &turns->request->entries[index];
    struct keyed_push *keyed = &job->turns->pushes[index];
    struct slice key = key_of(entry, &turns->manner);
    struct push push;

    *keyed = (struct keyed_push){.slot = &job->slots[index], .repeat = {.go = on_go, .answer = on_repeat}};
    keyed->turn = TURN_OVER;
    if (!judge(entry, &turns->manner, keyed->slot, &push))
        return;
    if (key.len == 0)
        keyed->turn = TURN_READY;
    else if (repeats_ask(turns->manner.repeats, push.caller != NULL ? push.caller : API_CALLER_DEFAULT, key,
                         push_digest(&push), push.wait ? turns->dispatch->wait_ms : 0, &keyed->repeat))
        keyed->turn = TURN_HELD;
}

static bool run_in_turns(struct push_job *job)
{
    bool held = false;

    job->turns->judging = true;
    for (size_t i = 0; i < job->count; i++) {
        judge_at(job, i);
        held = held || job->turns->pushes[i].turn == TURN_HELD;
    }
    job->turns->judging = false;
    job->turns->owns = held;
    take_turns(job);
    return !held;
}

static bool has_key(const struct push_request *request, const struct push_manner *manner)
{
    for (size_t i = 0; i < request->count; i++)
        if (key_of(&request->entries[i], manner).len > 0)
            return true;
    return false;
}

static struct job_turns *turns_new(struct dispatch *dispatch, struct push_request *request,
                                   const struct push_manner *manner)
{
    struct job_turns *turns = calloc(1, sizeof *turns + request->count * sizeof turns->pushes[0]);

    if (turns == NULL)
        return NULL;
    turns->dispatch = dispatch;
    turns->request = request;
    turns->manner = *manner;
    return turns;
}

bool push_job_run(struct http_exchange *exchange, struct dispatch *dispatch, struct push_request *request,
                  const struct push_manner *manner, const char *id_prefix)
{
    struct push_job *job = job_new(exchange, request->count, manner->list, id_prefix);
    bool keyed = has_key(request, manner);

    if (job != NULL && keyed)
        job->turns = turns_new(dispatch, request, manner);
    if (job == NULL || (keyed && job->turns == NULL)) {
        free(job);
        reply_no_memory(exchange);
        return true;
    }
    if (keyed)
        return run_in_turns(job);
    for (size_t i = 0; i < request->count; i++)
        run_entry(dispatch, &request->entries[i], manner, &job->slots[i]);
    settle(job);
    return true;
}
