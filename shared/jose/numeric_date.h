/* SPDX-License-Identifier: Apache-2.0 */
/* A NumericDate (RFC 7519, section 2) to whole seconds. Pure; any thread. */
#ifndef FANFARE_SHARED_JOSE_NUMERIC_DATE_H
#define FANFARE_SHARED_JOSE_NUMERIC_DATE_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/json/json_scan.h"

/* 0 to 2^53-1, the integers that every reader of JSON agrees on (RFC 8259, section 6). A fraction is rounded
 * down, or up if `up`. False for another type, a sign, an exponent, or a number out of range. */
bool numeric_date_read(const struct json_value *value, bool up, int64_t *out);

#endif
