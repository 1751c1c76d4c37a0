/* SPDX-License-Identifier: Apache-2.0 */
/* DNS messages for tests, byte by byte (RFC 1035, section 4). */
#ifndef FANFARE_TESTS_UNIT_DNS_MESSAGE_H
#define FANFARE_TESTS_UNIT_DNS_MESSAGE_H

#include <stdint.h>
#include <string.h>

#include "shared/net/dns_answer.h"

struct message {
    uint8_t data[65536];
    size_t len;
};

static inline void put(struct message *message, const void *bytes, size_t len)
{
    memcpy(message->data + message->len, bytes, len);
    message->len += len;
}

static inline void put16(struct message *message, unsigned value)
{
    put(message, (const uint8_t[]){(uint8_t)(value >> 8), (uint8_t)value}, 2);
}

/* "" and "." are the root. */
static inline void put_name(struct message *message, const char *name)
{
    while (*name && *name != '.') {
        size_t len = strcspn(name, ".");

        put(message, (const uint8_t[]){(uint8_t)len}, 1);
        put(message, name, len);
        name += len + (name[len] == '.');
    }
    put(message, "", 1);
}

static inline void put_head(struct message *message, const char *name, unsigned type, unsigned count)
{
    message->len = 0;
    put16(message, 7);
    put16(message, 0x8180);
    put16(message, 1);
    put16(message, count);
    put(message, "\0\0\0", 4);
    put_name(message, name);
    put16(message, type);
    put16(message, 1);
}

/* NULL as the owner: a pointer to the question. */
static inline void put_record_head(struct message *message, const char *owner, unsigned type, uint32_t ttl,
                                   size_t len)
{
    if (owner != NULL)
        put_name(message, owner);
    else
        put16(message, 0xC00C);
    put16(message, type);
    put16(message, 1);
    put16(message, ttl >> 16);
    put16(message, ttl & 0xFFFF);
    put16(message, (unsigned)len);
}

static inline void put_a(struct message *message, const char *owner, uint32_t ttl, const char *bytes)
{
    put_record_head(message, owner, DNS_TYPE_A, ttl, 4);
    put(message, bytes, 4);
}

static inline void put_alias(struct message *message, const char *owner, uint32_t ttl, const char *target)
{
    put_record_head(message, owner, DNS_TYPE_CNAME, ttl, strlen(target) + 2);
    put_name(message, target);
}

static inline void put_srv(struct message *message, uint32_t ttl, unsigned port, const char *target)
{
    put_record_head(message, NULL, DNS_TYPE_SRV, ttl, 6 + (target[0] == '.' ? 1 : strlen(target) + 2));
    put(message, "\0\1\0\1", 4);
    put16(message, port);
    put_name(message, target);
}

#endif
