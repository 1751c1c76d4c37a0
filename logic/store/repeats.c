/* SPDX-License-Identifier: Apache-2.0 */
/* One question per first push of a key: SET NX claims it, GET looks whose claim stands there. What Redis
 * refuses to say lets the push go on, but a claim that was seen there does not: then somebody else has the
 * push, and the caller may ask again. */
#include "logic/store/repeats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logic/metrics/logic_metrics.h"
#include "logic/store/repeat_record.h"
#include "shared/base/clock.h"
#include "shared/json/error_json.h"
#include "shared/log/log.h"
#include "shared/net/loop_event.h"

enum { TICK_MS = 1000, FIRST_PAUSE_MS = 20, LAST_PAUSE_MS = 200 };

struct repeats {
    struct event_base *base;
    const char *prefix;
    struct redis_client *redis; /* NULL: there is none */
    struct event *tick;         /* expiry */
    struct repeat_table table;
    uint64_t evicted_shown;
    struct list questions;
    size_t question_count;
    struct buf key; /* scratch */
    struct buf text;
};

/* To Redis, about one push. */
struct question {
    struct list node;
    struct repeats *repeats;
    struct repeat *repeat;
    struct event *timer;
    int64_t until_ms; /* when it looks no more */
    int pause_ms;
    int claim_ms;
};

static const struct push_fault conflict = {
    .status = 409,
    .code = "idempotency_conflict",
    .message = "this idempotency key stands for another push within the last five minutes; a repeat has the "
               "same target, items and options, byte for byte"};
static const struct push_fault in_progress = {
    .status = 503,
    .code = "in_progress",
    .message = "the first push with this idempotency key is still under way at another logic; nothing was "
               "queued, ask again"};
static const struct push_fault full = {
    .status = 503,
    .code = "too_many_keys",
    .message = "too many pushes with idempotency keys are under way; nothing was queued, a retry is safe"};
static const struct push_fault no_memory = {
    .status = 500, .code = "internal", .message = "out of memory; nothing was queued"};

static void show_table(struct repeats *repeats)
{
    metrics_set(LM_IDEMPOTENCY_ENTRIES, repeat_table_count(&repeats->table));
    metrics_set(LM_IDEMPOTENCY_BYTES, repeats->table.bytes);
    metrics_add(LM_IDEMPOTENCY_EVICTED, repeats->table.evicted - repeats->evicted_shown);
    repeats->evicted_shown = repeats->table.evicted;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct repeats *repeats = arg;

    (void)fd;
    (void)what;
    repeat_table_expire(&repeats->table, clock_now_ms());
    show_table(repeats);
}

enum status repeats_new(struct event_base *base, const char *prefix, const struct repeat_bounds *bounds,
                        struct repeats **out)
{
    struct repeats *repeats = calloc(1, sizeof *repeats);

    if (repeats == NULL)
        return STATUS_NO_MEMORY;
    repeats->base = base;
    repeats->prefix = prefix;
    list_init(&repeats->questions);
    buf_init(&repeats->key, SIZE_MAX);
    buf_init(&repeats->text, SIZE_MAX);
    repeats->tick = event_new(base, -1, EV_PERSIST, on_tick, repeats);
    if (repeats->tick == NULL || loop_event_after_ms(repeats->tick, TICK_MS) != STATUS_OK ||
        repeat_table_init(&repeats->table, bounds) != STATUS_OK) {
        repeats_free(repeats);
        return STATUS_NO_MEMORY;
    }
    *out = repeats;
    return STATUS_OK;
}

void repeats_bound(struct repeats *repeats, const struct repeat_bounds *bounds)
{
    repeat_table_bound(&repeats->table, bounds);
    show_table(repeats);
}

/* The object with one more member. */
static enum status add_member(struct buf *out, struct slice object, const char *member)
{
    enum status status = buf_append(out, object.data, object.len - 1);

    if (status == STATUS_OK)
        status = buf_printf(out, ",%s}", member);
    return status;
}

static void reply_repeat(struct repeat *repeat, const struct repeat_answer *answer)
{
    struct repeat_reply reply = {.status = answer->status};
    struct buf json;

    buf_init(&json, SIZE_MAX);
    reply.json = answer->json;
    if (answer->accepted && answer->json.len > 0)
        reply.json = add_member(&json, answer->json, "\"repeated\":true") == STATUS_OK
                         ? slice_of(json.data, json.len)
                         : slice_of(NULL, 0);
    metrics_add(LM_PUSHES_RECEIVED, 1);
    metrics_add(LM_PUSHES_REPEATED, 1);
    repeat->answer(repeat, &reply);
    buf_fini(&json);
}

static void on_first_told(struct repeat_waiter *waiter, const struct repeat_answer *answer)
{
    reply_repeat(container_of(waiter, struct repeat, waiter), answer);
}

static void refuse(struct repeat *repeat, const struct push_fault *fault)
{
    const struct repeat_reply reply = {.refused = fault};

    repeat->answer(repeat, &reply);
}

/* The whole key in Redis, in `repeats->key`. */
static enum status name_key(struct repeats *repeats, const struct repeat *repeat)
{
    struct slice key = repeat_entry_key(repeat->entry);

    buf_clear(&repeats->key);
    enum status status = buf_printf(&repeats->key, "%s:idempotency:", repeats->prefix);
    return status != STATUS_OK ? status : buf_append(&repeats->key, key.data, key.len);
}

static struct slice bytes_of(const struct buf *buf)
{
    return slice_of(buf->data, buf->len);
}

/* The value in `repeats->text`. */
static enum status write_record(struct repeats *repeats, const struct repeat *repeat, int status,
                                struct slice json)
{
    const struct repeat_record record = {repeat_entry_digest(repeat->entry), status, json};

    buf_clear(&repeats->text);
    return repeat_record_append(&repeats->text, &record);
}

static void drop_question(struct question *question)
{
    list_remove(&question->node);
    question->repeats->question_count--;
    loop_event_free(question->timer);
    free(question);
}

/* The push goes on. */
static void let_go(struct question *question, bool claimed, bool unchecked)
{
    struct repeat *repeat = question->repeat;

    drop_question(question);
    repeat->claimed = claimed;
    repeat->unchecked = unchecked;
    if (unchecked)
        metrics_add(LM_IDEMPOTENCY_UNCHECKED, 1);
    repeat->go(repeat);
}

/* It does not, and nor does whoever has waited for it here. */
static void end_refused(struct question *question, const struct push_fault *fault)
{
    struct repeats *repeats = question->repeats;
    struct repeat *repeat = question->repeat;
    struct repeat_entry *entry = repeat->entry;
    struct buf json;

    drop_question(question);
    refuse(repeat, fault);
    buf_init(&json, SIZE_MAX);
    if (error_json_append(&json, fault->code, fault->message) != STATUS_OK)
        buf_clear(&json);
    repeat_table_pass_on(&repeats->table, entry,
                         &(struct repeat_answer){fault->status, bytes_of(&json), false});
    buf_fini(&json);
    show_table(repeats);
}

static void end_repeated(struct question *question, const struct repeat_record *record)
{
    const struct repeat_answer answer = {record->status, record->json, true};
    struct repeats *repeats = question->repeats;
    struct repeat *repeat = question->repeat;
    struct repeat_entry *entry = repeat->entry;

    drop_question(question);
    reply_repeat(repeat, &answer);
    repeat_table_pass_on(&repeats->table, entry, &answer);
    show_table(repeats);
}

static void look(struct question *question);

static void on_pause_over(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    look(arg);
}

static void look_later(struct question *question)
{
    int64_t left_ms = question->until_ms - clock_now_ms();

    if (question->timer == NULL)
        question->timer = evtimer_new(question->repeats->base, on_pause_over, question);
    if (left_ms <= 0 || question->timer == NULL ||
        loop_event_after_ms(question->timer, left_ms < question->pause_ms ? left_ms : question->pause_ms) !=
            STATUS_OK) {
        end_refused(question, &in_progress);
        return;
    }
    question->pause_ms = question->pause_ms < LAST_PAUSE_MS / 2 ? question->pause_ms * 2 : LAST_PAUSE_MS;
}

static void log_noise(const struct question *question, const redisReply *answer)
{
    log_event(LOG_WARN, "Redis does not check idempotency keys",
              LOG_S("redis", redis_client_name(question->repeats->redis)),
              LOG_S("answer", answer->type == REDIS_REPLY_ERROR ? answer->str : "not understood"));
}

static void judge_record(struct question *question, const redisReply *answer)
{
    struct repeat_record record;

    if (answer->type != REDIS_REPLY_STRING ||
        repeat_record_parse(slice_of(answer->str, answer->len), &record) != STATUS_OK) {
        log_noise(question, answer);
        let_go(question, false, true);
    } else if (record.digest != repeat_entry_digest(question->repeat->entry)) {
        end_refused(question, &conflict);
    } else if (record.status == 0) {
        look_later(question);
    } else {
        end_repeated(question, &record);
    }
}

static bool claim(struct question *question);

/* A claim that is gone was of a push that was refused. */
static void on_looked(const redisReply *answer, void *arg)
{
    struct question *question = arg;

    if (answer == NULL)
        end_refused(question, &in_progress);
    else if (answer->type != REDIS_REPLY_NIL)
        judge_record(question, answer);
    else if (clock_now_ms() >= question->until_ms || !claim(question))
        end_refused(question, &in_progress);
}

static void look(struct question *question)
{
    struct repeats *repeats = question->repeats;

    if (name_key(repeats, question->repeat) == STATUS_OK) {
        const struct slice words[] = {slice_str("GET"), bytes_of(&repeats->key)};
        if (redis_client_command(repeats->redis, on_looked, question, words, 2) == STATUS_OK)
            return;
    }
    end_refused(question, &in_progress);
}

static void on_claimed(const redisReply *answer, void *arg)
{
    struct question *question = arg;

    if (answer == NULL) {
        let_go(question, true, true);
    } else if (answer->type == REDIS_REPLY_STATUS) {
        let_go(question, true, false);
    } else if (answer->type == REDIS_REPLY_NIL) {
        look(question);
    } else {
        log_noise(question, answer);
        let_go(question, false, true);
    }
}

/* False: Redis takes no question now. */
static bool claim(struct question *question)
{
    struct repeats *repeats = question->repeats;
    char ms[16];

    snprintf(ms, sizeof ms, "%d", question->claim_ms);
    if (name_key(repeats, question->repeat) != STATUS_OK ||
        write_record(repeats, question->repeat, 0, slice_of(NULL, 0)) != STATUS_OK)
        return false;
    const struct slice words[] = {slice_str("SET"), bytes_of(&repeats->key), bytes_of(&repeats->text),
                                  slice_str("NX"),  slice_str("PX"),         slice_str(ms)};
    return redis_client_command(repeats->redis, on_claimed, question, words,
                                sizeof words / sizeof words[0]) == STATUS_OK;
}

/* False: nobody asks. */
static bool ask_redis(struct repeats *repeats, struct repeat *repeat, int wait_ms)
{
    if (repeats->question_count >= REPEAT_QUESTIONS_MAX || !redis_client_is_up(repeats->redis))
        return false;
    struct question *question = calloc(1, sizeof *question);
    if (question == NULL)
        return false;
    question->repeats = repeats;
    question->repeat = repeat;
    question->until_ms = clock_now_ms() + REPEAT_LOOK_MS;
    question->pause_ms = FIRST_PAUSE_MS;
    question->claim_ms = wait_ms + REPEAT_CLAIM_MS;
    list_add_tail(&repeats->questions, &question->node);
    repeats->question_count++;
    if (claim(question))
        return true;
    drop_question(question);
    return false;
}

/* The first of its key here. */
static bool begin(struct repeats *repeats, struct repeat *repeat, int wait_ms)
{
    if (repeats->redis != NULL) {
        if (ask_redis(repeats, repeat, wait_ms))
            return true;
        repeat->unchecked = true;
        metrics_add(LM_IDEMPOTENCY_UNCHECKED, 1);
    }
    repeat->go(repeat);
    return false;
}

/* The caller's name may have any printable character in it, so its length says where it ends. */
static enum repeat_verdict claim_here(struct repeats *repeats, const char *caller, struct slice key,
                                      uint64_t digest, struct repeat *repeat, struct repeat_answer *answer)
{
    buf_clear(&repeats->text);
    if (buf_printf(&repeats->text, "%zu:%s:", strlen(caller), caller) != STATUS_OK ||
        buf_append(&repeats->text, key.data, key.len) != STATUS_OK)
        return REPEAT_NO_MEMORY;
    return repeat_table_claim(&repeats->table, bytes_of(&repeats->text), digest, clock_now_ms(),
                              &repeat->waiter, &repeat->entry, answer);
}

bool repeats_ask(struct repeats *repeats, const char *caller, struct slice key, uint64_t digest, int wait_ms,
                 struct repeat *repeat)
{
    struct repeat_answer answer;

    repeat->repeats = repeats;
    repeat->waiter.told = on_first_told;
    repeat->claimed = false;
    repeat->unchecked = false;
    switch (claim_here(repeats, caller, key, digest, repeat, &answer)) {
    case REPEAT_FIRST:
        return begin(repeats, repeat, wait_ms);
    case REPEAT_ANSWERED:
        reply_repeat(repeat, &answer);
        break;
    case REPEAT_WAITS:
        break;
    case REPEAT_CONFLICT:
        refuse(repeat, &conflict);
        break;
    case REPEAT_FULL:
        refuse(repeat, &full);
        break;
    case REPEAT_NO_MEMORY:
        refuse(repeat, &no_memory);
        break;
    }
    return false;
}

static void on_written(const redisReply *answer, void *arg)
{
    (void)arg;
    if (answer == NULL || answer->type != REDIS_REPLY_STATUS)
        metrics_add(LM_IDEMPOTENCY_UNCHECKED, 1);
}

/* For the other logics. What is not written there lapses with its claim. */
static bool write_answer(struct repeats *repeats, const struct repeat *repeat, int status, struct slice json)
{
    char ms[16];

    snprintf(ms, sizeof ms, "%d", REPEAT_KEPT_MS);
    if (name_key(repeats, repeat) != STATUS_OK || write_record(repeats, repeat, status, json) != STATUS_OK)
        return false;
    const struct slice words[] = {slice_str("SET"), bytes_of(&repeats->key), bytes_of(&repeats->text),
                                  slice_str("PX"), slice_str(ms)};
    return redis_client_command(repeats->redis, repeat->unchecked ? NULL : on_written, repeats, words,
                                sizeof words / sizeof words[0]) == STATUS_OK;
}

static void take_back_claim(struct repeats *repeats, const struct repeat *repeat)
{
    if (name_key(repeats, repeat) != STATUS_OK)
        return;
    const struct slice words[] = {slice_str("DEL"), bytes_of(&repeats->key)};
    (void)redis_client_command(repeats->redis, NULL, NULL, words, 2);
}

static void tell_redis(struct repeats *repeats, const struct repeat *repeat, int status, struct slice json,
                       bool accepted)
{
    if (accepted && json.len > 0) {
        if (!write_answer(repeats, repeat, status, json) && !repeat->unchecked)
            metrics_add(LM_IDEMPOTENCY_UNCHECKED, 1);
    } else if (repeat->claimed) {
        take_back_claim(repeats, repeat);
    }
}

static void mark_local(struct buf *json)
{
    struct buf marked;

    buf_init(&marked, SIZE_MAX);
    if (add_member(&marked, bytes_of(json), "\"idempotency\":\"local\"") != STATUS_OK) {
        buf_fini(&marked);
        return;
    }
    buf_fini(json);
    *json = marked;
}

void repeats_settle(struct repeat *repeat, int status, struct buf *json, bool accepted)
{
    struct repeats *repeats = repeat->repeats;

    if (accepted && repeat->unchecked && json->len > 0)
        mark_local(json);
    if (repeats->redis != NULL)
        tell_redis(repeats, repeat, status, bytes_of(json), accepted);
    repeat_table_settle(&repeats->table, repeat->entry,
                        &(struct repeat_answer){status, bytes_of(json), accepted}, clock_now_ms());
    show_table(repeats);
}

void repeats_use_redis(struct repeats *repeats, struct redis_client *redis)
{
    struct list *node;

    repeats->redis = redis;
    while (redis == NULL && (node = list_first(&repeats->questions)) != NULL)
        end_refused(container_of(node, struct question, node), &in_progress);
}

void repeats_free(struct repeats *repeats)
{
    if (repeats == NULL)
        return;
    repeat_table_fini(&repeats->table);
    loop_event_free(repeats->tick);
    buf_fini(&repeats->key);
    buf_fini(&repeats->text);
    free(repeats);
}
