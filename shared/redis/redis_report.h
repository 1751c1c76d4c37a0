/* SPDX-License-Identifier: Apache-2.0 */
/* What /readyz says of a daemon's connections to Redis. The loop's thread only; keeps nothing. It names no
 * address: /readyz asks for no token. */
#ifndef FANFARE_SHARED_REDIS_REDIS_REPORT_H
#define FANFARE_SHARED_REDIS_REDIS_REPORT_H

#include <stddef.h>

#include "shared/base/buf.h"
#include "shared/redis/redis_client.h"

/* Appends `,"redis":[{"use":"registry","up":true},{"use":"bus","up":false,"error":"…","seconds":12}]` for
 * the clients that are not NULL; nothing when all are. `error` is null and `seconds` 0 before the first
 * attempt has ended. STATUS_NO_MEMORY. */
enum status redis_report_append(struct buf *out, const struct redis_client *const *clients, size_t count);

#endif
