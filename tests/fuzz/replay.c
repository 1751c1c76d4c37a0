/* SPDX-License-Identifier: Apache-2.0 */
/* A fuzz target without libFuzzer: runs it once over each file named on the command line, so that
 * any compiler can replay the corpus and what a fuzzer has found. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

/* The whole file in a block of exactly its size; NULL with a message when it cannot be read. */
static uint8_t *file_read(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    struct stat info;
    uint8_t *bytes = NULL;

    if (file != NULL && fstat(fileno(file), &info) == 0 && S_ISREG(info.st_mode)) {
        *size = (size_t)info.st_size;
        bytes = malloc(*size == 0 ? 1 : *size);
    }
    if (bytes != NULL && fread(bytes, 1, *size, file) != *size) {
        free(bytes);
        bytes = NULL;
    }
    if (file != NULL) {
        fclose(file);
    }
    if (bytes == NULL) {
        fprintf(stderr, "%s: cannot be read\n", path);
    }
    return bytes;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        size_t size = 0;
        uint8_t *bytes = file_read(argv[i], &size);

        if (bytes == NULL) {
            return 1;
        }
        LLVMFuzzerTestOneInput(bytes, size);
        free(bytes);
    }
    printf("%d inputs replayed\n", argc - 1);
    return 0;
}
