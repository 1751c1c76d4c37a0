/* SPDX-License-Identifier: Apache-2.0 */
/* The measuring tools measured: what they are told is what they say, and every fault that
 * they look for is found when it is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <string.h>

#include "tests/bench/arrivals.h"
#include "tests/bench/frame_reader.h"
#include "tests/bench/histogram.h"
#include "tests/bench/item.h"
#include "tests/bench/rooms.h"
#include "tests/bench/tally.h"

static void item_comes_back(void **state)
{
    struct item sent = {.caller = 63, .number = 4000000000U, .stamp_us = 1700000000123456ULL};
    struct item got = {0};
    char text[201] = {0};

    (void)state;
    item_encode(&sent, text, 200);
    assert_int_equal(strlen(text), 200);
    assert_string_equal(text + 196, "..\"}");
    assert_true(item_decode((const uint8_t *)text, 200, &got));
    assert_int_equal(got.caller, sent.caller);
    assert_int_equal(got.number, sent.number);
    assert_int_equal(got.stamp_us, sent.stamp_us);
    text[10] = 'x';
    assert_false(item_decode((const uint8_t *)text, 200, &got));
    assert_false(item_decode((const uint8_t *)text, ITEM_MIN_BYTES - 1, &got));
}

static void histogram_is_within_one_percent(void **state)
{
    (void)state;
    for (uint64_t value = 1; value < UINT64_MAX / 3; value += value / 3 + 1) {
        struct histogram histogram = {0};
        uint64_t got;

        histogram_add(&histogram, value);
        histogram_add(&histogram, UINT64_MAX);
        got = histogram_at(&histogram, 0.5);
        assert_true((got > value ? got - value : value - got) <= value / 100);
        assert_int_equal(histogram_at(&histogram, 1), UINT64_MAX);
    }
}

static void histogram_finds_quantiles(void **state)
{
    struct histogram histogram = {0};

    (void)state;
    assert_int_equal(histogram_at(&histogram, 0.5), 0);
    for (uint64_t value = 1; value <= 100; value++)
        histogram_add(&histogram, value);
    assert_int_equal(histogram_at(&histogram, 0.5), 50);
    assert_int_equal(histogram_at(&histogram, 0.9), 90);
    assert_int_equal(histogram_at(&histogram, 0.99), 99);
    assert_int_equal(histogram_at(&histogram, 1), 100);
}

static void histogram_keeps_the_tail(void **state)
{
    struct histogram histogram = {0};

    (void)state;
    for (int i = 0; i < 9980; i++)
        histogram_add(&histogram, 1000);
    for (int i = 0; i < 19; i++)
        histogram_add(&histogram, 50000);
    histogram_add(&histogram, 123456);
    assert_in_range(histogram_at(&histogram, 0.99), 995, 1005);
    assert_in_range(histogram_at(&histogram, 0.999), 49750, 50250);
    assert_int_equal(histogram_at(&histogram, 1), 123456);
}

static void quantiles_rise_up_to_the_maximum(void **state)
{
    (void)state;
    for (uint64_t max = 1; max < 100000; max += max / 50 + 1) {
        struct histogram histogram = {0};

        for (uint64_t i = 0; i < 400; i++)
            histogram_add(&histogram, max - i % 2);
        assert_true(histogram_at(&histogram, 0.5) <= histogram_at(&histogram, 0.99));
        assert_true(histogram_at(&histogram, 0.99) <= histogram_at(&histogram, 1));
        assert_int_equal(histogram_at(&histogram, 1), max);
    }
}

/* Holds rooms' arithmetic against a plain look at who is where. */
static void check_rooms(size_t count, size_t clients)
{
    struct rooms rooms = {.name = "r", .count = count, .clients = clients};

    assert_true(rooms_even(&rooms));
    for (size_t room = 0; room < count; room++) {
        size_t members = 0;

        for (size_t client = 0; client < clients; client++) {
            bool joins = false;

            for (size_t nth = 0; nth < rooms_per_client(&rooms); nth++)
                joins = joins || rooms_of_client(&rooms, client, nth) == room;
            assert_int_equal(joins, rooms_has(&rooms, room, client));
            members += joins;
        }
        assert_int_equal(members, rooms_members(&rooms));
    }
    for (size_t client = 0; client < clients; client++) {
        size_t rank = 0;

        for (uint32_t number = 1; number <= 3 * count; number++)
            if (rooms_has(&rooms, rooms_of_push(&rooms, number), client))
                assert_int_equal(rooms_rank(&rooms, number), rank++);
    }
}

static void rooms_are_all_alike(void **state)
{
    struct rooms uneven = {.name = "r", .count = 3, .clients = 4};
    struct rooms lone = {.name = "r", .count = 1, .clients = 4};
    char name[ROOM_NAME_MAX];

    (void)state;
    check_rooms(1, 1);
    check_rooms(1, 6);
    check_rooms(3, 6);
    check_rooms(6, 6);
    check_rooms(12, 6);
    assert_false(rooms_even(&uneven));
    rooms_name(&lone, 0, name);
    assert_string_equal(name, "r");
    rooms_name(&uneven, 2, name);
    assert_string_equal(name, "r-2");
}

static void arrivals_keep_the_last_client(void **state)
{
    struct arrivals arrivals = {.members = 3};

    (void)state;
    assert_true(arrivals_note(&arrivals, 1, 100));
    assert_true(arrivals_note(&arrivals, 2, 5));
    assert_true(arrivals_note(&arrivals, 1, 150));
    assert_int_equal(arrivals.last.count, 0);
    assert_true(arrivals_note(&arrivals, 1, 200));
    assert_int_equal(arrivals.last.count, 1);
    assert_int_equal(histogram_at(&arrivals.last, 1), 200);
    arrivals_fini(&arrivals);
}

static struct tally *new_tally(size_t count, size_t clients, uint32_t first_caller, size_t callers)
{
    struct rooms rooms = {.name = "r", .count = count, .clients = clients};

    return tally_new(&rooms, first_caller, callers);
}

static void note(struct tally *tally, size_t client, uint32_t caller, uint32_t number)
{
    struct item item = {.caller = caller, .number = number};

    assert_true(tally_note(tally, client, &item));
}

static void tally_is_content_with_good_delivery(void **state)
{
    const bool accepted[3] = {true, true, true};
    struct tally *tally = new_tally(1, 2, 0, 2);
    struct tally_result result;

    (void)state;
    for (size_t client = 0; client < 2; client++) {
        note(tally, client, 0, 1);
        note(tally, client, 1, 3);
        note(tally, client, 0, 2);
    }
    result = tally_result(tally, accepted, 3);
    assert_int_equal(result.items, 6);
    assert_int_equal(result.lost + result.unaccepted + result.duplicates, 0);
    assert_int_equal(result.out_of_order + result.disagreeing, 0);
    tally_free(tally);
}

static void tally_finds_every_fault(void **state)
{
    const bool accepted[4] = {true, true, true, false};
    struct tally *tally = new_tally(1, 2, 0, 1);
    struct item stranger = {.caller = 1, .number = 1};
    struct tally_result result;

    (void)state;
    note(tally, 0, 0, 1);
    note(tally, 0, 0, 3);
    note(tally, 0, 0, 2);
    note(tally, 0, 0, 2);
    note(tally, 1, 0, 2);
    note(tally, 1, 0, 4);
    assert_false(tally_note(tally, 0, &stranger));
    result = tally_result(tally, accepted, 4);
    assert_int_equal(result.items, 5);
    assert_int_equal(result.out_of_order, 1);
    assert_int_equal(result.duplicates, 1);
    assert_int_equal(result.lost, 2);
    assert_int_equal(result.unaccepted, 1);
    assert_int_equal(result.disagreeing, 1);
    tally_free(tally);
}

static void tally_knows_rooms(void **state)
{
    const bool accepted[4] = {true, true, true, true};
    struct tally *tally = new_tally(2, 4, 7, 1);
    struct item for_the_other = {.caller = 7, .number = 2};
    struct item of_another_bench = {.caller = 6, .number = 1};
    struct tally_result result;

    (void)state;
    note(tally, 0, 7, 1);
    note(tally, 0, 7, 3);
    note(tally, 2, 7, 3);
    note(tally, 1, 7, 2);
    note(tally, 1, 7, 4);
    note(tally, 3, 7, 2);
    note(tally, 3, 7, 4);
    assert_false(tally_note(tally, 0, &for_the_other));
    assert_false(tally_knows(tally, &of_another_bench));
    assert_false(tally_note(tally, 0, &of_another_bench));
    result = tally_result(tally, accepted, 4);
    assert_int_equal(result.items, 7);
    assert_int_equal(result.lost, 1);
    assert_int_equal(result.disagreeing, 1);
    assert_int_equal(result.duplicates + result.out_of_order + result.unaccepted, 0);
    tally_free(tally);
}

/* A client in two rooms may get them interleaved in any way; each room has its own order. */
static void tally_has_an_order_for_each_room(void **state)
{
    const bool accepted[4] = {true, true, true, true};
    struct tally *tally = new_tally(2, 1, 0, 1);
    struct tally_result result;

    (void)state;
    note(tally, 0, 0, 1);
    note(tally, 0, 0, 3);
    note(tally, 0, 0, 4);
    note(tally, 0, 0, 2);
    result = tally_result(tally, accepted, 4);
    assert_int_equal(result.lost, 0);
    assert_int_equal(result.out_of_order, 1);
    tally_free(tally);
}

static void gather_frame(unsigned opcode, const uint8_t *payload, size_t len, void *arg)
{
    size_t *sum = arg;

    assert_int_equal(opcode, FRAME_TEXT);
    assert_int_equal(len, sum[0] == 0 ? 5 : 300);
    assert_int_equal(payload[0], sum[0] == 0 ? 'h' : 'x');
    sum[0]++;
}

static void frames_survive_every_cut(void **state)
{
    uint8_t bytes[7 + 304] = "\x81\x05hello\x81\x7e\x01\x2c";

    (void)state;
    memset(bytes + 11, 'x', 300);
    for (size_t at = 0; at <= sizeof bytes; at++) {
        struct frame_reader reader = {0};
        size_t frames = 0;

        assert_true(frame_reader_feed(&reader, bytes, at, gather_frame, &frames));
        assert_true(frame_reader_feed(&reader, bytes + at, sizeof bytes - at, gather_frame, &frames));
        assert_int_equal(frames, 2);
        assert_null(reader.held);
        frame_reader_fini(&reader);
    }
}

static void foreign_frames_are_refused(void **state)
{
    static const char *bad[] = {"\x01\x01x", "\xc1\x01x", "\x81\x81xxxxx"};
    size_t frames = 0;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct frame_reader reader = {0};

        assert_false(frame_reader_feed(&reader, (const uint8_t *)bad[i], 3, gather_frame, &frames));
        frame_reader_fini(&reader);
    }
    assert_int_equal(frames, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(item_comes_back),
        cmocka_unit_test(histogram_is_within_one_percent),
        cmocka_unit_test(histogram_finds_quantiles),
        cmocka_unit_test(histogram_keeps_the_tail),
        cmocka_unit_test(quantiles_rise_up_to_the_maximum),
        cmocka_unit_test(rooms_are_all_alike),
        cmocka_unit_test(arrivals_keep_the_last_client),
        cmocka_unit_test(tally_is_content_with_good_delivery),
        cmocka_unit_test(tally_finds_every_fault),
        cmocka_unit_test(tally_knows_rooms),
        cmocka_unit_test(tally_has_an_order_for_each_room),
        cmocka_unit_test(frames_survive_every_cut),
        cmocka_unit_test(foreign_frames_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
