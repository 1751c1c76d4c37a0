/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a batch: what passes can be walked by its own counts, and encodes to the same
 * bytes again, header and records; options, which may stand in another order and have others among them,
 * say the same again. */
#include <string.h>

#include "shared/contract/connection_id.h"
#include "shared/contract/push.h"
#include "tests/fuzz/fuzz.h"

enum { MAX_PARTS = 256, MAX_RECORD = 1 << 16 };

static const struct push_limits limits = {
    .max_room_len = 64, .max_item_len = 4096, .max_depth = 16, .commands = true};

static bool same_terms(const struct push_terms *a, const struct push_terms *b)
{
    return slice_equal(a->exclusions, b->exclusions) && slice_equal(a->key, b->key) &&
           a->urgent == b->urgent && a->has_ttl == b->has_ttl && a->ttl_ms == b->ttl_ms;
}

static void check_terms(const struct push_terms *terms)
{
    struct slice rest = terms->exclusions;
    struct push_exclusion exclusion;
    struct connection_id id;
    size_t count = 0;

    while (push_next_exclusion(&rest, &exclusion)) {
        count++;
        fuzz_check(exclusion.connection
                       ? connection_id_parse(exclusion.name, &id) == STATUS_OK
                       : push_name_fault(AUDIENCE_USER, exclusion.name, limits.max_room_len) == NULL);
    }
    fuzz_check(rest.len == 0 && count <= PUSH_EXCLUSIONS_MAX);
    fuzz_check(terms->key.len == 0 || push_room_fault(terms->key, limits.max_room_len) == NULL);
    fuzz_check(terms->ttl_ms <= (terms->has_ttl ? PUSH_TTL_MAX_MS : 0));
}

/* `again` is what was encoded of a record that was read. */
static void check_options(const struct push_record *record, const struct push *push, const uint8_t *again)
{
    size_t end = push_record_size(push) - (push->trace.set ? TRACEPARENT_LEN : 0) - PUSH_OPTIONS_LEN_LEN;
    size_t len = push_options_size(&push->terms), at;
    struct slice options = slice_of(again + end - len, len);
    struct push_terms terms;

    fuzz_check(push_options_fault(options, limits.max_room_len, &at) == NULL);
    push_options_decode(options, &terms);
    fuzz_check(same_terms(&terms, &record->terms));
}

static void check_encoding(const struct push_record *record, const struct push *push, const uint8_t *bytes)
{
    static uint8_t again[MAX_RECORD];
    size_t size = push_record_size(push);

    if (size <= sizeof again) {
        push_record_encode(push, record->sequence, again);
        if (push_terms_are_set(&push->terms))
            check_options(record, push, again);
        else if ((bytes[PUSH_RECORD_FLAGS_AT] & PUSH_FLAG_OPTIONS) == 0)
            fuzz_check(memcmp(again, bytes, size) == 0);
    }
}

static void check_record(struct push_record record, const uint8_t *bytes)
{
    struct slice rooms[MAX_PARTS], items[MAX_PARTS], part;
    struct push push = {.target = record.target,
                        .rooms = rooms,
                        .items = items,
                        .wait = record.wait,
                        .command = record.command,
                        .terms = record.terms};
    struct slice rest = record.rooms;

    check_terms(&record.terms);
    if (record.trace != NULL) {
        fuzz_check(traceparent_decode(record.trace, &push.trace));
    }
    while (push_next_room(&rest, &part)) {
        fuzz_check(push_name_fault(record.target, part, limits.max_room_len) == NULL);
        rooms[push.room_count++ % MAX_PARTS] = part;
    }
    rest = record.items;
    while (push_next_item(&rest, &part)) {
        items[push.item_count++ % MAX_PARTS] = part;
    }
    fuzz_check(push.room_count == record.room_count && push.item_count == record.item_count);
    fuzz_check((push.room_count > 0) == audience_has_names(push.target) && push.item_count > 0);
    if (push.room_count <= MAX_PARTS && push.item_count <= MAX_PARTS) {
        check_encoding(&record, &push, bytes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct push_batch batch;
    struct push_record record;
    struct fault fault = {""};
    struct slice rest;
    uint8_t header[PUSH_BATCH_HEADER_LEN];
    uint32_t count = 0;
    uint64_t last = 0;

    if (push_batch_decode(slice_of(data, size), &limits, &batch, &fault) != STATUS_OK) {
        fuzz_check(strncmp(fault.text, "at byte ", 8) == 0);
        return 0;
    }
    push_batch_header_encode(batch.logic_id, batch.first_sequence, batch.count,
                             batch.only ? PUSH_BATCH_ONLY : 0, header);
    fuzz_check(memcmp(header, data, sizeof header) == 0);
    rest = batch.records;
    for (const uint8_t *at = rest.data; push_next_record(&rest, &record); at = rest.data, count++) {
        fuzz_check(count == 0 ? record.sequence == batch.first_sequence : record.sequence > last);
        check_record(record, at);
        last = record.sequence;
    }
    fuzz_check(count == batch.count && rest.len == 0);
    return 0;
}
