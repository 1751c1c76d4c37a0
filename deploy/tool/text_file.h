/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are given on the command line. */
#ifndef FANFARE_DEPLOY_TOOL_TEXT_FILE_H
#define FANFARE_DEPLOY_TOOL_TEXT_FILE_H

#include "shared/base/buf.h"
#include "shared/base/status.h"

/* Appends the whole file, or with "-" the standard input, up to the limit of `out`. The fault names
 * the file. */
enum status text_file_read(const char *path, struct buf *out, struct fault *fault);

#endif
