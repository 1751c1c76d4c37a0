/* SPDX-License-Identifier: Apache-2.0 */
/* A field of the hash of bans: what is taken is a ban without fault, and is written back as it stood. */
#include "logic/store/ban_record.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice user = slice_str("u7"), value = slice_of(data, size);
    char text[BAN_RECORD_MAX];
    struct ban ban;

    if (ban_record_parse(user, value, &ban) != STATUS_OK)
        return 0;
    fuzz_check(ban_fault(&ban) == NULL);
    fuzz_check(slice_equal(slice_of(text, ban_record_print(&ban, text)), value));
    return 0;
}
