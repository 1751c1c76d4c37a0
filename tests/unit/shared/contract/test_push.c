/* SPDX-License-Identifier: Apache-2.0 */
/* Room names, and the batch codec: what is encoded comes back, and nothing else is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "shared/contract/push.h"

static const struct push_limits limits = {.max_room_len = 16, .max_item_len = 64, .max_depth = 4};
static const uint8_t logic_id[LOGIC_ID_LEN] = "0123456789abcdef";

/* A batch of two records: sequence 41 to rooms "r" and "room", waited for; 43 to all. */
static struct slice batch_new(void)
{
    const struct slice rooms[] = {slice_str("r"), slice_str("room")};
    const struct slice items[] = {slice_str("{\"a\":1}"), slice_str("[2, 3]"), slice_str("\"x\"")};
    const struct push first = {AUDIENCE_ROOM, rooms, 2, items, 2, .wait = true};
    const struct push second = {AUDIENCE_EVERYONE, NULL, 0, items + 2, 1, .wait = false};
    size_t size = PUSH_BATCH_HEADER_LEN + push_record_size(&first) + push_record_size(&second);
    uint8_t *bytes = malloc(size);

    assert_non_null(bytes);
    push_batch_header_encode(logic_id, 41, 2, 0, bytes);
    push_record_encode(&first, 41, bytes + PUSH_BATCH_HEADER_LEN);
    push_record_encode(&second, 43, bytes + PUSH_BATCH_HEADER_LEN + push_record_size(&first));
    return slice_of(bytes, size);
}

static void batch_free(struct slice batch)
{
    free((void *)(uintptr_t)batch.data);
}

/* Offsets in that batch. */
enum {
    FIRST = PUSH_BATCH_HEADER_LEN,
    FLAGS = FIRST + 12,
    TARGET = FLAGS + 1,
    ROOM_COUNT = FLAGS + 2,
    ROOM = FLAGS + 4,
    ITEM_COUNT = ROOM + 3 + 6,
    ITEM = ITEM_COUNT + 4,
    SECOND = ITEM + 4 + 7 + 4 + 6,
    SECOND_ROOM_COUNT = SECOND + 14,
    SECOND_ITEM_COUNT = SECOND + 16,
    SECOND_ITEM = SECOND_ITEM_COUNT + 4,
};

static void assert_refused(struct slice bytes, const char *expected)
{
    struct push_batch batch;
    struct fault fault = {""};

    assert_int_equal(push_batch_decode(bytes, &limits, &batch, &fault), STATUS_INVALID);
    assert_string_equal(fault.text, expected);
    assert_int_equal(push_batch_decode(bytes, &limits, &batch, NULL), STATUS_INVALID);
}

/* The batch with one byte changed. */
static void assert_change_refused(size_t offset, uint8_t byte, const char *expected)
{
    struct slice batch = batch_new();

    ((uint8_t *)(uintptr_t)batch.data)[offset] = byte;
    assert_refused(batch, expected);
    batch_free(batch);
}

static void assert_next(bool (*next)(struct slice *rest, struct slice *out), struct slice *rest,
                        const char *expected)
{
    struct slice got;

    assert_true(next(rest, &got));
    assert_int_equal(got.len, strlen(expected));
    assert_memory_equal(got.data, expected, got.len);
}

static void gives_back_what_was_encoded(void **state)
{
    struct slice bytes = batch_new(), none;
    struct push_batch batch;
    struct push_record record;
    struct fault fault;

    (void)state;
    assert_int_equal(push_batch_decode(bytes, &limits, &batch, &fault), STATUS_OK);
    assert_memory_equal(batch.logic_id, logic_id, LOGIC_ID_LEN);
    assert_int_equal(batch.first_sequence, 41);
    assert_int_equal(batch.count, 2);
    assert_false(batch.only);

    assert_true(push_next_record(&batch.records, &record));
    assert_int_equal(record.sequence, 41);
    assert_true(record.wait);
    assert_int_equal(record.target, AUDIENCE_ROOM);
    assert_int_equal(record.room_count, 2);
    assert_int_equal(record.item_count, 2);
    assert_next(push_next_room, &record.rooms, "r");
    assert_next(push_next_room, &record.rooms, "room");
    assert_false(push_next_room(&record.rooms, &none));
    assert_next(push_next_item, &record.items, "{\"a\":1}");
    assert_next(push_next_item, &record.items, "[2, 3]");
    assert_false(push_next_item(&record.items, &none));

    assert_true(push_next_record(&batch.records, &record));
    assert_int_equal(record.sequence, 43);
    assert_false(record.wait);
    assert_int_equal(record.target, AUDIENCE_EVERYONE);
    assert_int_equal(record.room_count, 0);
    assert_false(push_next_room(&record.rooms, &none));
    assert_next(push_next_item, &record.items, "\"x\"");
    assert_false(push_next_record(&batch.records, &record));
    batch_free(bytes);
}

static void writes_the_documented_bytes(void **state)
{
    static const uint8_t expected[] = {0, 0, 0, 23, 1,   2, 3, 4, 5, 6, 7, 8, 1, 1,
                                       0, 1, 0, 1,  'r', 0, 0, 0, 1, 0, 0, 0, 0};
    const struct slice room = slice_str("r"), item = slice_str("");
    const struct push push = {AUDIENCE_ROOM, &room, 1, &item, 1, .wait = true};
    uint8_t out[sizeof expected];

    (void)state;
    assert_int_equal(push_record_size(&push), sizeof expected);
    push_record_encode(&push, 0x0102030405060708U, out);
    assert_memory_equal(out, expected, sizeof expected);
}

static void says_that_it_comes_by_the_bus_only(void **state)
{
    static const uint8_t expected[8] = {'F', 'A', 'N', 'B', 1, 1, 0, 0};
    struct slice bytes = batch_new();
    struct push_batch batch;
    struct fault fault;

    (void)state;
    push_batch_header_encode(logic_id, 41, 2, PUSH_BATCH_ONLY, (uint8_t *)(uintptr_t)bytes.data);
    assert_memory_equal(bytes.data, expected, sizeof expected);
    assert_int_equal(push_batch_decode(bytes, &limits, &batch, &fault), STATUS_OK);
    assert_true(batch.only);
    batch_free(bytes);
}

static void refuses_every_batch_cut_short(void **state)
{
    struct slice whole = batch_new();
    struct push_batch batch;
    struct fault fault;

    (void)state;
    for (size_t len = 0; len < whole.len; len++) {
        uint8_t *part = malloc(len + 1);

        assert_non_null(part);
        memcpy(part + 1, whole.data, len);
        assert_int_equal(push_batch_decode(slice_of(part + 1, len), &limits, &batch, &fault), STATUS_INVALID);
        free(part);
    }
    assert_refused(slice_of(NULL, 0), "at byte 0: cut short in the header");
    assert_refused(slice_of(whole.data, 35), "at byte 35: cut short in the header");
    assert_refused(slice_of(whole.data, whole.len - 1), "at byte 86: batch cut short");
    batch_free(whole);
}

static void refuses_a_bad_header(void **state)
{
    (void)state;
    assert_change_refused(0, 'f', "at byte 0: not a batch");
    assert_change_refused(4, 2, "at byte 4: unknown version, 1 is known");
    assert_change_refused(5, 2, "at byte 5: unknown flags");
    assert_change_refused(5, 0x81, "at byte 5: unknown flags");
    assert_change_refused(6, 1, "at byte 6: reserved bytes must be 0");
    assert_change_refused(7, 1, "at byte 6: reserved bytes must be 0");
    assert_change_refused(31, 40, "at byte 40: the first sequence is not the header's");
    assert_change_refused(31, 42, "at byte 40: sequences do not rise");
    assert_change_refused(35, 0, "at byte 32: no pushes");
    assert_change_refused(35, 1, "at byte 86: bytes behind the last record");
    assert_change_refused(35, 3, "at byte 113: batch cut short");
    assert_change_refused(32, 0xff, "at byte 113: batch cut short");
}

static void refuses_lengths_that_lie(void **state)
{
    (void)state;
    assert_change_refused(FIRST, 0xff, "at byte 36: batch cut short");
    assert_change_refused(FIRST + 3, 4, "at byte 40: record cut short");
    assert_change_refused(FIRST + 3, 45, "at byte 76: item cut short");
    assert_change_refused(FIRST + 3, 47, "at byte 86: bytes behind the last item of a record");
    assert_change_refused(ROOM, 0xff, "at byte 52: name cut short");
    assert_change_refused(ITEM, 0xff, "at byte 65: item cut short");
    assert_change_refused(ITEM_COUNT + 3, 1, "at byte 76: bytes behind the last item of a record");
    assert_change_refused(ITEM_COUNT + 3, 3, "at byte 86: item cut short");
    assert_change_refused(ITEM_COUNT + 3, 0, "at byte 61: no items");
    assert_change_refused(ITEM_COUNT, 0xff, "at byte 86: item cut short");
}

static void refuses_bad_records(void **state)
{
    (void)state;
    assert_change_refused(FLAGS, 0x10, "at byte 48: unknown flags");
    assert_change_refused(FLAGS, 3, "at byte 86: traceparent cut short");
    assert_change_refused(FLAGS, 0x81, "at byte 48: unknown flags");
    assert_change_refused(TARGET, 3, "at byte 49: a target of commands only");
    assert_change_refused(TARGET, 4, "at byte 49: unknown target");
    assert_change_refused(TARGET, AUDIENCE_EVERYONE, "at byte 50: names and target contradict each other");
    assert_change_refused(ROOM_COUNT + 1, 0, "at byte 50: names and target contradict each other");
    assert_change_refused(SECOND_ROOM_COUNT + 1, 1, "at byte 100: names and target contradict each other");
    assert_change_refused(ROOM + 2, '\n', "at byte 52: the room name has a control character");
    assert_change_refused(ROOM + 2, 0xff, "at byte 52: the room name is not valid UTF-8");
    assert_change_refused(SECOND + 11, 41, "at byte 90: sequences do not rise");
    assert_change_refused(SECOND + 11, 40, "at byte 90: sequences do not rise");
}

/* The rules of a room's name, in words about users. */
static void refuses_bad_users(void **state)
{
    struct slice bytes = batch_new();
    uint8_t *batch = (uint8_t *)(uintptr_t)bytes.data;
    struct push_batch decoded;

    (void)state;
    batch[TARGET] = audience_target(AUDIENCE_USER);
    assert_int_equal(push_batch_decode(bytes, &limits, &decoded, NULL), STATUS_OK);
    batch[ROOM + 2] = 0x02;
    assert_refused(bytes, "at byte 52: the user name has a control character");
    batch[ROOM + 2] = 0xff;
    assert_refused(bytes, "at byte 52: the user name is not valid UTF-8");
    batch_free(bytes);
    bytes = batch_new();
    batch = (uint8_t *)(uintptr_t)bytes.data;
    batch[SECOND + 13] = audience_target(AUDIENCE_USER);
    assert_refused(bytes, "at byte 100: names and target contradict each other");
    batch_free(bytes);
}

static void gives_back_users(void **state)
{
    const struct slice users[] = {slice_str("u7"), slice_str("u8")};
    const struct slice item = slice_str("1");
    const struct push push = {AUDIENCE_USER, users, 2, &item, 1, .wait = true};
    uint8_t bytes[256];
    struct push_batch batch;
    struct push_record record;
    struct slice name;

    (void)state;
    push_batch_header_encode(logic_id, 7, 1, 0, bytes);
    push_record_encode(&push, 7, bytes + PUSH_BATCH_HEADER_LEN);
    assert_int_equal(bytes[PUSH_BATCH_HEADER_LEN + PUSH_RECORD_TARGET_AT], 2);
    assert_int_equal(push_batch_decode(slice_of(bytes, PUSH_BATCH_HEADER_LEN + push_record_size(&push)),
                                       &limits, &batch, NULL),
                     STATUS_OK);
    assert_true(push_next_record(&batch.records, &record));
    assert_int_equal(record.target, AUDIENCE_USER);
    assert_int_equal(record.room_count, 2);
    assert_true(push_next_room(&record.rooms, &name) && slice_equal(name, users[0]));
    assert_true(push_next_room(&record.rooms, &name) && slice_equal(name, users[1]));
    assert_false(push_next_room(&record.rooms, &name));
}

static void refuses_bad_items_with_the_byte_in_the_batch(void **state)
{
    (void)state;
    assert_change_refused(ITEM + 4, '}', "at byte 69: expected a value");
    assert_change_refused(ITEM + 4 + 6, ',', "at byte 76: unexpected end");
    assert_change_refused(SECOND_ITEM + 5, 0xff, "at byte 111: invalid UTF-8");
    assert_change_refused(SECOND_ITEM + 5, '\n', "at byte 111: raw control character");
}

static void refuse_item(const char *item, const char *expected)
{
    const struct slice items = slice_str(item);
    const struct push push = {AUDIENCE_EVERYONE, NULL, 0, &items, 1, .wait = false};
    uint8_t bytes[512];

    push_batch_header_encode(logic_id, 7, 1, 0, bytes);
    push_record_encode(&push, 7, bytes + PUSH_BATCH_HEADER_LEN);
    assert_refused(slice_of(bytes, PUSH_BATCH_HEADER_LEN + push_record_size(&push)), expected);
}

/* One would spoil every item of the frame that it is merged into. */
static void refuses_half_of_a_surrogate_pair(void **state)
{
    (void)state;
    refuse_item("[\"\\ud83d\"]", "at byte 62: half of a surrogate pair");
    refuse_item("{\"\\ude00\":1}", "at byte 62: half of a surrogate pair");
}

static void keeps_to_the_limits(void **state)
{
    (void)state;
    refuse_item("", "at byte 60: unexpected end");
    refuse_item("[[[[[]]]]]", "at byte 64: nesting deeper than 4");
    refuse_item("\"0123456789012345678901234567890123456789012345678901234567890123\"",
                "at byte 60: item of 66 bytes, 64 are allowed");
}

static void refuses_a_sequence_that_wraps(void **state)
{
    const struct slice item = slice_str("1");
    const struct push push = {AUDIENCE_EVERYONE, NULL, 0, &item, 1, .wait = false};
    size_t size = push_record_size(&push);
    uint8_t bytes[256];

    (void)state;
    push_batch_header_encode(logic_id, UINT64_MAX, 2, 0, bytes);
    push_record_encode(&push, UINT64_MAX, bytes + PUSH_BATCH_HEADER_LEN);
    push_record_encode(&push, 0, bytes + PUSH_BATCH_HEADER_LEN + size);
    assert_refused(slice_of(bytes, PUSH_BATCH_HEADER_LEN + 2 * size), "at byte 61: sequences do not rise");
}

static void knows_a_room_name(void **state)
{
    (void)state;
    assert_null(push_room_fault(slice_str("default"), 16));
    assert_null(push_room_fault(slice_str("\xe6\x88\xbf\xe9\x97\xb4 1"), 16));
    assert_null(push_room_fault(slice_str("\xc2\xa0"), 16));
    assert_null(push_room_fault(slice_str("1234567890123456"), 16));
    assert_string_equal(push_room_fault(slice_of(NULL, 0), 16), "the room name is empty");
    assert_string_equal(push_room_fault(slice_str("12345678901234567"), 16), "the room name is too long");
    assert_string_equal(push_room_fault(slice_str("a\xc3"), 16), "the room name is not valid UTF-8");
    assert_string_equal(push_room_fault(slice_of("a\0b", 3), 16), "the room name has a control character");
    assert_string_equal(push_room_fault(slice_str("a\x1f"), 16), "the room name has a control character");
    assert_string_equal(push_room_fault(slice_str("\x7f"), 16), "the room name has a control character");
    assert_string_equal(push_room_fault(slice_str("\xc2\x80"), 16), "the room name has a control character");
    assert_string_equal(push_room_fault(slice_str("a\xc2\x9f"), 16), "the room name has a control character");
    assert_null(push_name_fault(AUDIENCE_USER, slice_str("u7"), 16));
    assert_string_equal(push_name_fault(AUDIENCE_USER, slice_of(NULL, 0), 16), "the user name is empty");
    assert_string_equal(push_name_fault(AUDIENCE_USER, slice_str("12345678901234567"), 16),
                        "the user name is too long");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_back_what_was_encoded),
        cmocka_unit_test(writes_the_documented_bytes),
        cmocka_unit_test(says_that_it_comes_by_the_bus_only),
        cmocka_unit_test(refuses_every_batch_cut_short),
        cmocka_unit_test(refuses_a_bad_header),
        cmocka_unit_test(refuses_lengths_that_lie),
        cmocka_unit_test(refuses_bad_records),
        cmocka_unit_test(refuses_bad_users),
        cmocka_unit_test(gives_back_users),
        cmocka_unit_test(refuses_bad_items_with_the_byte_in_the_batch),
        cmocka_unit_test(refuses_half_of_a_surrogate_pair),
        cmocka_unit_test(keeps_to_the_limits),
        cmocka_unit_test(refuses_a_sequence_that_wraps),
        cmocka_unit_test(knows_a_room_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
