/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a question between the buckets and auth.hook: out as CONTROL_HOOK, back, answered, as MAIL_HOOK.
 * The control thread. There is a hook only where gateway_has_hook says so; a reload may bring it. */
#ifndef FANFARE_GATEWAY_GATEWAY_HOOK_H
#define FANFARE_GATEWAY_GATEWAY_HOOK_H

#include "gateway/gateway_state.h"

/* Once the RPC listens and the buckets run. As auth_hook_new. */
enum status gateway_hook_start(struct gateway *gateway, struct fault *fault);
/* Takes other settings over, after a reload. What it refuses is logged, and the old ones stay. */
void gateway_hook_reload(struct gateway *gateway);
/* What makes grants of its answers from now on. Takes a reference of its own. */
void gateway_hook_use(struct gateway *gateway, struct auth_policy *policy);
/* Before the buckets end: from now on questions are not answered any more. */
void gateway_hook_stop(struct gateway *gateway);
/* Frees what was not answered. After the buckets and the control box's last mail. */
void gateway_hook_end(struct gateway *gateway);

#endif
