/* SPDX-License-Identifier: Apache-2.0 */
/* The merger against a clock that the test turns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "gateway/fanout/merger.h"
#include "shared/base/hashmap.h"

struct transcript {
    char text[4096]; /* "room=items;" per batch */
    int64_t since;   /* of the last batch */
};

static void write_down(void *arg, const struct sealed_batch *sealed)
{
    struct transcript *transcript = arg;
    const struct buf *items = &sealed->batch->items;
    size_t len = strlen(transcript->text);

    assert_int_equal(sealed->hash, hashmap_hash(sealed->key));
    assert_int_equal(sealed->expires_us, 0);
    transcript->since = sealed->since_us;
    (void)snprintf(transcript->text + len, sizeof transcript->text - len, "%.*s=%.*s/%u;",
                   (int)sealed->key.len, (const char *)sealed->key.data, (int)items->len,
                   (const char *)items->data, sealed->batch->count);
}

static struct merger *merger_of(struct transcript *transcript, bool leading, int64_t delay, size_t max_items,
                                size_t max_bytes)
{
    const struct merger_conf conf = {delay, max_items, max_bytes, leading};
    struct merger *merger = NULL;

    memset(transcript, 0, sizeof *transcript);
    assert_int_equal(merger_new(&conf, write_down, transcript, &merger), STATUS_OK);
    return merger;
}

static void add(struct merger *merger, const char *room, const char *item, int64_t now)
{
    struct slice key = slice_str(room);

    assert_int_equal(merger_add(merger, key, hashmap_hash(key), slice_str(item), NULL, now), STATUS_OK);
}

static void expect(struct transcript *transcript, const char *text)
{
    assert_string_equal(transcript->text, text);
    transcript->text[0] = '\0';
}

static void quiet_key_sends_at_the_end_of_the_turn(void **state)
{
    struct transcript seen;
    struct merger *merger = merger_of(&seen, true, 1000, 100, 65536);

    (void)state;
    add(merger, "r", "1", 50);
    add(merger, "r", "2", 50);
    expect(&seen, "");
    merger_end_turn(merger, 50);
    expect(&seen, "r=1,2/2;");
    assert_int_equal(merger_deadline(merger), 1050);
    merger_free(merger);
}

static void items_inside_the_window_wait_for_its_end(void **state)
{
    struct transcript seen;
    struct merger *merger = merger_of(&seen, true, 1000, 100, 65536);

    (void)state;
    add(merger, "r", "1", 0);
    merger_end_turn(merger, 0);
    add(merger, "r", "2", 10);
    merger_end_turn(merger, 10);
    add(merger, "r", "3", 900);
    merger_end_turn(merger, 900);
    merger_expire(merger, 999);
    expect(&seen, "r=1/1;");
    assert_int_equal(merger_pending(merger), 2);
    merger_expire(merger, 1000);
    expect(&seen, "r=2,3/2;");
    assert_int_equal(merger_pending(merger), 0);
    add(merger, "r", "4", 1500);
    merger_end_turn(merger, 1500);
    expect(&seen, "");
    merger_expire(merger, 2000);
    expect(&seen, "r=4/1;");
    merger_free(merger);
}

static void a_window_without_items_makes_the_key_quiet_again(void **state)
{
    struct transcript seen;
    struct merger *merger = merger_of(&seen, true, 1000, 100, 65536);

    (void)state;
    add(merger, "r", "1", 0);
    merger_end_turn(merger, 0);
    merger_expire(merger, 1000);
    assert_int_equal(merger_deadline(merger), -1);
    add(merger, "r", "2", 1001);
    merger_end_turn(merger, 1001);
    expect(&seen, "r=1/1;r=2/1;");
    merger_free(merger);
}

static void a_full_batch_goes_at_once(void **state)
{
    struct transcript seen;
    struct merger *merger = merger_of(&seen, true, 1000, 2, 65536);

    (void)state;
    add(merger, "r", "1", 0);
    add(merger, "r", "2", 0);
    expect(&seen, "r=1,2/2;");
    add(merger, "r", "3", 0);
    merger_end_turn(merger, 0);
    expect(&seen, "r=3/1;");
    add(merger, "r", "4", 10);
    merger_end_turn(merger, 10);
    add(merger, "r", "5", 20);
    expect(&seen, "r=4,5/2;");
    merger_free(merger);
}

static void a_full_batch_begins_the_window_anew(void **state)
{
    struct transcript seen;
    struct merger *merger = merger_of(&seen, true, 1000, 2, 65536);

    (void)state;
    add(merger, "r", "1", 0);
    add(merger, "other", "1", 0);
    merger_end_turn(merger, 0);
    add(merger, "r", "2", 10);
    add(merger, "r", "3", 900);
    expect(&seen, "r=1/1;other=1/1;r=2,3/2;");
    add(merger, "r", "4", 930);
    assert_int_equal(merger_deadline(merger), 1000);
    merger_expire(merger, 1000);
    expect(&seen, "");
    assert_int_equal(merger_deadline(merger), 1900);
    merger_expire(merger, 1899);
    expect(&seen, "");
    merger_expire(merger, 1900);
    expect(&seen, "r=4/1;");
    assert_int_equal(merger_deadline(merger), 2900);
    merger_free(merger);
}

static void the_byte_limit_seals_before_it_is_passed(void **state)
{
    struct transcript seen;
    struct merger *merger = merger_of(&seen, true, 1000, 100, 7);

    (void)state;
    add(merger, "r", "111", 0);
    add(merger, "r", "222", 0);
    expect(&seen, "r=111,222/2;");
    add(merger, "r", "33333", 0);
    add(merger, "r", "44", 0);
    expect(&seen, "r=33333/1;");
    add(merger, "r", "larger than the limit", 0);
    expect(&seen, "r=44/1;r=larger than the limit/1;");
    merger_free(merger);
}

static void trailing_holds_the_first_item_for_the_whole_delay(void **state)
{
    struct transcript seen;
    struct merger *merger = merger_of(&seen, false, 1000, 3, 65536);

    (void)state;
    add(merger, "r", "1", 0);
    merger_end_turn(merger, 0);
    add(merger, "r", "2", 400);
    merger_expire(merger, 999);
    expect(&seen, "");
    merger_expire(merger, 1000);
    expect(&seen, "r=1,2/2;");
    add(merger, "r", "3", 1100);
    assert_int_equal(merger_deadline(merger), 2100);
    add(merger, "r", "4", 1200);
    add(merger, "r", "5", 1300);
    expect(&seen, "r=3,4,5/3;");
    add(merger, "r", "6", 1400);
    assert_int_equal(merger_deadline(merger), 2400);
    merger_free(merger);
}

static void a_batch_says_when_its_first_item_came(void **state)
{
    struct transcript seen;
    struct merger *merger = merger_of(&seen, true, 1000, 2, 65536);

    (void)state;
    add(merger, "r", "1", 7);
    merger_end_turn(merger, 9);
    assert_int_equal(seen.since, 7);
    add(merger, "r", "2", 20);
    add(merger, "r", "3", 30);
    assert_int_equal(seen.since, 20);
    add(merger, "r", "4", 40);
    merger_expire(merger, 1030);
    assert_int_equal(seen.since, 40);
    add(merger, "r", "5", 1040);
    merger_flush(merger);
    assert_int_equal(seen.since, 1040);
    expect(&seen, "r=1/1;r=2,3/2;r=4/1;r=5/1;");
    merger_free(merger);
}

static void rooms_and_the_broadcast_do_not_mix(void **state)
{
    struct transcript seen;
    struct merger *merger = merger_of(&seen, true, 1000, 100, 65536);

    (void)state;
    add(merger, "a", "1", 0);
    add(merger, "", "2", 0);
    add(merger, "b", "3", 0);
    add(merger, "a", "4", 0);
    merger_end_turn(merger, 0);
    expect(&seen, "a=1,4/2;=2/1;b=3/1;");
    merger_free(merger);
}

static void without_a_delay_every_turn_sends(void **state)
{
    struct transcript seen;
    struct merger *merger = merger_of(&seen, true, 0, 100, 65536);

    (void)state;
    add(merger, "r", "1", 0);
    merger_end_turn(merger, 0);
    add(merger, "r", "2", 0);
    merger_end_turn(merger, 0);
    expect(&seen, "r=1/1;r=2/1;");
    assert_int_equal(merger_deadline(merger), -1);
    merger_free(merger);
}

static void flush_sends_all_and_delays_nothing_after(void **state)
{
    struct transcript seen;
    struct merger *merger = merger_of(&seen, true, 1000, 100, 65536);

    (void)state;
    add(merger, "a", "1", 0);
    merger_end_turn(merger, 0);
    add(merger, "a", "2", 1);
    add(merger, "b", "3", 1);
    seen.text[0] = '\0';
    merger_flush(merger);
    expect(&seen, "b=3/1;a=2/1;");
    add(merger, "a", "4", 2);
    merger_end_turn(merger, 2);
    add(merger, "a", "5", 3);
    merger_end_turn(merger, 3);
    expect(&seen, "a=4/1;a=5/1;");
    merger_free(merger);
}

static void sets(struct merger *merger, bool leading, int64_t delay, size_t max_items)
{
    const struct merger_conf conf = {delay, max_items, 65536, leading};

    merger_set_conf(merger, &conf);
}

/* Windows begun before and after, of keys that would else be out of order. */
static void another_delay_holds_for_open_windows(void **state)
{
    struct transcript seen;
    struct merger *merger = merger_of(&seen, false, 1000, 100, 65536);

    (void)state;
    add(merger, "a", "1", 0);
    sets(merger, false, 100, 100);
    add(merger, "b", "2", 50);
    assert_int_equal(merger_deadline(merger), 100);
    merger_expire(merger, 120);
    expect(&seen, "a=1/1;");
    sets(merger, false, 500, 100);
    assert_int_equal(merger_deadline(merger), 550);
    merger_expire(merger, 549);
    expect(&seen, "");
    merger_expire(merger, 550);
    expect(&seen, "b=2/1;");
    assert_int_equal(merger_deadline(merger), -1);
    merger_free(merger);
}

static void another_batch_size_holds_for_what_waits(void **state)
{
    struct transcript seen;
    struct merger *merger = merger_of(&seen, false, 1000, 100, 65536);

    (void)state;
    for (int i = 0; i < 5; i++)
        add(merger, "r", "1", 0);
    sets(merger, false, 1000, 3);
    expect(&seen, "");
    add(merger, "r", "2", 1);
    expect(&seen, "r=1,1,1,1,1,2/6;");
    merger_free(merger);
}

static void the_edge_changes_with_keys_in_both_lists(void **state)
{
    struct transcript seen;
    struct merger *merger = merger_of(&seen, true, 1000, 100, 65536);

    (void)state;
    add(merger, "quiet", "1", 0);
    merger_end_turn(merger, 0);
    expect(&seen, "quiet=1/1;");
    add(merger, "fresh", "2", 10);
    sets(merger, false, 1000, 100);
    add(merger, "quiet", "3", 20);
    add(merger, "fresh", "4", 20);
    merger_end_turn(merger, 20);
    expect(&seen, "fresh=2,4/2;");
    merger_expire(merger, 1020);
    expect(&seen, "quiet=3/1;");
    add(merger, "late", "5", 1100);
    sets(merger, true, 1000, 100);
    merger_end_turn(merger, 1100);
    expect(&seen, "");
    merger_expire(merger, 2100);
    expect(&seen, "late=5/1;");
    assert_int_equal(merger_pending(merger), 0);
    merger_free(merger);
}

static void a_flush_is_not_undone(void **state)
{
    struct transcript seen;
    struct merger *merger = merger_of(&seen, true, 1000, 100, 65536);

    (void)state;
    merger_flush(merger);
    sets(merger, true, 1000, 100);
    add(merger, "r", "1", 0);
    merger_end_turn(merger, 0);
    add(merger, "r", "2", 1);
    merger_end_turn(merger, 1);
    expect(&seen, "r=1/1;r=2/1;");
    merger_free(merger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quiet_key_sends_at_the_end_of_the_turn),
        cmocka_unit_test(items_inside_the_window_wait_for_its_end),
        cmocka_unit_test(a_window_without_items_makes_the_key_quiet_again),
        cmocka_unit_test(a_full_batch_goes_at_once),
        cmocka_unit_test(a_full_batch_begins_the_window_anew),
        cmocka_unit_test(the_byte_limit_seals_before_it_is_passed),
        cmocka_unit_test(trailing_holds_the_first_item_for_the_whole_delay),
        cmocka_unit_test(a_batch_says_when_its_first_item_came),
        cmocka_unit_test(rooms_and_the_broadcast_do_not_mix),
        cmocka_unit_test(without_a_delay_every_turn_sends),
        cmocka_unit_test(flush_sends_all_and_delays_nothing_after),
        cmocka_unit_test(another_delay_holds_for_open_windows),
        cmocka_unit_test(another_batch_size_holds_for_what_waits),
        cmocka_unit_test(the_edge_changes_with_keys_in_both_lists),
        cmocka_unit_test(a_flush_is_not_undone),
    };

    return cmocka_run_group_tests_name("merger", tests, NULL, NULL);
}
