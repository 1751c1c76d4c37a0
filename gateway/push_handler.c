/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that can fail is done before the first push of a batch is applied. */
#include "gateway/push_handler.h"

#include <inttypes.h>
#include <stdlib.h>

#include "gateway/form_push.h"
#include "gateway/gateway_metrics.h"
#include "gateway/origin_table.h"

enum {
    MAX_ORIGINS = 1024,
    ORIGIN_IDLE_MS = 3600 * 1000,
    ANSWER_FRAME_LEN = 192, /* the answer without its pairs, at most */
    ANSWER_PAIR_LEN = 34,   /* [18446744073709551615,4294967295], */
};

struct push_handler {
    struct push_limits limits;
    size_t max_items;
    struct push_sink sink;
    struct origin_table *origins;
};

/* What one batch did. */
struct tally {
    uint64_t pushes;
    uint64_t duplicates;
    uint64_t items;
    struct reached *reached; /* room for every waiting push of the batch */
    size_t reached_count;
};

enum status push_handler_new(const struct push_limits *limits, size_t max_items, struct push_sink sink,
                             struct push_handler **out)
{
    struct push_handler *handler = calloc(1, sizeof *handler);
    enum status status;

    if (!handler)
        return STATUS_NO_MEMORY;
    status = origin_table_new(MAX_ORIGINS, ORIGIN_IDLE_MS, &handler->origins);
    if (status) {
        free(handler);
        return status;
    }
    handler->limits = *limits;
    handler->max_items = max_items;
    handler->sink = sink;
    *out = handler;
    return STATUS_OK;
}

void push_handler_free(struct push_handler *handler)
{
    if (!handler)
        return;
    origin_table_free(handler->origins);
    free(handler);
}

static uint32_t apply(struct push_handler *handler, const struct push_record *record)
{
    const struct push_sink *sink = &handler->sink;
    struct slice rooms = record->rooms;
    struct slice room = {NULL, 0};
    uint32_t clients = 0;

    metrics_add(M_PUSHES, 1);
    if (record->target == PUSH_TO_ALL)
        return sink->deliver(sink->arg, record->target, room, record->items, record->item_count);
    while (push_next_room(&rooms, &room))
        clients += sink->deliver(sink->arg, record->target, room, record->items, record->item_count);
    return clients;
}

static void acknowledge(const struct origin *origin, const struct push_record *record, struct tally *tally)
{
    const struct reached *before = record->wait ? origin_reached(origin, record->sequence) : NULL;

    tally->duplicates++;
    if (before)
        tally->reached[tally->reached_count++] = *before;
}

static void apply_once(struct push_handler *handler, struct origin *origin, const struct push_record *record,
                       struct tally *tally)
{
    uint32_t clients;

    if (origin->begun && record->sequence <= origin->applied) {
        acknowledge(origin, record, tally);
        return;
    }
    clients = apply(handler, record);
    origin->begun = true;
    origin->applied = record->sequence;
    tally->pushes++;
    tally->items += record->item_count;
    if (record->wait)
        tally->reached[tally->reached_count++] = (struct reached){record->sequence, clients};
}

/* A batch that brought nothing new leaves the memory as it is: the one that did may come again
 * in other pieces. */
static void remember(struct origin *origin, struct tally *tally)
{
    if (tally->pushes == 0) {
        free(tally->reached);
        return;
    }
    free(origin->reached);
    origin->reached = tally->reached;
    origin->reached_count = tally->reached_count;
}

static enum status print_answer(struct buf *answer, uint64_t applied, const struct tally *tally)
{
    enum status status = buf_printf(answer,
                                    "{\"applied\":%" PRIu64 ",\"pushes\":%" PRIu64 ",\"duplicates\":%" PRIu64
                                    ",\"items\":%" PRIu64 ",\"reached\":[",
                                    applied, tally->pushes, tally->duplicates, tally->items);

    for (size_t i = 0; i < tally->reached_count && !status; i++)
        status = buf_printf(answer, "%s[%" PRIu64 ",%" PRIu32 "]", i ? "," : "", tally->reached[i].sequence,
                            tally->reached[i].clients);
    return status ? status : buf_append_str(answer, "]}");
}

static size_t count_waiting(const struct push_batch *batch)
{
    struct slice rest = batch->records;
    struct push_record record;
    size_t count = 0;

    while (push_next_record(&rest, &record))
        count += record.wait;
    return count;
}

static enum status prepare(const struct push_batch *batch, struct buf *answer, struct tally *tally)
{
    size_t waiting = count_waiting(batch);

    *tally = (struct tally){.reached = waiting ? calloc(waiting, sizeof *tally->reached) : NULL};
    if ((waiting && !tally->reached) || buf_reserve(answer, ANSWER_FRAME_LEN + waiting * ANSWER_PAIR_LEN)) {
        free(tally->reached);
        return STATUS_NO_MEMORY;
    }
    return STATUS_OK;
}

enum status push_handler_batch(struct push_handler *handler, struct slice body, int64_t now_ms,
                               struct buf *answer, struct fault *fault)
{
    struct push_batch batch;
    struct push_record record;
    struct origin *origin;
    struct tally tally;
    enum status status = push_batch_decode(body, &handler->limits, &batch, fault);

    if (status)
        return status;
    origin = origin_table_get(handler->origins, batch.logic_id, now_ms);
    if (!origin || prepare(&batch, answer, &tally))
        return fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    while (push_next_record(&batch.records, &record))
        apply_once(handler, origin, &record, &tally);
    metrics_add(M_RPC_BATCHES, 1);
    metrics_add(M_RPC_DUPLICATES, tally.duplicates);
    status = print_answer(answer, origin->applied, &tally);
    remember(origin, &tally);
    return status;
}

enum status push_handler_form(struct push_handler *handler, enum push_target target, struct slice body,
                              struct fault *fault, const char **code)
{
    const struct form_push_limits limits = {handler->limits, handler->max_items};
    struct push_record record;
    struct slice records;
    struct buf bytes;
    enum status status;

    buf_init(&bytes, SIZE_MAX);
    status = form_push_encode(target, body, &limits, &bytes, fault, code);
    records = slice_of(bytes.data, bytes.len);
    if (!status && push_next_record(&records, &record))
        apply(handler, &record);
    buf_fini(&bytes);
    return status;
}
