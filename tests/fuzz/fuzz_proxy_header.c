/* SPDX-License-Identifier: Apache-2.0 */
/* PROXY headers: what a begin of the input says must agree with what the whole says, so that nothing depends
 * on how the bytes come, and no byte behind the header counts. */
#include <stdlib.h>

#include "gateway/accept/proxy_header.h"
#include "tests/fuzz/fuzz.h"

static bool same(const struct proxy_header *a, const struct proxy_header *b)
{
    return a->len == b->len && a->relay == b->relay && a->version == b->version &&
           memcmp(a->address, b->address, CIDR_ADDRESS_LEN) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct proxy_header whole;
    struct proxy_header part;
    enum proxy_parse verdict = proxy_header_parse(slice_of(data, size), &whole);
    bool decided = false;

    if (verdict == PROXY_COMPLETE && (whole.len > size || whole.len > PROXY_V2_MAX))
        abort();
    if (verdict == PROXY_MORE && size >= PROXY_V2_MAX)
        abort();
    for (size_t len = 0; len < size; len++) {
        enum proxy_parse early = proxy_header_parse(slice_of(data, len), &part);

        if (decided && early == PROXY_MORE)
            abort();
        decided = early != PROXY_MORE;
        if (decided && (early != verdict || (verdict == PROXY_COMPLETE && !same(&whole, &part))))
            abort();
        if (early == PROXY_COMPLETE && len < part.len)
            abort();
    }
    return 0;
}
