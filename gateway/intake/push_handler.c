/* SPDX-License-Identifier: Apache-2.0 */
/* The order of things. Everything that can fail is done before the first push of a batch is applied.
 * Between two calls nothing waits that could be applied. The control thread only. */
#include "gateway/intake/push_handler.h"

#include <inttypes.h>
#include <stdlib.h>

#include "gateway/intake/batch_tally.h"
#include "gateway/intake/form_push.h"
#include "gateway/intake/producer_table.h"
#include "gateway/intake/reorder_buffer.h"
#include "gateway/intake/sequence_gap.h"
#include "gateway/intake/trace_log.h"
#include "gateway/metrics/gateway_metrics.h"

enum { MAX_PRODUCERS = 1024, PRODUCER_IDLE_MS = 3600 * 1000 };

struct push_handler {
    struct push_handler_conf conf;
    struct producer_table *producers;
    struct reorder_buffer reorder;
    bool bus_up;
    bool held;
    int64_t held_ms;            /* when it was last held; 0: never */
    uint64_t applied;           /* pushes, ever */
    struct offline_set offline; /* of the push that was applied last */
};

static void on_forget(struct producer *producer, void *arg)
{
    struct push_handler *handler = arg;

    metrics_add(M_BUS_DROPPED, reorder_buffer_clear(&handler->reorder, producer));
}

enum status push_handler_new(const struct push_handler_conf *conf, struct push_handler **out)
{
    struct push_handler *handler = calloc(1, sizeof *handler);
    enum status status;

    if (handler == NULL)
        return STATUS_NO_MEMORY;
    status = producer_table_new(MAX_PRODUCERS, PRODUCER_IDLE_MS, on_forget, handler, &handler->producers);
    if (status != STATUS_OK) {
        free(handler);
        return status;
    }
    handler->conf = *conf;
    reorder_buffer_init(&handler->reorder, conf->gap_bytes);
    *out = handler;
    return STATUS_OK;
}

void push_handler_free(struct push_handler *handler)
{
    if (handler == NULL)
        return;
    producer_table_free(handler->producers);
    free(handler);
}

void push_handler_set_limits(struct push_handler *handler, const struct push_limits *limits)
{
    handler->conf.limits = *limits;
}

void push_handler_set_bus(struct push_handler *handler, bool up)
{
    handler->bus_up = up;
}

static const unsigned applied_rows[] = {
    [PUSH_BY_RPC] = M_APPLIED_RPC,
    [PUSH_BY_BUS] = M_APPLIED_BUS,
    [PUSH_BY_FORM] = M_APPLIED_FORM,
};
/* A form call has no number, so that it is never a duplicate. */
static const unsigned duplicate_rows[] = {
    [PUSH_BY_RPC] = M_DUPLICATES_RPC,
    [PUSH_BY_BUS] = M_DUPLICATES_BUS,
};

static const struct push_terms *terms_of(const struct push_record *record)
{
    return push_terms_are_set(&record->terms) ? &record->terms : NULL;
}

/* To every room, user or connection of the record, or about it when it is a command (else NULL); of users
 * that somebody waits for it is noted who is not there. */
static uint32_t deliver_to_names(struct push_handler *handler, const struct push_record *record,
                                 const struct command *command)
{
    const struct push_sink *sink = &handler->conf.sink;
    bool noted = record->wait && record->target == AUDIENCE_USER;
    uint8_t key[AUDIENCE_KEY_MAX];
    struct slice names = record->rooms;
    struct slice name;
    uint32_t clients = 0;

    if (noted)
        offline_set_begin(&handler->offline, record->room_count);
    for (uint16_t i = 0; push_next_room(&names, &name); i++) {
        struct slice whose = audience_key_of(record->target, name, key);
        uint32_t here = command != NULL ? sink->command(sink->arg, whose, command)
                                        : sink->deliver(sink->arg, whose, record->items, record->item_count,
                                                        terms_of(record));

        clients += here;
        if (noted && here == 0)
            offline_set_add(&handler->offline, i);
    }
    return clients;
}

/* It was checked with its batch. */
static uint32_t carry_out(struct push_handler *handler, const struct push_record *record)
{
    struct slice items = record->items, item;
    struct command command;

    if (!push_next_item(&items, &item) || command_parse(item, SIZE_MAX, &command, NULL) != STATUS_OK)
        return 0;
    return deliver_to_names(handler, record, &command);
}

static uint32_t apply(struct push_handler *handler, enum push_path path, const struct push_record *record)
{
    const struct push_sink *sink = &handler->conf.sink;

    handler->offline.users = 0;
    handler->applied++;
    metrics_add(M_PUSHES, 1);
    metrics_add(applied_rows[path], 1);
    if (!audience_has_names(record->target))
        return sink->deliver(sink->arg, audience_key(record->target), record->items, record->item_count,
                             terms_of(record));
    return record->command ? carry_out(handler, record) : deliver_to_names(handler, record, NULL);
}

/* A push that fits. */
static void apply_once(struct push_handler *handler, struct producer *producer, enum push_path path,
                       const struct push_record *record, struct batch_tally *tally)
{
    uint32_t clients;

    if (producer_is_past(producer, record->sequence)) {
        metrics_add(duplicate_rows[path], 1);
        batch_tally_again(tally, record, &producer->reached);
        trace_log_duplicate(producer->id, record, path);
        return;
    }
    clients = apply(handler, path, record);
    trace_log_applied(producer->id, record, path, clients);
    producer->begun = true;
    producer->applied = record->sequence;
    if (record->wait)
        ack_cache_add(&producer->reached, record->sequence, clients, &handler->offline);
    batch_tally_applied(tally, record, clients);
}

/* A push that waited here for `ms` has less time left. */
static void shorten_ttl(struct push_record *record, int64_t ms)
{
    uint32_t ttl_ms = record->terms.ttl_ms;

    record->terms.ttl_ms = ms < ttl_ms ? ttl_ms - (uint32_t)ms : 0;
}

static void release_copy(struct push_handler *handler, struct producer *producer, struct early *early,
                         int64_t now_ms)
{
    while (early->rest.len > 0 && producer_fits(producer, early->first)) {
        struct push_record record = reorder_buffer_cut(producer, early);

        shorten_ttl(&record, now_ms - early->came_ms);
        apply_once(handler, producer, PUSH_BY_BUS, &record, NULL);
    }
    reorder_buffer_put_back(&handler->reorder, producer, early);
}

/* Applies what waited and fits now. What then comes first waits behind a gap. */
static void release(struct push_handler *handler, struct producer *producer, int64_t now_ms)
{
    struct early *first;

    while ((first = reorder_buffer_first(producer)) != NULL && producer_fits(producer, first->first))
        release_copy(handler, producer, first, now_ms);
    gap_settle(producer, now_ms);
    if (first != NULL)
        gap_open(producer, first->first, first->came_ms);
}

/* Neither path brings what is missing before the first that waits, or before `sequence`, which does
 * not fit. Then it may fit, or there is another gap. */
static void pass_gap(struct push_handler *handler, struct producer *producer, uint64_t sequence,
                     int64_t now_ms)
{
    const struct early *first = reorder_buffer_first(producer);

    gap_pass_over(producer, first != NULL && first->first < sequence ? first->first : sequence, now_ms);
    release(handler, producer, now_ms);
}

/* Of a producer with something early. */
static void pass_over(struct push_handler *handler, struct producer *producer, int64_t now_ms)
{
    pass_gap(handler, producer, reorder_buffer_first(producer)->first, now_ms);
}

/* While held, and for as long afterwards as at first, nothing could move. */
static int64_t due_of(const struct push_handler *handler, const struct producer *producer, int64_t now_ms)
{
    int64_t due = gap_due(producer, handler->conf.gap_wait_ms, now_ms);
    int64_t least = handler->held_ms + handler->conf.gap_wait_ms;

    return due > least ? due : least;
}

/* What waits from the bus shows that the bus lacks it too. */
static bool bus_may_bring_it(const struct push_handler *handler, const struct producer *producer,
                             int64_t now_ms)
{
    return handler->bus_up && producer->on_bus && reorder_buffer_first(producer) == NULL &&
           (handler->held || now_ms < due_of(handler, producer, now_ms));
}

/* Makes the push of `sequence` fit; false when the bus may bring what comes before it. */
static bool make_fit(struct push_handler *handler, struct producer *producer, uint64_t sequence,
                     int64_t now_ms)
{
    if (!producer_fits(producer, sequence))
        release(handler, producer, now_ms);
    while (!producer_fits(producer, sequence)) {
        if (bus_may_bring_it(handler, producer, now_ms))
            return false;
        pass_gap(handler, producer, sequence, now_ms);
    }
    return true;
}

static enum status apply_from_rpc(struct push_handler *handler, struct producer *producer,
                                  struct slice records, int64_t now_ms, struct batch_tally *tally)
{
    struct push_record record = {0};

    while (push_next_record(&records, &record)) {
        if (!make_fit(handler, producer, record.sequence, now_ms)) {
            gap_open(producer, record.sequence, now_ms);
            return STATUS_NOT_FOUND;
        }
        apply_once(handler, producer, PUSH_BY_RPC, &record, tally);
    }
    if (record.sequence > producer->by_rpc) {
        producer->by_rpc = record.sequence;
        producer->moved_ms = now_ms;
    }
    return STATUS_OK;
}

static size_t count_waits(struct slice records)
{
    struct push_record record;
    size_t count = 0;

    while (push_next_record(&records, &record))
        count += record.wait;
    return count;
}

static enum status batch_by_rpc(struct push_handler *handler, struct producer *producer,
                                const struct push_batch *batch, int64_t now_ms, struct buf *answer,
                                struct fault *fault)
{
    size_t waits = count_waits(batch->records);
    struct batch_tally tally;
    enum status status;

    if (ack_cache_reserve(&producer->reached, waits + producer->early_waits) != STATUS_OK ||
        batch_tally_init(&tally, waits, answer) != STATUS_OK)
        return fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    status = apply_from_rpc(handler, producer, batch->records, now_ms, &tally);
    release(handler, producer, now_ms);
    if (status != STATUS_OK) {
        status = fault_set(fault, status, "pushes from %" PRIu64 " on are missing, the bus may bring them",
                           producer->applied + 1);
    } else {
        metrics_add(M_RPC_BATCHES, 1);
        status = batch_tally_print(&tally, producer->applied, &producer->reached, answer);
    }
    batch_tally_fini(&tally);
    return status;
}

/* The records from the first one on that comes too early. */
static struct slice too_early(const struct producer *producer, struct slice records)
{
    uint64_t applied = producer->applied;
    struct slice rest = records;
    struct push_record record;

    while (push_next_record(&rest, &record) && sequence_fits(applied, record.sequence)) {
        applied = record.sequence > applied ? record.sequence : applied;
        records = rest;
    }
    return records;
}

/* Gaps are passed over: the records are those that fit, or nothing else will bring what is missing. */
static void apply_from_bus(struct push_handler *handler, struct producer *producer, struct slice records,
                           int64_t now_ms)
{
    uint64_t before = handler->applied;
    struct push_record record;

    while (push_next_record(&records, &record)) {
        if (!producer_fits(producer, record.sequence))
            release(handler, producer, now_ms);
        while (!producer_fits(producer, record.sequence))
            pass_gap(handler, producer, record.sequence, now_ms);
        apply_once(handler, producer, PUSH_BY_BUS, &record, NULL);
    }
    if (handler->applied > before)
        producer->moved_ms = now_ms;
}

static enum status batch_by_bus(struct push_handler *handler, struct producer *producer,
                                const struct push_batch *batch, int64_t now_ms)
{
    struct slice records = batch->records;
    struct slice late = batch->only ? slice_of(NULL, 0) : too_early(producer, records);
    struct early *copy = late.len > 0 ? early_new(late, now_ms) : NULL;

    if (ack_cache_reserve(&producer->reached, count_waits(records) + producer->early_waits) != STATUS_OK ||
        (late.len > 0 && copy == NULL)) {
        free(copy);
        return STATUS_NO_MEMORY;
    }
    producer->on_bus = true;
    apply_from_bus(handler, producer, slice_of(records.data, records.len - late.len), now_ms);
    if (copy != NULL)
        reorder_buffer_add(&handler->reorder, producer, copy);
    release(handler, producer, now_ms);
    return STATUS_OK;
}

static struct producer *oldest_gap(const struct push_handler *handler)
{
    const struct list *producers = &handler->reorder.producers;
    struct producer *oldest = NULL;

    for (struct list *at = producers->next; at != producers; at = at->next) {
        struct producer *producer = container_of(at, struct producer, waiting);

        if (oldest == NULL || producer->gap.since_ms < oldest->gap.since_ms)
            oldest = producer;
    }
    return oldest;
}

static enum status refuse(enum push_path path, enum status status)
{
    if (path == PUSH_BY_BUS)
        metrics_add(status == STATUS_INVALID ? M_BUS_REFUSED_INVALID : M_BUS_REFUSED_MEMORY, 1);
    return status;
}

static enum status decode(const struct push_handler *handler, enum push_path path, struct slice body,
                          struct push_batch *batch, struct fault *fault)
{
    enum status status = push_batch_decode(body, &handler->conf.limits, batch, fault);

    if (status == STATUS_OK && batch->only && path == PUSH_BY_RPC)
        status = fault_set(fault, STATUS_INVALID, "at byte 5: a batch of the bus only");
    return status;
}

enum status push_handler_batch(struct push_handler *handler, enum push_path path, struct slice body,
                               int64_t now_ms, struct buf *answer, struct fault *fault)
{
    struct push_batch batch;
    struct producer *producer;
    enum status status = decode(handler, path, body, &batch, fault);

    if (status != STATUS_OK)
        return refuse(path, status);
    producer = producer_table_get(handler->producers, batch.logic_id, now_ms);
    if (producer == NULL)
        return refuse(path, fault_set(fault, STATUS_NO_MEMORY, "out of memory"));
    if (path == PUSH_BY_RPC)
        return batch_by_rpc(handler, producer, &batch, now_ms, answer, fault);
    if (batch_by_bus(handler, producer, &batch, now_ms) != STATUS_OK)
        return refuse(path, fault_set(fault, STATUS_NO_MEMORY, "out of memory"));
    while (reorder_buffer_is_over(&handler->reorder))
        pass_over(handler, oldest_gap(handler), now_ms);
    return STATUS_OK;
}

void push_handler_hold(struct push_handler *handler, bool hold, int64_t now_ms)
{
    if (handler->held != hold)
        handler->held_ms = now_ms;
    handler->held = hold;
}

int64_t push_handler_due(const struct push_handler *handler)
{
    const struct list *producers = &handler->reorder.producers;
    int64_t first = INT64_MAX;

    for (struct list *at = producers->next; at != producers; at = at->next) {
        int64_t due = due_of(handler, container_of(at, struct producer, waiting), 0);

        first = due < first ? due : first;
    }
    return first;
}

bool push_handler_tick(struct push_handler *handler, int64_t now_ms)
{
    const struct list *producers = &handler->reorder.producers;
    uint64_t before = handler->applied;

    if (handler->held)
        handler->held_ms = now_ms;
    for (struct list *at = producers->next, *next; at != producers; at = next) {
        struct producer *producer = container_of(at, struct producer, waiting);

        next = at->next;
        while (reorder_buffer_first(producer) != NULL && now_ms >= due_of(handler, producer, now_ms))
            pass_over(handler, producer, now_ms);
    }
    return handler->applied > before;
}

enum status push_handler_form(struct push_handler *handler, enum audience target, struct slice body,
                              struct fault *fault, const char **code)
{
    const struct form_push_limits limits = {handler->conf.limits, handler->conf.max_items};
    struct push_record record;
    struct slice records;
    struct buf bytes;
    enum status status;

    buf_init(&bytes, SIZE_MAX);
    status = form_push_encode(target, body, &limits, &bytes, fault, code);
    records = slice_of(bytes.data, bytes.len);
    if (status == STATUS_OK && push_next_record(&records, &record))
        apply(handler, PUSH_BY_FORM, &record);
    buf_fini(&bytes);
    return status;
}
