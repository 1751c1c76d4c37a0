/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/auth/hook_queue.h"

enum { MANY = 8 };

static const struct hook_limits limits = {.max_asked = 2, .max_waiting = 3, .timeout_ms = 1000};
static struct hook_queue queue;
static struct hook_question questions[MANY];

static int begin(void **state)
{
    (void)state;
    memset(&queue, 0, sizeof queue);
    assert_int_equal(hook_queue_init(&queue, &limits), STATUS_OK);
    for (int i = 0; i < MANY; i++) {
        questions[i] = (struct hook_question){.event = HOOK_CONNECT};
        list_init(&questions[i].node);
        buf_init(&questions[i].json, 100);
    }
    return 0;
}

static int end(void **state)
{
    struct hook_inquiry *inquiry;
    struct list rest;

    (void)state;
    while ((inquiry = hook_queue_any(&queue)) != NULL)
        hook_queue_end(&queue, inquiry, &rest);
    hook_queue_fini(&queue);
    for (int i = 0; i < MANY; i++)
        buf_fini(&questions[i].json);
    return 0;
}

static enum status add(int i, const char *json, int64_t now_ms)
{
    buf_clear(&questions[i].json);
    assert_int_equal(buf_append_str(&questions[i].json, json), STATUS_OK);
    return hook_queue_add(&queue, &questions[i], now_ms);
}

/* The next one to be asked; NULL: none. */
static struct hook_inquiry *expect_next(const char *json, int64_t now_ms)
{
    struct hook_inquiry *inquiry = hook_queue_next(&queue, now_ms);

    if (json == NULL)
        assert_null(inquiry);
    else
        assert_true(inquiry != NULL && slice_equal(hook_inquiry_json(inquiry), slice_str(json)));
    return inquiry;
}

/* Ends it; the indices of its questions in the order of their coming. */
static void finish(struct hook_inquiry *inquiry, const char *expected)
{
    char got[MANY + 1] = "";
    struct list list;

    hook_queue_end(&queue, inquiry, &list);
    while (!list_empty(&list)) {
        struct hook_question *question = container_of(list_first(&list), struct hook_question, node);

        list_remove(&question->node);
        got[strlen(got)] = (char)('0' + (question - questions));
    }
    assert_string_equal(got, expected);
}

static void test_in_order_and_no_more_than_allowed(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(add(i, (const char *const[]){"a", "b", "c"}[i], 0), STATUS_OK);
    struct hook_inquiry *a = expect_next("a", 0);
    struct hook_inquiry *b = expect_next("b", 0);
    expect_next(NULL, 0);
    finish(b, "1");
    struct hook_inquiry *c = expect_next("c", 0);
    expect_next(NULL, 0);
    finish(a, "0");
    finish(c, "2");
    assert_int_equal(hook_queue_questions(&queue), 0);
}

static void test_equal_ones_are_asked_once(void **state)
{
    (void)state;
    add(0, "a", 0);
    struct hook_inquiry *a = expect_next("a", 0);
    add(1, "a", 10); /* while it is asked */
    add(2, "b", 10);
    add(3, "b", 20); /* while it waits */
    struct hook_inquiry *b = expect_next("b", 20);
    expect_next(NULL, 20);
    finish(a, "01");
    finish(b, "23");
    add(0, "a", 30); /* asked anew */
    finish(expect_next("a", 30), "0");
}

static void test_bounded(void **state)
{
    (void)state;
    assert_int_equal(add(0, "a", 0), STATUS_OK);
    assert_int_equal(add(1, "b", 0), STATUS_OK);
    struct hook_inquiry *a = expect_next("a", 0);
    expect_next("b", 0);
    assert_int_equal(add(2, "c", 0), STATUS_OK);
    assert_int_equal(add(3, "a", 0), STATUS_OK); /* an equal one waits too */
    assert_int_equal(add(4, "d", 0), STATUS_OK);
    assert_int_equal(hook_queue_questions(&queue), 5);
    assert_int_equal(add(5, "e", 0), STATUS_FULL);
    assert_int_equal(add(5, "a", 0), STATUS_FULL);
    finish(a, "03");
    assert_int_equal(add(5, "e", 0), STATUS_OK);
    assert_int_equal(add(6, "f", 0), STATUS_OK);
    assert_int_equal(add(7, "g", 0), STATUS_FULL);
}

static void test_time_runs_while_it_waits(void **state)
{
    (void)state;
    assert_int_equal(hook_queue_deadline(&queue), INT64_MAX);
    add(0, "a", 0);
    add(1, "b", 0);
    struct hook_inquiry *a = expect_next("a", 0);
    expect_next("b", 0);
    assert_int_equal(a->deadline_ms, 1000);
    assert_int_equal(hook_queue_deadline(&queue),
                     INT64_MAX); /* those that are asked have a time of their own */
    add(2, "c", 100);
    add(3, "d", 200);
    assert_int_equal(hook_queue_deadline(&queue), 600);
    assert_null(hook_queue_late(&queue, 599));
    finish(a, "0");
    expect_next(NULL, 600); /* too late to be asked */
    finish(hook_queue_late(&queue, 600), "2");
    assert_null(hook_queue_late(&queue, 600));
    struct hook_inquiry *d = expect_next("d", 699);
    assert_int_equal(d->deadline_ms, 1200);
    finish(d, "3");
}

static void test_other_limits(void **state)
{
    (void)state;
    add(0, "a", 0);
    add(1, "b", 0);
    expect_next("a", 0);
    expect_next("b", 0);
    queue.limits.max_asked = 1;
    add(2, "c", 0);
    expect_next(NULL, 0);
    struct list list;
    hook_queue_end(&queue, hook_queue_any(&queue), &list);
    expect_next(NULL, 0); /* one is still under way */
    hook_queue_end(&queue, hook_queue_any(&queue), &list);
    finish(expect_next("c", 0), "2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_in_order_and_no_more_than_allowed, begin, end),
        cmocka_unit_test_setup_teardown(test_equal_ones_are_asked_once, begin, end),
        cmocka_unit_test_setup_teardown(test_bounded, begin, end),
        cmocka_unit_test_setup_teardown(test_time_runs_while_it_waits, begin, end),
        cmocka_unit_test_setup_teardown(test_other_limits, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
