/* SPDX-License-Identifier: Apache-2.0 */
/* Batches written as text, for two paths into one push_handler: "1-3,7w" is the pushes 1, 2, 3 and
 * 7, and somebody waits for 7. A push carries its number as its item, and what the sink hears is
 * the numbers: "1 2 3 7 ". For test_two_paths*.c. */
#ifndef FANFARE_TESTS_PUSH_SCRIPT_H
#define FANFARE_TESTS_PUSH_SCRIPT_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/intake/push_handler.h"
#include "gateway/metrics/gateway_metrics.h"

enum { GAP_WAIT = 1000, GAP_BYTES = 4096 };

struct script {
    struct push_handler *handler;
    struct buf heard;
    struct buf batch;
    struct buf answer;
    struct fault fault;
    const char *logic;
    uint8_t flags;
    uint32_t clients; /* what the sink says */
    int64_t now;
    bool told_terms; /* of the last one that was delivered, by the sink */
    struct push_terms terms;
    uint32_t ttl_ms;          /* of what is written from now on; 0: none */
    uint64_t before[M_COUNT]; /* the metrics at the start */
};

static inline uint32_t script_deliver(void *arg, struct slice key, struct slice items, uint32_t item_count,
                                      const struct push_terms *terms)
{
    struct script *script = arg;
    struct slice item;

    (void)key;
    (void)item_count;
    script->told_terms = terms != NULL;
    script->terms = terms != NULL ? *terms : (struct push_terms){0};
    while (push_next_item(&items, &item)) {
        buf_append(&script->heard, item.data, item.len);
        buf_append_str(&script->heard, " ");
    }
    return script->clients;
}

static inline struct script *script_new(int64_t gap_wait_ms, size_t gap_bytes)
{
    struct script *script = calloc(1, sizeof *script);
    const struct push_handler_conf conf = {.limits = {.max_room_len = 16, .max_item_len = 64, .max_depth = 4},
                                           .max_items = 5,
                                           .sink = {.deliver = script_deliver, .arg = script},
                                           .gap_wait_ms = gap_wait_ms,
                                           .gap_bytes = gap_bytes};

    assert_int_equal(push_handler_new(&conf, &script->handler), STATUS_OK);
    push_handler_set_bus(script->handler, true);
    buf_init(&script->heard, 1 << 24);
    buf_init(&script->batch, 1 << 24);
    buf_init(&script->answer, 1 << 24);
    script->logic = "L";
    script->now = 1;
    script->clients = 1;
    for (unsigned row = 0; row < M_COUNT; row++)
        script->before[row] = metrics_get(row);
    return script;
}

static inline void script_free(struct script *script)
{
    push_handler_free(script->handler);
    buf_fini(&script->heard);
    buf_fini(&script->batch);
    buf_fini(&script->answer);
    free(script);
}

static inline void script_begin(struct script *script)
{
    script->batch.len = 0;
    assert_int_equal(buf_reserve(&script->batch, PUSH_BATCH_HEADER_LEN), STATUS_OK);
    script->batch.len = PUSH_BATCH_HEADER_LEN;
}

static inline void script_add(struct script *script, uint64_t sequence, bool wait)
{
    char number[24];
    struct slice item = slice_of(number, (size_t)snprintf(number, sizeof number, "%" PRIu64, sequence));
    const struct push push = {.target = AUDIENCE_EVERYONE,
                              .items = &item,
                              .item_count = 1,
                              .wait = wait,
                              .terms = {.ttl_ms = script->ttl_ms, .has_ttl = script->ttl_ms > 0}};
    size_t size = push_record_size(&push);

    assert_int_equal(buf_reserve(&script->batch, size), STATUS_OK);
    push_record_encode(&push, sequence, script->batch.data + script->batch.len);
    script->batch.len += size;
}

static inline struct slice script_end(struct script *script, uint64_t first, uint32_t count)
{
    uint8_t id[LOGIC_ID_LEN] = {0};

    memcpy(id, script->logic, strlen(script->logic));
    push_batch_header_encode(id, first, count, script->flags, script->batch.data);
    return slice_of(script->batch.data, script->batch.len);
}

static inline struct slice script_batch(struct script *script, const char *pushes)
{
    uint64_t first = strtoull(pushes, NULL, 10);
    uint32_t count = 0;

    script_begin(script);
    while (*pushes != '\0') {
        char *end;
        uint64_t from = strtoull(pushes, &end, 10);
        uint64_t to = *end == '-' ? strtoull(end + 1, &end, 10) : from;
        bool wait = *end == 'w';

        for (uint64_t sequence = from; count++, script_add(script, sequence, wait), sequence < to;)
            sequence++;
        end += wait;
        pushes = end + (*end == ',');
    }
    return script_end(script, first, count);
}

/* What was heard since the last call. */
static inline const char *script_heard(struct script *script)
{
    static char text[1 << 20];

    assert_true(script->heard.len < sizeof text);
    if (script->heard.len > 0)
        memcpy(text, script->heard.data, script->heard.len);
    text[script->heard.len] = '\0';
    buf_clear(&script->heard);
    return text;
}

static inline enum status script_rpc(struct script *script, const char *pushes)
{
    enum status status;

    buf_clear(&script->answer);
    status = push_handler_batch(script->handler, PUSH_BY_RPC, script_batch(script, pushes), script->now,
                                &script->answer, &script->fault);
    assert_int_equal(buf_append(&script->answer, "", 1), STATUS_OK);
    return status;
}

static inline enum status script_bus(struct script *script, const char *pushes)
{
    return push_handler_batch(script->handler, PUSH_BY_BUS, script_batch(script, pushes), script->now, NULL,
                              &script->fault);
}

static inline uint64_t script_counted(const struct script *script, unsigned row)
{
    return metrics_get(row) - script->before[row];
}

#define heard(script, pushes, expected)                                                                      \
    do {                                                                                                     \
        assert_int_equal((pushes), STATUS_OK);                                                               \
        assert_string_equal(script_heard(script), (expected));                                               \
    } while (0)
#define rpc(script, pushes, expected) heard(script, script_rpc(script, pushes), expected)
#define bus(script, pushes, expected) heard(script, script_bus(script, pushes), expected)
/* RPC is asked to come again. */
#define rpc_again(script, pushes, expected)                                                                  \
    do {                                                                                                     \
        assert_int_equal(script_rpc(script, pushes), STATUS_NOT_FOUND);                                      \
        assert_string_equal(script_heard(script), (expected));                                               \
    } while (0)
#define tick(script, expected)                                                                               \
    do {                                                                                                     \
        assert_int_equal(push_handler_tick((script)->handler, (script)->now), (expected)[0] != '\0');        \
        assert_string_equal(script_heard(script), (expected));                                               \
    } while (0)
#define answered(script, text)       assert_string_equal((const char *)(script)->answer.data, (text))
#define counted(script, row, number) assert_int_equal(script_counted(script, row), (number))

#endif
