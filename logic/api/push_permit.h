/* SPDX-License-Identifier: Apache-2.0 */
/* What a caller may do: its rights, the rooms and users that it reaches, its pushes a second. Pure: time is
 * an argument. The loop's thread only. */
#ifndef FANFARE_LOGIC_API_PUSH_PERMIT_H
#define FANFARE_LOGIC_API_PUSH_PERMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "logic/conf/api_caller.h"
#include "logic/push/push_fault.h"
#include "shared/contract/push.h"

/* Whether the caller has the right; else `fault` is 403 `forbidden` and names both. */
bool push_permit_right(const struct api_caller *caller, unsigned right, struct push_fault *fault);
/* Whether the caller may make this push now, which is then counted in its rate; else `fault` is 403
 * `forbidden`, naming the right or the room or user, or 429 `rate_limited`. All names of a push must be
 * allowed. `now_us` is of a clock that never goes back. */
bool push_permit(struct api_caller *caller, const struct push *push, int64_t now_us,
                 struct push_fault *fault);

#endif
