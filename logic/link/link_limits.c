/* SPDX-License-Identifier: Apache-2.0 */
/* Compares limits. Pure. */
#include "logic/link/link_limits.h"

#include <inttypes.h>

void link_limits_own(const struct logic_conf *conf, int64_t out[HELLO_LIMIT_COUNT])
{
    out[HELLO_ITEM_BYTES] = conf->max_item_bytes;
    out[HELLO_JSON_DEPTH] = conf->max_json_depth;
    out[HELLO_ROOM_NAME_BYTES] = conf->max_room_name_bytes;
    out[HELLO_RPC_BYTES] = conf->max_body_bytes;
}

limit_set link_limits_below(const int64_t gateway[HELLO_LIMIT_COUNT], const int64_t own[HELLO_LIMIT_COUNT])
{
    limit_set below = 0;

    for (unsigned i = 0; i < HELLO_LIMIT_COUNT; i++)
        if (gateway[i] < own[i])
            below |= 1u << i;
    return below;
}

enum hello_limit link_limits_passed(const int64_t gateway[HELLO_LIMIT_COUNT], limit_set below,
                                    struct push_measure *measure)
{
    const limit_set looked_at = below | 1u << HELLO_RPC_BYTES;

    for (unsigned i = 0; i < HELLO_LIMIT_COUNT; i++)
        if ((looked_at & 1u << i) && push_measure_of(measure, (enum hello_limit)i) > gateway[i])
            return (enum hello_limit)i;
    return HELLO_LIMIT_COUNT;
}

enum status link_limits_print(limit_set below, const int64_t gateway[HELLO_LIMIT_COUNT],
                              const int64_t own[HELLO_LIMIT_COUNT], struct buf *out)
{
    const char *comma = "";
    enum status status = STATUS_OK;

    for (unsigned i = 0; i < HELLO_LIMIT_COUNT && status == STATUS_OK; i++) {
        if (!(below & 1u << i))
            continue;
        status = buf_printf(out, "%s%s %" PRId64 " (%" PRId64 " here)", comma,
                            hello_limit_name((enum hello_limit)i), gateway[i], own[i]);
        comma = ", ";
    }
    return status;
}
