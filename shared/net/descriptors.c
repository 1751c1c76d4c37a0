/* SPDX-License-Identifier: Apache-2.0 */
/* What getrlimit and /proc say. At the start of a daemon, before it plans what it may open. */
#include "shared/net/descriptors.h"

#include <dirent.h>
#include <stdint.h>
#include <sys/resource.h>

enum { STANDARD = 3, NOT_FILES = 3 /* ".", "..", and the directory's own */ };

size_t descriptors_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return SIZE_MAX;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return SIZE_MAX;
    return (size_t)limit.rlim_cur;
}

size_t descriptors_open(void)
{
    DIR *directory = opendir("/proc/self/fd");
    size_t count = 0;

    if (directory == NULL)
        return STANDARD;
    while (readdir(directory) != NULL)
        count++;
    (void)closedir(directory);
    return count > NOT_FILES ? count - NOT_FILES : 0;
}
