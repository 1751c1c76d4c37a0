/* SPDX-License-Identifier: Apache-2.0 */
/* The bans of this gateway: the table that its buckets ask, and the wait for the first logic. A gateway that
 * has just started knows of no ban. With auth.mode verify it lets nobody in before a logic has told it those
 * in force, or GATEWAY_BANS_WAIT_MS have passed, since without a logic there is nobody to ask. The control
 * thread. */
#ifndef FANFARE_GATEWAY_GATEWAY_BANS_H
#define FANFARE_GATEWAY_GATEWAY_BANS_H

#include "gateway/gateway_state.h"
#include "gateway/rpc/rpc_bans.h"

enum { GATEWAY_BANS_WAIT_MS = 5000 };

/* Makes the table and begins to wait; before the buckets. STATUS_NO_MEMORY. */
enum status gateway_bans_start(struct gateway *gateway);
/* For the RPC port. */
struct rpc_bans gateway_bans_rpc(struct gateway *gateway);
/* After the buckets have ended. */
void gateway_bans_stop(struct gateway *gateway);

#endif
