/* SPDX-License-Identifier: Apache-2.0 */
/* Integers as they stand in a record, big-endian and not aligned. Pure; any thread. */
#ifndef FANFARE_SHARED_CONTRACT_BIG_ENDIAN_H
#define FANFARE_SHARED_CONTRACT_BIG_ENDIAN_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t get16(const uint8_t *at)
{
    uint16_t wire;

    memcpy(&wire, at, sizeof wire);
    return be16toh(wire);
}

static inline uint32_t get32(const uint8_t *at)
{
    uint32_t wire;

    memcpy(&wire, at, sizeof wire);
    return be32toh(wire);
}

static inline uint64_t get64(const uint8_t *at)
{
    uint64_t wire;

    memcpy(&wire, at, sizeof wire);
    return be64toh(wire);
}

/* The functions that write return what is behind the bytes they wrote. */
static inline uint8_t *put_bytes(uint8_t *out, const void *bytes, size_t len)
{
    memcpy(out, bytes, len);
    return out + len;
}

static inline uint8_t *put16(uint8_t *out, size_t value)
{
    uint16_t wire = htobe16((uint16_t)value);

    return put_bytes(out, &wire, sizeof wire);
}

static inline uint8_t *put32(uint8_t *out, size_t value)
{
    uint32_t wire = htobe32((uint32_t)value);

    return put_bytes(out, &wire, sizeof wire);
}

static inline uint8_t *put64(uint8_t *out, uint64_t value)
{
    uint64_t wire = htobe64(value);

    return put_bytes(out, &wire, sizeof wire);
}

#endif
