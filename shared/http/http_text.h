/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of HTTP's grammar that more than one file checks. Pure; any thread. */
#ifndef FANFARE_SHARED_HTTP_HTTP_TEXT_H
#define FANFARE_SHARED_HTTP_HTTP_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/base/buf.h"
#include "shared/base/slice.h"
#include "shared/base/status.h"

/* A character of a token (RFC 9110, 5.6.2), as method and field names are. */
bool http_text_is_tchar(uint8_t byte);
/* Whether `text` is a token: one such character or more. */
bool http_text_is_token(struct slice text);
/* `text` without the spaces and tabs around it (OWS, RFC 9110, 5.6.3). */
struct slice http_text_trim(struct slice text);
/* Whether `text` is `host` or `host:port` as Host and an absolute target have it (RFC 9110, 7.2; RFC 3986,
 * 3.2.2): a name, an IPv4 address, or an IPv6 address in brackets; a port of at most 65535, or none behind
 * the colon. Names may be percent-encoded; user information and an empty host are refused. */
bool http_text_is_host(struct slice text);
/* Whether `value`, of a Content-Type, is the media type `type` in any case of letters, with or without
 * parameters, which are not read (RFC 9110, 8.3.1). */
bool http_text_is_media_type(struct slice value, const char *type);
/* Appends what the last segment of a path stands for: %XX is a byte, everything else itself (RFC 3986, 2.1; a
 * plus is a plus). STATUS_INVALID for a percent sign without two hex digits; the errors of buf_append. */
enum status http_text_decode_segment(struct slice path, struct buf *out);

#endif
