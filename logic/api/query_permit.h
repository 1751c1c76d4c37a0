/* SPDX-License-Identifier: Apache-2.0 */
/* What a caller with the right `query` may be told: one whose token has rooms= or users= only of those. Pure;
 * the loop's thread only. */
#ifndef FANFARE_LOGIC_API_QUERY_PERMIT_H
#define FANFARE_LOGIC_API_QUERY_PERMIT_H

#include <stdbool.h>

#include "logic/conf/api_caller.h"
#include "logic/push/push_fault.h"
#include "shared/contract/audience.h"

/* The patterns that what the caller is told must match, or NULL: everything. `caller` may be NULL: nobody is
 * asked for a token. */
const struct room_patterns *query_permit_rooms(const struct api_caller *caller);
const struct room_patterns *query_permit_users(const struct api_caller *caller);
/* Whether it may ask for that room or user; else `fault` is 403 `forbidden` and names both. */
bool query_permit(const struct api_caller *caller, enum audience kind, struct slice name,
                  struct push_fault *fault);

#endif
