/* SPDX-License-Identifier: Apache-2.0 */
/* What came of a question to the DNS (RFC 1035, RFC 2308). Any thread; owns nothing. */
#ifndef FANFARE_SHARED_NET_DNS_RESULT_H
#define FANFARE_SHARED_NET_DNS_RESULT_H

#include <stdbool.h>

enum dns_result {
    DNS_FOUND,
    DNS_NO_NAME,    /* NXDOMAIN: there is no such name */
    DNS_NO_DATA,    /* the name has no record of that type */
    DNS_SILENCE,    /* no name server answered in time */
    DNS_REFUSAL,    /* every name server answered SERVFAIL, REFUSED or NOTIMP, or cannot be reached */
    DNS_BAD_ANSWER, /* the answer is malformed or cut */
    DNS_BAD_NAME,   /* no name can look so: an empty label, one above 63 bytes, or too long */
    DNS_MEMORY,
    DNS_ASK_AGAIN, /* the name servers have changed meanwhile, or this one does not know EDNS */
};

/* A short English text; never NULL. */
const char *dns_result_text(enum dns_result result);
/* A true answer, and it says that there is nothing. */
static inline bool dns_says_none(enum dns_result result)
{
    return result == DNS_NO_NAME || result == DNS_NO_DATA;
}
/* No answer. Says nothing about the name. */
static inline bool dns_is_fault(enum dns_result result)
{
    return result != DNS_FOUND && !dns_says_none(result);
}

#endif
