/* SPDX-License-Identifier: Apache-2.0 */
/* Builds frames; any thread. Knows the header's layout and the JSON around the items, and
 * never looks into an item. */
#include "gateway/websocket/frame.h"

#include <stdlib.h>

#include "shared/base/buf.h"
#include "shared/contract/audience.h"

enum { OPCODE_TEXT = 0x1, OPCODE_CLOSE = 0x8, OPCODE_PING = 0x9, OPCODE_PONG = 0xA, FIN = 0x80 };
enum { MAX_HEADER = 10, MAX_CONTROL = 125 };

static size_t header_encode(uint8_t opcode, size_t len, uint8_t out[MAX_HEADER])
{
    out[0] = (uint8_t)(FIN | opcode);
    if (len < 126) {
        out[1] = (uint8_t)len;
        return 2;
    }
    if (len <= 0xFFFF) {
        out[1] = 126;
        out[2] = (uint8_t)(len >> 8);
        out[3] = (uint8_t)len;
        return 4;
    }
    out[1] = 127;
    for (int i = 0; i < 8; i++)
        out[2 + i] = (uint8_t)((uint64_t)len >> (56 - 8 * i));
    return 10;
}

static struct frame *frame_alloc(size_t len)
{
    struct frame *frame = len <= UINT32_MAX ? malloc(sizeof *frame + len) : NULL;

    if (frame == NULL)
        return NULL;
    atomic_init(&frame->refs, 1);
    frame->len = (uint32_t)len;
    frame->expires_us = 0;
    return frame;
}

static struct frame *frame_of(uint8_t opcode, const struct slice *parts, size_t part_count)
{
    uint8_t header[MAX_HEADER];
    size_t len = 0;

    for (size_t i = 0; i < part_count; i++)
        len += parts[i].len;
    size_t header_len = header_encode(opcode, len, header);
    struct frame *frame = frame_alloc(header_len + len);
    if (frame == NULL)
        return NULL;
    memcpy(frame->bytes, header, header_len);
    uint8_t *at = frame->bytes + header_len;
    for (size_t i = 0; i < part_count; i++) {
        if (parts[i].len > 0)
            memcpy(at, parts[i].data, parts[i].len);
        at += parts[i].len;
    }
    return frame;
}

/* What stands behind `"room":`. */
static enum status append_target(struct buf *head, struct slice key)
{
    enum audience kind = audience_of(key);
    struct slice name = audience_key_name(key);
    enum status status = STATUS_OK;

    if (kind != AUDIENCE_ROOM)
        status = buf_append_str(head, kind == AUDIENCE_USER ? "null,\"user\":" : "null");
    if (status == STATUS_OK && audience_has_names(kind))
        status = buf_append_json_string(head, name.data, name.len);
    return status;
}

struct frame *frame_new_push_v2(struct slice key, struct slice items)
{
    struct buf head;
    struct frame *frame = NULL;

    buf_init(&head, SIZE_MAX);
    enum status status = buf_append_str(&head, "{\"type\":\"PUSH\",\"data\":{\"room\":");
    if (status == STATUS_OK)
        status = append_target(&head, key);
    if (status == STATUS_OK)
        status = buf_append_str(&head, ",\"items\":[");
    if (status == STATUS_OK) {
        const struct slice parts[] = {slice_of(head.data, head.len), items, slice_str("]}}")};

        frame = frame_of(OPCODE_TEXT, parts, 3);
    }
    buf_fini(&head);
    return frame;
}

struct frame *frame_new_push_v1(struct slice key, struct slice items)
{
    const struct slice parts[] = {slice_str("{\"type\":\"PUSH\",\"data\":{\"items\":["), items,
                                  slice_str("]}}")};

    (void)key;
    return frame_of(OPCODE_TEXT, parts, 3);
}

struct frame *frame_new_text(struct slice payload)
{
    return frame_of(OPCODE_TEXT, &payload, 1);
}

struct frame *frame_new_raw(struct slice bytes)
{
    struct frame *frame = frame_alloc(bytes.len);

    if (frame != NULL)
        memcpy(frame->bytes, bytes.data, bytes.len);
    return frame;
}

struct frame *frame_new_raw_with_text(struct slice bytes, struct slice payload)
{
    uint8_t header[MAX_HEADER];
    size_t header_len = header_encode(OPCODE_TEXT, payload.len, header);
    struct frame *frame = frame_alloc(bytes.len + header_len + payload.len);

    if (frame == NULL)
        return NULL;
    memcpy(frame->bytes, bytes.data, bytes.len);
    memcpy(frame->bytes + bytes.len, header, header_len);
    memcpy(frame->bytes + bytes.len + header_len, payload.data, payload.len);
    return frame;
}

struct frame *frame_new_ping(void)
{
    return frame_of(OPCODE_PING, NULL, 0);
}

struct frame *frame_new_pong(struct slice payload)
{
    return payload.len <= MAX_CONTROL ? frame_of(OPCODE_PONG, &payload, 1) : NULL;
}

struct frame *frame_new_close(uint16_t code, const char *reason)
{
    const uint8_t bytes[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    const struct slice parts[] = {slice_of(bytes, 2), slice_str(reason)};

    return parts[1].len <= MAX_CONTROL - 2 ? frame_of(OPCODE_CLOSE, parts, 2) : NULL;
}

struct frame *frame_ref(struct frame *frame)
{
    atomic_fetch_add_explicit(&frame->refs, 1, memory_order_relaxed);
    return frame;
}

void frame_unref(struct frame *frame)
{
    if (frame != NULL && atomic_fetch_sub_explicit(&frame->refs, 1, memory_order_acq_rel) == 1)
        free(frame);
}
