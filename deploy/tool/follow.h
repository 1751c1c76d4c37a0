/* SPDX-License-Identifier: Apache-2.0 */
/* What a client does when its connection has ended (docs/protocol.md, section 2, "Close codes").
 * Pure; time and chance are arguments. */
#ifndef FANFARE_DEPLOY_TOOL_FOLLOW_H
#define FANFARE_DEPLOY_TOOL_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "deploy/tool/ws_client.h"

enum follow_step { FOLLOW_STOP, FOLLOW_AGAIN };

struct follow {
    unsigned failures; /* connections in a row that were not open for long */
    bool ever_open;    /* some connection was open once */
};

struct follow_plan {
    enum follow_step step;
    int64_t wait_ms;
    bool other; /* to another gateway, if there is one */
};

/* The plan after a connection that was open for `open_ms` (0: never). `chance` is any 32 bits: they
 * spread those who come back at once. */
struct follow_plan follow_after(struct follow *follow, const struct ws_ending *ending, int64_t open_ms,
                                uint32_t chance);

#endif
