/* SPDX-License-Identifier: Apache-2.0 */
/* The settings as each part of the gateway takes them, the same at the start and with a reload. The
 * control thread. What is returned points to nothing. */
#ifndef FANFARE_GATEWAY_GATEWAY_LIMITS_H
#define FANFARE_GATEWAY_GATEWAY_LIMITS_H

#include "gateway/accept/acceptor.h"
#include "gateway/bucket/bucket_limits.h"
#include "gateway/conf/gateway_conf.h"
#include "gateway/descriptor_plan.h"
#include "gateway/fanout/fanout.h"
#include "gateway/rpc/rpc_server.h"
#include "shared/contract/hello.h"
#include "shared/contract/push.h"

struct bucket_limits gateway_bucket_limits(const struct gateway_conf *conf);
/* Whether clients are verified, and the operator's own service is asked about them. */
bool gateway_has_hook(const struct gateway_conf *conf);
/* Raises the soft limit of descriptors to the hard one, and plans who may have them: in one line of the log,
 * a warning when it leaves fewer clients or links than configured. `open`: those that the process had when it
 * started. A fault as descriptor_plan_make. */
enum status gateway_plan_descriptors(const struct gateway_conf *conf, unsigned threads, size_t open,
                                     struct descriptor_plan *out, struct fault *fault);
struct acceptor_limits gateway_acceptor_limits(const struct gateway_conf *conf,
                                               const struct descriptor_plan *plan);
struct fanout_limits gateway_fanout_limits(const struct gateway_conf *conf);
struct push_limits gateway_push_limits(const struct gateway_conf *conf);
/* What logics are told of the same, and of maxRpcBytes. */
void gateway_hello_limits(const struct gateway_conf *conf, int64_t out[HELLO_LIMIT_COUNT]);
struct rpc_limits gateway_rpc_limits(const struct gateway_conf *conf, const struct descriptor_plan *plan);

#endif
