/* SPDX-License-Identifier: Apache-2.0 */
/* What a link says to a gateway, and what it makes of each answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/link_script.h"

static void sends_what_has_gathered_as_one_batch(void **state)
{
    struct script *script = *state;

    for (uint64_t i = 1; i <= 3; i++)
        queue_items(script, i, "{\"n\":1}");
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_int_equal(script->call_count, 1);
    assert_int_equal(script->calls[0].batch.first_sequence, 1);
    assert_int_equal(script->calls[0].pushes, 3);
    assert_memory_equal(script->calls[0].batch.logic_id, script->logic_id, LOGIC_ID_LEN);
    assert_int_equal(script->ledger.queue.count, 0);
}

static void has_one_batch_under_way(void **state)
{
    struct script *script = *state;

    queue_items(script, 1, "1");
    assert_int_equal(link_sender_send(&script->sender), STATUS_OK);
    queue_items(script, 2, "2");
    assert_int_equal(link_sender_send(&script->sender), STATUS_OK);
    await(script, NULL, &script->reply_count, 1);
    assert_int_equal(script->call_count, 1);
    assert_int_equal(script->ledger.queue.count, 1);
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_int_equal(script->calls[1].batch.first_sequence, 2);
}

static void repeats_a_batch_byte_for_byte(void **state)
{
    struct script *script = *state;

    script->next_status[0] = 503;
    queue_items(script, 1, "1");
    queue_items(script, 2, "2");
    assert_int_equal(exchange(script), LINK_REPLY_RETRY);
    queue_items(script, 3, "3");
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_int_equal(script->calls[0].body.len, script->calls[1].body.len);
    assert_memory_equal(script->calls[0].body.data, script->calls[1].body.data, script->calls[0].body.len);
    assert_int_equal(script->ledger.queue.count, 1);
}

static void repeats_it_on_the_next_connection(void **state)
{
    struct script *script = *state;

    queue_items(script, 1, "1");
    queue_items(script, 2, "2");
    assert_int_equal(link_sender_send(&script->sender), STATUS_OK);
    await(script, NULL, &script->call_count, 1);
    connect_again(script);
    queue_items(script, 3, "3");
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_int_equal(script->calls[1].body.len, script->calls[0].body.len);
    assert_memory_equal(script->calls[0].body.data, script->calls[1].body.data, script->calls[0].body.len);
}

static void sends_a_long_batch_whole(void **state)
{
    struct script *script = *state;
    char *item = malloc(40001);

    assert_non_null(item);
    memset(item, '7', 40000);
    item[40000] = '\0';
    for (uint64_t i = 1; i <= 20; i++)
        queue_items(script, i, item);
    free(item);
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_int_equal(script->calls[0].pushes, 20);
}

static void does_not_believe_a_strange_answer(void **state)
{
    struct script *script = *state;

    script->next_status[0] = 200;
    script->next_body[0] = "<html>hello</html>";
    script->next_status[1] = 200;
    script->next_body[1] = "{\"applied\":4}";
    queue_items(script, 5, "1");
    assert_int_equal(exchange(script), LINK_REPLY_RETRY);
    assert_int_equal(exchange(script), LINK_REPLY_RETRY);
    assert_int_equal(script->ledger.queue.count, 1);
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_int_equal(script->ledger.queue.count, 0);
}

/* The third of four pushes is refused: the others arrive, in order, and only it is dropped. */
static void finds_the_push_that_is_refused(void **state)
{
    struct script *script = *state;
    uint64_t dropped = metrics_get(LM_LINK_PUSHES_REFUSED), acked = metrics_get(LM_LINK_PUSHES_ACKED);
    uint64_t applied = 0;

    for (uint64_t i = 1; i <= 4; i++)
        queue_items(script, i, i == 3 ? "\"bad\"" : "1");
    while (script->ledger.queue.count > 0) {
        struct link_queue *queue = &script->ledger.queue;
        size_t count = link_queue_freeze(queue, script->sender.max_pushes, SIZE_MAX);
        uint64_t first = link_queue_at(queue, 0)->sequence;
        bool bad = first <= 3 && first + count > 3;

        script->next_status[script->call_count] = bad ? 400 : 0;
        assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
        if (!bad) {
            assert_true(script->calls[script->call_count - 1].batch.first_sequence > applied);
            applied = last_sequence(script->calls[script->call_count - 1].batch.records);
        }
    }
    assert_int_equal(metrics_get(LM_LINK_PUSHES_REFUSED) - dropped, 1);
    assert_int_equal(metrics_get(LM_LINK_PUSHES_ACKED) - acked, 3);
    assert_int_equal(applied, 4);
}

static void batches_grow_again_after_a_refusal(void **state)
{
    struct script *script = *state;

    script->next_status[0] = 413;
    for (uint64_t i = 1; i <= 8; i++)
        queue_items(script, i, "1");
    while (script->ledger.queue.count > 0)
        assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_int_equal(script->calls[0].pushes, 8);
    assert_int_equal(script->calls[1].pushes, 4);
    assert_int_equal(script->calls[2].pushes, 4);
    assert_int_equal(script->call_count, 3);
    assert_int_equal(script->sender.max_pushes, 16);
}

static void queue_traced(struct script *script, uint64_t sequence)
{
    const struct slice items[] = {slice_str("\"traced\"")};
    struct push push = {.target = AUDIENCE_EVERYONE, .items = items, .item_count = 1};
    static const char trace[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

    assert_true(traceparent_parse(slice_str(trace), &push.trace));
    queue_push(script, sequence, &push, NULL);
}

static size_t count_traced(struct slice rest)
{
    struct push_record record;
    size_t count = 0;

    while (push_next_record(&rest, &record))
        count += record.trace != NULL;
    return count;
}

static void carries_traces(void **state)
{
    struct script *script = *state;

    queue_traced(script, 1);
    queue_items(script, 2, "2");
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_int_equal(script->calls[0].pushes, 2);
    assert_int_equal(count_traced(script->calls[0].batch.records), 1);
}

/* A gateway of before traces answers 400; nothing is lost but the trace, and the link learns. */
static void leaves_traces_out_for_an_older_gateway(void **state)
{
    struct script *script = *state;
    uint64_t dropped = metrics_get(LM_LINK_PUSHES_REFUSED);

    script->next_status[0] = 400;
    queue_traced(script, 1);
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_int_equal(count_traced(script->calls[0].batch.records), 1);
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_int_equal(script->calls[1].batch.first_sequence, 1);
    assert_int_equal(count_traced(script->calls[1].batch.records), 0);
    for (uint64_t i = 2; i <= 2001; i++)
        queue_traced(script, i);
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_int_equal(script->calls[2].pushes, 2000);
    assert_int_equal(count_traced(script->calls[2].batch.records), 0);
    connect_again(script);
    queue_traced(script, 2002);
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_int_equal(count_traced(script->calls[3].batch.records), 1);
    assert_int_equal(metrics_get(LM_LINK_PUSHES_REFUSED), dropped);
}

static void a_push_refused_without_its_trace_too_is_dropped(void **state)
{
    struct script *script = *state;
    uint64_t dropped = metrics_get(LM_LINK_PUSHES_REFUSED);

    script->next_status[0] = script->next_status[1] = 400;
    queue_traced(script, 1);
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_int_equal(script->ledger.queue.count, 0);
    assert_int_equal(metrics_get(LM_LINK_PUSHES_REFUSED), dropped + 1);
    queue_traced(script, 2);
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_int_equal(count_traced(script->calls[2].batch.records), 1);
}

static void queue_to_user(struct script *script, uint64_t sequence, struct push_wait *wait)
{
    const struct slice users[] = {slice_str("u7")};
    const struct slice items[] = {slice_str("\"for u7\"")};
    const struct push push = {.target = AUDIENCE_USER,
                              .rooms = users,
                              .room_count = 1,
                              .items = items,
                              .item_count = 1,
                              .wait = wait != NULL};

    queue_push(script, sequence, &push, wait);
}

static size_t count_to_users(struct slice rest)
{
    struct push_record record;
    size_t count = 0;

    while (push_next_record(&rest, &record))
        count += record.target == AUDIENCE_USER;
    return count;
}

static const struct hello knows_users = {.capabilities = 1u << HELLO_TRACES | 1u << HELLO_USERS};

static void sends_pushes_to_users_to_who_knows_them(void **state)
{
    struct script *script = *state;

    script->peer = &knows_users;
    connect_again(script);
    queue_items(script, 1, "1");
    queue_to_user(script, 2, NULL);
    queue_items(script, 3, "3");
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_int_equal(script->calls[0].pushes, 3);
    assert_int_equal(count_to_users(script->calls[0].batch.records), 1);
}

/* Here no answer to the hello: a gateway of before users, or go-push's. */
static void never_sends_pushes_to_users_to_an_older_gateway(void **state)
{
    struct script *script = *state;
    uint64_t dropped = metrics_get(LM_LINK_PUSHES_REFUSED), acked = metrics_get(LM_LINK_PUSHES_ACKED);

    queue_to_user(script, 1, NULL);
    queue_to_user(script, 2, NULL);
    queue_items(script, 3, "3");
    queue_items(script, 4, "4");
    queue_to_user(script, 5, NULL);
    queue_items(script, 6, "6");
    queue_to_user(script, 7, NULL);
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_int_equal(link_sender_send(&script->sender), STATUS_OK);
    assert_false(script->sender.owed);
    assert_int_equal(script->ledger.queue.count, 0);
    assert_int_equal(script->call_count, 2);
    assert_int_equal(script->calls[0].batch.first_sequence, 3);
    assert_int_equal(script->calls[0].pushes, 2);
    assert_int_equal(script->calls[1].batch.first_sequence, 6);
    assert_int_equal(script->calls[1].pushes, 1);
    assert_int_equal(metrics_get(LM_LINK_PUSHES_REFUSED) - dropped, 4);
    assert_int_equal(metrics_get(LM_LINK_PUSHES_ACKED) - acked, 3);
}

/* The batch was under way to a gateway that knew users; an older one has taken its place. */
static void a_batch_under_way_is_cut_for_an_older_gateway(void **state)
{
    struct script *script = *state;

    script->peer = &knows_users;
    connect_again(script);
    script->next_status[0] = 503;
    queue_items(script, 1, "1");
    queue_to_user(script, 2, NULL);
    queue_items(script, 3, "3");
    assert_int_equal(exchange(script), LINK_REPLY_RETRY);
    assert_int_equal(count_to_users(script->calls[0].batch.records), 1);
    script->peer = NULL;
    connect_again(script);
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_int_equal(script->calls[1].pushes, 1);
    assert_int_equal(script->calls[1].batch.first_sequence, 1);
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_int_equal(script->calls[2].pushes, 1);
    assert_int_equal(script->calls[2].batch.first_sequence, 3);
}

static const struct hello knows_options = {.capabilities = 1u << HELLO_TRACES | 1u << HELLO_OPTIONS};

static void queue_with_terms(struct script *script, uint64_t sequence, const struct push_terms *terms,
                             bool traced)
{
    static const char trace[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    const struct slice items[] = {slice_str("\"terms\"")};
    struct push push = {.target = AUDIENCE_EVERYONE, .items = items, .item_count = 1, .terms = *terms};

    if (traced)
        assert_true(traceparent_parse(slice_str(trace), &push.trace));
    queue_push(script, sequence, &push, NULL);
}

/* As if the push at `index` had been accepted so much earlier. */
static void grow_older(struct script *script, size_t index, int64_t ms)
{
    struct link_queue *queue = &script->ledger.queue;

    queue->pushes[(queue->head + index) & (queue->cap - 1)]->accepted_ms -= ms;
}

static struct push_record record_of(const struct call *call, size_t index)
{
    struct slice rest = call->batch.records;
    struct push_record record;

    do
        assert_true(push_next_record(&rest, &record));
    while (index-- > 0);
    return record;
}

static void sends_pushes_with_options_to_who_knows_them(void **state)
{
    struct script *script = *state;
    const struct push_terms terms = {.key = slice_str("k"), .urgent = true};

    script->peer = &knows_options;
    connect_again(script);
    queue_items(script, 1, "1");
    queue_with_terms(script, 2, &terms, false);
    queue_items(script, 3, "3");
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_int_equal(script->calls[0].pushes, 3);
    assert_true(slice_equal(record_of(&script->calls[0], 1).terms.key, slice_str("k")));
    assert_true(record_of(&script->calls[0], 1).terms.urgent);
}

/* Every kind of need is judged by itself. */
static void never_sends_options_to_who_knows_users_only(void **state)
{
    struct script *script = *state;
    const struct push_terms terms = {.urgent = true};
    uint64_t dropped = metrics_get(LM_LINK_PUSHES_REFUSED);

    script->peer = &knows_users;
    connect_again(script);
    queue_to_user(script, 1, NULL);
    queue_with_terms(script, 2, &terms, false);
    queue_to_user(script, 3, NULL);
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_int_equal(script->call_count, 2);
    assert_int_equal(script->calls[0].batch.first_sequence, 1);
    assert_int_equal(script->calls[1].batch.first_sequence, 3);
    assert_int_equal(count_to_users(script->calls[1].batch.records), 1);
    assert_int_equal(metrics_get(LM_LINK_PUSHES_REFUSED) - dropped, 1);
}

static void says_how_much_time_is_left(void **state)
{
    struct script *script = *state;
    const struct push_terms terms = {.key = slice_str("k"), .ttl_ms = 60000, .has_ttl = true};

    script->peer = &knows_options;
    connect_again(script);
    for (uint64_t i = 1; i <= 3; i++)
        queue_with_terms(script, i, &terms, i == 2);
    grow_older(script, 1, 40000);
    grow_older(script, 2, 60001);
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_in_range(record_of(&script->calls[0], 0).terms.ttl_ms, 50001, 60000);
    assert_in_range(record_of(&script->calls[0], 1).terms.ttl_ms, 10001, 20000);
    assert_non_null(record_of(&script->calls[0], 1).trace);
    assert_int_equal(record_of(&script->calls[0], 2).terms.ttl_ms, 0);
    assert_true(record_of(&script->calls[0], 2).terms.has_ttl);
}

static void a_batch_sent_again_says_what_is_left_then(void **state)
{
    struct script *script = *state;
    const struct push_terms terms = {.ttl_ms = 60000, .has_ttl = true};

    script->peer = &knows_options;
    connect_again(script);
    script->next_status[0] = 503;
    queue_with_terms(script, 1, &terms, false);
    assert_int_equal(exchange(script), LINK_REPLY_RETRY);
    grow_older(script, 0, 30000);
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_in_range(record_of(&script->calls[0], 0).terms.ttl_ms, 50001, 60000);
    assert_in_range(record_of(&script->calls[1], 0).terms.ttl_ms, 20001, 30000);
    assert_int_equal(script->calls[0].body.len, script->calls[1].body.len);
}

static void a_trace_is_left_out_and_the_options_stay(void **state)
{
    static const struct hello no_traces = {.capabilities = 1u << HELLO_OPTIONS};
    struct script *script = *state;
    const struct push_terms with_ttl = {.key = slice_str("k"), .ttl_ms = 60000, .has_ttl = true};
    const struct push_terms without = {.key = slice_str("k")};

    script->peer = &no_traces;
    connect_again(script);
    queue_with_terms(script, 1, &with_ttl, true);
    queue_with_terms(script, 2, &without, true);
    queue_with_terms(script, 3, &with_ttl, false);
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_int_equal(count_traced(script->calls[0].batch.records), 0);
    for (size_t i = 0; i < 3; i++)
        assert_true(slice_equal(record_of(&script->calls[0], i).terms.key, slice_str("k")));
    assert_in_range(record_of(&script->calls[0], 0).terms.ttl_ms, 50001, 60000);
    assert_in_range(record_of(&script->calls[0], 2).terms.ttl_ms, 50001, 60000);
}

/* The parts in which HTTP/2 asks for a body end anywhere, in the middle of a time to live too. */
static void records_with_a_time_to_live_are_sent_in_parts(void **state)
{
    struct script *script = *state;
    const struct push_terms terms = {.ttl_ms = 60000, .has_ttl = true};

    script->peer = &knows_options;
    connect_again(script);
    for (uint64_t i = 1; i <= 4000; i++)
        queue_with_terms(script, i, &terms, i % 3 == 0);
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_int_equal(script->calls[0].pushes, 4000);
    for (struct slice rest = script->calls[0].batch.records; rest.len > 0;) {
        struct push_record record;

        assert_true(push_next_record(&rest, &record));
        assert_in_range(record.terms.ttl_ms, 40001, 60000);
    }
}

static void forms_carry_no_options(void **state)
{
    struct script *script = *state;
    const struct push_terms terms = {.urgent = true};

    script->peer = &knows_options;
    connect_again(script);
    script->next_status[0] = 404;
    script->next_status[1] = 200;
    queue_with_terms(script, 1, &terms, false);
    queue_items(script, 2, "3");
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_int_equal(script->ledger.queue.count, 0);
    assert_int_equal(script->call_count, 2);
    assert_string_equal(script->calls[1].path, "/push/all");
}

static void expect_form(struct script *script, size_t index, const char *path, const char *body)
{
    struct call *call = &script->calls[index];

    assert_string_equal(call->path, path);
    assert_int_equal(call->body.len, strlen(body));
    assert_memory_equal(call->body.data, body, call->body.len);
}

static void speaks_forms_to_a_gateway_that_knows_no_batches(void **state)
{
    struct script *script = *state;
    const struct slice items[] = {slice_str("{\"a\": \"x&y\"}"), slice_str("2")};
    const struct slice rooms[] = {slice_str("r 1"), slice_str("\xc3\xa9")};
    const struct push push = {
        .target = AUDIENCE_ROOM, .rooms = rooms, .room_count = 2, .items = items, .item_count = 2};

    script->next_status[0] = 404;
    for (size_t i = 1; i < 4; i++)
        script->next_status[i] = i == 2 ? 500 : 200;
    queue_push(script, 1, &push, NULL);
    queue_items(script, 2, "3");
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_int_equal(script->ledger.queue.count, 2);
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_int_equal(script->ledger.queue.count, 2);
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_int_equal(script->ledger.queue.count, 1);
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_int_equal(script->ledger.queue.count, 0);
    const char *encoded = "items=%5B%7B%22a%22%3A+%22x%26y%22%7D%2C2%5D";
    char body[128];
    snprintf(body, sizeof body, "room=r+1&%s", encoded);
    expect_form(script, 1, "/push/room", body);
    snprintf(body, sizeof body, "room=%%C3%%A9&%s", encoded);
    expect_form(script, 2, "/push/room", body);
    expect_form(script, 3, "/push/all", "items=%5B3%5D");
}

static void on_told(const struct push_outcome *outcome, void *arg)
{
    struct script *script = arg;

    script->told++;
    script->outcome = *outcome;
}

static struct push_wait *start_wait(struct script *script)
{
    struct push_outcome outcome = {.sequence = 9, .items = 1, .known = 1, .queued = 1};
    struct push_wait *wait;

    assert_int_equal(push_wait_new(script->base, 5000, on_told, script, &wait), STATUS_OK);
    push_wait_start(wait, &outcome);
    return wait;
}

static void tells_the_caller_whom_it_reached(void **state)
{
    struct script *script = *state;
    const struct slice items[] = {slice_str("1")};
    const struct push push = {.target = AUDIENCE_EVERYONE, .items = items, .item_count = 1, .wait = true};

    queue_push(script, 9, &push, start_wait(script));
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_int_equal(script->told, 1);
    assert_int_equal(script->outcome.verdict, PUSH_TAKEN);
    assert_int_equal(script->outcome.acked, 1);
    assert_int_equal(script->outcome.clients, 7);
}

static void tells_the_caller_that_nobody_gets_it(void **state)
{
    struct script *script = *state;
    const struct slice items[] = {slice_str("1")};
    const struct push push = {.target = AUDIENCE_EVERYONE, .items = items, .item_count = 1, .wait = true};

    script->next_status[0] = 400;
    queue_push(script, 9, &push, start_wait(script));
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_int_equal(script->told, 1);
    assert_int_equal(script->outcome.verdict, PUSH_WAIT_REFUSED);
    assert_int_equal(script->outcome.refused, 1);
    assert_int_equal(script->outcome.acked, 0);
}

static void who_waits_is_told_that_an_older_gateway_refuses_users(void **state)
{
    struct script *script = *state;

    queue_to_user(script, 9, start_wait(script));
    assert_int_equal(link_sender_send(&script->sender), STATUS_OK);
    assert_int_equal(script->call_count, 0);
    assert_int_equal(script->told, 1);
    assert_int_equal(script->outcome.verdict, PUSH_WAIT_REFUSED);
    assert_int_equal(script->outcome.refused, 1);
}

/* Whatever its hello says: a form call has no user. */
static void forms_carry_no_pushes_to_users(void **state)
{
    struct script *script = *state;

    script->peer = &knows_users;
    connect_again(script);
    script->next_status[0] = 404;
    script->next_status[1] = 200;
    queue_to_user(script, 1, NULL);
    queue_items(script, 2, "3");
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_int_equal(exchange(script), LINK_REPLY_PROGRESS);
    assert_int_equal(script->ledger.queue.count, 0);
    expect_form(script, 1, "/push/all", "items=%5B3%5D");
}

static void books_balance(void **state)
{
    uint64_t accepted = metrics_get(LM_LINK_PUSHES_ACCEPTED), out = metrics_get(LM_LINK_PUSHES_ACKED);

    (void)state;
    for (unsigned row = LM_LINK_PUSHES_EXPIRED; row <= LM_LINK_PUSHES_SHUTDOWN; row++)
        out += metrics_get(row);
    assert_true(accepted > 0);
    assert_int_equal(accepted, out + metrics_get(LM_LINK_PUSHES_QUEUED));
    assert_int_equal(metrics_get(LM_LINK_PUSHES_QUEUED), 0);
    assert_int_equal(metrics_get(LM_LINK_ITEMS_QUEUED), 0);
    assert_int_equal(metrics_get(LM_LINK_BYTES_QUEUED), 0);
    assert_int_equal(metrics_get(LM_WAITS), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sends_what_has_gathered_as_one_batch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(has_one_batch_under_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(repeats_a_batch_byte_for_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(repeats_it_on_the_next_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sends_a_long_batch_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(does_not_believe_a_strange_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finds_the_push_that_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(batches_grow_again_after_a_refusal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(carries_traces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(leaves_traces_out_for_an_older_gateway, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_push_refused_without_its_trace_too_is_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(speaks_forms_to_a_gateway_that_knows_no_batches, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tells_the_caller_whom_it_reached, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tells_the_caller_that_nobody_gets_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sends_pushes_with_options_to_who_knows_them, set_up, tear_down),
        cmocka_unit_test_setup_teardown(never_sends_options_to_who_knows_users_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(says_how_much_time_is_left, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_batch_sent_again_says_what_is_left_then, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_trace_is_left_out_and_the_options_stay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(records_with_a_time_to_live_are_sent_in_parts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(forms_carry_no_options, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sends_pushes_to_users_to_who_knows_them, set_up, tear_down),
        cmocka_unit_test_setup_teardown(never_sends_pushes_to_users_to_an_older_gateway, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_batch_under_way_is_cut_for_an_older_gateway, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_waits_is_told_that_an_older_gateway_refuses_users, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(forms_carry_no_pushes_to_users, set_up, tear_down),
        cmocka_unit_test(books_balance),
    };

    logic_metrics_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
