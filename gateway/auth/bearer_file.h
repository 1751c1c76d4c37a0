/* SPDX-License-Identifier: Apache-2.0 */
/* A token in a file, to be shown as `Authorization: Bearer` (RFC 6750, section 2.1). Any thread; never
 * logged. */
#ifndef FANFARE_GATEWAY_AUTH_BEARER_FILE_H
#define FANFARE_GATEWAY_AUTH_BEARER_FILE_H

#include "shared/base/status.h"

enum { BEARER_MAX = 4096 };

/* `out` has BEARER_MAX + 1 bytes. The file holds the token and at most one line end behind it. STATUS_IO: it
 * cannot be read; STATUS_INVALID: no such token. The fault begins with the path and holds nothing of the
 * token. */
enum status bearer_file_read(const char *path, char *out, struct fault *fault);

#endif
