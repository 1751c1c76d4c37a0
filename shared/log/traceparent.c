/* SPDX-License-Identifier: Apache-2.0 */
/* Hex to bytes and back, at the fixed places of version 00. Pure; decides nothing about what a trace
 * is used for. */
#include "shared/log/traceparent.h"

#include <string.h>

enum { TRACE_ID_AT = 3, PARENT_ID_AT = 36, FLAGS_AT = 53, SAMPLED = 1, NO_VERSION = 0xFF };

/* Lower case only: 3.2.2. -1 when it is none. */
static int digit(uint8_t character)
{
    if (character >= '0' && character <= '9')
        return character - '0';
    return character >= 'a' && character <= 'f' ? character - 'a' + 10 : -1;
}

static bool read_hex(const uint8_t *text, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        int high = digit(text[2 * i]);
        int low = digit(text[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static char *put_hex(char *out, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 0xF];
    }
    return out;
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
    while (len > 0 && bytes[len - 1] == 0)
        len--;
    return len == 0;
}

static bool has_ids(const struct traceparent *trace)
{
    return !is_zero(trace->trace_id, TRACE_ID_LEN) && !is_zero(trace->parent_id, TRACE_PARENT_ID_LEN);
}

/* What stands between the fields, and how the whole may end. */
static bool has_shape(struct slice text, uint8_t version)
{
    const uint8_t *at = text.data;

    if (at[TRACE_ID_AT - 1] != '-' || at[PARENT_ID_AT - 1] != '-' || at[FLAGS_AT - 1] != '-')
        return false;
    if (text.len == TRACEPARENT_TEXT_LEN)
        return version != NO_VERSION;
    return version != 0 && version != NO_VERSION && at[TRACEPARENT_TEXT_LEN] == '-';
}

bool traceparent_parse(struct slice text, struct traceparent *out)
{
    uint8_t version, flags;

    *out = (struct traceparent){.set = false};
    if (text.len < TRACEPARENT_TEXT_LEN || !read_hex(text.data, &version, 1) || !has_shape(text, version) ||
        !read_hex(text.data + TRACE_ID_AT, out->trace_id, TRACE_ID_LEN) ||
        !read_hex(text.data + PARENT_ID_AT, out->parent_id, TRACE_PARENT_ID_LEN) ||
        !read_hex(text.data + FLAGS_AT, &flags, 1))
        return false;
    out->sampled = (flags & SAMPLED) != 0;
    return out->set = has_ids(out);
}

void traceparent_print(const struct traceparent *trace, char out[TRACEPARENT_TEXT_LEN + 1])
{
    memcpy(out, "00-", TRACE_ID_AT);
    out = put_hex(out + TRACE_ID_AT, trace->trace_id, TRACE_ID_LEN);
    *out++ = '-';
    out = put_hex(out, trace->parent_id, TRACE_PARENT_ID_LEN);
    memcpy(out, trace->sampled ? "-01" : "-00", 4);
}

void traceparent_encode(const struct traceparent *trace, uint8_t out[TRACEPARENT_LEN])
{
    memcpy(out, trace->trace_id, TRACE_ID_LEN);
    memcpy(out + TRACE_ID_LEN, trace->parent_id, TRACE_PARENT_ID_LEN);
    out[TRACEPARENT_LEN - 1] = trace->sampled ? SAMPLED : 0;
}

bool traceparent_decode(const uint8_t bytes[TRACEPARENT_LEN], struct traceparent *out)
{
    uint8_t flags = bytes[TRACEPARENT_LEN - 1];

    memcpy(out->trace_id, bytes, TRACE_ID_LEN);
    memcpy(out->parent_id, bytes + TRACE_ID_LEN, TRACE_PARENT_ID_LEN);
    out->sampled = flags == SAMPLED;
    return out->set = flags <= SAMPLED && has_ids(out);
}
