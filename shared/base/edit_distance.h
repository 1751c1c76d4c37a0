/* SPDX-License-Identifier: Apache-2.0 */
/* How far two names are apart, to find the one that was meant. Pure; any thread. */
#ifndef FANFARE_SHARED_BASE_EDIT_DISTANCE_H
#define FANFARE_SHARED_BASE_EDIT_DISTANCE_H

#include <stddef.h>

enum { EDIT_DISTANCE_MAX = 96 }; /* bytes of a name that count, its NUL included */

/* Levenshtein's distance: letters to add, to leave out and to replace; case does not matter. */
size_t edit_distance(const char *a, const char *b);

#endif
