/* SPDX-License-Identifier: Apache-2.0 */
/* What the terms of a push do to the batches of a key. A transcript is a batch after the other:
 * "items/count", "!us" with a deadline, and for each part that excludes somebody "-part:whom". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/fanout/merger.h"
#include "shared/base/hashmap.h"
#include "tests/unit/terms_script.h"

enum { TRANSCRIPT = 16384 };

static char seen[TRANSCRIPT];

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    size_t len = strlen(seen);
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(seen + len, sizeof seen - len, format, arguments);
    va_end(arguments);
}

static void say_exclusions(const struct item_batch *batch)
{
    uint32_t count;
    const struct item_part *parts = item_batch_parts(batch, &count);

    for (uint32_t i = 0; i < count; i++) {
        struct slice rest = item_part_exclusions(batch, &parts[i]);
        struct push_exclusion who;

        if (rest.len == 0)
            continue;
        say("-%.*s:", (int)parts[i].len, (const char *)batch->items.data + parts[i].at);
        while (push_next_exclusion(&rest, &who))
            say("%s%.*s", who.connection ? "#" : "", (int)who.name.len, (const char *)who.name.data);
    }
}

static void write_down(void *arg, const struct sealed_batch *sealed)
{
    const struct item_batch *batch = sealed->batch;

    (void)arg;
    say("%.*s/%u", (int)batch->items.len, (const char *)batch->items.data, batch->count);
    if (sealed->expires_us != 0)
        say("!%d", (int)sealed->expires_us);
    if (item_batch_excludes(batch))
        say_exclusions(batch);
    say("; ");
}

static struct merger *merger_of(bool leading, size_t max_items, size_t max_bytes)
{
    const struct merger_conf conf = {1000, max_items, max_bytes, leading};
    struct merger *merger = NULL;

    seen[0] = '\0';
    assert_int_equal(merger_new(&conf, write_down, NULL, &merger), STATUS_OK);
    return merger;
}

static const struct slice room = {(const uint8_t *)"r", 1};

static void add(struct merger *merger, const char *item, const char *line, int64_t now)
{
    struct terms_script script;
    const struct push_terms *terms = line[0] != '\0' ? terms_script_read(&script, line) : NULL;

    assert_int_equal(merger_add(merger, room, hashmap_hash(room), slice_str(item), terms, now), STATUS_OK);
    if (terms != NULL && terms->urgent)
        merger_seal(merger, room, hashmap_hash(room), now);
}

static void expect(const char *text)
{
    assert_string_equal(seen, text);
    seen[0] = '\0';
}

/* A key whose window runs: an item waits for its end. */
static struct merger *busy(bool leading)
{
    struct merger *merger = merger_of(leading, 100, 65536);

    add(merger, "0", "", 0);
    merger_end_turn(merger, 0);
    if (leading)
        expect("0/1; ");
    return merger;
}

static void an_urgent_item_takes_along_what_waits(void **state)
{
    struct merger *merger = busy(true);

    (void)state;
    add(merger, "1", "", 10);
    add(merger, "2", "urgent", 20);
    expect("1,2/2; ");
    assert_int_equal(merger_deadline(merger), 1020);
    add(merger, "3", "", 30);
    merger_end_turn(merger, 30);
    expect("");
    merger_expire(merger, 1020);
    expect("3/1; ");
    merger_free(merger);
}

static void trailing_an_urgent_item_waits_for_no_window(void **state)
{
    struct merger *merger = busy(false);

    (void)state;
    add(merger, "1", "urgent", 10);
    expect("0,1/2; ");
    merger_end_turn(merger, 10);
    merger_expire(merger, 1010);
    expect("");
    assert_int_equal(merger_deadline(merger), -1);
    merger_free(merger);
}

static void to_seal_without_a_batch_does_nothing(void **state)
{
    struct merger *merger = merger_of(true, 100, 65536);

    (void)state;
    merger_seal(merger, room, hashmap_hash(room), 0);
    assert_int_equal(merger_deadline(merger), -1);
    add(merger, "1", "", 0);
    merger_end_turn(merger, 0);
    merger_seal(merger, room, hashmap_hash(room), 500);
    assert_int_equal(merger_deadline(merger), 1000);
    expect("1/1; ");
    merger_free(merger);
}

static void the_newest_of_a_key_stays_at_its_own_place(void **state)
{
    struct merger *merger = busy(true);

    (void)state;
    add(merger, "\"a1\"", "key=a", 1);
    add(merger, "1", "", 2);
    add(merger, "\"b1\"", "key=b", 3);
    add(merger, "\"a2\"", "key=a", 4);
    add(merger, "2", "", 5);
    add(merger, "\"a3\"", "key=a", 6);
    assert_int_equal(merger_pending(merger), 4);
    assert_int_equal(merger_conflated(merger), 2);
    merger_expire(merger, 1000);
    expect("1,\"b1\",2,\"a3\"/4; ");
    assert_int_equal(merger_pending(merger), 0);
    merger_free(merger);
}

static void a_sent_item_is_replaced_by_nothing(void **state)
{
    struct merger *merger = busy(true);

    (void)state;
    add(merger, "1", "key=a", 1);
    merger_expire(merger, 1000);
    add(merger, "2", "key=a", 1001);
    merger_expire(merger, 2000);
    expect("1/1; 2/1; ");
    assert_int_equal(merger_conflated(merger), 0);
    merger_free(merger);
}

static void a_key_is_of_its_room(void **state)
{
    struct merger *merger = merger_of(true, 100, 65536);
    struct terms_script script;
    const struct push_terms *terms = terms_script_read(&script, "key=a");
    struct slice other = slice_str("s");

    (void)state;
    add(merger, "1", "key=a", 0);
    assert_int_equal(merger_add(merger, other, hashmap_hash(other), slice_str("2"), terms, 0), STATUS_OK);
    merger_end_turn(merger, 0);
    expect("1/1; 2/1; ");
    merger_free(merger);
}

/* Only what stays counts; a batch of one key is never full. */
static void replaced_items_count_towards_no_bound(void **state)
{
    struct merger *merger = merger_of(true, 3, 10);

    (void)state;
    for (int i = 0; i < 20; i++)
        add(merger, "1234567", "key=a", 0);
    add(merger, "12", "key=b", 0);
    expect("1234567,12/2; ");
    assert_int_equal(merger_conflated(merger), 19);
    merger_free(merger);
}

/* The older one then goes in the batch before. */
static void a_newer_item_that_does_not_fit_replaces_nothing(void **state)
{
    struct merger *merger = merger_of(true, 100, 10);

    (void)state;
    add(merger, "11", "", 0);
    add(merger, "22", "key=a", 0);
    add(merger, "12345678", "key=a", 0);
    expect("11,22/2; ");
    merger_end_turn(merger, 0);
    expect("12345678/1; ");
    assert_int_equal(merger_conflated(merger), 0);
    merger_free(merger);
}

/* Thousands of holes are closed on the way: memory does not grow with what was replaced. */
static void many_holes_are_closed_and_nothing_is_mixed_up(void **state)
{
    struct merger *merger = busy(true);
    char item[64];
    char key[16];

    (void)state;
    add(merger, "\"plain\"", "", 1);
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(key, sizeof key, "key=%d", i % 7);
        (void)snprintf(item, sizeof item, "{\"n\":%d,\"pad\":\"%.*s\"}", i, i % 30,
                       "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
        add(merger, item, key, 1);
    }
    assert_int_equal(merger_pending(merger), 8);
    merger_expire(merger, 1000);
    expect("\"plain\",{\"n\":4993,\"pad\":\"xxxxxxxxxxxxx\"},{\"n\":4994,\"pad\":\"xxxxxxxxxxxxxx\"},"
           "{\"n\":4995,\"pad\":\"xxxxxxxxxxxxxxx\"},{\"n\":4996,\"pad\":\"xxxxxxxxxxxxxxxx\"},"
           "{\"n\":4997,\"pad\":\"xxxxxxxxxxxxxxxxx\"},{\"n\":4998,\"pad\":\"xxxxxxxxxxxxxxxxxx\"},"
           "{\"n\":4999,\"pad\":\"xxxxxxxxxxxxxxxxxxx\"}/8; ");
    merger_free(merger);
}

static void memory_does_not_grow_with_what_was_replaced(void **state)
{
    struct item_batch batch;
    struct terms_script script;
    const struct push_terms *terms = terms_script_read(&script, "key=a");
    bool replaced;

    (void)state;
    item_batch_init(&batch);
    for (int i = 0; i < 20000; i++)
        assert_int_equal(item_batch_add(&batch, slice_str("\"some item\""), terms, &replaced), STATUS_OK);
    assert_true(batch.items.len < 8192);
    uint32_t parts;
    (void)item_batch_parts(&batch, &parts);
    assert_true(parts < 256);
    assert_int_equal(item_batch_bytes(&batch), 11);
    item_batch_fini(&batch);
}

static void items_of_a_turn_with_the_same_ttl_share_a_batch(void **state)
{
    struct merger *merger = busy(true);

    (void)state;
    add(merger, "1", "ttl=5", 10);
    add(merger, "2", "ttl=5", 10);
    expect("");
    merger_end_turn(merger, 10);
    expect("1,2/2!5010; ");
    assert_int_equal(merger_deadline(merger), 1010);
    merger_free(merger);
}

static void another_deadline_seals_the_batch(void **state)
{
    struct merger *merger = busy(true);

    (void)state;
    add(merger, "1", "", 10);
    add(merger, "2", "ttl=5", 10);
    expect("1/1; ");
    add(merger, "3", "ttl=6", 10);
    expect("2/1!5010; ");
    add(merger, "4", "ttl=6", 11);
    expect("3/1!6010; ");
    add(merger, "5", "", 11);
    expect("4/1!6011; ");
    merger_end_turn(merger, 11);
    expect("5/1; ");
    merger_free(merger);
}

static void trailing_a_ttl_waits_for_no_window_and_what_comes_behind_does(void **state)
{
    struct merger *merger = busy(false);

    (void)state;
    add(merger, "1", "ttl=5", 10);
    expect("0/1; ");
    add(merger, "2", "", 10);
    expect("1/1!5010; ");
    merger_end_turn(merger, 10);
    expect("");
    assert_int_equal(merger_deadline(merger), 1010);
    add(merger, "3", "ttl=5", 20);
    merger_end_turn(merger, 20);
    expect("2/1; 3/1!5020; ");
    merger_expire(merger, 1020);
    assert_int_equal(merger_deadline(merger), -1);
    merger_free(merger);
}

static void without_a_window_a_ttl_goes_with_the_turn(void **state)
{
    struct merger *merger = merger_of(true, 100, 65536);

    (void)state;
    merger_flush(merger);
    add(merger, "1", "ttl=5", 10);
    add(merger, "2", "key=a", 10);
    add(merger, "3", "key=a", 10);
    merger_end_turn(merger, 10);
    expect("1/1!5010; 3/1; ");
    assert_int_equal(merger_deadline(merger), -1);
    merger_free(merger);
}

static void a_flush_sends_what_has_a_deadline_too(void **state)
{
    struct merger *merger = busy(true);

    (void)state;
    add(merger, "1", "ttl=5 key=a", 10);
    add(merger, "2", "ttl=5 key=a -u", 10);
    merger_flush(merger);
    expect("2/1!5010-2:u; ");
    assert_int_equal(merger_pending(merger), 0);
    merger_free(merger);
}

/* A run of items that exclude the same is one part. */
static void exclusions_are_of_their_items(void **state)
{
    struct merger *merger = busy(true);

    (void)state;
    add(merger, "1", "", 1);
    add(merger, "2", "-u -#c", 1);
    add(merger, "3", "-u -#c", 1);
    add(merger, "4", "", 1);
    add(merger, "5", "-v", 1);
    add(merger, "6", "-w", 1);
    merger_expire(merger, 1000);
    expect("1,2,3,4,5,6/6-2,3:u#c-5:v-6:w; ");
    merger_free(merger);
}

static void a_replaced_item_takes_its_exclusions_along(void **state)
{
    struct merger *merger = busy(true);

    (void)state;
    add(merger, "1", "key=a -u", 1);
    add(merger, "2", "key=b -u", 1);
    add(merger, "3", "key=a", 1);
    add(merger, "4", "key=b -v", 1);
    add(merger, "5", "key=c -v", 1);
    merger_expire(merger, 1000);
    expect("3,4,5/3-4:v-5:v; ");
    merger_free(merger);
}

static void exclude_many(struct merger *merger, int count)
{
    char line[16];

    for (int i = 0; i < count; i++) {
        (void)snprintf(line, sizeof line, "-%d", i);
        add(merger, "1", line, 1);
    }
}

static void a_batch_has_a_bound_of_exclusions(void **state)
{
    struct merger *merger = merger_of(true, 100000, 1 << 20);

    (void)state;
    exclude_many(merger, ITEM_BATCH_EXCLUSIONS);
    assert_string_equal(seen, "");
    add(merger, "1", "", 1);
    assert_string_equal(seen, "");
    add(merger, "2", "-u", 1);
    assert_non_null(strstr(seen, "1/1025-"));
    seen[0] = '\0';
    merger_end_turn(merger, 1);
    expect("2/1-2:u; ");
    merger_free(merger);
}

/* Parts count, not what they share: who takes the batch looks at each. */
static void items_with_keys_share_no_exclusion(void **state)
{
    struct merger *merger = merger_of(true, 100000, 1 << 20);
    char line[32];

    (void)state;
    for (int i = 0; i < ITEM_BATCH_EXCLUSIONS; i++) {
        (void)snprintf(line, sizeof line, "key=%d -u", i);
        add(merger, "1", line, 1);
    }
    assert_string_equal(seen, "");
    add(merger, "2", "key=0 -u", 1);
    assert_string_equal(seen, ""); /* in the place of another */
    add(merger, "2", "key=x -u", 1);
    assert_string_not_equal(seen, "");
    merger_free(merger);
}

/* Keys are memory too: as many bytes as items may have. */
static void keys_and_exclusions_are_bounded_in_bytes(void **state)
{
    struct merger *merger = merger_of(true, 100000, 24);

    (void)state;
    add(merger, "1", "key=0123456789", 1);
    add(merger, "2", "key=abcdefghij", 1);
    expect("");
    add(merger, "3", "key=ABCDEFGHIJ", 1);
    expect("1,2/2; ");
    add(merger, "4", "-0123456789ab", 1); /* 3 bytes in front of the name */
    expect("3/1; ");
    merger_free(merger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_urgent_item_takes_along_what_waits),
        cmocka_unit_test(trailing_an_urgent_item_waits_for_no_window),
        cmocka_unit_test(to_seal_without_a_batch_does_nothing),
        cmocka_unit_test(the_newest_of_a_key_stays_at_its_own_place),
        cmocka_unit_test(a_sent_item_is_replaced_by_nothing),
        cmocka_unit_test(a_key_is_of_its_room),
        cmocka_unit_test(replaced_items_count_towards_no_bound),
        cmocka_unit_test(a_newer_item_that_does_not_fit_replaces_nothing),
        cmocka_unit_test(many_holes_are_closed_and_nothing_is_mixed_up),
        cmocka_unit_test(memory_does_not_grow_with_what_was_replaced),
        cmocka_unit_test(items_of_a_turn_with_the_same_ttl_share_a_batch),
        cmocka_unit_test(another_deadline_seals_the_batch),
        cmocka_unit_test(trailing_a_ttl_waits_for_no_window_and_what_comes_behind_does),
        cmocka_unit_test(without_a_window_a_ttl_goes_with_the_turn),
        cmocka_unit_test(a_flush_sends_what_has_a_deadline_too),
        cmocka_unit_test(exclusions_are_of_their_items),
        cmocka_unit_test(a_replaced_item_takes_its_exclusions_along),
        cmocka_unit_test(a_batch_has_a_bound_of_exclusions),
        cmocka_unit_test(items_with_keys_share_no_exclusion),
        cmocka_unit_test(keys_and_exclusions_are_bounded_in_bytes),
    };

    return cmocka_run_group_tests_name("merger terms", tests, NULL, NULL);
}
