/* SPDX-License-Identifier: Apache-2.0 */
/* Speaks /rpc/batch, and go-push's form calls where a gateway knows nothing else. The loop's
 * thread only. A push that a gateway refuses is found by halving its batch, so that it does not
 * take others with it. */
#include "logic/link/link_sender.h"

#include <stdio.h>
#include <string.h>

#include "shared/base/clock.h"
#include "shared/base/form.h"
#include "shared/log/log.h"

#define FORM_CONTENT_TYPE "application/x-www-form-urlencoded"

void link_sender_init(struct link_sender *sender, struct link_ledger *ledger, const uint8_t *logic_id,
                      size_t batch_bytes)
{
    *sender = (struct link_sender){.ledger = ledger,
                                   .logic_id = logic_id,
                                   .batch_bytes = batch_bytes,
                                   .max_pushes = LINK_BATCH_MAX_PUSHES};
    buf_init(&sender->form, SIZE_MAX);
}

void link_sender_fini(struct link_sender *sender)
{
    buf_fini(&sender->form);
}

enum { ALL_NEEDS = 1 << HELLO_USERS | 1 << HELLO_OPTIONS | 1 << HELLO_COMMANDS }; /* of pushes */

static bool takes_all(const struct link_sender *sender)
{
    return (ALL_NEEDS & ~sender->can) == 0;
}

/* What the push needs and the peer lacks. */
static capability_set lacking(const struct link_sender *sender, const struct encoded_push *push)
{
    return push->needs & ~sender->can;
}

/* How many of the oldest pushes come before the first one that needs what the peer lacks, at most `max`. */
static size_t count_before_lacking(const struct link_sender *sender, size_t max)
{
    const struct link_queue *queue = &sender->ledger->queue;
    size_t count = 0;

    while (count < max && count < queue->count && lacking(sender, link_queue_at(queue, count)) == 0)
        count++;
    return count;
}

void link_sender_start(struct link_sender *sender, struct h2_conn *conn, const struct hello *peer)
{
    size_t frozen = sender->ledger->queue.frozen;

    sender->conn = conn;
    sender->owed = false;
    sender->forms = false;
    sender->untraced = peer != NULL && !hello_can(peer, HELLO_TRACES);
    sender->can = peer != NULL ? peer->capabilities : 0;
    sender->told = 0;
    if (!takes_all(sender) && count_before_lacking(sender, frozen) < frozen)
        link_queue_thaw(&sender->ledger->queue);
}

void link_sender_stop(struct link_sender *sender)
{
    sender->conn = NULL;
    sender->owed = false;
}

static bool is_cut(const struct link_sender *sender, const struct encoded_push *push)
{
    return sender->untraced && encoded_push_is_traced(push);
}

/* A record that goes out otherwise than it stands in memory: what stands elsewhere is made when it is begun,
 * so that all parts of it are of one moment. */
static void begin_changed(struct link_sender *sender, const struct encoded_push *push)
{
    if (is_cut(sender, push))
        push_record_untraced_head(push->bytes, sender->head);
    else
        memcpy(sender->head, push->bytes, sizeof sender->head);
    if (push->ttl_at > 0)
        encoded_push_ttl_left(push, clock_now_ms(), sender->ttl);
}

/* What is left of such a record, up to where its bytes stand elsewhere; `*last`: up to its end. */
static struct slice changed_rest(struct link_sender *sender, const struct encoded_push *push, bool *last)
{
    size_t offset = sender->offset;
    size_t end = is_cut(sender, push) ? push->len - TRACEPARENT_LEN : push->len;
    size_t ttl_end = push->ttl_at + sizeof sender->ttl;

    *last = false;
    if (offset == 0)
        begin_changed(sender, push);
    if (offset < sizeof sender->head)
        return slice_of(sender->head + offset, sizeof sender->head - offset);
    if (offset < push->ttl_at)
        return slice_of(push->bytes + offset, push->ttl_at - offset);
    if (push->ttl_at > 0 && offset < ttl_end)
        return slice_of(sender->ttl + (offset - push->ttl_at), ttl_end - offset);
    *last = true;
    return slice_of(push->bytes + offset, end - offset);
}

/* What is left of the piece; `*last`: no more of it comes behind that. */
static struct slice batch_rest(struct link_sender *sender, bool *last)
{
    *last = true;
    if (sender->piece == 0)
        return slice_of(sender->header + sender->offset, sizeof sender->header - sender->offset);
    const struct encoded_push *push = link_queue_at(&sender->ledger->queue, sender->piece - 1);
    if (!is_cut(sender, push) && push->ttl_at == 0)
        return slice_of(push->bytes + sender->offset, push->len - sender->offset);
    return changed_rest(sender, push, last);
}

static size_t read_batch(void *arg, uint8_t *out, size_t len, int *eof)
{
    struct link_sender *sender = arg;
    size_t done = 0;

    while (done < len && sender->piece <= sender->ledger->queue.frozen) {
        bool last;
        struct slice rest = batch_rest(sender, &last);
        size_t part = rest.len < len - done ? rest.len : len - done;
        memcpy(out + done, rest.data, part);
        done += part;
        sender->offset += part;
        if (part == rest.len && last) {
            sender->piece++;
            sender->offset = 0;
        }
    }
    *eof = sender->piece > sender->ledger->queue.frozen;
    return done;
}

static enum status send_batch(struct link_sender *sender)
{
    struct link_queue *queue = &sender->ledger->queue;
    size_t max = takes_all(sender) ? sender->max_pushes : count_before_lacking(sender, sender->max_pushes);
    size_t count = link_queue_freeze(queue, max, sender->batch_bytes - sizeof sender->header);

    push_batch_header_encode(sender->logic_id, link_queue_at(queue, 0)->sequence, (uint32_t)count, 0,
                             sender->header);
    sender->piece = 0;
    sender->offset = 0;
    const struct h2_body body = {read_batch, sender};
    enum status status =
        h2_request(sender->conn, "POST", "/rpc/batch", PUSH_BATCH_CONTENT_TYPE, &body, &sender->stream);
    if (status != STATUS_OK)
        return status;
    metrics_add(LM_LINK_BATCHES, 1);
    metrics_observe(LM_RPC_BATCH_PUSHES, (int64_t)count);
    return STATUS_OK;
}

static size_t read_form(void *arg, uint8_t *out, size_t len, int *eof)
{
    struct link_sender *sender = arg;
    size_t rest = sender->form.len - sender->form_sent;
    size_t part = rest < len ? rest : len;

    memcpy(out, sender->form.data + sender->form_sent, part);
    sender->form_sent += part;
    *eof = part == rest;
    return part;
}

static enum status join_items(const struct push_record *record, struct buf *out)
{
    struct slice rest = record->items, item;
    enum status status = buf_append_str(out, "[");

    for (size_t i = 0; status == STATUS_OK && push_next_item(&rest, &item); i++) {
        status = i > 0 ? buf_append_str(out, ",") : STATUS_OK;
        if (status == STATUS_OK)
            status = buf_append(out, item.data, item.len);
    }
    return status != STATUS_OK ? status : buf_append_str(out, "]");
}

static enum status encode_items(const struct push_record *record, struct buf *form)
{
    struct buf items;

    buf_init(&items, SIZE_MAX);
    enum status status = join_items(record, &items);
    if (status == STATUS_OK)
        status = form_append(form, "items", slice_of(items.data, items.len));
    buf_fini(&items);
    return status;
}

static enum status encode_room(const struct push_record *record, size_t index, struct buf *form)
{
    struct slice rest = record->rooms, room = {NULL, 0};

    for (size_t i = 0; i <= index; i++)
        push_next_room(&rest, &room);
    enum status status = form_append(form, "room", room);
    return status != STATUS_OK ? status : buf_append_str(form, "&");
}

/* The oldest push; its rooms are counted from the start unless it is the one under way. */
static struct push_record form_record(struct link_sender *sender)
{
    const struct encoded_push *push = link_queue_at(&sender->ledger->queue, 0);
    struct slice rest = slice_of(push->bytes, push->len);
    struct push_record record;

    push_next_record(&rest, &record);
    if (sender->form_sequence != record.sequence) {
        sender->form_sequence = record.sequence;
        sender->rooms_done = 0;
    }
    return record;
}

static enum status send_form(struct link_sender *sender)
{
    struct push_record record = form_record(sender);
    bool all = record.target == AUDIENCE_EVERYONE;

    buf_clear(&sender->form);
    sender->form_sent = 0;
    enum status status = all ? STATUS_OK : encode_room(&record, sender->rooms_done, &sender->form);
    if (status == STATUS_OK)
        status = encode_items(&record, &sender->form);
    if (status != STATUS_OK)
        return status;
    const struct h2_body body = {read_form, sender};
    status = h2_request(sender->conn, "POST", all ? "/push/all" : "/push/room", FORM_CONTENT_TYPE, &body,
                        &sender->stream);
    if (status == STATUS_OK)
        metrics_add(LM_LINK_FORM_CALLS, 1);
    return status;
}

static void log_lacking(struct link_sender *sender, capability_set lacks)
{
    for (unsigned i = 0; i < HELLO_CAPABILITY_COUNT; i++)
        if ((lacks & ~sender->told & 1u << i) != 0)
            log_event(LOG_WARN, "gateway takes no such pushes, which are dropped for it",
                      LOG_S("gateway", sender->ledger->gateway),
                      LOG_S("pushes", hello_refused_without((enum hello_capability)i)));
    sender->told |= lacks;
}

/* A push has no weaker form: whoever lacks what it needs does not get it. Telling who waits may bring more
 * pushes. */
static void drop_lacking(struct link_sender *sender)
{
    struct link_queue *queue = &sender->ledger->queue;

    while (queue->count > 0) {
        capability_set lacks = lacking(sender, link_queue_at(queue, 0));

        if (lacks == 0)
            return;
        log_lacking(sender, lacks);
        link_ledger_drop(sender->ledger, 1, LINK_DROP_REFUSED);
    }
}

enum status link_sender_send(struct link_sender *sender)
{
    if (sender->conn != NULL && !sender->owed && !takes_all(sender))
        drop_lacking(sender);
    if (sender->conn == NULL || sender->owed || sender->ledger->queue.count == 0)
        return STATUS_OK;
    enum status status = sender->forms ? send_form(sender) : send_batch(sender);
    sender->owed = status == STATUS_OK;
    sender->sent_us = clock_now_us();
    return status;
}

/* Any answer settles a form call, as in go-push's own logic. */
static enum link_reply answer_form(struct link_sender *sender)
{
    struct push_record record = form_record(sender);

    sender->rooms_done++;
    if (sender->rooms_done >= record.room_count)
        link_ledger_ack(sender->ledger, 1, NULL);
    return LINK_REPLY_PROGRESS;
}

static enum link_reply answer_batch(struct link_sender *sender, struct slice body)
{
    struct link_queue *queue = &sender->ledger->queue;
    size_t count = queue->frozen;
    struct batch_answer answer;

    if (batch_answer_parse(body, &answer) != STATUS_OK ||
        answer.applied < link_queue_at(queue, count - 1)->sequence) {
        metrics_add(LM_LINK_RPC_ERRORS, 1);
        return LINK_REPLY_RETRY;
    }
    metrics_add(LM_LINK_DUPLICATES, answer.duplicates);
    if (sender->max_pushes < LINK_BATCH_MAX_PUSHES)
        sender->max_pushes *= 2;
    link_ledger_ack(sender->ledger, count, &answer);
    return LINK_REPLY_PROGRESS;
}

static enum link_reply turn_to_forms(struct link_sender *sender)
{
    link_queue_thaw(&sender->ledger->queue);
    sender->forms = true;
    sender->can = 0;
    if (!sender->told_forms)
        log_event(LOG_INFO, "gateway knows no batches, using go-push's form calls",
                  LOG_S("gateway", sender->ledger->gateway));
    sender->told_forms = true;
    return LINK_REPLY_PROGRESS;
}

static void log_refusal(const struct link_sender *sender, int status, struct slice body)
{
    char text[200];
    int len = body.len < sizeof text ? (int)body.len : (int)sizeof text;

    snprintf(text, sizeof text, "%.*s", len, len > 0 ? (const char *)body.data : "");
    log_event(LOG_ERROR, "gateway refused a push", LOG_S("gateway", sender->ledger->gateway),
              LOG_I("sequence", link_queue_at(&sender->ledger->queue, 0)->sequence), LOG_I("status", status),
              LOG_S("answer", text));
}

/* A gateway of before traces refuses the record that has one. When it refuses it without, too, it was
 * something else. */
static bool leaves_trace_out(struct link_sender *sender)
{
    const struct encoded_push *push = link_queue_at(&sender->ledger->queue, 0);

    if (!encoded_push_is_traced(push))
        return false;
    sender->untraced = !sender->untraced;
    if (sender->untraced)
        log_event(LOG_INFO, "gateway refused a traced push, sending it without its traceparent",
                  LOG_S("gateway", sender->ledger->gateway), LOG_I("sequence", push->sequence));
    return sender->untraced;
}

/* The gateway applies a batch wholly or not at all, so after a refusal its pushes may be sent
 * in smaller batches, down to the one that is refused by itself. */
static enum link_reply narrow_down(struct link_sender *sender, int status, struct slice body)
{
    struct link_queue *queue = &sender->ledger->queue;
    size_t count = queue->frozen;

    if (count > 1) {
        sender->max_pushes = count / 2;
        link_queue_thaw(queue);
    } else if (!leaves_trace_out(sender)) {
        log_refusal(sender, status, body);
        link_ledger_drop(sender->ledger, 1, LINK_DROP_REFUSED);
    }
    return LINK_REPLY_PROGRESS;
}

static bool is_passing(int status)
{
    return status < 400 || status == 408 || status == 429 || status >= 500;
}

enum link_reply link_sender_answer(struct link_sender *sender, int32_t stream, int status, struct slice body)
{
    if (!sender->owed || stream != sender->stream)
        return LINK_REPLY_OTHER;
    sender->owed = false;
    if (status != 0)
        metrics_observe(LM_RPC_SECONDS, clock_now_us() - sender->sent_us);
    if (status == 200 && !sender->forms)
        return answer_batch(sender, body);
    if (status == 404 && !sender->forms)
        return turn_to_forms(sender);
    if (status != 200)
        metrics_add(LM_LINK_RPC_ERRORS, 1);
    if (sender->forms)
        return status == 0 ? LINK_REPLY_RETRY : answer_form(sender);
    return is_passing(status) ? LINK_REPLY_RETRY : narrow_down(sender, status, body);
}
