/* SPDX-License-Identifier: Apache-2.0 */
/* DNS messages of each type: whatever is taken has records, and names that can be printed. */
#include <string.h>

#include "shared/net/dns_answer.h"
#include "tests/fuzz/fuzz.h"

static void check(const struct dns_answer *answer, enum dns_type type)
{
    fuzz_check(answer->count > 0);
    for (size_t i = 0; i < answer->count; i++) {
        const struct dns_record *record = &answer->records[i];

        fuzz_check((record->target != NULL) == (type == DNS_TYPE_SRV));
        fuzz_check(record->target == NULL ||
                   (strlen(record->target) < 256 && strpbrk(record->target, " \\\n\"") == NULL));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum dns_type types[] = {DNS_TYPE_A, DNS_TYPE_AAAA, DNS_TYPE_SRV};
    struct dns_answer answer;

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (dns_answer_read(slice_of(data, size), types[i], &answer) == DNS_FOUND)
            check(&answer, types[i]);
        dns_answer_fini(&answer);
    }
    return 0;
}
