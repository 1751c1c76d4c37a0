/* SPDX-License-Identifier: Apache-2.0 */
/* A gateway's limits held against this logic's. A push that is past one is not sent there: the gateway
 * would refuse its whole batch. Pure; the loop's thread. */
#ifndef FANFARE_LOGIC_LINK_LINK_LIMITS_H
#define FANFARE_LOGIC_LINK_LINK_LIMITS_H

#include "logic/conf/logic_conf.h"
#include "logic/push/push_measure.h"
#include "shared/base/buf.h"
#include "shared/contract/hello.h"

/* A bit for each enum hello_limit. */
typedef unsigned limit_set;

/* The most that a push may take of each limit, as the options of this logic have it. */
void link_limits_own(const struct logic_conf *conf, int64_t out[HELLO_LIMIT_COUNT]);
/* Those of the gateway's that are below. */
limit_set link_limits_below(const int64_t gateway[HELLO_LIMIT_COUNT], const int64_t own[HELLO_LIMIT_COUNT]);
/* The first limit of the gateway that the push is past, or HELLO_LIMIT_COUNT. `below` is as above: of what
 * is not in it only the size of the request is looked at. */
enum hello_limit link_limits_passed(const int64_t gateway[HELLO_LIMIT_COUNT], limit_set below,
                                    struct push_measure *measure);
/* Appends "maxItemBytes 1024 (65536 here), maxJsonDepth 8 (64 here)". */
enum status link_limits_print(limit_set below, const int64_t gateway[HELLO_LIMIT_COUNT],
                              const int64_t own[HELLO_LIMIT_COUNT], struct buf *out);

#endif
