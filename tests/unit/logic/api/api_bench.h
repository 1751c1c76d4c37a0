/* SPDX-License-Identifier: Apache-2.0 */
/* Exchanges without a connection, and a dispatch that the test plays: it keeps each push until the test says
 * what became of it, or says so at once. For test_push_job.c and test_http_api.c. */
#ifndef FANFARE_TESTS_API_BENCH_H
#define FANFARE_TESTS_API_BENCH_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logic/dispatch/dispatch.h"
#include "logic/metrics/logic_metrics.h"
#include "shared/http/http_server.h"
#include "shared/json/error_json.h"

enum { BENCH_PUSHES = 16, BENCH_TEXT = 1024, BENCH_BODY = 128 * 1024 };

struct http_exchange {
    struct http_request *request;
    void *kept; /* until the answer */
    void (*release)(void *kept);
    int replies; /* must end as 1 */
    int status;
    char headers[BENCH_TEXT]; /* "Name: value\n" */
    char body[BENCH_BODY];
};

static struct bench_push {
    enum audience target;
    size_t items, rooms;
    char room[32]; /* the first */
    char item[32]; /* likewise */
    bool wait;
    struct traceparent trace;
    const char *caller;
    push_done *done;
    void *arg;
} pushes[BENCH_PUSHES];
static size_t push_count;
static const struct push_outcome *at_once; /* what becomes of each; NULL: the test says later */

const struct http_request *http_exchange_request(const struct http_exchange *exchange)
{
    assert_int_equal(exchange->replies, 0);
    return exchange->request;
}

void http_exchange_keep(struct http_exchange *exchange, void *kept, void (*release)(void *kept))
{
    assert_null(exchange->kept);
    exchange->kept = kept;
    exchange->release = release;
}

void *http_exchange_kept(const struct http_exchange *exchange)
{
    assert_int_equal(exchange->replies, 0);
    return exchange->kept;
}

void http_exchange_header(struct http_exchange *exchange, const char *name, const char *value)
{
    size_t len = strlen(exchange->headers);

    assert_int_equal(exchange->replies, 0);
    snprintf(exchange->headers + len, sizeof exchange->headers - len, "%s: %s\n", name, value);
}

void http_reply(struct http_exchange *exchange, int status, const char *content_type, const void *body,
                size_t len)
{
    assert_int_equal(exchange->replies, 0);
    assert_true(len < sizeof exchange->body);
    exchange->replies++;
    exchange->status = status;
    if (len > 0) {
        assert_non_null(content_type);
        memcpy(exchange->body, body, len);
    }
    exchange->body[len] = '\0';
    if (exchange->kept != NULL)
        exchange->release(exchange->kept);
    exchange->kept = NULL;
}

void http_reply_error(struct http_exchange *exchange, int status, const char *code, const char *format, ...)
{
    char message[512];
    struct buf json;
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    buf_init(&json, SIZE_MAX);
    assert_int_equal(error_json_append(&json, code, message), STATUS_OK);
    http_reply(exchange, status, "application/json", json.data, json.len);
    buf_fini(&json);
}

static inline void keep_text(char *out, size_t cap, struct slice text)
{
    snprintf(out, cap, "%.*s", (int)text.len, (const char *)text.data);
}

void dispatch_push(struct dispatch *dispatch, const struct push *push, push_done *done, void *arg)
{
    struct bench_push *kept = &pushes[push_count++];

    (void)dispatch;
    assert_true(push_count <= BENCH_PUSHES);
    *kept = (struct bench_push){.target = push->target,
                                .items = push->item_count,
                                .rooms = push->room_count,
                                .wait = push->wait,
                                .trace = push->trace,
                                .caller = push->caller,
                                .done = done,
                                .arg = arg};
    if (push->item_count > 0)
        keep_text(kept->item, sizeof kept->item, push->items[0]);
    if (push->room_count > 0)
        keep_text(kept->room, sizeof kept->room, push->rooms[0]);
    if (at_once != NULL)
        done(at_once, arg);
}

/* What became of the push that was dispatched as number `index`, from 0. */
static inline void settle_push(size_t index, enum push_verdict verdict)
{
    struct push_outcome outcome = {
        .verdict = verdict, .sequence = 100 + index, .items = 1, .known = 1, .queued = 1};

    assert_true(index < push_count);
    pushes[index].done(&outcome, pushes[index].arg);
    push_outcome_fini(&outcome);
}

static inline void expect_answer(const struct http_exchange *exchange, int status, const char *part)
{
    assert_int_equal(exchange->replies, 1);
    assert_int_equal(exchange->status, status);
    if (strstr(exchange->body, part) == NULL)
        fail_msg("%s is not in %s", part, exchange->body);
}

static inline void reset_bench(void)
{
    logic_metrics_setup();
    memset(pushes, 0, sizeof pushes);
    push_count = 0;
    at_once = NULL;
}

#endif
