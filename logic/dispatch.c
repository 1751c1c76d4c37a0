/* SPDX-License-Identifier: Apache-2.0 */
/* Asks every link first and queues only when none objects, so that a refused push is nowhere.
 * The loop's thread only; owns the sequence, never a queue. */
#include "logic/dispatch.h"

#include "logic/link_ledger.h"
#include "shared/clock.h"

void dispatch_init(struct dispatch *dispatch, struct event_base *base, struct gateway_set *gateways,
                   int wait_ms)
{
    *dispatch = (struct dispatch){.base = base, .gateways = gateways, .wait_ms = wait_ms};
}

static void ask_link(struct gateway_link *link, size_t bytes, int64_t now_ms, struct push_outcome *outcome)
{
    switch (gateway_link_offer(link, bytes, now_ms)) {
    case LINK_TAKES:
        outcome->queued++;
        break;
    case LINK_LETS_GO:
        break;
    case LINK_FULL:
        if (outcome->verdict == PUSH_TAKEN)
            outcome->verdict = PUSH_QUEUE_FULL;
        push_outcome_add_name(outcome, gateway_link_name(link));
        break;
    case LINK_NO_MEMORY:
        outcome->verdict = PUSH_NO_MEMORY;
        break;
    }
}

static void ask_all(struct dispatch *dispatch, const struct push *push, int64_t now_ms,
                    struct push_outcome *outcome)
{
    size_t bytes = push_record_size(push);
    for (size_t i = 0; i < dispatch->gateways->count; i++)
        ask_link(dispatch->gateways->links[i], bytes, now_ms, outcome);
    if (outcome->verdict == PUSH_TAKEN && outcome->queued == 0)
        outcome->verdict = PUSH_NO_GATEWAY;
}

static void queue_on(struct gateway_link *link, struct encoded_push *push, int64_t now_ms,
                     struct push_outcome *outcome)
{
    if (!gateway_link_is_up(link))
        push_outcome_add_name(outcome, gateway_link_name(link));
    if (gateway_link_offer(link, push->len, now_ms) == LINK_TAKES)
        gateway_link_add(link, push);
    else
        link_ledger_let_go(push);
}

static enum status encode(struct dispatch *dispatch, const struct push *push, push_done *done, void *arg,
                          struct encoded_push **out)
{
    enum status status = encoded_push_new(push, dispatch->sequence + 1, out);
    if (!status && push->wait)
        status = push_wait_new(dispatch->base, dispatch->wait_ms, done, arg, &(*out)->wait);
    if (status)
        return status;
    dispatch->sequence++;
    return STATUS_OK;
}

static void count_push(const struct push_outcome *outcome)
{
    bool taken = outcome->verdict == PUSH_TAKEN;
    unsigned refusal = (unsigned)outcome->verdict - PUSH_QUEUE_FULL;
    metrics_add(LM_PUSHES_RECEIVED, 1);
    metrics_add(LM_ITEMS_RECEIVED, outcome->items);
    metrics_add(taken ? LM_PUSHES_ACCEPTED : LM_PUSHES_REFUSED_FULL + refusal, 1);
    metrics_add(taken ? LM_ITEMS_ACCEPTED : LM_ITEMS_REFUSED_FULL + refusal, outcome->items);
}

void dispatch_push(struct dispatch *dispatch, const struct push *push, push_done *done, void *arg)
{
    struct push_outcome outcome = {.items = push->item_count, .known = dispatch->gateways->count};
    struct encoded_push *encoded = NULL;
    int64_t now_ms = clock_now_ms();
    ask_all(dispatch, push, now_ms, &outcome);
    if (outcome.verdict == PUSH_TAKEN && encode(dispatch, push, done, arg, &encoded))
        outcome.verdict = PUSH_NO_MEMORY;
    count_push(&outcome);
    if (outcome.verdict == PUSH_TAKEN) {
        outcome.sequence = encoded->sequence;
        for (size_t i = 0; i < dispatch->gateways->count; i++)
            queue_on(dispatch->gateways->links[i], encoded, now_ms, &outcome);
    }
    if (outcome.verdict == PUSH_TAKEN && encoded->wait)
        push_wait_start(encoded->wait, &outcome);
    else
        done(&outcome, arg);
    encoded_push_unref(encoded);
    buf_fini(&outcome.names);
}
