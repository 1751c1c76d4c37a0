/* SPDX-License-Identifier: Apache-2.0 */
/* Where a page of users ended, as callers carry it from one call to the next, to any logic: base64url of a
 * version, a sum over room and name, and the name. The sum tells a cursor of another room or one that was
 * cut; it is no secret, and who makes a cursor by hand sees no more than with one that was given. Pure; any
 * thread. */
#ifndef FANFARE_LOGIC_QUERY_QUERY_CURSOR_H
#define FANFARE_LOGIC_QUERY_QUERY_CURSOR_H

#include <stddef.h>

#include "shared/base/buf.h"
#include "shared/base/slice.h"
#include "shared/base/status.h"

/* Appends the text. The errors of buf_append. */
enum status query_cursor_append(struct buf *out, struct slice room, struct slice name);
/* Appends the name of a cursor that was made for `room`; at most `name_max` bytes. STATUS_INVALID: it was
 * not, or is none; the other errors of buf_append. */
enum status query_cursor_read(struct slice text, struct slice room, size_t name_max, struct buf *name);

#endif
