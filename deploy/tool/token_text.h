/* SPDX-License-Identifier: Apache-2.0 */
/* The dates of a token for people. Pure. */
#ifndef FANFARE_DEPLOY_TOOL_TOKEN_TEXT_H
#define FANFARE_DEPLOY_TOOL_TOKEN_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* How far `at` is from `now_s` (Unix seconds): "in 59 min", "3 h ago", "now". Cut off, not rounded, in the
 * largest unit of which there are two; returns `out`. */
const char *token_text_distance(int64_t at, int64_t now_s, char *out, size_t cap);
/* "2026-11-30 21:22:03 UTC, in 59 min"; beyond the calendar the date is said to be none. */
const char *token_text_date(int64_t at, int64_t now_s, char *out, size_t cap);

#endif
