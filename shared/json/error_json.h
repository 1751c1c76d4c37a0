/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON of an error, the same on every port (docs/protocol.md, "Errors"):
 * {"error":{"code":"…","message":"…"}}. Any thread; owns nothing. */
#ifndef FANFARE_SHARED_JSON_ERROR_JSON_H
#define FANFARE_SHARED_JSON_ERROR_JSON_H

#include "shared/base/buf.h"

/* Appends it whole. `code` is a word of lower-case letters and underscores, `message` is UTF-8. As
 * buf_append: STATUS_TOO_LARGE, STATUS_NO_MEMORY; then `out` may hold a part of it. */
enum status error_json_append(struct buf *out, const char *code, const char *message);
/* The same without the last brace, for those who append members of their own and then "}". */
enum status error_json_begin(struct buf *out, const char *code, const char *message);

#endif
