/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign bytes on somebody's terminal: never a control sequence, never a second line. Pure. */
#ifndef FANFARE_DEPLOY_TOOL_PRINTABLE_H
#define FANFARE_DEPLOY_TOOL_PRINTABLE_H

#include <stddef.h>
#include <stdio.h>

#include "shared/base/slice.h"

/* Prints valid JSON on one line: line ends (which can only be space between tokens) become spaces,
 * DEL and the C1 controls become \u00XX, which JSON reads as the same. */
void printable_json(struct slice json, FILE *out);
/* Copies what fits, with the final 0; bytes that a terminal could obey become '?'. */
void printable_copy(struct slice text, char *out, size_t cap);

#endif
