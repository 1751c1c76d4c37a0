/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a file can be opened without waiting for somebody: a FIFO that took a certificate's place would
 * stop the loop that opens it. Any thread; keeps nothing. */
#ifndef FANFARE_SHARED_BASE_PLAIN_FILE_H
#define FANFARE_SHARED_BASE_PLAIN_FILE_H

#include "shared/base/status.h"

/* Whether `path` names a regular file that this process may read. Else `*reason` is why not, for people,
 * valid until the thread's next call: STATUS_IO when that may pass (not there yet, not readable yet),
 * STATUS_INVALID for a directory, a FIFO, a device. It never waits for a writer, but it does wait for a mount
 * that hangs. */
enum status plain_file_check(const char *path, const char **reason);

#endif
