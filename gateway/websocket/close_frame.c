/* SPDX-License-Identifier: Apache-2.0 */
/* Puts the reasons together; the bytes are frame.c's. */
#include "gateway/websocket/close_frame.h"

#include <inttypes.h>
#include <stdio.h>

#include "gateway/metrics/gateway_metrics.h"

struct frame *close_frame_new(uint16_t code)
{
    return frame_new_close(code, close_code_name(code));
}

struct frame *close_frame_new_away(int64_t retry_ms)
{
    char reason[64];

    snprintf(reason, sizeof reason, "%s retry_ms=%" PRId64, close_code_name(CLOSE_going_away), retry_ms);
    return frame_new_close(CLOSE_going_away, reason);
}
