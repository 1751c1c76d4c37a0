/* SPDX-License-Identifier: Apache-2.0 */
/* Who is the first of its key, what repeats get, and what gives way; and the table beside a simple model of
 * it, for many steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logic/store/repeat_table.h"

enum { ROOMY = 1 << 20, T0 = 1000 };

static const struct repeat_answer taken = {200, {(const uint8_t *)"{\"id\":1}", 8}, true};
static const struct repeat_answer refused = {503, {(const uint8_t *)"{\"error\":2}", 11}, false};

static int told_so_far;

struct listener {
    struct repeat_waiter waiter;
    int told;
    int place; /* among all who were told */
    struct repeat_answer answer;
};

static void on_told(struct repeat_waiter *waiter, const struct repeat_answer *answer)
{
    struct listener *listener = container_of(waiter, struct listener, waiter);

    listener->told++;
    listener->place = told_so_far++;
    listener->answer = *answer;
}

/* In its place: its list points into it. */
#define MAKE(table, entries, bytes)                                                                          \
    struct repeat_table table;                                                                               \
    assert_int_equal(repeat_table_init(&(table), &(const struct repeat_bounds){(entries), (bytes)}),         \
                     STATUS_OK)

static struct repeat_entry *first(struct repeat_table *table, const char *key, uint64_t digest,
                                  int64_t now_ms)
{
    struct listener nobody = {.waiter = {.told = on_told}};
    struct repeat_entry *entry = NULL;
    struct repeat_answer answer;

    assert_int_equal(
        repeat_table_claim(table, slice_str(key), digest, now_ms, &nobody.waiter, &entry, &answer),
        REPEAT_FIRST);
    assert_non_null(entry);
    return entry;
}

static enum repeat_verdict claim(struct repeat_table *table, const char *key, uint64_t digest, int64_t now_ms,
                                 struct listener *listener, struct repeat_answer *answer)
{
    struct repeat_entry *entry = NULL;

    *listener = (struct listener){.waiter = {.told = on_told}};
    enum repeat_verdict verdict =
        repeat_table_claim(table, slice_str(key), digest, now_ms, &listener->waiter, &entry, answer);
    assert_true((verdict == REPEAT_FIRST) == (entry != NULL));
    return verdict;
}

/* Claims and settles at once. */
static void accept_at(struct repeat_table *table, const char *key, int64_t now_ms)
{
    repeat_table_settle(table, first(table, key, 1, now_ms), &taken, now_ms);
}

static void a_repeat_gets_the_answer(void **state)
{
    MAKE(table, 10, ROOMY);
    struct listener listener;
    struct repeat_answer answer = {0};

    (void)state;
    accept_at(&table, "k", T0);
    assert_int_equal(claim(&table, "k", 1, T0, &listener, &answer), REPEAT_ANSWERED);
    assert_int_equal(answer.status, 200);
    assert_true(answer.accepted && slice_equal(answer.json, taken.json));
    assert_int_equal(listener.told, 0);
    repeat_table_fini(&table);
}

static void a_key_knows_its_push_while_it_is_under_way_and_after(void **state)
{
    MAKE(table, 10, ROOMY);
    struct listener listener;
    struct repeat_answer answer;
    struct repeat_entry *entry = first(&table, "k", 1, T0);

    (void)state;
    assert_int_equal(claim(&table, "k", 2, T0, &listener, &answer), REPEAT_CONFLICT);
    repeat_table_settle(&table, entry, &taken, T0);
    assert_int_equal(claim(&table, "k", 2, T0, &listener, &answer), REPEAT_CONFLICT);
    assert_int_equal(listener.told, 0);
    repeat_table_fini(&table);
}

static void keys_are_told_apart_by_all_their_bytes(void **state)
{
    MAKE(table, 10, ROOMY);
    struct listener listener;
    struct repeat_answer answer;

    (void)state;
    accept_at(&table, "k", T0);
    accept_at(&table, "kk", T0);
    accept_at(&table, "K", T0);
    assert_int_equal(repeat_table_count(&table), 3);
    assert_int_equal(claim(&table, "", 1, T0, &listener, &answer), REPEAT_FIRST);
    repeat_table_fini(&table);
}

static void who_waits_is_told_in_its_order_with_the_first_ones_answer(void **state)
{
    MAKE(table, 10, ROOMY);
    struct listener listeners[3];
    struct repeat_answer answer;
    struct repeat_entry *entry = first(&table, "k", 1, T0);

    (void)state;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(claim(&table, "k", 1, T0, &listeners[i], &answer), REPEAT_WAITS);
    assert_int_equal(listeners[0].told, 0);
    repeat_table_settle(&table, entry, &taken, T0);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(listeners[i].told, 1);
        assert_int_equal(listeners[i].place, listeners[0].place + (int)i);
        assert_int_equal(listeners[i].answer.status, 200);
        assert_true(listeners[i].answer.accepted);
    }
    repeat_table_fini(&table);
}

static void what_was_refused_is_told_to_who_waits_and_forgotten(void **state)
{
    MAKE(table, 10, ROOMY);
    struct listener listener, next;
    struct repeat_answer answer;
    struct repeat_entry *entry = first(&table, "k", 1, T0);

    (void)state;
    assert_int_equal(claim(&table, "k", 1, T0, &listener, &answer), REPEAT_WAITS);
    repeat_table_settle(&table, entry, &refused, T0);
    assert_int_equal(listener.told, 1);
    assert_int_equal(listener.answer.status, 503);
    assert_false(listener.answer.accepted);
    assert_int_equal(repeat_table_count(&table), 0);
    assert_int_equal(table.bytes, 0);
    assert_int_equal(claim(&table, "k", 2, T0, &next, &answer), REPEAT_FIRST);
    repeat_table_fini(&table);
}

static void what_is_passed_on_is_not_kept(void **state)
{
    MAKE(table, 10, ROOMY);
    struct listener listener;
    struct repeat_answer answer;
    struct repeat_entry *entry = first(&table, "k", 1, T0);

    (void)state;
    assert_int_equal(claim(&table, "k", 1, T0, &listener, &answer), REPEAT_WAITS);
    repeat_table_pass_on(&table, entry, &taken);
    assert_int_equal(listener.told, 1);
    assert_true(listener.answer.accepted);
    assert_int_equal(repeat_table_count(&table), 0);
    repeat_table_fini(&table);
}

static void an_answer_that_could_not_be_made_is_not_kept(void **state)
{
    MAKE(table, 10, ROOMY);

    (void)state;
    repeat_table_settle(&table, first(&table, "k", 1, T0), &(struct repeat_answer){200, {NULL, 0}, true}, T0);
    assert_int_equal(repeat_table_count(&table), 0);
    repeat_table_fini(&table);
}

static void an_answer_is_kept_for_five_minutes(void **state)
{
    MAKE(table, 10, ROOMY);
    struct listener listener;
    struct repeat_answer answer;

    (void)state;
    accept_at(&table, "k", T0);
    assert_int_equal(claim(&table, "k", 1, T0 + REPEAT_KEPT_MS - 1, &listener, &answer), REPEAT_ANSWERED);
    assert_int_equal(claim(&table, "k", 2, T0 + REPEAT_KEPT_MS, &listener, &answer), REPEAT_FIRST);
    assert_int_equal(table.evicted, 0);
    repeat_table_fini(&table);
}

static void repeats_do_not_prolong_it(void **state)
{
    MAKE(table, 10, ROOMY);
    struct listener listener;
    struct repeat_answer answer;

    (void)state;
    accept_at(&table, "k", T0);
    for (int64_t now_ms = T0; now_ms < T0 + REPEAT_KEPT_MS; now_ms += REPEAT_KEPT_MS / 5)
        assert_int_equal(claim(&table, "k", 1, now_ms, &listener, &answer), REPEAT_ANSWERED);
    repeat_table_expire(&table, T0 + REPEAT_KEPT_MS);
    assert_int_equal(repeat_table_count(&table), 0);
    assert_int_equal(table.bytes, 0);
    repeat_table_fini(&table);
}

static void time_does_not_end_what_is_under_way(void **state)
{
    MAKE(table, 10, ROOMY);
    struct listener listener;
    struct repeat_answer answer;
    struct repeat_entry *entry = first(&table, "k", 1, T0);

    (void)state;
    assert_int_equal(claim(&table, "k", 1, T0 + 2 * REPEAT_KEPT_MS, &listener, &answer), REPEAT_WAITS);
    repeat_table_settle(&table, entry, &taken, T0 + 2 * REPEAT_KEPT_MS);
    assert_int_equal(claim(&table, "k", 1, T0 + 3 * REPEAT_KEPT_MS - 1, &listener, &answer), REPEAT_ANSWERED);
    repeat_table_fini(&table);
}

static void the_oldest_answer_gives_way(void **state)
{
    MAKE(table, 2, ROOMY);
    struct listener listener;
    struct repeat_answer answer;

    (void)state;
    accept_at(&table, "a", T0);
    accept_at(&table, "b", T0);
    assert_int_equal(claim(&table, "a", 1, T0, &listener, &answer),
                     REPEAT_ANSWERED); /* makes it no younger */
    accept_at(&table, "c", T0);
    assert_int_equal(repeat_table_count(&table), 2);
    assert_int_equal(table.evicted, 1);
    assert_int_equal(claim(&table, "b", 1, T0, &listener, &answer), REPEAT_ANSWERED);
    assert_int_equal(claim(&table, "c", 1, T0, &listener, &answer), REPEAT_ANSWERED);
    assert_int_equal(claim(&table, "a", 2, T0, &listener, &answer), REPEAT_FIRST);
    repeat_table_fini(&table);
}

static void what_is_under_way_does_not_give_way(void **state)
{
    MAKE(table, 2, ROOMY);
    struct listener listener;
    struct repeat_answer answer;
    struct repeat_entry *a = first(&table, "a", 1, T0), *b = first(&table, "b", 1, T0);

    (void)state;
    assert_int_equal(claim(&table, "c", 1, T0, &listener, &answer), REPEAT_FULL);
    assert_int_equal(claim(&table, "a", 1, T0, &listener, &answer), REPEAT_WAITS);
    repeat_table_settle(&table, a, &taken, T0);
    first(&table, "c", 1, T0); /* in the place of a's answer */
    assert_int_equal(table.evicted, 1);
    assert_int_equal(claim(&table, "d", 1, T0, &listener, &answer), REPEAT_FULL);
    repeat_table_settle(&table, b, &refused, T0);
    first(&table, "d", 1, T0);
    repeat_table_fini(&table);
}

static void bytes_are_bounded_too(void **state)
{
    char json[2048] = "{\"id\":\"";
    struct listener listener;
    struct repeat_answer answer;
    MAKE(table, 1000, 4096);

    (void)state;
    memset(json + 7, 'x', sizeof json - 9);
    memcpy(json + sizeof json - 2, "\"}", 2);
    const struct repeat_answer long_one = {200, slice_of(json, sizeof json), true};
    for (int i = 0; i < 10; i++) {
        char key[16];

        snprintf(key, sizeof key, "k%d", i);
        repeat_table_settle(&table, first(&table, key, 1, T0), &long_one, T0);
        assert_true(table.bytes <= 4096);
    }
    assert_int_equal(repeat_table_count(&table), 1);
    assert_int_equal(table.evicted, 9);
    assert_int_equal(claim(&table, "k9", 1, T0, &listener, &answer), REPEAT_ANSWERED);
    repeat_table_fini(&table);
}

static void an_answer_that_is_too_long_by_itself_is_not_kept(void **state)
{
    static const uint8_t json[8192] = "{";
    struct listener listener;
    struct repeat_answer answer;
    MAKE(table, 1000, 4096);

    (void)state;
    repeat_table_settle(&table, first(&table, "k", 1, T0),
                        &(struct repeat_answer){200, slice_of(json, sizeof json), true}, T0);
    assert_int_equal(repeat_table_count(&table), 0);
    assert_int_equal(table.bytes, 0);
    assert_int_equal(table.evicted, 1);
    assert_int_equal(claim(&table, "k", 1, T0, &listener, &answer), REPEAT_FIRST);
    repeat_table_fini(&table);
}

static void a_smaller_bound_holds_at_once(void **state)
{
    MAKE(table, 10, ROOMY);

    (void)state;
    for (const char *key = "abcdef"; *key; key++)
        accept_at(&table, (const char[]){*key, '\0'}, T0);
    repeat_table_bound(&table, &(const struct repeat_bounds){3, ROOMY});
    assert_int_equal(repeat_table_count(&table), 3);
    assert_int_equal(table.evicted, 3);
    repeat_table_bound(&table, &(const struct repeat_bounds){3, 1});
    assert_int_equal(repeat_table_count(&table), 0);
    repeat_table_fini(&table);
}

/* Who is told claims the same key again, and settles another one, whose answer takes the place of this one.
 */
struct busy {
    struct repeat_waiter waiter;
    struct repeat_table *table;
    struct repeat_entry *other;
    struct listener second;
    enum repeat_verdict verdict;
};

static void on_told_busy(struct repeat_waiter *waiter, const struct repeat_answer *answer)
{
    struct busy *busy = container_of(waiter, struct busy, waiter);
    struct repeat_answer found;

    assert_true(slice_equal(answer->json, taken.json));
    busy->verdict = claim(busy->table, "k", 1, T0, &busy->second, &found);
    repeat_table_settle(busy->table, busy->other, &taken, T0);
    accept_at(busy->table, "third", T0);
    assert_true(slice_equal(answer->json, taken.json));
}

static void who_is_told_may_use_the_table(void **state)
{
    MAKE(table, 2, ROOMY);
    struct busy busy = {.waiter = {.told = on_told_busy}, .table = &table};
    struct repeat_entry *entry = first(&table, "k", 1, T0), *none;
    struct listener last;
    struct repeat_answer answer;

    (void)state;
    busy.other = first(&table, "other", 1, T0);
    assert_int_equal(repeat_table_claim(&table, slice_str("k"), 1, T0, &busy.waiter, &none, &answer),
                     REPEAT_WAITS);
    assert_int_equal(claim(&table, "k", 1, T0, &last, &answer), REPEAT_WAITS);
    repeat_table_settle(&table, entry, &taken, T0);
    assert_int_equal(busy.verdict, REPEAT_ANSWERED);
    assert_int_equal(last.told, 1);
    assert_int_equal(repeat_table_count(&table), 2);
    repeat_table_fini(&table);
}

/* The model: every key's state in an array, ages in a counter. */
enum { KEYS = 24, STEPS = 60000, MODEL_ENTRIES = 9 };

struct model_key {
    enum { ABSENT, PENDING, ANSWERED } state;
    uint64_t digest;
    int64_t until_ms;
    unsigned long age;
    struct repeat_entry *entry;
    size_t waiting;
    struct listener listeners[4];
};

static struct model_key *oldest_answer(struct model_key *keys)
{
    struct model_key *found = NULL;

    for (size_t i = 0; i < KEYS; i++)
        if (keys[i].state == ANSWERED && (found == NULL || keys[i].age < found->age))
            found = &keys[i];
    return found;
}

static size_t model_count(const struct model_key *keys)
{
    size_t count = 0;

    for (size_t i = 0; i < KEYS; i++)
        count += keys[i].state != ABSENT;
    return count;
}

static enum repeat_verdict model_claim(struct model_key *keys, size_t index, uint64_t digest, int64_t now_ms)
{
    struct model_key *key = &keys[index];

    for (size_t i = 0; i < KEYS; i++)
        if (keys[i].state == ANSWERED && keys[i].until_ms <= now_ms)
            keys[i].state = ABSENT;
    if (key->state != ABSENT)
        return key->digest != digest   ? REPEAT_CONFLICT
               : key->state == PENDING ? REPEAT_WAITS
                                       : REPEAT_ANSWERED;
    while (model_count(keys) >= MODEL_ENTRIES) {
        struct model_key *oldest = oldest_answer(keys);

        if (oldest == NULL)
            return REPEAT_FULL;
        oldest->state = ABSENT;
    }
    key->state = PENDING;
    key->digest = digest;
    return REPEAT_FIRST;
}

static void step_claim(struct repeat_table *table, struct model_key *keys, size_t index, int64_t now_ms)
{
    struct model_key *key = &keys[index];
    struct listener *listener = &key->listeners[key->waiting % 4];
    uint64_t digest = (uint64_t)rand() % 2;
    char name[8];
    struct repeat_answer answer;

    if (key->state == PENDING && key->waiting == 4)
        return;
    snprintf(name, sizeof name, "k%zu", index);
    *listener = (struct listener){.waiter = {.told = on_told}};
    enum repeat_verdict wanted = model_claim(keys, index, digest, now_ms);
    enum repeat_verdict got =
        repeat_table_claim(table, slice_str(name), digest, now_ms, &listener->waiter, &key->entry, &answer);
    assert_int_equal(got, wanted);
    key->waiting = got == REPEAT_FIRST ? 0 : got == REPEAT_WAITS ? key->waiting + 1 : key->waiting;
}

static void step_settle(struct repeat_table *table, struct model_key *key, int64_t now_ms, unsigned long age)
{
    bool accepted = rand() % 3 != 0;

    if (key->state != PENDING)
        return;
    repeat_table_settle(table, key->entry, accepted ? &taken : &refused, now_ms);
    for (size_t i = 0; i < key->waiting; i++) {
        assert_int_equal(key->listeners[i].told, 1);
        assert_int_equal(key->listeners[i].answer.status, accepted ? 200 : 503);
    }
    key->waiting = 0;
    key->state = accepted ? ANSWERED : ABSENT;
    key->until_ms = now_ms + REPEAT_KEPT_MS;
    key->age = age;
}

static void it_does_what_its_model_does(void **state)
{
    static struct model_key keys[KEYS];
    MAKE(table, MODEL_ENTRIES, ROOMY);
    int64_t now_ms = T0;

    (void)state;
    srand(7);
    for (unsigned long i = 0; i < STEPS; i++) {
        size_t index = (size_t)rand() % KEYS;

        now_ms += rand() % (REPEAT_KEPT_MS / 20);
        if (rand() % 5 < 3)
            step_claim(&table, keys, index, now_ms);
        else
            step_settle(&table, &keys[index], now_ms, i);
        assert_true(repeat_table_count(&table) <= MODEL_ENTRIES);
    }
    for (size_t i = 0; i < KEYS; i++)
        step_settle(&table, &keys[i], now_ms, STEPS);
    repeat_table_expire(&table, now_ms + REPEAT_KEPT_MS);
    assert_int_equal(repeat_table_count(&table), 0);
    assert_int_equal(table.bytes, 0);
    repeat_table_fini(&table);
}

static void a_table_that_never_was_may_end(void **state)
{
    struct repeat_table table = {0};

    (void)state;
    repeat_table_fini(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_repeat_gets_the_answer),
        cmocka_unit_test(a_key_knows_its_push_while_it_is_under_way_and_after),
        cmocka_unit_test(keys_are_told_apart_by_all_their_bytes),
        cmocka_unit_test(who_waits_is_told_in_its_order_with_the_first_ones_answer),
        cmocka_unit_test(what_was_refused_is_told_to_who_waits_and_forgotten),
        cmocka_unit_test(what_is_passed_on_is_not_kept),
        cmocka_unit_test(an_answer_that_could_not_be_made_is_not_kept),
        cmocka_unit_test(an_answer_is_kept_for_five_minutes),
        cmocka_unit_test(repeats_do_not_prolong_it),
        cmocka_unit_test(time_does_not_end_what_is_under_way),
        cmocka_unit_test(the_oldest_answer_gives_way),
        cmocka_unit_test(what_is_under_way_does_not_give_way),
        cmocka_unit_test(bytes_are_bounded_too),
        cmocka_unit_test(an_answer_that_is_too_long_by_itself_is_not_kept),
        cmocka_unit_test(a_smaller_bound_holds_at_once),
        cmocka_unit_test(who_is_told_may_use_the_table),
        cmocka_unit_test(it_does_what_its_model_does),
        cmocka_unit_test(a_table_that_never_was_may_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
