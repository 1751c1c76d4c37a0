/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a policy from auth.h to the buckets. The control thread. */
#ifndef FANFARE_GATEWAY_GATEWAY_AUTH_H
#define FANFARE_GATEWAY_GATEWAY_AUTH_H

#include "gateway/gateway_state.h"

/* Once the buckets run and before there are clients. The fault names the option, and the file. */
enum status gateway_auth_start(struct gateway *gateway, struct fault *fault);
/* Takes other settings over, after a reload. What it refuses is logged, and the policy stays. */
void gateway_auth_reload(struct gateway *gateway);
/* Before the buckets end. */
void gateway_auth_stop(struct gateway *gateway);

#endif
