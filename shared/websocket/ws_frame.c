/* SPDX-License-Identifier: Apache-2.0 */
/* WebSocket framing of a client. */
#include "shared/websocket/ws_frame.h"

#include <openssl/rand.h>
#include <string.h>

enum { CONTROL_MAX = 125, FIN = 0x80, RESERVED = 0x70, MASKED = 0x80 };

static bool is_known(int opcode)
{
    return opcode <= WS_OP_BINARY || (opcode >= WS_OP_CLOSE && opcode <= WS_OP_PONG);
}

/* The length behind the second byte in `bytes` (2 or 8) bytes, most significant first. */
static uint64_t extended(const uint8_t *at, size_t bytes)
{
    uint64_t length = 0;

    for (size_t i = 0; i < bytes; i++)
        length = length << 8 | at[i];
    return length;
}

enum ws_read ws_frame_read(const uint8_t *data, size_t len, size_t max, struct ws_frame *out)
{
    uint64_t length;
    size_t more;

    if (len < 2)
        return WS_READ_MORE;
    length = data[1] & 0x7F;
    more = length == 126 ? 2 : length == 127 ? 8 : 0;
    if ((data[0] & RESERVED) || !is_known(data[0] & 0x0F) || (data[1] & MASKED))
        return WS_READ_BAD;
    if ((data[0] & 0x0F) >= WS_OP_CLOSE && (!(data[0] & FIN) || length > CONTROL_MAX))
        return WS_READ_BAD;
    if ((data[0] & 0x0F) == WS_OP_CLOSE && length == 1)
        return WS_READ_BAD;
    if (len < 2 + more)
        return WS_READ_MORE;
    if (more)
        length = extended(data + 2, more);
    if ((more == 2 && length <= CONTROL_MAX) || (more == 8 && (length <= 0xFFFF || length >> 63)))
        return WS_READ_BAD;
    if (length > max)
        return WS_READ_BIG;
    if (len - 2 - more < length)
        return WS_READ_MORE;
    out->opcode = (enum ws_opcode)(data[0] & 0x0F);
    out->fin = data[0] & FIN;
    out->payload = slice_of(data + 2 + more, (size_t)length);
    out->size = 2 + more + (size_t)length;
    return WS_READ_FRAME;
}

static size_t print_header(uint8_t *out, enum ws_opcode opcode, size_t len)
{
    size_t more = len <= CONTROL_MAX ? 0 : len <= 0xFFFF ? 2 : 8;

    out[0] = (uint8_t)(FIN | opcode);
    out[1] = (uint8_t)(MASKED | (more == 0 ? len : more == 2 ? 126 : 127));
    for (size_t i = 0; i < more; i++)
        out[2 + i] = (uint8_t)((uint64_t)len >> (8 * (more - 1 - i)));
    return 2 + more;
}

void ws_frame_mask(uint8_t mask[4])
{
    memset(mask, 0, 4);
    (void)RAND_bytes(mask, 4);
}

enum status ws_frame_append(struct buf *out, enum ws_opcode opcode, struct slice payload,
                            const uint8_t mask[4])
{
    uint8_t header[14];
    size_t header_len = print_header(header, opcode, payload.len);
    enum status status = buf_reserve(out, header_len + 4 + payload.len);

    if (status != STATUS_OK)
        return status;
    (void)buf_append(out, header, header_len);
    (void)buf_append(out, mask, 4);
    for (size_t i = 0; i < payload.len; i++)
        out->data[out->len++] = payload.data[i] ^ mask[i % 4];
    return STATUS_OK;
}
