/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a query says, what is taken is within its bounds. */
#include "gateway/query/query_request.h"
#include "shared/contract/push.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct query query;
    struct fault fault;

    if (query_request_parse(slice_of(data, size), &query, &fault) != STATUS_OK)
        return 0;
    struct slice name = slice_of(query.name, query.name_len);
    fuzz_check(query.op < QUERY_OPS);
    fuzz_check(query.limit >= 1 && query.limit <= QUERY_PAGE_ENTRIES);
    fuzz_check(query.name_len <= sizeof query.name && query.after_len <= sizeof query.after);
    if (query.op == QUERY_ROOM || query.op == QUERY_USER)
        fuzz_check(audience_of(name) == (query.op == QUERY_ROOM ? AUDIENCE_ROOM : AUDIENCE_USER) &&
                   push_name_fault(AUDIENCE_ROOM, audience_key_name(name), AUDIENCE_NAME_MAX) == NULL);
    if (query.op == QUERY_CLIENT)
        fuzz_check(query.connection.serial > 0);
    return 0;
}
