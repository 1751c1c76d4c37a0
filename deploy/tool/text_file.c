/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a file whole. Blocks; before the loop runs. */
#include "deploy/tool/text_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static enum status read_all(FILE *file, const char *path, struct buf *out, struct fault *fault)
{
    char piece[16384];
    size_t len;

    while ((len = fread(piece, 1, sizeof piece, file)) > 0)
        if (buf_append(out, piece, len) != STATUS_OK)
            return fault_set(fault, STATUS_TOO_LARGE, "%s: longer than %zu bytes", path, out->max);
    return ferror(file) ? fault_set(fault, STATUS_IO, "%s: %s", path, strerror(errno)) : STATUS_OK;
}

enum status text_file_read(const char *path, struct buf *out, struct fault *fault)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    enum status status;

    if (file == NULL)
        return fault_set(fault, STATUS_IO, "%s: %s", path, strerror(errno));
    status = read_all(file, path, out, fault);
    if (file != stdin)
        (void)fclose(file);
    return status;
}
