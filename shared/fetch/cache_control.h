/* SPDX-License-Identifier: Apache-2.0 */
/* For how long an answer may be kept, from its Cache-Control (RFC 9111, 5.2.2). Pure; any thread. */
#ifndef FANFARE_SHARED_FETCH_CACHE_CONTROL_H
#define FANFARE_SHARED_FETCH_CACHE_CONTROL_H

#include <stdint.h>

#include "shared/base/slice.h"

enum { CACHE_CONTROL_MAX_S = 31536000 }; /* longer is taken as a year */

/* The seconds of max-age; 0 with no-store or no-cache; -1 when `value` (of one Cache-Control field) says
 * nothing, or nothing that can be read. Of several max-age the shortest counts. */
int64_t cache_control_max_age(struct slice value);

#endif
