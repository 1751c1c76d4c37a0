/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of one link: order, bounds, and the batch that is frozen until it is answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "logic/link/link_queue.h"

static struct encoded_push *make_push(uint64_t sequence, const char *item)
{
    const struct slice items[] = {slice_str(item)};
    const struct push push = {.target = AUDIENCE_EVERYONE, .items = items, .item_count = 1};
    struct encoded_push *encoded;

    assert_int_equal(encoded_push_new(&push, sequence, &encoded), STATUS_OK);
    return encoded;
}

static size_t add(struct link_queue *queue, uint64_t sequence)
{
    struct encoded_push *push = make_push(sequence, "1");
    size_t len = push->len;

    assert_int_equal(link_queue_reserve(queue), STATUS_OK);
    link_queue_add(queue, push);
    encoded_push_unref(push);
    return len;
}

static uint64_t take(struct link_queue *queue)
{
    struct encoded_push *push = link_queue_take(queue);
    uint64_t sequence = push->sequence;

    encoded_push_unref(push);
    return sequence;
}

static void keeps_order_while_the_ring_grows_and_wraps(void **state)
{
    struct link_queue queue;
    uint64_t next = 1, oldest = 1;

    (void)state;
    link_queue_init(&queue, 100000, SIZE_MAX);
    for (int round = 0; round < 400; round++) {
        for (int i = 0; i < 7; i++)
            add(&queue, next++);
        for (int i = 0; i < 4; i++)
            assert_int_equal(take(&queue), oldest++);
    }
    assert_int_equal(queue.count, next - oldest);
    while (queue.count > 0)
        assert_int_equal(take(&queue), oldest++);
    assert_int_equal(oldest, next);
    assert_int_equal(queue.bytes, 0);
    link_queue_fini(&queue);
}

static void shares_a_push_between_queues(void **state)
{
    struct link_queue one, two;
    struct encoded_push *push = make_push(1, "{}");

    (void)state;
    link_queue_init(&one, 10, 1000);
    link_queue_init(&two, 10, 1000);
    link_queue_reserve(&one);
    link_queue_reserve(&two);
    link_queue_add(&one, push);
    link_queue_add(&two, push);
    assert_int_equal(push->refs, 3);
    link_queue_fini(&one);
    assert_int_equal(push->refs, 2);
    assert_int_equal(take(&two), 1);
    assert_int_equal(push->refs, 1);
    encoded_push_unref(push);
    link_queue_fini(&two);
}

static void refuses_past_the_count(void **state)
{
    struct link_queue queue;

    (void)state;
    link_queue_init(&queue, 2, 1000000);
    add(&queue, 1);
    assert_true(link_queue_has_room(&queue, 10));
    add(&queue, 2);
    assert_false(link_queue_has_room(&queue, 10));
    take(&queue);
    assert_true(link_queue_has_room(&queue, 10));
    link_queue_fini(&queue);
}

static void refuses_past_the_bytes(void **state)
{
    struct link_queue queue;
    size_t len;

    (void)state;
    link_queue_init(&queue, 1000, 100);
    len = add(&queue, 1);
    assert_true(link_queue_has_room(&queue, 100 - len));
    assert_false(link_queue_has_room(&queue, 100 - len + 1));
    assert_false(link_queue_has_room(&queue, SIZE_MAX));
    link_queue_fini(&queue);
}

static void takes_one_record_above_the_bytes_when_empty(void **state)
{
    struct link_queue queue;

    (void)state;
    link_queue_init(&queue, 1000, 1);
    assert_true(link_queue_has_room(&queue, 4000));
    add(&queue, 1);
    assert_false(link_queue_has_room(&queue, 1));
    link_queue_fini(&queue);
}

static void frozen_batch_does_not_grow(void **state)
{
    struct link_queue queue;

    (void)state;
    link_queue_init(&queue, 1000, 100000);
    add(&queue, 1);
    add(&queue, 2);
    assert_int_equal(link_queue_freeze(&queue, 4096, 100000), 2);
    add(&queue, 3);
    assert_int_equal(link_queue_freeze(&queue, 4096, 100000), 2);
    take(&queue);
    take(&queue);
    assert_int_equal(queue.frozen, 0);
    assert_int_equal(link_queue_freeze(&queue, 4096, 100000), 1);
    assert_int_equal(link_queue_at(&queue, 0)->sequence, 3);
    link_queue_fini(&queue);
}

static void batch_is_bounded_by_count_and_bytes(void **state)
{
    struct link_queue queue;
    size_t len = 0;

    (void)state;
    link_queue_init(&queue, 1000, 100000);
    for (uint64_t i = 1; i <= 10; i++)
        len = add(&queue, i);
    assert_int_equal(link_queue_freeze(&queue, 3, 100000), 3);
    link_queue_thaw(&queue);
    assert_int_equal(link_queue_freeze(&queue, 4096, 5 * len), 5);
    link_queue_thaw(&queue);
    assert_int_equal(link_queue_freeze(&queue, 4096, 5 * len - 1), 4);
    link_queue_thaw(&queue);
    assert_int_equal(link_queue_freeze(&queue, 4096, 1), 1);
    link_queue_fini(&queue);
}

static void letting_go_of_frozen_pushes_keeps_the_rest_frozen(void **state)
{
    struct link_queue queue;

    (void)state;
    link_queue_init(&queue, 1000, 100000);
    for (uint64_t i = 1; i <= 4; i++)
        add(&queue, i);
    link_queue_freeze(&queue, 3, 100000);
    assert_int_equal(take(&queue), 1);
    assert_int_equal(queue.frozen, 2);
    assert_int_equal(queue.count, 3);
    link_queue_fini(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_order_while_the_ring_grows_and_wraps),
        cmocka_unit_test(shares_a_push_between_queues),
        cmocka_unit_test(refuses_past_the_count),
        cmocka_unit_test(refuses_past_the_bytes),
        cmocka_unit_test(takes_one_record_above_the_bytes_when_empty),
        cmocka_unit_test(frozen_batch_does_not_grow),
        cmocka_unit_test(batch_is_bounded_by_count_and_bytes),
        cmocka_unit_test(letting_go_of_frozen_pushes_keeps_the_rest_frozen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
