/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/auth/bearer_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "shared/base/plain_file.h"

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=";

static size_t cut_line_end(const char *text, size_t len)
{
    if (len > 0 && text[len - 1] == '\n')
        len--;
    return len > 0 && text[len - 1] == '\r' ? len - 1 : len;
}

enum status bearer_file_read(const char *path, char *out, struct fault *fault)
{
    const char *reason;
    char bytes[BEARER_MAX + 3];
    enum status status = plain_file_check(path, &reason);

    if (status != STATUS_OK)
        return fault_set(fault, status, "%s: %s", path, reason);
    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        return fault_set(fault, STATUS_IO, "%s: %s", path, strerror(errno));
    size_t len = cut_line_end(bytes, fread(bytes, 1, sizeof bytes, file));
    fclose(file);
    if (len == 0 || len > BEARER_MAX || memchr(bytes, '\0', len) != NULL)
        return fault_set(fault, STATUS_INVALID, "%s: must hold one token of 1 to %d bytes", path, BEARER_MAX);
    memcpy(out, bytes, len);
    out[len] = '\0';
    if (strspn(out, ALPHABET) != len)
        return fault_set(fault, STATUS_INVALID,
                         "%s: must hold one token of letters, digits and -._~+/= (RFC 6750)", path);
    return STATUS_OK;
}
