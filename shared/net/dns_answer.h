/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the records of one type out of a DNS message (RFC 1035, section 4; A, AAAA of RFC 3596,
 * SRV of RFC 2782). Pure; any thread. */
#ifndef FANFARE_SHARED_NET_DNS_ANSWER_H
#define FANFARE_SHARED_NET_DNS_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include "shared/base/slice.h"
#include "shared/net/dns_result.h"

enum dns_type { DNS_TYPE_A = 1, DNS_TYPE_CNAME = 5, DNS_TYPE_AAAA = 28, DNS_TYPE_SRV = 33 };

struct dns_record {
    uint8_t address[16]; /* A: the first 4 bytes; network order */
    int port;            /* SRV */
    char *target;        /* SRV: a complete name without its last dot; else NULL */
};

struct dns_answer {
    struct dns_record *records; /* at least one with DNS_FOUND; a message of 64 KB holds about 4,000 */
    size_t count;
    uint32_t ttl; /* seconds: the least of the records and of the aliases that led to them */
};

/* Reads all records of `type` that the question's name, or the name that its aliases lead to, has. A
 * message that is malformed anywhere in its answers is DNS_BAD_ANSWER, since it may be cut short. An
 * SRV record whose target is "." (the service is not here) is none. `*answer` is the caller's to
 * free with DNS_FOUND, and empty else. */
enum dns_result dns_answer_read(struct slice message, enum dns_type type, struct dns_answer *answer);
/* Legal on an empty one. */
void dns_answer_fini(struct dns_answer *answer);

#endif
