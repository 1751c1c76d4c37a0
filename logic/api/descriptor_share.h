/* SPDX-License-Identifier: Apache-2.0 */
/* How many of logic's file descriptors callers may have, so that links, Redis and files keep theirs. Pure. */
#ifndef FANFARE_LOGIC_API_DESCRIPTOR_SHARE_H
#define FANFARE_LOGIC_API_DESCRIPTOR_SHARE_H

#include <stddef.h>

#include "logic/conf/logic_conf.h"
#include "shared/base/status.h"

struct descriptor_share {
    size_t own;         /* loop, listener, Redis, DNS, files, logs */
    size_t links;       /* to gateways */
    size_t connections; /* callers' places, at most maxConnections */
};

/* `limit` of the process (SIZE_MAX for none), `open` when it started. STATUS_INVALID, with a fault that says
 * how many are needed, when not even the least fits. */
enum status descriptor_share_make(size_t limit, size_t open, const struct logic_conf *conf,
                                  struct descriptor_share *out, struct fault *fault);

#endif
