/* SPDX-License-Identifier: Apache-2.0 */
/* The writing half of the codec of batches: bytes to where the caller made room. Pure; checks nothing,
 * what it is given was checked at the door. */
#include "shared/contract/big_endian.h"
#include "shared/contract/push.h"

size_t push_record_size(const struct push *push)
{
    size_t size = PUSH_RECORD_HEAD_LEN + 4;

    for (size_t i = 0; i < push->room_count; i++) {
        size += 2 + push->rooms[i].len;
    }
    for (size_t i = 0; i < push->item_count; i++) {
        size += 4 + push->items[i].len;
    }
    if (push_terms_are_set(&push->terms)) {
        size += push_options_size(&push->terms) + PUSH_OPTIONS_LEN_LEN;
    }
    return push->trace.set ? size + TRACEPARENT_LEN : size;
}

static uint8_t flags_of(const struct push *push)
{
    return (uint8_t)((push->wait ? PUSH_FLAG_WAIT : 0) | (push->trace.set ? PUSH_FLAG_TRACED : 0) |
                     (push_terms_are_set(&push->terms) ? PUSH_FLAG_OPTIONS : 0) |
                     (push->command ? PUSH_FLAG_COMMAND : 0));
}

void push_record_encode(const struct push *push, uint64_t sequence, uint8_t *out)
{
    out = put32(out, push_record_size(push) - PUSH_RECORD_PREFIX_LEN);
    out = put64(out, sequence);
    *out++ = flags_of(push);
    *out++ = audience_target(push->target);
    out = put16(out, push->room_count);
    for (size_t i = 0; i < push->room_count; i++) {
        out = put16(out, push->rooms[i].len);
        out = put_bytes(out, push->rooms[i].data, push->rooms[i].len);
    }
    out = put32(out, push->item_count);
    for (size_t i = 0; i < push->item_count; i++) {
        out = put32(out, push->items[i].len);
        out = put_bytes(out, push->items[i].data, push->items[i].len);
    }
    if (push_terms_are_set(&push->terms)) {
        out = put32(push_options_encode(&push->terms, out), push_options_size(&push->terms));
    }
    if (push->trace.set) {
        traceparent_encode(&push->trace, out);
    }
}

void push_record_untraced_head(const uint8_t *record, uint8_t out[PUSH_RECORD_HEAD_LEN])
{
    memcpy(out, record, PUSH_RECORD_HEAD_LEN);
    put32(out, get32(record) - TRACEPARENT_LEN);
    out[PUSH_RECORD_FLAGS_AT] &= (uint8_t)~PUSH_FLAG_TRACED;
}

size_t push_record_ttl_at(const struct push *push)
{
    return push->terms.has_ttl ? push_record_size(push) - (push->trace.set ? TRACEPARENT_LEN : 0) -
                                     PUSH_OPTIONS_LEN_LEN - PUSH_OPTION_TTL_LEN
                               : 0;
}

void push_record_ttl_encode(uint32_t ttl_ms, uint8_t out[PUSH_OPTION_TTL_LEN])
{
    put32(out, ttl_ms);
}

void push_batch_header_encode(const uint8_t logic_id[LOGIC_ID_LEN], uint64_t first_sequence, uint32_t count,
                              uint8_t flags, uint8_t *out)
{
    const uint8_t head[] = {'F', 'A', 'N', 'B', PUSH_BATCH_VERSION, flags, 0, 0};

    out = put_bytes(out, head, sizeof head);
    out = put_bytes(out, logic_id, LOGIC_ID_LEN);
    out = put64(out, first_sequence);
    put32(out, count);
}
