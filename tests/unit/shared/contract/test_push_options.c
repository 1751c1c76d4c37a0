/* SPDX-License-Identifier: Apache-2.0 */
/* Options of a push: what is encoded comes back, and nothing else is taken, by the byte where it is wrong. */
#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "shared/contract/push.h"

static const struct push_limits limits = {.max_room_len = 16, .max_item_len = 64, .max_depth = 4};
static const uint8_t logic_id[LOGIC_ID_LEN] = "0123456789abcdef";
static const char trace_text[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/* One push to everyone in a batch. */
struct sample {
    struct push push;
    uint8_t bytes[4096];
    size_t len;
};

/* Where the options of a sample begin: header, record head, one item of one byte. */
enum { OPTIONS = PUSH_BATCH_HEADER_LEN + PUSH_RECORD_HEAD_LEN + 4 + 4 + 1 };

#define ID     "9f86d081884c7d65-1f-2c0"
#define ID_LEN 23

static const struct slice one = {(const uint8_t *)"1", 1};

static struct sample *sample_of(const struct push_terms *terms)
{
    static struct sample sample;

    sample.push = (struct push){.target = AUDIENCE_EVERYONE, .items = &one, .item_count = 1, .terms = *terms};
    sample.len = PUSH_BATCH_HEADER_LEN + push_record_size(&sample.push);
    push_batch_header_encode(logic_id, 7, 1, 0, sample.bytes);
    push_record_encode(&sample.push, 7, sample.bytes + PUSH_BATCH_HEADER_LEN);
    return &sample;
}

/* The same with bytes in the place of the options that were encoded. */
static struct slice with_options(const void *options, size_t len)
{
    const struct push_terms urgent = {.urgent = true};
    struct sample *sample = sample_of(&urgent);
    uint32_t record = htobe32((uint32_t)(OPTIONS - PUSH_BATCH_HEADER_LEN - PUSH_RECORD_PREFIX_LEN + len + 4));
    uint32_t length = htobe32((uint32_t)len);

    memcpy(sample->bytes + PUSH_BATCH_HEADER_LEN, &record, sizeof record);
    memcpy(sample->bytes + OPTIONS, options, len);
    memcpy(sample->bytes + OPTIONS + len, &length, sizeof length);
    return slice_of(sample->bytes, OPTIONS + len + 4);
}

static void refused(struct slice bytes, const char *expected)
{
    struct push_batch batch;
    struct fault fault = {""};

    assert_int_equal(push_batch_decode(bytes, &limits, &batch, &fault), STATUS_INVALID);
    assert_string_equal(fault.text, expected);
}

/* `options` is a literal, which may have zeros; `at` counts from the options' beginning. */
#define REFUSED(options, at, says)                                                                           \
    do {                                                                                                     \
        char expected_[128];                                                                                 \
        snprintf(expected_, sizeof expected_, "at byte %d: %s", OPTIONS + (at), says);                       \
        refused(with_options(options, sizeof(options) - 1), expected_);                                      \
    } while (0)

static struct push_record taken(struct slice bytes)
{
    struct push_batch batch;
    struct push_record record;
    struct slice item;
    struct fault fault = {""};

    if (push_batch_decode(bytes, &limits, &batch, &fault) != STATUS_OK)
        fail_msg("%s", fault.text);
    assert_true(push_next_record(&batch.records, &record));
    assert_int_equal(batch.records.len, 0);
    assert_int_equal(record.item_count, 1);
    assert_true(push_next_item(&record.items, &item));
    assert_true(slice_equal(item, one));
    assert_int_equal(record.items.len, 0);
    return record;
}

static struct push_terms all_terms(void)
{
    static uint8_t exclusions[64];
    uint8_t *at = exclusions;

    push_exclusion_head(false, 2, at);
    memcpy(at + PUSH_OPTION_HEAD_LEN, "u7", 2);
    at += PUSH_OPTION_HEAD_LEN + 2;
    push_exclusion_head(true, ID_LEN, at);
    memcpy(at + PUSH_OPTION_HEAD_LEN, ID, ID_LEN);
    at += PUSH_OPTION_HEAD_LEN + ID_LEN;
    return (struct push_terms){.exclusions = slice_of(exclusions, (size_t)(at - exclusions)),
                               .key = slice_str("k"),
                               .ttl_ms = 0x01020304,
                               .has_ttl = true,
                               .urgent = true};
}

static void expect_all(const struct push_terms *terms)
{
    struct slice rest = terms->exclusions;
    struct push_exclusion exclusion;

    assert_true(push_next_exclusion(&rest, &exclusion));
    assert_false(exclusion.connection);
    assert_true(slice_equal(exclusion.name, slice_str("u7")));
    assert_true(push_next_exclusion(&rest, &exclusion));
    assert_true(exclusion.connection);
    assert_true(slice_equal(exclusion.name, slice_str(ID)));
    assert_false(push_next_exclusion(&rest, &exclusion));
    assert_true(slice_equal(terms->key, slice_str("k")));
    assert_true(terms->has_ttl && terms->urgent);
    assert_int_equal(terms->ttl_ms, 0x01020304);
}

static void gives_back_what_was_encoded(void **state)
{
    const struct push_terms terms = all_terms();
    struct sample *sample = sample_of(&terms);
    struct push_record record = taken(slice_of(sample->bytes, sample->len));

    (void)state;
    expect_all(&record.terms);
    assert_null(record.trace);
    assert_false(record.command);
}

static void stands_in_front_of_a_trace(void **state)
{
    const struct push_terms terms = all_terms();
    struct sample *sample = sample_of(&terms);
    struct push_record record;
    struct traceparent trace;
    uint8_t head[PUSH_RECORD_HEAD_LEN];

    (void)state;
    assert_true(traceparent_parse(slice_str(trace_text), &sample->push.trace));
    sample->len = PUSH_BATCH_HEADER_LEN + push_record_size(&sample->push);
    push_record_encode(&sample->push, 7, sample->bytes + PUSH_BATCH_HEADER_LEN);
    record = taken(slice_of(sample->bytes, sample->len));
    expect_all(&record.terms);
    assert_non_null(record.trace);
    assert_true(traceparent_decode(record.trace, &trace));
    /* Without its trace the options stay. */
    push_record_untraced_head(sample->bytes + PUSH_BATCH_HEADER_LEN, head);
    memcpy(sample->bytes + PUSH_BATCH_HEADER_LEN, head, sizeof head);
    record = taken(slice_of(sample->bytes, sample->len - TRACEPARENT_LEN));
    expect_all(&record.terms);
    assert_null(record.trace);
}

/* docs/protocol.md, section 3, "Record". */
static void writes_the_documented_bytes(void **state)
{
    static const char expected[] = "\x81\0\2u7"
                                   "\x82\0\x17" ID "\x83\0\1k"
                                   "\4\0\0"
                                   "\x85\0\4\1\2\3\4"
                                   "\0\0\0\x2d";
    const struct push_terms terms = all_terms();
    struct sample *sample = sample_of(&terms);

    (void)state;
    assert_int_equal(sample->bytes[PUSH_BATCH_HEADER_LEN + PUSH_RECORD_FLAGS_AT], PUSH_FLAG_OPTIONS);
    assert_int_equal(sample->len - OPTIONS, sizeof expected - 1);
    assert_memory_equal(sample->bytes + OPTIONS, expected, sizeof expected - 1);
}

static void a_push_without_options_has_no_byte_of_them(void **state)
{
    const struct push_terms none = {.ttl_ms = 5}; /* of which has_ttl says that it is none */
    struct sample *sample = sample_of(&none);
    struct push_record record = taken(slice_of(sample->bytes, sample->len));

    (void)state;
    assert_int_equal(sample->len, OPTIONS);
    assert_int_equal(sample->bytes[PUSH_BATCH_HEADER_LEN + PUSH_RECORD_FLAGS_AT], 0);
    assert_false(push_terms_are_set(&record.terms));
    assert_int_equal(push_record_ttl_at(&sample->push), 0);
}

static void the_time_to_live_can_be_written_anew(void **state)
{
    struct push_terms terms = all_terms();
    struct sample *sample = sample_of(&terms);
    struct push_record record;

    (void)state;
    for (unsigned traced = 0; traced < 2; traced++) {
        if (traced)
            assert_true(traceparent_parse(slice_str(trace_text), &sample->push.trace));
        sample->len = PUSH_BATCH_HEADER_LEN + push_record_size(&sample->push);
        push_record_encode(&sample->push, 7, sample->bytes + PUSH_BATCH_HEADER_LEN);
        push_record_ttl_encode(9 + traced,
                               sample->bytes + PUSH_BATCH_HEADER_LEN + push_record_ttl_at(&sample->push));
        record = taken(slice_of(sample->bytes, sample->len));
        assert_int_equal(record.terms.ttl_ms, 9 + traced);
        assert_true(slice_equal(record.terms.key, slice_str("k")));
    }
}

static void what_may_be_unknown_is_passed_over(void **state)
{
    static const char options[] = "\x81\0\1u\x06\0\2\xff\xff\x06\0\0\4\0\0\x7f\0\1x\x85\0\4\0\0\0\0";
    struct push_record record = taken(with_options(options, sizeof options - 1));

    (void)state;
    assert_int_equal(record.terms.exclusions.len, 4);
    assert_true(record.terms.urgent && record.terms.has_ttl);
    assert_int_equal(record.terms.ttl_ms, 0);
    record = taken(with_options("\x06\0\1z", 4));
    assert_false(push_terms_are_set(&record.terms));
}

static void what_must_be_known_is_refused(void **state)
{
    (void)state;
    REFUSED("\4\0\0\x86\0\0", 3, "an option that must be known, and is not");
    REFUSED("\x80\0\0", 0, "an option that must be known, and is not");
    REFUSED("\1\0\1u", 0, "an option whose bit for those who do not know it is another");
    REFUSED("\x84\0\0", 0, "an option whose bit for those who do not know it is another");
    REFUSED("\5\0\4\0\0\0\1", 0, "an option whose bit for those who do not know it is another");
}

static void refuses_what_is_cut_short(void **state)
{
    (void)state;
    REFUSED("", 0, "no options");
    REFUSED("\4", 0, "option cut short");
    REFUSED("\4\0", 0, "option cut short");
    REFUSED("\4\0\0\x83\0\2k", 3, "option cut short");
}

static void refuses_what_is_in_the_wrong_place(void **state)
{
    (void)state;
    REFUSED("\4\0\0\4\0\0", 3, "an option that stands twice");
    REFUSED("\x83\0\1k\x83\0\1l", 4, "an option that stands twice");
    REFUSED("\4\0\0\x81\0\1u", 3, "an exclusion behind other options");
    REFUSED("\6\0\0\x82\0\1a", 3, "an exclusion behind other options");
    REFUSED("\x85\0\4\0\0\0\1\4\0\0", 7, "an option behind the time to live");
    REFUSED("\x85\0\4\0\0\0\1\x85\0\4\0\0\0\1", 7, "an option behind the time to live");
    REFUSED("\x85\0\4\0\0\0\1\6\0\0", 7, "an option behind the time to live");
}

static void refuses_bad_values(void **state)
{
    (void)state;
    REFUSED("\x81\0\0", 0, "the user name is empty");
    REFUSED("\x81\0\1\2", 0, "the user name has a control character");
    REFUSED("\x81\0\x11"
            "12345678901234567",
            0, "the user name is too long");
    REFUSED("\x82\0\0", 0, "not the id of a connection");
    REFUSED("\x82\0\1g", 0, "not the id of a connection");
    REFUSED("\x82\0\x17"
            "9f86d081884c7d65-1F-2c0",
            0, "not the id of a connection");
    REFUSED("\x82\0\x29"
            "01234567890123456789012345678901234567890",
            0, "not the id of a connection");
    REFUSED("\x83\0\0", 0, "not a key");
    REFUSED("\x83\0\1\xff", 0, "not a key");
    REFUSED("\4\0\1x", 0, "urgent has no bytes");
    REFUSED("\x85\0\3\0\0\1", 0, "a time to live has 4 bytes");
    REFUSED("\x85\0\4\x05\x26\x5c\x01", 0, "a time to live of more than a day");
    assert_int_equal(taken(with_options("\x85\0\4\x05\x26\x5c\0", 7)).terms.ttl_ms, PUSH_TTL_MAX_MS);
}

static void exclusions_are_bounded(void **state)
{
    uint8_t options[4 * (PUSH_EXCLUSIONS_MAX + 1)];
    char expected[64];

    (void)state;
    for (size_t i = 0; i < sizeof options; i += 4) {
        push_exclusion_head(false, 1, options + i);
        options[i + 3] = 'u';
    }
    assert_int_equal(taken(with_options(options, 4 * PUSH_EXCLUSIONS_MAX)).terms.exclusions.len,
                     4 * PUSH_EXCLUSIONS_MAX);
    snprintf(expected, sizeof expected, "at byte %d: more than 100 exclusions",
             OPTIONS + 4 * PUSH_EXCLUSIONS_MAX);
    refused(with_options(options, sizeof options), expected);
}

static void refuses_a_length_that_lies(void **state)
{
    struct slice bytes = with_options("\4\0\0", 3);
    uint8_t *length = (uint8_t *)(uintptr_t)bytes.data + OPTIONS + 3;
    char expected[64];

    (void)state;
    snprintf(expected, sizeof expected, "at byte %d: not the length of the options", OPTIONS + 3);
    for (unsigned i = 0; i < 4; i++) {
        length[i] ^= 1;
        refused(bytes, expected);
        length[i] ^= 1;
    }
    taken(bytes);
}

/* A batch whose record ends before its options do. */
static void refuses_options_that_are_not_there(void **state)
{
    static const struct push_terms none;
    struct sample *sample = sample_of(&none);
    char expected[64];

    (void)state;
    sample->bytes[PUSH_BATCH_HEADER_LEN + PUSH_RECORD_FLAGS_AT] = PUSH_FLAG_OPTIONS;
    snprintf(expected, sizeof expected, "at byte %d: options cut short", OPTIONS);
    refused(slice_of(sample->bytes, sample->len), expected);
}

static void a_command_is_one_item_and_taken_where_it_is_known(void **state)
{
    const struct slice kick = slice_str("{\"kick\":{\"code\":4003,\"reason\":\"\"}}"), room = slice_str("r");
    const struct slice items[] = {kick, kick};
    struct push push = {.target = AUDIENCE_ROOM,
                        .rooms = &room,
                        .room_count = 1,
                        .items = items,
                        .item_count = 1,
                        .command = true};
    const struct push_limits known = {
        .max_room_len = 16, .max_item_len = 64, .max_depth = 4, .commands = true};
    uint8_t bytes[256];
    struct push_batch batch;
    struct push_record record;
    struct fault fault;

    (void)state;
    push_batch_header_encode(logic_id, 7, 1, 0, bytes);
    push_record_encode(&push, 7, bytes + PUSH_BATCH_HEADER_LEN);
    size_t len = PUSH_BATCH_HEADER_LEN + push_record_size(&push);
    assert_int_equal(push_batch_decode(slice_of(bytes, len), &known, &batch, &fault), STATUS_OK);
    assert_true(push_next_record(&batch.records, &record));
    assert_true(record.command);
    refused(slice_of(bytes, len), "at byte 48: unknown flags");
    bytes[PUSH_BATCH_HEADER_LEN + PUSH_RECORD_FLAGS_AT] |= PUSH_FLAG_OPTIONS;
    assert_int_equal(push_batch_decode(slice_of(bytes, len), &known, &batch, &fault), STATUS_INVALID);
    assert_string_equal(fault.text, "at byte 48: a command with options");
    push.item_count = 2;
    push_record_encode(&push, 7, bytes + PUSH_BATCH_HEADER_LEN);
    len = PUSH_BATCH_HEADER_LEN + push_record_size(&push);
    assert_int_equal(push_batch_decode(slice_of(bytes, len), &known, &batch, &fault), STATUS_INVALID);
    assert_string_equal(fault.text, "at byte 55: a command has exactly one item");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_back_what_was_encoded),
        cmocka_unit_test(stands_in_front_of_a_trace),
        cmocka_unit_test(writes_the_documented_bytes),
        cmocka_unit_test(a_push_without_options_has_no_byte_of_them),
        cmocka_unit_test(the_time_to_live_can_be_written_anew),
        cmocka_unit_test(what_may_be_unknown_is_passed_over),
        cmocka_unit_test(what_must_be_known_is_refused),
        cmocka_unit_test(refuses_what_is_cut_short),
        cmocka_unit_test(refuses_what_is_in_the_wrong_place),
        cmocka_unit_test(refuses_bad_values),
        cmocka_unit_test(exclusions_are_bounded),
        cmocka_unit_test(refuses_a_length_that_lies),
        cmocka_unit_test(refuses_options_that_are_not_there),
        cmocka_unit_test(a_command_is_one_item_and_taken_where_it_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
