/* SPDX-License-Identifier: Apache-2.0 */
/* The table under growth, removal and collisions, and the hash against published vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "shared/base/hashmap.h"

struct entry {
    struct hashmap_node node;
    char name[32];
};

static struct entry *entries_new(size_t count)
{
    struct entry *entries = calloc(count, sizeof *entries);

    assert_non_null(entries);
    for (size_t i = 0; i < count; i++) {
        snprintf(entries[i].name, sizeof entries[i].name, "key-%zu", i);
        entries[i].node.key = slice_str(entries[i].name);
        entries[i].node.hash = hashmap_hash(entries[i].node.key);
    }
    return entries;
}

static struct hashmap_node *find(const struct hashmap *map, const char *name)
{
    return hashmap_find(map, slice_str(name), hashmap_hash(slice_str(name)));
}

/* The key 00..0f and the texts of the SipHash paper; the values come from a second implementation
 * that gives the paper's own values in its 2-4 form. */
static void hashes_as_siphash_1_3(void **state)
{
    const uint64_t key[2] = {0x0706050403020100U, 0x0f0e0d0c0b0a0908U};
    static const uint64_t expected[] = {
        0xabac0158050fc4dcU, 0xc9f49bf37d57ca93U, 0x82cb9b024dc7d44dU, 0x8bf80ab8e7ddf7fbU,
        0xcf75576088d38328U, 0xdef9d52f49533b67U, 0xc50d2b50c59f22a7U, 0xd3927d989bb11140U,
        0x369095118d299a8eU, 0x25a48eb36c063de4U, 0x79de85ee92ff097fU, 0x70c118c1f94dc352U,
        0x78a384b157b4d9a2U, 0x306f760c1229ffa7U, 0x605aa111c0f95d34U, 0xd320d86d2a519956U,
        0xcc4fdd1a7d908b66U, 0x9cf2689063dbd80cU, 0x8ffc389cb473e63eU, 0xf21f9de58d297d1cU};
    uint8_t text[64];

    (void)state;
    for (size_t len = 0; len < sizeof expected / sizeof expected[0]; len++) {
        text[len] = (uint8_t)len;
        assert_true(hashmap_siphash(key, slice_of(text, len)) == expected[len]);
    }
}

static void hashes_equal_bytes_alike(void **state)
{
    char copy[] = "room";

    (void)state;
    assert_true(hashmap_hash(slice_str("room")) == hashmap_hash(slice_str(copy)));
    assert_false(hashmap_hash(slice_str("room")) == hashmap_hash(slice_str("moor")));
    assert_false(hashmap_hash(slice_str("room")) == hashmap_hash(slice_of("room", 5)));
}

static void finds_what_was_added_while_it_grows(void **state)
{
    enum { COUNT = 5000 };
    struct entry *entries = entries_new(COUNT);
    struct hashmap map;

    (void)state;
    assert_int_equal(hashmap_init(&map), STATUS_OK);
    for (size_t i = 0; i < COUNT; i++) {
        assert_null(find(&map, entries[i].name));
        hashmap_add(&map, &entries[i].node);
    }
    assert_int_equal(map.count, COUNT);
    assert_true(map.mask + 1 >= COUNT / 2);
    for (size_t i = 0; i < COUNT; i++) {
        assert_ptr_equal(find(&map, entries[i].name), &entries[i].node);
    }
    hashmap_fini(&map);
    free(entries);
}

static void removes_one_and_leaves_the_others(void **state)
{
    enum { COUNT = 200 };
    struct entry *entries = entries_new(COUNT);
    struct hashmap map;

    (void)state;
    assert_int_equal(hashmap_init(&map), STATUS_OK);
    for (size_t i = 0; i < COUNT; i++) {
        hashmap_add(&map, &entries[i].node);
    }
    for (size_t i = 0; i < COUNT; i += 2) {
        hashmap_remove(&map, &entries[i].node);
    }
    assert_int_equal(map.count, COUNT / 2);
    for (size_t i = 0; i < COUNT; i++) {
        assert_ptr_equal(find(&map, entries[i].name), i % 2 == 0 ? NULL : &entries[i].node);
    }
    hashmap_remove(&map, &entries[0].node);
    assert_int_equal(map.count, COUNT / 2);
    hashmap_fini(&map);
    free(entries);
}

static void tells_keys_of_one_hash_apart(void **state)
{
    struct hashmap_node a = {NULL, slice_str("a"), 42};
    struct hashmap_node b = {NULL, slice_str("b"), 42};
    struct hashmap_node empty = {NULL, slice_str(""), 42};
    struct hashmap map;

    (void)state;
    assert_int_equal(hashmap_init(&map), STATUS_OK);
    hashmap_add(&map, &a);
    hashmap_add(&map, &b);
    hashmap_add(&map, &empty);
    assert_ptr_equal(hashmap_find(&map, slice_str("a"), 42), &a);
    assert_ptr_equal(hashmap_find(&map, slice_str("b"), 42), &b);
    assert_ptr_equal(hashmap_find(&map, slice_of(NULL, 0), 42), &empty);
    assert_null(hashmap_find(&map, slice_str("c"), 42));
    hashmap_remove(&map, &b);
    assert_ptr_equal(hashmap_find(&map, slice_str("a"), 42), &a);
    assert_null(hashmap_find(&map, slice_str("b"), 42));
    hashmap_fini(&map);
}

static void free_entry(struct hashmap_node *node, void *arg)
{
    size_t *count = arg;

    (*count)++;
    free(node);
}

static void visits_every_node_and_lets_it_be_freed(void **state)
{
    struct hashmap map;
    size_t count = 0;

    (void)state;
    assert_int_equal(hashmap_init(&map), STATUS_OK);
    for (uint64_t i = 0; i < 100; i++) {
        struct hashmap_node *node = calloc(1, sizeof *node);

        assert_non_null(node);
        node->hash = i / 10;
        hashmap_add(&map, node);
    }
    hashmap_each(&map, free_entry, &count);
    assert_int_equal(count, 100);
    hashmap_fini(&map);
    hashmap_fini(&map);
    hashmap_each(&map, free_entry, &count);
    assert_int_equal(count, 100);
}

struct visits {
    const struct entry *first;
    unsigned char of[4096];
};

static void count_visit(struct hashmap_node *node, void *arg)
{
    struct visits *visits = arg;

    visits->of[(const struct entry *)(const void *)node - visits->first]++;
}

/* Between the pieces of the walk some come, more than the table has slots, and some go. */
static void a_walk_in_pieces_meets_each_that_stays_once(void **state)
{
    enum { COUNT = 4096 };
    struct entry *entries = entries_new(COUNT);
    static struct visits visits;
    struct hashmap map;
    size_t cursor = 0;
    size_t in = 100;
    size_t pieces = 0;

    (void)state;
    visits.first = entries;
    assert_int_equal(hashmap_init(&map), STATUS_OK);
    for (size_t i = 0; i < in; i++)
        hashmap_add(&map, &entries[i].node);
    do {
        cursor = hashmap_scan(&map, cursor, count_visit, &visits);
        if (pieces < 40)
            hashmap_remove(&map, &entries[pieces].node);
        pieces++;
        for (int more = 0; more < 30 && in < COUNT; more++)
            hashmap_add(&map, &entries[in++].node);
    } while (cursor != 0);
    for (size_t i = 40; i < 100; i++)
        assert_int_equal(visits.of[i], 1);
    for (size_t i = 0; i < COUNT; i++)
        assert_in_range(visits.of[i], 0, 1);
    assert_true(pieces > 128);
    hashmap_fini(&map);
    free(entries);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_walk_in_pieces_meets_each_that_stays_once),
        cmocka_unit_test(hashes_as_siphash_1_3),
        cmocka_unit_test(hashes_equal_bytes_alike),
        cmocka_unit_test(finds_what_was_added_while_it_grows),
        cmocka_unit_test(removes_one_and_leaves_the_others),
        cmocka_unit_test(tells_keys_of_one_hash_apart),
        cmocka_unit_test(visits_every_node_and_lets_it_be_freed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
