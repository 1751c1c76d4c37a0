/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of the results. Pure. */
#include "shared/net/dns_result.h"

static const char *const texts[] = {
    [DNS_FOUND] = "found",
    [DNS_NO_NAME] = "there is no such name",
    [DNS_NO_DATA] = "the name has no such record",
    [DNS_SILENCE] = "the name server does not answer",
    [DNS_REFUSAL] = "the name server answers SERVFAIL or REFUSED, or cannot be reached",
    [DNS_BAD_ANSWER] = "the name server's answer is malformed",
    [DNS_BAD_NAME] = "this is no name: a label is empty or above 63 bytes, or all is above 253",
    [DNS_MEMORY] = "no memory",
    [DNS_ASK_AGAIN] = "the name servers keep changing",
};

const char *dns_result_text(enum dns_result result)
{
    return texts[result];
}
