/* SPDX-License-Identifier: Apache-2.0 */
/* The item that the bench pushes: JSON of a fixed length that says who sent it, as which
 * push, and when. Pure; any thread. */
#ifndef FANFARE_BENCH_ITEM_H
#define FANFARE_BENCH_ITEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ITEM_MIN_BYTES = 48, ITEM_MAX_BYTES = 32768 };

struct item {
    uint32_t caller;   /* 0 to 65535 */
    uint32_t number;   /* of the push, unique in a run, from 1; rises for each caller */
    uint64_t stamp_us; /* clock_now_us() when the push was due */
};

/* Writes exactly `len` (ITEM_MIN_BYTES to ITEM_MAX_BYTES) bytes and no NUL. */
void item_encode(const struct item *item, char *out, size_t len);
/* Reads the item at the start of `text`; false if it is not one of ours. */
bool item_decode(const uint8_t *text, size_t len, struct item *out);

#endif
