/* SPDX-License-Identifier: Apache-2.0 */
/* What every fuzz target has: the entry that libFuzzer and replay.c call, and a check that stops
 * the process where it fails. */
#ifndef FANFARE_TESTS_FUZZ_FUZZ_H
#define FANFARE_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define fuzz_check(condition)                                                                                \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition);                    \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

#endif
