/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
 * Pure; any thread. */
#ifndef FANFARE_SHARED_BASE_UTF8_H
#define FANFARE_SHARED_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/slice.h"

/* Whether all of `text` is valid; else `*bad` (may be NULL) is the offset of the first byte
 * that begins no whole, well-formed sequence. */
bool utf8_valid(struct slice text, size_t *bad);
/* Steps over well-formed sequences of two to four bytes. Stops at `end`, at the first ASCII
 * byte, or at the first byte (0x80 or above) that begins no whole sequence. */
const uint8_t *utf8_skip_wide(const uint8_t *at, const uint8_t *end);
/* Writes the sequence for `point` (a Unicode scalar value); returns its length, 1 to 4. */
size_t utf8_encode(uint32_t point, char out[4]);

#endif
