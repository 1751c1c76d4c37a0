/* SPDX-License-Identifier: Apache-2.0 */
/* What a link accepted is acked, dropped or queued, in pushes, items and bytes (docs/metrics.md). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "logic/link/link_ledger.h"

enum { MAX_COUNT = 100, ITEMS = 3 };

struct bench {
    struct link_ledger ledger;
    uint8_t logic_id[LOGIC_ID_LEN];
    uint64_t sequence;
};

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);

    logic_metrics_setup();
    link_ledger_init(&bench->ledger, "gateway:1", MAX_COUNT, 1 << 20);
    bench->ledger.logic_id = bench->logic_id;
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static struct encoded_push *make(struct bench *bench)
{
    const struct slice items[ITEMS] = {slice_str("1"), slice_str("22"), slice_str("333")};
    const struct push push = {.target = AUDIENCE_EVERYONE, .items = items, .item_count = ITEMS};
    struct encoded_push *encoded;

    assert_int_equal(encoded_push_new(&push, ++bench->sequence, &encoded), STATUS_OK);
    return encoded;
}

/* Returns its bytes. */
static size_t add(struct bench *bench)
{
    struct encoded_push *push = make(bench);
    size_t len = push->len;

    assert_int_equal(link_queue_reserve(&bench->ledger.queue), STATUS_OK);
    link_ledger_add(&bench->ledger, push);
    encoded_push_unref(push);
    return len;
}

static uint64_t dropped_pushes(void)
{
    return metrics_get(LM_LINK_PUSHES_EXPIRED) + metrics_get(LM_LINK_PUSHES_DOWN) +
           metrics_get(LM_LINK_PUSHES_REFUSED) + metrics_get(LM_LINK_PUSHES_GONE) +
           metrics_get(LM_LINK_PUSHES_SHUTDOWN);
}

static uint64_t dropped_items(void)
{
    return metrics_get(LM_LINK_ITEMS_EXPIRED) + metrics_get(LM_LINK_ITEMS_DOWN) +
           metrics_get(LM_LINK_ITEMS_REFUSED) + metrics_get(LM_LINK_ITEMS_GONE) +
           metrics_get(LM_LINK_ITEMS_SHUTDOWN);
}

/* So many of what was accepted so far are acked, dropped, queued. */
static void expect(const struct bench *bench, uint64_t acked, uint64_t dropped, uint64_t queued)
{
    assert_int_equal(metrics_get(LM_LINK_PUSHES_ACCEPTED), acked + dropped + queued);
    assert_int_equal(metrics_get(LM_LINK_ITEMS_ACCEPTED), ITEMS * (acked + dropped + queued));
    assert_int_equal(metrics_get(LM_LINK_PUSHES_ACKED), acked);
    assert_int_equal(metrics_get(LM_LINK_ITEMS_ACKED), ITEMS * acked);
    assert_int_equal(dropped_pushes(), dropped);
    assert_int_equal(dropped_items(), ITEMS * dropped);
    assert_int_equal(metrics_get(LM_LINK_PUSHES_QUEUED), queued);
    assert_int_equal(metrics_get(LM_LINK_ITEMS_QUEUED), ITEMS * queued);
    assert_int_equal(metrics_get(LM_LINK_BYTES_QUEUED), bench->ledger.queue.bytes);
}

static void what_is_acked_was_accepted(void **state)
{
    struct bench *bench = *state;
    size_t bytes = add(bench) + add(bench);

    expect(bench, 0, 0, 2);
    assert_int_equal(bench->ledger.queue.bytes, bytes);
    link_ledger_ack(&bench->ledger, 1, NULL);
    expect(bench, 1, 0, 1);
    link_ledger_ack(&bench->ledger, 1, NULL);
    expect(bench, 2, 0, 0);
    link_ledger_fini(&bench->ledger);
    expect(bench, 2, 0, 0);
}

static void what_is_dropped_counts_by_its_reason(void **state)
{
    static const struct {
        enum link_drop reason;
        unsigned pushes, items;
    } rows[] = {
        {LINK_DROP_EXPIRED, LM_LINK_PUSHES_EXPIRED, LM_LINK_ITEMS_EXPIRED},
        {LINK_DROP_DOWN, LM_LINK_PUSHES_DOWN, LM_LINK_ITEMS_DOWN},
        {LINK_DROP_REFUSED, LM_LINK_PUSHES_REFUSED, LM_LINK_ITEMS_REFUSED},
        {LINK_DROP_GONE, LM_LINK_PUSHES_GONE, LM_LINK_ITEMS_GONE},
        {LINK_DROP_SHUTDOWN, LM_LINK_PUSHES_SHUTDOWN, LM_LINK_ITEMS_SHUTDOWN},
    };
    struct bench *bench = *state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        (void)add(bench);
        link_ledger_drop(&bench->ledger, 1, rows[i].reason);
        assert_int_equal(metrics_get(rows[i].pushes), 1);
        assert_int_equal(metrics_get(rows[i].items), ITEMS);
        expect(bench, 0, i + 1, 0);
    }
    link_ledger_fini(&bench->ledger);
}

static void what_never_entered_the_queue_counts_as_accepted_and_dropped(void **state)
{
    struct bench *bench = *state;
    struct encoded_push *push = make(bench);

    link_ledger_drop_at_once(push, LINK_DROP_DOWN);
    encoded_push_unref(push);
    expect(bench, 0, 1, 0);
    link_ledger_fini(&bench->ledger);
}

static void what_is_left_at_the_end_is_dropped(void **state)
{
    struct bench *bench = *state;

    (void)add(bench);
    (void)add(bench);
    link_ledger_ack(&bench->ledger, 1, NULL);
    link_ledger_fini(&bench->ledger);
    assert_int_equal(metrics_get(LM_LINK_PUSHES_SHUTDOWN), 1);
    assert_int_equal(metrics_get(LM_LINK_PUSHES_ACCEPTED), 2);
    assert_int_equal(metrics_get(LM_LINK_PUSHES_QUEUED), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_acked_was_accepted),
        TEST(what_is_dropped_counts_by_its_reason),
        TEST(what_never_entered_the_queue_counts_as_accepted_and_dropped),
        TEST(what_is_left_at_the_end_is_dropped),
    };

    return cmocka_run_group_tests_name("link_ledger", tests, NULL, NULL);
}
