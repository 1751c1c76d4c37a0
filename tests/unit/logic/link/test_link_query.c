/* SPDX-License-Identifier: Apache-2.0 */
/* Which questions to a gateway are under way, and who is told of their answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "logic/link/link_query.h"

enum { TEXTS = 128, STREAM_STEP = 2 };

static char connection; /* whose address is one */
static struct link_queries queries;
static int32_t last_stream;
static char texts[TEXTS][64]; /* by stream */
static bool refuse;           /* what h2_request says next */
static struct told {
    int calls;
    int status;
    char body[64];
} told[TEXTS];

enum status h2_request(struct h2_conn *conn, const char *method, const char *path, const char *content_type,
                       const struct h2_body *body, int32_t *stream)
{
    int eof = 0;
    size_t len = 0;

    assert_ptr_equal(conn, &connection);
    assert_string_equal(method, "POST");
    assert_string_equal(path, "/rpc/query");
    assert_string_equal(content_type, "application/json");
    if (refuse)
        return STATUS_CLOSED;
    *stream = last_stream += STREAM_STEP;
    while (!eof) /* three bytes at a time, as a narrow window has it */
        len += body->read(body->arg, (uint8_t *)texts[*stream / STREAM_STEP] + len, 3, &eof);
    return STATUS_OK;
}

static int set_up(void **state)
{
    (void)state;
    link_queries_init(&queries);
    link_queries_start(&queries, (struct h2_conn *)(void *)&connection);
    last_stream = 0;
    refuse = false;
    memset(texts, 0, sizeof texts);
    memset(told, 0, sizeof told);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    link_queries_stop(&queries);
    assert_int_equal(queries.asked_count + queries.waiting_count, 0);
    return 0;
}

static void on_answer(void *arg, int status, struct slice body)
{
    struct told *one = arg;

    one->calls++;
    one->status = status;
    if (body.len > 0)
        memcpy(one->body, body.data, body.len);
}

static struct link_query *ask(size_t index, const char *text)
{
    struct link_query *query = NULL;

    assert_int_equal(link_queries_ask(&queries, slice_str(text), on_answer, &told[index], &query), STATUS_OK);
    assert_int_equal(told[index].calls, 0);
    return query;
}

static void expect(size_t index, int status, const char *body)
{
    assert_int_equal(told[index].calls, 1);
    assert_int_equal(told[index].status, status);
    assert_string_equal(told[index].body, body);
}

static void each_answer_goes_to_its_question(void **state)
{
    (void)state;
    ask(0, "{\"op\":\"a\"}");
    ask(1, "{\"op\":\"b\"}");
    assert_string_equal(texts[1], "{\"op\":\"a\"}");
    assert_string_equal(texts[2], "{\"op\":\"b\"}");
    assert_true(link_queries_answer(&queries, 4, 200, slice_str("B")));
    assert_int_equal(told[0].calls, 0);
    assert_true(link_queries_answer(&queries, 2, 503, slice_str("A")));
    expect(0, 503, "A");
    expect(1, 200, "B");
}

static void answers_of_others_are_not_taken(void **state)
{
    (void)state;
    ask(0, "x");
    assert_false(link_queries_answer(&queries, 99, 200, slice_str("")));
    assert_true(link_queries_answer(&queries, 2, 200, slice_str("")));
    assert_false(link_queries_answer(&queries, 2, 200, slice_str(""))); /* nor twice */
}

static void a_few_are_under_way_and_the_others_wait_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < LINK_QUERIES_AT_ONCE + 2; i++)
        ask(i, i == LINK_QUERIES_AT_ONCE ? "next" : "x");
    assert_int_equal(last_stream / STREAM_STEP, LINK_QUERIES_AT_ONCE);
    assert_true(link_queries_answer(&queries, 2, 200, slice_str("")));
    assert_int_equal(last_stream / STREAM_STEP, LINK_QUERIES_AT_ONCE + 1);
    assert_string_equal(texts[LINK_QUERIES_AT_ONCE + 1], "next");
}

static void too_many_waiting_are_refused(void **state)
{
    struct link_query *query;

    (void)state;
    for (size_t i = 0; i < LINK_QUERIES_AT_ONCE + LINK_QUERIES_WAITING; i++)
        ask(i, "x");
    assert_int_equal(link_queries_ask(&queries, slice_str("x"), on_answer, &told[0], &query), STATUS_FULL);
}

/* A gateway that stands still is asked no more than a few: who does not wait any more frees no place. */
static void a_cancelled_one_keeps_its_place_until_it_is_answered(void **state)
{
    struct link_query *asked[LINK_QUERIES_AT_ONCE];

    (void)state;
    for (size_t i = 0; i < LINK_QUERIES_AT_ONCE; i++)
        asked[i] = ask(i, "x");
    for (size_t i = 0; i < LINK_QUERIES_AT_ONCE; i++)
        link_query_cancel(asked[i]);
    ask(10, "y");
    assert_int_equal(last_stream / STREAM_STEP, LINK_QUERIES_AT_ONCE);
    assert_true(link_queries_answer(&queries, 2, 200, slice_str("late")));
    assert_int_equal(told[0].calls, 0);
    assert_int_equal(last_stream / STREAM_STEP, LINK_QUERIES_AT_ONCE + 1);
}

static void a_cancelled_one_that_waits_is_never_asked(void **state)
{
    (void)state;
    for (size_t i = 0; i < LINK_QUERIES_AT_ONCE; i++)
        ask(i, "x");
    struct link_query *waiting = ask(10, "y");
    ask(11, "z");
    link_query_cancel(waiting);
    assert_true(link_queries_answer(&queries, 2, 200, slice_str("")));
    assert_string_equal(texts[LINK_QUERIES_AT_ONCE + 1], "z");
    assert_int_equal(told[10].calls, 0);
}

static void who_waits_is_told_that_the_connection_is_over(void **state)
{
    (void)state;
    for (size_t i = 0; i < LINK_QUERIES_AT_ONCE + 1; i++)
        ask(i, "x");
    link_queries_stop(&queries);
    for (size_t i = 0; i < LINK_QUERIES_AT_ONCE + 1; i++)
        expect(i, 0, "");
    struct link_query *query;
    assert_int_equal(link_queries_ask(&queries, slice_str("x"), on_answer, &told[0], &query), STATUS_CLOSED);
}

static void one_that_cannot_be_sent_is_refused_or_lost(void **state)
{
    struct link_query *query;

    (void)state;
    refuse = true;
    assert_int_equal(link_queries_ask(&queries, slice_str("x"), on_answer, &told[9], &query), STATUS_CLOSED);
    refuse = false;
    for (size_t i = 0; i < LINK_QUERIES_AT_ONCE + 1; i++)
        ask(i, "x");
    refuse = true;
    assert_true(link_queries_answer(&queries, 2, 200, slice_str("")));
    expect(LINK_QUERIES_AT_ONCE, 0, "");
    assert_int_equal(told[9].calls, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_answer_goes_to_its_question),
        TEST(answers_of_others_are_not_taken),
        TEST(a_few_are_under_way_and_the_others_wait_in_order),
        TEST(too_many_waiting_are_refused),
        TEST(a_cancelled_one_keeps_its_place_until_it_is_answered),
        TEST(a_cancelled_one_that_waits_is_never_asked),
        TEST(who_waits_is_told_that_the_connection_is_over),
        TEST(one_that_cannot_be_sent_is_refused_or_lost),
    };

    return cmocka_run_group_tests_name("link_query", tests, NULL, NULL);
}
