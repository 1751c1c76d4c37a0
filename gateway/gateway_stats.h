/* SPDX-License-Identifier: Apache-2.0 */
/* GET /stats: go-push's names for our numbers. The control thread. */
#ifndef FANFARE_GATEWAY_GATEWAY_STATS_H
#define FANFARE_GATEWAY_GATEWAY_STATS_H

#include "gateway/fanout/fanout.h"
#include "shared/base/buf.h"

/* Appends one JSON object (docs/protocol.md, section 3). */
enum status gateway_stats_print(struct buf *out, const struct fanout *fanout);

#endif
