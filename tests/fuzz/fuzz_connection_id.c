/* SPDX-License-Identifier: Apache-2.0 */
/* What is taken for a connection's id is printed as it was. */
#include <string.h>

#include "shared/contract/connection_id.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[CONNECTION_ID_MAX + 1];
    struct connection_id id;

    if (connection_id_parse(slice_of(data, size), &id) != STATUS_OK)
        return 0;
    fuzz_check(id.serial > 0 && id.place < CONNECTION_ID_PLACES);
    fuzz_check(connection_id_print(&id, text) == size);
    fuzz_check(memcmp(text, data, size) == 0);
    return 0;
}
