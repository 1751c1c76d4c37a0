/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as they are written, and nothing else: what reads back differently is none of ours. */
#include "logic/store/ban_record.h"

#include <inttypes.h>
#include <stdio.h>

size_t ban_record_print(const struct ban *ban, char out[BAN_RECORD_MAX])
{
    int len = snprintf(out, BAN_RECORD_MAX, "1 %" PRId64 " %" PRId64 " %" PRId64, ban->until_s, ban->at_ms,
                       ban->keep_s);

    return (size_t)len;
}

/* A number, and the space in front of it. */
static bool take_number(struct slice *rest, int64_t *out)
{
    size_t at = 1;

    if (rest->len < 2 || rest->data[0] != ' ')
        return false;
    *out = 0;
    for (; at < rest->len && rest->data[at] >= '0' && rest->data[at] <= '9'; at++) {
        if (at > 15)
            return false;
        *out = *out * 10 + (rest->data[at] - '0');
    }
    if (at == 1 || (at > 2 && rest->data[1] == '0'))
        return false;
    *rest = slice_of(rest->data + at, rest->len - at);
    return true;
}

enum status ban_record_parse(struct slice user, struct slice value, struct ban *out)
{
    struct slice rest = slice_of(value.data + 1, value.len > 0 ? value.len - 1 : 0);

    *out = (struct ban){.user = user};
    if (value.len == 0 || value.data[0] != '1' || !take_number(&rest, &out->until_s) ||
        !take_number(&rest, &out->at_ms) || !take_number(&rest, &out->keep_s) || rest.len > 0)
        return STATUS_INVALID;
    return ban_fault(out) == NULL ? STATUS_OK : STATUS_INVALID;
}
