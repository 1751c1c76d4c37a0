/* SPDX-License-Identifier: Apache-2.0 */
/* Digit by digit: a double has no place for an exact bound. What begins with no digit (a sign, a quote, a
 * letter, a bracket) ends where the fraction would begin, and is none. */
#include "shared/jose/numeric_date.h"

#define DATE_MAX ((INT64_C(1) << 53) - 1)

/* The fraction of a valid number begins at `rest`: a dot and digits, or nothing. */
static bool read_fraction(struct slice rest, bool *some)
{
    *some = false;
    if (rest.len > 0 && rest.data[0] != '.') {
        return false;
    }
    for (size_t i = 1; i < rest.len; i++) {
        if (rest.data[i] < '0' || rest.data[i] > '9') {
            return false;
        }
        *some = *some || rest.data[i] != '0';
    }
    return true;
}

bool numeric_date_read(const struct json_value *value, bool up, int64_t *out)
{
    struct slice text = value->text;
    int64_t seconds = 0;
    size_t at = 0;
    bool fraction;

    for (; at < text.len && text.data[at] >= '0' && text.data[at] <= '9'; at++) {
        seconds = seconds * 10 + (text.data[at] - '0');
        if (seconds > DATE_MAX) {
            return false;
        }
    }
    if (!read_fraction(slice_of(text.data + at, text.len - at), &fraction)) {
        return false;
    }
    *out = seconds + (fraction && up ? 1 : 0);
    return true;
}
