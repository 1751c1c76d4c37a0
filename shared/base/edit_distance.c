/* SPDX-License-Identifier: Apache-2.0 */
/* One row of the matrix at a time. */
#include "shared/base/edit_distance.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;

    return ab < c ? ab : c;
}

size_t edit_distance(const char *a, const char *b)
{
    size_t row[EDIT_DISTANCE_MAX];
    size_t a_len = strnlen(a, EDIT_DISTANCE_MAX - 1);
    size_t b_len = strnlen(b, EDIT_DISTANCE_MAX - 1);

    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t corner = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t above = row[j];
            bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);

            row[j] = least(above + 1, row[j - 1] + 1, corner + !same);
            corner = above;
        }
    }
    return row[b_len];
}
