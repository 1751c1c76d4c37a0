/* SPDX-License-Identifier: Apache-2.0 */
/* The writing half of the codec of batches: bytes to where the caller made room. Pure; checks nothing,
 * what it is given was checked at the door. */
#include <endian.h>
#include <string.h>

#include "shared/contract/push.h"

static uint8_t *put(uint8_t *out, const void *bytes, size_t len)
{
    memcpy(out, bytes, len);
    return out + len;
}

static uint8_t *put16(uint8_t *out, size_t value)
{
    uint16_t wire = htobe16((uint16_t)value);

    return put(out, &wire, sizeof wire);
}

static uint8_t *put32(uint8_t *out, size_t value)
{
    uint32_t wire = htobe32((uint32_t)value);

    return put(out, &wire, sizeof wire);
}

static uint8_t *put64(uint8_t *out, uint64_t value)
{
    uint64_t wire = htobe64(value);

    return put(out, &wire, sizeof wire);
}

size_t push_record_size(const struct push *push)
{
    size_t size = PUSH_RECORD_HEAD_LEN + 4;

    for (size_t i = 0; i < push->room_count; i++) {
        size += 2 + push->rooms[i].len;
    }
    for (size_t i = 0; i < push->item_count; i++) {
        size += 4 + push->items[i].len;
    }
    return push->trace.set ? size + TRACEPARENT_LEN : size;
}

void push_record_encode(const struct push *push, uint64_t sequence, uint8_t *out)
{
    out = put32(out, push_record_size(push) - PUSH_RECORD_PREFIX_LEN);
    out = put64(out, sequence);
    *out++ = (uint8_t)((push->wait ? PUSH_FLAG_WAIT : 0) | (push->trace.set ? PUSH_FLAG_TRACED : 0));
    *out++ = audience_target(push->target);
    out = put16(out, push->room_count);
    for (size_t i = 0; i < push->room_count; i++) {
        out = put16(out, push->rooms[i].len);
        out = put(out, push->rooms[i].data, push->rooms[i].len);
    }
    out = put32(out, push->item_count);
    for (size_t i = 0; i < push->item_count; i++) {
        out = put32(out, push->items[i].len);
        out = put(out, push->items[i].data, push->items[i].len);
    }
    if (push->trace.set) {
        traceparent_encode(&push->trace, out);
    }
}

void push_record_untraced_head(const uint8_t *record, uint8_t out[PUSH_RECORD_HEAD_LEN])
{
    uint32_t len;

    memcpy(&len, record, sizeof len);
    memcpy(out, record, PUSH_RECORD_HEAD_LEN);
    put32(out, be32toh(len) - TRACEPARENT_LEN);
    out[PUSH_RECORD_FLAGS_AT] &= (uint8_t)~PUSH_FLAG_TRACED;
}

void push_batch_header_encode(const uint8_t logic_id[LOGIC_ID_LEN], uint64_t first_sequence, uint32_t count,
                              uint8_t flags, uint8_t *out)
{
    const uint8_t head[] = {'F', 'A', 'N', 'B', PUSH_BATCH_VERSION, flags, 0, 0};

    out = put(out, head, sizeof head);
    out = put(out, logic_id, LOGIC_ID_LEN);
    out = put64(out, first_sequence);
    put32(out, count);
}
