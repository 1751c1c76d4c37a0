/* SPDX-License-Identifier: Apache-2.0 */
/* Opens without waiting and looks at what it got. */
#include "shared/base/plain_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum status plain_file_check(const char *path, const char **reason)
{
    struct stat info;
    enum status status = STATUS_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0 || fstat(fd, &info) != 0) {
        *reason = strerror(errno);
        status = STATUS_IO;
    } else if (!S_ISREG(info.st_mode)) {
        *reason = S_ISDIR(info.st_mode) ? strerror(EISDIR) : "it is not a regular file";
        status = STATUS_INVALID;
    }
    if (fd >= 0)
        close(fd);
    return status;
}
