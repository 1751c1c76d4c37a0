/* SPDX-License-Identifier: Apache-2.0 */
/* Asks every link first and queues only when none objects, so that a refused push is nowhere.
 * The loop's thread only; owns the sequence, never a queue. */
#include "logic/dispatch/dispatch.h"

#include "logic/link/link_ledger.h"
#include "logic/push/push_trace.h"
#include "shared/base/clock.h"
#include "shared/contract/command.h"

void dispatch_init(struct dispatch *dispatch, struct event_base *base, struct gateway_set *gateways,
                   int wait_ms)
{
    *dispatch = (struct dispatch){.base = base, .gateways = gateways, .wait_ms = wait_ms};
}

void dispatch_apply(struct dispatch *dispatch, int wait_ms)
{
    dispatch->wait_ms = wait_ms;
    gateway_set_apply(dispatch->gateways);
    bus_publisher_apply(dispatch->bus);
}

static void note_offer(enum link_offer offer, const char *name, struct push_outcome *outcome)
{
    switch (offer) {
    case LINK_TAKES:
        outcome->queued++;
        break;
    case LINK_DROPS:
        break;
    case LINK_REFUSES:
        outcome->refused++;
        push_outcome_add_name(outcome, PUSH_NAMES_REFUSED, name);
        break;
    case LINK_FULL:
        if (outcome->verdict == PUSH_TAKEN)
            outcome->verdict = PUSH_QUEUE_FULL;
        push_outcome_add_name(outcome, PUSH_NAMES_FULL, name);
        break;
    case LINK_NO_MEMORY:
        outcome->verdict = PUSH_NO_MEMORY;
        break;
    }
}

/* Why the first gateway that refuses the push does so. */
static void note_refusal(const struct gateway_link *link, struct push_measure *measure,
                         struct push_outcome *outcome)
{
    outcome->lacks = gateway_link_lacks(link, measure);
    if (outcome->lacks != 0)
        return;
    outcome->passed.limit = gateway_link_passed(link, measure, &outcome->passed.allowed);
    if (outcome->passed.limit < HELLO_LIMIT_COUNT)
        outcome->passed.had = push_measure_of(measure, outcome->passed.limit);
}

static void ask_link(struct gateway_link *link, struct push_measure *measure, int64_t now_ms,
                     struct push_outcome *outcome)
{
    enum link_offer offer = gateway_link_offer(link, measure, now_ms);

    if (offer == LINK_REFUSES && outcome->refused == 0)
        note_refusal(link, measure, outcome);
    note_offer(offer, gateway_link_name(link), outcome);
}

/* The bus in mode only stands in the place of all gateways. */
static void ask_bus(struct dispatch *dispatch, const struct push_measure *measure, int64_t now_ms,
                    struct push_outcome *outcome)
{
    if (measure->push->wait) {
        outcome->verdict = PUSH_NO_WAIT;
        return;
    }
    note_offer(bus_publisher_offer(dispatch->bus, measure->bytes, now_ms), "the bus", outcome);
    if (outcome->verdict == PUSH_TAKEN && outcome->queued == 0)
        outcome->verdict = PUSH_NO_GATEWAY;
    outcome->queued = 0;
}

static void ask_all(struct dispatch *dispatch, struct push_measure *measure, int64_t now_ms,
                    struct push_outcome *outcome)
{
    for (size_t i = 0; i < dispatch->gateways->count; i++)
        ask_link(dispatch->gateways->entries[i].link, measure, now_ms, outcome);
    if (outcome->verdict == PUSH_TAKEN && outcome->queued == 0)
        outcome->verdict = outcome->refused > 0 ? PUSH_PAST_LIMITS : PUSH_NO_GATEWAY;
}

static void drop(const struct dispatch *dispatch, const struct gateway_link *link,
                 const struct encoded_push *push, enum link_drop reason)
{
    link_ledger_drop_at_once(push, reason);
    push_trace_dropped(dispatch->logic_id, push, gateway_link_name(link), reason);
}

static void queue_on(const struct dispatch *dispatch, struct gateway_link *link, struct push_measure *measure,
                     struct encoded_push *push, int64_t now_ms, struct push_outcome *outcome)
{
    switch (gateway_link_offer(link, measure, now_ms)) {
    case LINK_TAKES:
        if (!gateway_link_is_up(link))
            push_outcome_add_name(outcome, PUSH_NAMES_CONNECTING, gateway_link_name(link));
        gateway_link_add(link, push);
        break;
    case LINK_REFUSES:
        drop(dispatch, link, push, LINK_DROP_REFUSED);
        break;
    case LINK_FULL:
    case LINK_DROPS:
    case LINK_NO_MEMORY:
        push_outcome_add_name(outcome, PUSH_NAMES_DOWN, gateway_link_name(link));
        drop(dispatch, link, push, LINK_DROP_DOWN);
        break;
    }
}

/* The names stand in the record, which lives as long as the wait. */
static enum status begin_wait(struct dispatch *dispatch, const struct push *push, push_done *done, void *arg,
                              struct encoded_push *encoded)
{
    struct slice names = slice_of(encoded->bytes + PUSH_RECORD_HEAD_LEN, encoded->len - PUSH_RECORD_HEAD_LEN);
    enum status status = push_wait_new(dispatch->base, dispatch->wait_ms, done, arg, &encoded->wait);

    if (status == STATUS_OK && push->target == AUDIENCE_USER)
        status = push_wait_for_users(encoded->wait, push->room_count, names);
    return status;
}

static enum status encode(struct dispatch *dispatch, const struct push *push, push_done *done, void *arg,
                          struct encoded_push **out)
{
    enum status status = encoded_push_new(push, dispatch->sequence + 1, out);

    if (status == STATUS_OK && push->wait)
        status = begin_wait(dispatch, push, done, arg, *out);
    if (status != STATUS_OK)
        return status;
    dispatch->sequence++;
    return STATUS_OK;
}

static void count_accepted(const struct push *push)
{
    static const unsigned rows[AUDIENCE_KINDS] = {[AUDIENCE_EVERYONE] = LM_PUSHES_TO_ALL,
                                                  [AUDIENCE_ROOM] = LM_PUSHES_TO_ROOMS,
                                                  [AUDIENCE_USER] = LM_PUSHES_TO_USERS,
                                                  [AUDIENCE_CONNECTION] = LM_PUSHES_TO_CONNECTIONS};

    metrics_add(rows[push->target], 1);
    if (push->command)
        metrics_add(LM_COMMANDS, 1);
}

static void count_push(const struct push_outcome *outcome)
{
    static const struct {
        unsigned pushes, items;
    } rows[] = {
        [PUSH_TAKEN] = {LM_PUSHES_ACCEPTED, LM_ITEMS_ACCEPTED},
        [PUSH_QUEUE_FULL] = {LM_PUSHES_REFUSED_FULL, LM_ITEMS_REFUSED_FULL},
        [PUSH_NO_GATEWAY] = {LM_PUSHES_REFUSED_NO_GATEWAY, LM_ITEMS_REFUSED_NO_GATEWAY},
        [PUSH_NO_MEMORY] = {LM_PUSHES_REFUSED_MEMORY, LM_ITEMS_REFUSED_MEMORY},
        [PUSH_PAST_LIMITS] = {LM_PUSHES_REFUSED_LIMITS, LM_ITEMS_REFUSED_LIMITS},
    };

    metrics_add(LM_PUSHES_RECEIVED, 1);
    if (outcome->verdict == PUSH_NO_WAIT) {
        metrics_add(LM_PUSHES_REFUSED_INVALID, 1);
        return;
    }
    metrics_add(LM_ITEMS_RECEIVED, outcome->items);
    metrics_add(rows[outcome->verdict].pushes, 1);
    metrics_add(rows[outcome->verdict].items, outcome->items);
}

/* What every gateway is told, this logic knows too: it tells those that it links later. */
static void note_bans(const struct dispatch *dispatch, const struct push *push)
{
    struct command command;

    if (dispatch->bans == NULL || command_parse(push->items[0], SIZE_MAX, &command, NULL) != STATUS_OK)
        return;
    for (size_t i = 0; i < push->room_count; i++) {
        const struct ban ban = command_ban(&command, push->rooms[i]);

        (void)ban_list_merge(dispatch->bans, &ban,
                             command.at_ms / 1000); /* it has room: that was asked first */
    }
}

void dispatch_push(struct dispatch *dispatch, const struct push *push, push_done *done, void *arg)
{
    struct push_outcome outcome = {.items = push->command ? 0 : push->item_count,
                                   .known = dispatch->gateways->count};
    struct encoded_push *encoded = NULL;
    struct push_measure measure;
    int64_t now_ms = clock_now_ms();

    push_measure_init(&measure, push);
    outcome.bus_only = bus_publisher_is_only(dispatch->bus);
    if (outcome.bus_only)
        ask_bus(dispatch, &measure, now_ms, &outcome);
    else
        ask_all(dispatch, &measure, now_ms, &outcome);
    if (outcome.verdict == PUSH_TAKEN && encode(dispatch, push, done, arg, &encoded) != STATUS_OK)
        outcome.verdict = PUSH_NO_MEMORY;
    if (outcome.verdict == PUSH_TAKEN)
        outcome.sequence = encoded->sequence;
    count_push(&outcome);
    if (outcome.verdict == PUSH_TAKEN)
        count_accepted(push);
    if (outcome.verdict == PUSH_TAKEN && push->bans)
        note_bans(dispatch, push);
    push_trace_judged(dispatch->logic_id, push, &outcome);
    if (outcome.verdict == PUSH_TAKEN) {
        for (size_t i = 0; i < dispatch->gateways->count; i++)
            queue_on(dispatch, dispatch->gateways->entries[i].link, &measure, encoded, now_ms, &outcome);
        bus_publisher_add(dispatch->bus, encoded, now_ms);
    }
    if (outcome.verdict == PUSH_TAKEN && encoded->wait != NULL)
        push_wait_start(encoded->wait, &outcome);
    else
        done(&outcome, arg);
    encoded_push_unref(encoded);
    push_outcome_fini(&outcome);
}

const char *dispatch_why_not_ready(const struct dispatch *dispatch)
{
    if (bus_publisher_is_only(dispatch->bus))
        return bus_publisher_is_up(dispatch->bus) ? NULL : "Redis, the only way to the gateways, is not up";
    if (gateway_set_up(dispatch->gateways) == 0)
        return "no gateway is connected";
    return gateway_set_passing(dispatch->gateways) > 0 ? NULL : "no gateway passes the canaries";
}

size_t dispatch_queued(const struct dispatch *dispatch)
{
    return gateway_set_queued(dispatch->gateways) + bus_publisher_owes(dispatch->bus);
}
