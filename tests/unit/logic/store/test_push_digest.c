/* SPDX-License-Identifier: Apache-2.0 */
/* Two pushes have one digest when they are the same, byte for byte, and else not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "logic/store/push_digest.h"

static struct push push_of(enum audience target, const struct slice *names, size_t name_count,
                           const struct slice *items, size_t item_count)
{
    return (struct push){
        .target = target, .rooms = names, .room_count = name_count, .items = items, .item_count = item_count};
}

static uint64_t digest_of(enum audience target, const struct slice *names, size_t name_count,
                          const struct slice *items, size_t item_count)
{
    const struct push push = push_of(target, names, name_count, items, item_count);

    return push_digest(&push);
}

#define ROOM  AUDIENCE_ROOM
#define S(x)  slice_str(x)
#define OF(n) (sizeof(n) / sizeof(n)[0])

static void equal_pushes_have_equal_digests(void **state)
{
    char name[] = "room", item[] = "[1]";
    const struct slice names[] = {S(name)}, items[] = {S(item)};
    const struct slice other_names[] = {S("room")}, other_items[] = {S("[1]")};

    (void)state;
    assert_true(digest_of(ROOM, names, 1, items, 1) == digest_of(ROOM, other_names, 1, other_items, 1));
}

/* Another process must come to the same: what stands in Redis is compared with it. */
static void a_digest_is_what_it_was_yesterday(void **state)
{
    const struct slice names[] = {S("room")}, items[] = {S("[1]"), S("\"two\"")};

    (void)state;
    assert_true(digest_of(ROOM, names, 1, items, 2) == UINT64_C(0xe8f99b3bed1340c4));
}

/* An order is no news, though its item may be the same. */
static void a_command_is_no_push(void **state)
{
    struct slice names[] = {S("a")}, items[] = {S("{\"leave\":{}}")};
    struct push push = {
        .target = AUDIENCE_USER, .rooms = names, .room_count = 1, .items = items, .item_count = 1};
    uint64_t news = push_digest(&push);

    (void)state;
    push.command = true;
    assert_true(push_digest(&push) != news);
}

static void whatever_differs_makes_another_digest(void **state)
{
    const struct slice a[] = {S("a")}, b[] = {S("b")}, ab[] = {S("a"), S("b")}, ba[] = {S("b"), S("a")};
    const struct slice one[] = {S("1")}, two[] = {S("2")}, both[] = {S("1"), S("2")}, long_one[] = {S("12")};
    const uint64_t digests[] = {
        digest_of(ROOM, a, 1, one, 1),
        digest_of(AUDIENCE_USER, a, 1, one, 1),
        digest_of(AUDIENCE_EVERYONE, NULL, 0, one, 1),
        digest_of(ROOM, b, 1, one, 1),
        digest_of(ROOM, ab, 2, one, 1),
        digest_of(ROOM, ba, 2, one, 1),
        digest_of(ROOM, a, 1, two, 1),
        digest_of(ROOM, a, 1, both, 2),
        digest_of(ROOM, a, 1, long_one, 1),
        /* a name that is like an item, and the other way round */
        digest_of(ROOM, one, 1, one, 1),
        digest_of(ROOM, (const struct slice[]){S("1"), S("1")}, 2, one, 1),
        digest_of(ROOM, one, 1, (const struct slice[]){S("1"), S("1")}, 2),
    };

    (void)state;
    for (size_t i = 0; i < OF(digests); i++)
        for (size_t j = 0; j < i; j++)
            if (digests[i] == digests[j])
                fail_msg("%zu and %zu are the same", i, j);
}

static uint64_t digest_with(const struct push_terms *terms)
{
    const struct slice items[] = {S("1")};
    struct push push = push_of(AUDIENCE_EVERYONE, NULL, 0, items, 1);

    push.terms = *terms;
    return push_digest(&push);
}

static void each_term_makes_another_digest(void **state)
{
    const uint64_t digests[] = {
        digest_with(&(struct push_terms){.urgent = false}),
        digest_with(&(struct push_terms){.urgent = true}),
        digest_with(&(struct push_terms){.has_ttl = true}),
        digest_with(&(struct push_terms){.has_ttl = true, .ttl_ms = 1}),
        digest_with(&(struct push_terms){.has_ttl = true, .ttl_ms = 256}),
        digest_with(&(struct push_terms){.key = S("a")}),
        digest_with(&(struct push_terms){.key = S("b")}),
        digest_with(&(struct push_terms){.exclusions = S("a")}),
        digest_with(&(struct push_terms){.key = S("a"), .urgent = true}),
    };

    (void)state;
    for (size_t i = 0; i < OF(digests); i++)
        for (size_t j = 0; j < i; j++)
            if (digests[i] == digests[j])
                fail_msg("%zu and %zu are the same", i, j);
}

static void neither_wait_nor_trace_nor_caller_is_part_of_it(void **state)
{
    const struct slice items[] = {S("1")};
    struct push push = push_of(AUDIENCE_EVERYONE, NULL, 0, items, 1);
    uint64_t digest = push_digest(&push);

    (void)state;
    push.wait = true;
    push.trace.set = true;
    push.caller = "shop";
    assert_true(push_digest(&push) == digest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_pushes_have_equal_digests),
        cmocka_unit_test(a_digest_is_what_it_was_yesterday),
        cmocka_unit_test(whatever_differs_makes_another_digest),
        cmocka_unit_test(a_command_is_no_push),
        cmocka_unit_test(each_term_makes_another_digest),
        cmocka_unit_test(neither_wait_nor_trace_nor_caller_is_part_of_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
