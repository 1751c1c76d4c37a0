/* SPDX-License-Identifier: Apache-2.0 */
/* Judges what has come so far from its begin, each time: a header is short, and comes in one piece. Of
 * version 1 the whole line is read once its CRLF is there; of version 2 everything once its length is. A
 * family of version 2 that has no internet address (unix sockets), or none that a stream has (datagrams), is
 * treated as UNSPEC, as section 2.2 wants. Where LOCAL and UNSPEC stand, what follows is not looked at: the
 * section says to discard it. */
#include "gateway/accept/proxy_header.h"

#include <string.h>

enum {
    SIGNATURE_LEN = 12,
    FIXED_LEN = 16, /* signature, version and command, family, length */
    V1_PREFIX_LEN = 6,
    V1_FIELDS = 4, /* source, destination, their ports */
    TLV_HEAD = 3,
    TYPE_CRC32C = 0x03,
    CRC_LEN = 4,
    PORT_MAX = 65535
};

static const uint8_t signature[SIGNATURE_LEN] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                                 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
static const char v1_prefix[] = "PROXY ";

static enum proxy_parse invalid(struct proxy_header *out, const char *fault)
{
    out->fault = fault;
    return PROXY_INVALID;
}

/* Whether `bytes` begin as `text` does, as far as they have come. */
static bool begins(struct slice bytes, const void *text, size_t len)
{
    return memcmp(bytes.data, text, bytes.len < len ? bytes.len : len) == 0;
}

/* Up to the next space or the end, which it takes too. False: there is nothing. */
static bool take_field(struct slice *rest, struct slice *field)
{
    const uint8_t *space = memchr(rest->data, ' ', rest->len);
    size_t len = space != NULL ? (size_t)(space - rest->data) : rest->len;
    size_t used = space != NULL ? len + 1 : len;

    *field = slice_of(rest->data, len);
    *rest = slice_of(rest->data + used, rest->len - used);
    return len > 0;
}

/* 0 to 65535 in decimal, without leading zeros. */
static bool is_port(struct slice text)
{
    uint32_t value = 0;

    if (text.len == 0 || text.len > 5 || (text.len > 1 && text.data[0] == '0'))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value = value * 10 + text.data[i] - '0';
    }
    return value <= PORT_MAX;
}

/* Of the family that the line names. IPv6 with a dotted end is taken: it is how HAProxy prints IPv4 that it
 * has to put into a line of TCP6. */
static bool is_address(struct slice text, bool v6, uint8_t out[CIDR_ADDRESS_LEN])
{
    return (memchr(text.data, ':', text.len) != NULL) == v6 && cidr_address_parse(text, out);
}

/* The line between "TCP4 " or "TCP6 " and its CRLF. */
static enum proxy_parse read_v1_addresses(struct slice line, bool v6, struct proxy_header *out)
{
    struct slice fields[V1_FIELDS] = {{0}};
    uint8_t destination[CIDR_ADDRESS_LEN];

    if (line.len > 0 && line.data[line.len - 1] == ' ')
        return invalid(out, "a space at the end of the line");
    for (size_t i = 0; i < V1_FIELDS; i++)
        if (!take_field(&line, &fields[i]))
            return invalid(out, "not four fields with one space between them behind TCP4 or TCP6");
    if (line.len > 0)
        return invalid(out, "more than four fields behind TCP4 or TCP6");
    if (!is_address(fields[0], v6, out->address) || !is_address(fields[1], v6, destination))
        return invalid(out, "an address that is none of its family");
    if (!is_port(fields[2]) || !is_port(fields[3]))
        return invalid(out, "a port that is not a number of 0 to 65535");
    out->relay = PROXY_RELAYED;
    return PROXY_COMPLETE;
}

/* The line behind "PROXY " without its CRLF. Behind UNKNOWN anything may stand. */
static enum proxy_parse read_v1_line(struct slice line, struct proxy_header *out)
{
    struct slice family;

    (void)take_field(&line, &family);
    if (slice_equal(family, slice_str("UNKNOWN"))) {
        out->relay = PROXY_UNKNOWN;
        return PROXY_COMPLETE;
    }
    bool v6 = slice_equal(family, slice_str("TCP6"));
    if (!v6 && !slice_equal(family, slice_str("TCP4")))
        return invalid(out, "not TCP4, TCP6 or UNKNOWN behind PROXY");
    return read_v1_addresses(line, v6, out);
}

static enum proxy_parse read_v1(struct slice bytes, struct proxy_header *out)
{
    size_t known = bytes.len < PROXY_V1_MAX ? bytes.len : PROXY_V1_MAX;
    const uint8_t *end = memchr(bytes.data, '\r', known);

    out->version = 1;
    if (end == NULL || end + 1 == bytes.data + known)
        return known == PROXY_V1_MAX ? invalid(out, "a line of more than 107 bytes") : PROXY_MORE;
    if (end[1] != '\n')
        return invalid(out, "a CR without LF");
    out->len = (size_t)(end - bytes.data) + 2;
    return read_v1_line(slice_of(bytes.data + V1_PREFIX_LEN, out->len - V1_PREFIX_LEN - 2), out);
}

/* CRC-32C (RFC 9260, appendix A, its polynomial reflected), over `bytes` with the checksum's own four taken
 * as zero. Four bits a step: it is rare, and a table of sixteen is enough. */
static uint32_t crc32c(struct slice bytes, size_t hole)
{
    static const uint32_t table[16] = {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
                                       0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
                                       0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= i >= hole && i < hole + CRC_LEN ? 0 : bytes.data[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

static uint32_t be32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Walks the TLVs from `at` to the end of the header. */
static enum proxy_parse read_tlvs(struct slice header, size_t at, struct proxy_header *out)
{
    size_t checksum = 0;

    while (at < header.len) {
        if (header.len - at < TLV_HEAD)
            return invalid(out, "a TLV that ends within its head");
        size_t len = (size_t)header.data[at + 1] << 8 | header.data[at + 2];
        if (header.len - at - TLV_HEAD < len)
            return invalid(out, "a TLV that is longer than the header");
        if (header.data[at] == TYPE_CRC32C) {
            if (checksum != 0 || len != CRC_LEN)
                return invalid(out, "a second checksum, or one that has not four bytes");
            checksum = at + TLV_HEAD;
        }
        at += TLV_HEAD + len;
    }
    if (checksum != 0 && crc32c(header, checksum) != be32(header.data + checksum))
        return invalid(out, "a wrong checksum");
    return PROXY_COMPLETE;
}

/* Family and transport, the address bytes that they have (section 2.2), and whether we know what to do with
 * them. */
static const struct v2_family {
    uint8_t code;
    uint8_t block;
    uint8_t address; /* bytes of the source in it; 0: UNSPEC to us */
} v2_families[] = {
    {0x00, 0, 0}, {0x11, 12, 4}, {0x12, 12, 0}, {0x21, 36, 16}, {0x22, 36, 0}, {0x31, 216, 0}, {0x32, 216, 0},
};

static const struct v2_family *find_family(uint8_t code)
{
    for (size_t i = 0; i < sizeof v2_families / sizeof v2_families[0]; i++)
        if (v2_families[i].code == code)
            return &v2_families[i];
    return NULL;
}

/* A whole header of the command PROXY. */
static enum proxy_parse read_v2_proxied(struct slice header, struct proxy_header *out)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    const struct v2_family *family = find_family(header.data[13]);

    if (family == NULL)
        return invalid(out, "an unknown family or transport");
    if (header.len - FIXED_LEN < family->block)
        return invalid(out, "shorter than the addresses of its family");
    out->relay = family->address == 0 ? PROXY_UNKNOWN : PROXY_RELAYED;
    if (family->address == 4)
        memcpy(out->address, mapped, sizeof mapped);
    memcpy(out->address + CIDR_ADDRESS_LEN - family->address, header.data + FIXED_LEN, family->address);
    return family->block == 0 ? PROXY_COMPLETE : read_tlvs(header, FIXED_LEN + (size_t)family->block, out);
}

static enum proxy_parse read_v2(struct slice bytes, struct proxy_header *out)
{
    out->version = 2;
    if (bytes.len > SIGNATURE_LEN && bytes.data[12] != 0x20 && bytes.data[12] != 0x21)
        return invalid(out, "not version 2 with the command LOCAL or PROXY");
    if (bytes.len < FIXED_LEN)
        return PROXY_MORE;
    out->len = FIXED_LEN + ((size_t)bytes.data[14] << 8 | bytes.data[15]);
    if (out->len > PROXY_V2_MAX)
        return PROXY_TOO_LARGE;
    if (bytes.len < out->len)
        return PROXY_MORE;
    if (bytes.data[12] == 0x21)
        return read_v2_proxied(slice_of(bytes.data, out->len), out);
    out->relay = PROXY_LOCAL;
    return PROXY_COMPLETE;
}

enum proxy_parse proxy_header_parse(struct slice bytes, struct proxy_header *out)
{
    *out = (struct proxy_header){0};
    if (bytes.len == 0)
        return PROXY_MORE;
    if (begins(bytes, signature, SIGNATURE_LEN))
        return bytes.len < SIGNATURE_LEN ? PROXY_MORE : read_v2(bytes, out);
    if (begins(bytes, v1_prefix, V1_PREFIX_LEN))
        return bytes.len < V1_PREFIX_LEN ? PROXY_MORE : read_v1(bytes, out);
    return PROXY_MISSING;
}
