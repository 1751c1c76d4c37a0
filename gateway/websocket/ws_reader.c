/* SPDX-License-Identifier: Apache-2.0 */
/* A frame is worked on where it lies: in the caller's input when it came whole, else in
 * `frame`, which gathers its bytes. Lengths are judged as soon as the header is there, so
 * nothing larger than a legal frame is ever gathered. */
#include "gateway/websocket/ws_reader.h"

#include <stdbool.h>

#include "shared/contract/close_codes.h"
#include "shared/json/json_scan.h"

enum { OP_CONTINUATION = 0x0, OP_TEXT = 0x1, OP_BINARY = 0x2, OP_CLOSE = 0x8, OP_PING = 0x9, OP_PONG = 0xA };
enum { MAX_FRAME_HEADER = 14, MAX_CONTROL = 125, CLOSE_no_code = 1005 };

struct frame_header {
    bool fin;
    uint8_t opcode;
    uint64_t payload_len;
    size_t len; /* of the header, mask included */
};

static void set_limit(struct ws_reader *reader, size_t max_message)
{
    reader->frame.max = max_message + MAX_CONTROL + MAX_FRAME_HEADER;
    reader->message.max = max_message;
}

void ws_reader_init(struct ws_reader *reader, size_t max_message)
{
    *reader = (struct ws_reader){0};
    buf_init(&reader->frame, 0);
    buf_init(&reader->message, 0);
    set_limit(reader, max_message);
}

void ws_reader_limit(struct ws_reader *reader, size_t max_message)
{
    if (reader->message.max != max_message && reader->frame.len == 0 && reader->message_opcode == 0)
        set_limit(reader, max_message);
}

void ws_reader_fini(struct ws_reader *reader)
{
    buf_fini(&reader->frame);
    buf_fini(&reader->message);
}

static struct ws_input fail(int code)
{
    return (struct ws_input){.event = WS_FAIL, .code = (uint16_t)code};
}

static uint64_t big_endian(const uint8_t *bytes, size_t len)
{
    uint64_t value = 0;

    for (size_t i = 0; i < len; i++)
        value = value << 8 | bytes[i];
    return value;
}

static bool opcode_known(uint8_t opcode)
{
    return opcode <= OP_BINARY || (opcode >= OP_CLOSE && opcode <= OP_PONG);
}

/* 0: more bytes are needed; 1: the header is whole; -1: it breaks section 5.2. */
static int header_decode(const uint8_t *bytes, size_t len, struct frame_header *out)
{
    if (len >= 1 && ((bytes[0] & 0x70) != 0 || !opcode_known(bytes[0] & 0x0F)))
        return -1;
    if (len < 2)
        return 0;
    uint8_t short_len = bytes[1] & 0x7F;
    size_t length_len = short_len == 126 ? 2 : short_len == 127 ? 8 : 0;
    out->fin = (bytes[0] & 0x80) != 0;
    out->opcode = bytes[0] & 0x0F;
    if ((bytes[1] & 0x80) == 0 || (out->opcode >= OP_CLOSE && (!out->fin || length_len > 0)))
        return -1;
    if (len < 2 + length_len)
        return 0;
    out->payload_len = length_len == 0 ? short_len : big_endian(bytes + 2, length_len);
    if ((length_len == 2 && out->payload_len < 126) || (length_len == 8 && out->payload_len <= 0xFFFF) ||
        out->payload_len > INT64_MAX)
        return -1;
    out->len = 2 + length_len + 4;
    return len >= out->len;
}

/* The close code that the frame earns by its place in the message, or 0. */
static int sequence_fault(const struct ws_reader *reader, const struct frame_header *header)
{
    if (header->opcode >= OP_CLOSE)
        return 0;
    if ((header->opcode == OP_CONTINUATION) != (reader->message_opcode != 0))
        return CLOSE_protocol_error;
    if (header->payload_len > reader->message.max - reader->message.len ||
        reader->fragments >= WS_MAX_FRAGMENTS)
        return CLOSE_too_large;
    return 0;
}

static void unmask(uint8_t *payload, size_t len, const uint8_t mask[4])
{
    uint64_t wide;
    size_t at = 0;

    memcpy(&wide, mask, 4);
    memcpy((uint8_t *)&wide + 4, mask, 4);
    for (; at + 8 <= len; at += 8) {
        uint64_t word;

        memcpy(&word, payload + at, 8);
        word ^= wide;
        memcpy(payload + at, &word, 8);
    }
    for (; at < len; at++)
        payload[at] ^= mask[at & 3];
}

/* Section 7.4: what an endpoint may send. */
static bool close_code_legal(uint16_t code)
{
    return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
           (code >= 3000 && code <= 4999);
}

static struct ws_input on_close(struct slice payload)
{
    size_t bad;

    if (payload.len == 0)
        return (struct ws_input){.event = WS_CLOSE, .code = CLOSE_no_code};
    if (payload.len == 1 || !close_code_legal((uint16_t)big_endian(payload.data, 2)))
        return fail(CLOSE_protocol_error);
    struct slice reason = slice_of(payload.data + 2, payload.len - 2);
    if (!utf8_valid(reason, &bad))
        return fail(CLOSE_invalid_utf8);
    return (struct ws_input){WS_CLOSE, (uint16_t)big_endian(payload.data, 2), reason};
}

static struct ws_input on_message(uint8_t opcode, struct slice payload)
{
    size_t bad;

    if (opcode == OP_TEXT && !utf8_valid(payload, &bad))
        return fail(CLOSE_invalid_utf8);
    return (struct ws_input){opcode == OP_TEXT ? WS_TEXT : WS_BINARY, 0, payload};
}

static struct ws_input on_data(struct ws_reader *reader, const struct frame_header *header,
                               struct slice payload)
{
    if (header->fin && reader->message_opcode == 0)
        return on_message(header->opcode, payload);
    if (reader->message_opcode == 0)
        reader->message_opcode = header->opcode;
    if (buf_append(&reader->message, payload.data, payload.len) != STATUS_OK)
        return fail(CLOSE_internal);
    reader->fragments++;
    if (!header->fin)
        return (struct ws_input){.event = WS_FRAGMENT};
    uint8_t opcode = reader->message_opcode;
    reader->message_opcode = 0;
    reader->fragments = 0;
    reader->deliver_message = 1;
    return on_message(opcode, slice_of(reader->message.data, reader->message.len));
}

static struct ws_input on_frame(struct ws_reader *reader, const struct frame_header *header, uint8_t *bytes)
{
    uint8_t *body = bytes + header->len;
    struct slice payload = slice_of(body, (size_t)header->payload_len);

    unmask(body, payload.len, bytes + header->len - 4);
    switch (header->opcode) {
    case OP_PING:
        return (struct ws_input){.event = WS_PING, .payload = payload};
    case OP_PONG:
        return (struct ws_input){.event = WS_PONG, .payload = payload};
    case OP_CLOSE:
        return on_close(payload);
    default:
        return on_data(reader, header, payload);
    }
}

/* Moves input into `frame` until it holds `want` bytes; false when the input ran out first. */
static bool gather(struct ws_reader *reader, size_t want, uint8_t **data, size_t *len, enum status *status)
{
    size_t missing = want > reader->frame.len ? want - reader->frame.len : 0;
    size_t take = missing < *len ? missing : *len;

    *status = buf_append(&reader->frame, *data, take);
    if (*status != STATUS_OK)
        return false;
    *data += take;
    *len -= take;
    return take == missing;
}

/* Gives back what the last event lent out. */
static void release(struct ws_reader *reader)
{
    if (reader->consumed > 0)
        buf_fini(&reader->frame);
    if (reader->deliver_message)
        buf_fini(&reader->message);
    reader->consumed = 0;
    reader->deliver_message = 0;
}

/* One frame from the input itself. -1: it is not whole there. */
static int next_in_place(struct ws_reader *reader, uint8_t **data, size_t *len, struct ws_input *out)
{
    struct frame_header header;
    int whole = header_decode(*data, *len, &header);

    if (whole == 0)
        return -1;
    int code = whole < 0 ? CLOSE_protocol_error : sequence_fault(reader, &header);
    if (code != 0) {
        *out = fail(code);
        return 0;
    }
    if (header.payload_len > *len - header.len)
        return -1;
    uint8_t *bytes = *data;
    *data += header.len + (size_t)header.payload_len;
    *len -= header.len + (size_t)header.payload_len;
    *out = on_frame(reader, &header, bytes);
    return 0;
}

/* One frame gathered over several reads, byte after byte of its header. */
static struct ws_input next_gathered(struct ws_reader *reader, uint8_t **data, size_t *len)
{
    struct frame_header header;
    enum status status = STATUS_OK;
    int whole;

    while ((whole = header_decode(reader->frame.data, reader->frame.len, &header)) == 0) {
        if (*len == 0)
            return (struct ws_input){.event = WS_MORE};
        if (!gather(reader, reader->frame.len + 1, data, len, &status))
            return fail(CLOSE_internal);
    }
    int code = whole < 0 ? CLOSE_protocol_error : sequence_fault(reader, &header);
    if (code != 0)
        return fail(code);
    if (!gather(reader, header.len + (size_t)header.payload_len, data, len, &status))
        return status == STATUS_OK ? (struct ws_input){.event = WS_MORE} : fail(CLOSE_internal);
    reader->consumed = reader->frame.len;
    return on_frame(reader, &header, reader->frame.data);
}

struct ws_input ws_reader_next(struct ws_reader *reader, uint8_t **data, size_t *len)
{
    struct ws_input input = {.event = WS_MORE};

    release(reader);
    if (*len > 0 && (reader->frame.len > 0 || next_in_place(reader, data, len, &input) < 0))
        input = next_gathered(reader, data, len);
    return input;
}
