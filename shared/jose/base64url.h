/* SPDX-License-Identifier: Apache-2.0 */
/* Base64url (RFC 4648, section 5) without padding, as JOSE has it (RFC 7515, section 2). Pure; any thread. */
#ifndef FANFARE_SHARED_JOSE_BASE64URL_H
#define FANFARE_SHARED_JOSE_BASE64URL_H

#include <stddef.h>
#include <stdint.h>

#include "shared/base/buf.h"
#include "shared/base/slice.h"
#include "shared/base/status.h"

/* The bytes that `len` characters decode to, and the characters that `len` bytes encode to. */
#define BASE64URL_DECODED(len) ((len) / 4 * 3 + ((len) % 4 + 1) / 2)
#define BASE64URL_ENCODED(len) ((len) / 3 * 4 + ((len) % 3 == 0 ? 0 : (len) % 3 + 1))

/* Decodes all of `text` into `out`; `*len` is the number of bytes. STATUS_TOO_LARGE when they do not fit
 * `cap`. STATUS_INVALID for a character outside the alphabet (padding, space and line ends are), a length
 * that no bytes have (4n+1), and bits that are left over and not zero: RFC 4648, section 3.5, leaves those
 * to the reader, but two texts for the same bytes would be two tokens with one meaning. */
enum status base64url_decode(struct slice text, uint8_t *out, size_t cap, size_t *len);
/* Appends the text of `bytes`. The errors of buf_append; `out` is as before then. */
enum status base64url_append(struct buf *out, struct slice bytes);

#endif
