/* SPDX-License-Identifier: Apache-2.0 */
/* application/x-www-form-urlencoded (WHATWG URL, section 5.1), as go-push's callers send it:
 * JSON that is not percent-encoded must pass as it is. Pure; any thread. */
#ifndef FANFARE_SHARED_BASE_FORM_H
#define FANFARE_SHARED_BASE_FORM_H

#include <stddef.h>

#include "shared/base/buf.h"
#include "shared/base/slice.h"
#include "shared/base/status.h"

/* Finds the first field `name` in `body` and appends its decoded value to `out` ('+' is a
 * space, %XX a byte). STATUS_NOT_FOUND when absent, STATUS_INVALID for a bad %-escape (its
 * offset in the body in `*bad`; bad escapes in other fields do not matter), STATUS_TOO_LARGE,
 * STATUS_NO_MEMORY. */
enum status form_field(struct slice body, const char *name, struct buf *out, size_t *bad);
/* Appends `name=` and the value percent-encoded; the '&' between fields is the caller's. On
 * failure the buffer is as before. */
enum status form_append(struct buf *out, const char *name, struct slice value);

#endif
