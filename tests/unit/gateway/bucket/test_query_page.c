/* SPDX-License-Identifier: Apache-2.0 */
/* A page: the first by their keys, each once, rightly counted; what gives way, and what is put together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/bucket/query_page.h"

static void add(struct query_page *page, const char *key, const char *payload)
{
    assert_int_equal(query_page_add(page, slice_str(key), slice_str(payload), 1), STATUS_OK);
}

/* "a:2=x b:1 |c": keys, counts, payloads, and from where on it is not complete. */
static void expect(const struct query_page *page, const char *text)
{
    static char found[8192];
    size_t len = 0;

    found[0] = '\0';
    for (uint32_t i = 0; i < page->count; i++) {
        struct slice key = query_entry_key(page->entries[i]);
        struct slice payload = query_entry_payload(page->entries[i]);

        len += (size_t)snprintf(found + len, sizeof found - len, "%.*s:%u%s%.*s ", (int)key.len,
                                (const char *)key.data, page->entries[i]->count, payload.len > 0 ? "=" : "",
                                (int)payload.len, (const char *)payload.data);
    }
    if (page->ceiling != NULL) {
        struct slice key = query_entry_key(page->ceiling);

        (void)snprintf(found + len, sizeof found - len, "|%.*s", (int)key.len, (const char *)key.data);
    }
    assert_string_equal(found, text);
}

static void keys_are_sorted_and_counted(void **state)
{
    struct query_page page;

    (void)state;
    query_page_init(&page, 10);
    expect(&page, "");
    add(&page, "b", "");
    add(&page, "a", "x");
    add(&page, "b", "");
    add(&page, "ab", "");
    add(&page, "", "");
    expect(&page, ":1 a:1=x ab:1 b:2 ");
    query_page_fini(&page);
    expect(&page, "");
    query_page_fini(&page);
}

static void the_first_payload_stays(void **state)
{
    struct query_page page;

    (void)state;
    query_page_init(&page, 10);
    add(&page, "a", "");
    add(&page, "a", "first");
    add(&page, "a", "second");
    expect(&page, "a:3=first ");
    query_page_fini(&page);
}

static void past_the_limit_the_last_gives_way(void **state)
{
    struct query_page page;

    (void)state;
    query_page_init(&page, 2);
    add(&page, "c", "");
    add(&page, "e", "");
    expect(&page, "c:1 e:1 ");
    add(&page, "d", "");
    expect(&page, "c:1 d:1 |e");
    add(&page, "e", "");
    add(&page, "z", "");
    expect(&page, "c:1 d:1 |e");
    add(&page, "a", "");
    add(&page, "d", "");
    expect(&page, "a:1 c:1 |d");
    query_page_fini(&page);
}

static void past_the_bytes_too(void **state)
{
    struct query_page page;
    size_t len = QUERY_PAGE_BYTES / 4;
    char *payload = calloc(1, len);
    const char *keys[] = {"d", "c", "b", "a", "e"};

    (void)state;
    query_page_init(&page, 10);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(query_page_add(&page, slice_str(keys[i]), slice_of(payload, len), 1), STATUS_OK);
        assert_true(page.bytes <= QUERY_PAGE_BYTES);
    }
    assert_int_equal(page.count, 3);
    assert_memory_equal(query_entry_key(page.ceiling).data, "d", 1);
    query_page_fini(&page);
    query_page_init(&page, 10);
    for (size_t i = 0; i < 4; i++)
        add(&page, keys[i], "");
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(query_page_add(&page, slice_str(keys[i]), slice_of(payload, len), 1), STATUS_OK);
    assert_true(page.bytes <= QUERY_PAGE_BYTES && page.count == 3);
    query_page_fini(&page);
    free(payload);
}

static void what_is_taken_back_does_not_count(void **state)
{
    struct query_page page;

    (void)state;
    query_page_init(&page, 10);
    add(&page, "a", "");
    add(&page, "a", "");
    add(&page, "b", "");
    query_page_take_back(&page, slice_str("a"));
    query_page_take_back(&page, slice_str("b"));
    query_page_take_back(&page, slice_str("b"));
    query_page_take_back(&page, slice_str("c"));
    expect(&page, "a:1 b:0 ");
    add(&page, "b", "");
    expect(&page, "a:1 b:1 ");
    query_page_fini(&page);
}

static void pages_put_together_are_complete_as_far_as_all_were(void **state)
{
    struct query_page one, other, all;

    (void)state;
    query_page_init(&one, 3);
    query_page_init(&other, 3);
    query_page_init(&all, 3);
    add(&one, "a", "x");
    add(&one, "c", "");
    add(&other, "a", "");
    add(&other, "b", "y");
    assert_int_equal(query_page_merge(&all, &one), STATUS_OK);
    assert_int_equal(query_page_merge(&all, &other), STATUS_OK);
    expect(&all, "a:2=x b:1=y c:1 ");
    add(&other, "d", "");
    add(&other, "bb", "");
    expect(&other, "a:1 b:1=y bb:1 |d");
    add(&other, "ba", "");
    expect(&other, "a:1 b:1=y ba:1 |bb");
    query_page_fini(&all);
    assert_int_equal(query_page_merge(&all, &one), STATUS_OK);
    assert_int_equal(query_page_merge(&all, &other), STATUS_OK);
    expect(&all, "a:2=x b:1=y ba:1 |bb"); /* c is above what the other knows */
    query_page_fini(&all);
    assert_int_equal(query_page_merge(&all, &other), STATUS_OK);
    assert_int_equal(query_page_merge(&all, &one), STATUS_OK);
    expect(&all, "a:2=x b:1=y ba:1 |bb");
    query_page_fini(&one);
    query_page_fini(&other);
    query_page_fini(&all);
}

/* Any order, any places: the page is that of a sorted list of all. */
static void order_and_place_do_not_matter(void **state)
{
    enum { KEYS = 200, PLACES = 3, LIMIT = 20 };

    (void)state;
    srandom(15);
    for (int round = 0; round < 50; round++) {
        struct query_page places[PLACES], all;
        unsigned counts[KEYS] = {0};
        unsigned expected = 0;
        char key[16];

        query_page_init(&all, LIMIT);
        for (int i = 0; i < PLACES; i++)
            query_page_init(&places[i], LIMIT);
        for (int i = 0; i < 300; i++) {
            unsigned number = (unsigned)random() % KEYS;

            counts[number]++;
            snprintf(key, sizeof key, "%03u", number);
            add(&places[random() % PLACES], key, "");
        }
        for (int i = 0; i < PLACES; i++) {
            assert_int_equal(query_page_merge(&all, &places[i]), STATUS_OK);
            query_page_fini(&places[i]);
        }
        assert_int_equal(all.count, LIMIT);
        for (unsigned number = 0; expected < LIMIT; number++) {
            if (counts[number] == 0)
                continue;
            snprintf(key, sizeof key, "%03u", number);
            assert_memory_equal(query_entry_key(all.entries[expected]).data, key, 3);
            assert_int_equal(all.entries[expected]->count, counts[number]);
            expected++;
        }
        query_page_fini(&all);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_sorted_and_counted),
        cmocka_unit_test(the_first_payload_stays),
        cmocka_unit_test(past_the_limit_the_last_gives_way),
        cmocka_unit_test(past_the_bytes_too),
        cmocka_unit_test(what_is_taken_back_does_not_count),
        cmocka_unit_test(pages_put_together_are_complete_as_far_as_all_were),
        cmocka_unit_test(order_and_place_do_not_matter),
    };

    return cmocka_run_group_tests_name("query_page", tests, NULL, NULL);
}
