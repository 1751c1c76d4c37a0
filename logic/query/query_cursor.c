/* SPDX-License-Identifier: Apache-2.0 */
/* The key of the sum is the same everywhere, so that a caller may be handed from one logic to another between
 * two pages. */
#include "logic/query/query_cursor.h"

#include <endian.h>

#include "logic/query/query_part.h"
#include "shared/base/hashmap.h"
#include "shared/contract/audience.h"
#include "shared/contract/push.h"
#include "shared/jose/base64url.h"

enum { VERSION = 1, SUM_LEN = 8, HEAD_LEN = 1 + SUM_LEN };

static enum status append_sum(struct slice room, struct slice name, uint8_t out[SUM_LEN])
{
    static const uint64_t key[2] = {UINT64_C(0x66616e66617265), UINT64_C(0x637572736f72)};
    struct buf both;

    buf_init(&both, SIZE_MAX);
    enum status status = buf_append(&both, room.data, room.len);
    if (status == STATUS_OK)
        status = buf_append(&both, name.data, name.len);
    if (status == STATUS_OK) {
        uint64_t sum = htobe64(hashmap_siphash(key, slice_of(both.data, both.len)));
        memcpy(out, &sum, SUM_LEN);
    }
    buf_fini(&both);
    return status;
}

enum status query_cursor_append(struct buf *out, struct slice room, struct slice name)
{
    uint8_t bytes[HEAD_LEN + QUERY_NAME_MAX] = {VERSION};

    if (name.len > QUERY_NAME_MAX)
        return STATUS_TOO_LARGE;
    enum status status = append_sum(room, name, bytes + 1);
    memcpy(bytes + HEAD_LEN, name.data, name.len);
    return status != STATUS_OK ? status : base64url_append(out, slice_of(bytes, HEAD_LEN + name.len));
}

enum status query_cursor_read(struct slice text, struct slice room, size_t name_max, struct buf *name)
{
    uint8_t bytes[HEAD_LEN + QUERY_NAME_MAX];
    uint8_t sum[SUM_LEN];
    size_t len;

    if (base64url_decode(text, bytes, sizeof bytes, &len) != STATUS_OK || len <= HEAD_LEN ||
        bytes[0] != VERSION)
        return STATUS_INVALID;
    struct slice found = slice_of(bytes + HEAD_LEN, len - HEAD_LEN);
    enum status status = append_sum(room, found, sum);
    if (status != STATUS_OK)
        return status;
    if (memcmp(sum, bytes + 1, SUM_LEN) != 0 || push_name_fault(AUDIENCE_USER, found, name_max) != NULL)
        return STATUS_INVALID;
    return buf_append(name, found.data, found.len);
}
