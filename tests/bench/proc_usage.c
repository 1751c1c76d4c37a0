/* SPDX-License-Identifier: Apache-2.0 */
/* Reads /proc; owns nothing. */
#include "tests/bench/proc_usage.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>

enum { PATH_BYTES = 300 };

static uint64_t thread_cpu(pid_t pid, const char *thread)
{
    char path[PATH_BYTES];
    uint64_t nanoseconds = 0;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", (int)pid, thread);
    file = fopen(path, "re");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%" SCNu64, &nanoseconds) != 1)
        nanoseconds = 0;
    fclose(file);
    return nanoseconds;
}

bool proc_usage_cpu(pid_t pid, uint64_t *nanoseconds)
{
    char path[PATH_BYTES];
    struct dirent *entry;
    uint64_t sum = 0;
    DIR *threads;

    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    threads = opendir(path);
    if (threads == NULL)
        return false;
    while ((entry = readdir(threads)) != NULL)
        if (entry->d_name[0] != '.')
            sum += thread_cpu(pid, entry->d_name);
    closedir(threads);
    *nanoseconds = sum;
    return sum > 0;
}

bool proc_usage_memory(pid_t pid, struct proc_memory *out)
{
    char line[PATH_BYTES];
    uint64_t kilobytes;
    FILE *file;

    snprintf(line, sizeof line, "/proc/%d/smaps_rollup", (int)pid);
    file = fopen(line, "re");
    if (file == NULL)
        return false;
    *out = (struct proc_memory){0};
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "Rss: %" SCNu64, &kilobytes) == 1)
            out->rss_bytes = kilobytes * 1024;
        else if (sscanf(line, "Anonymous: %" SCNu64, &kilobytes) == 1)
            out->anonymous_bytes = kilobytes * 1024;
    }
    fclose(file);
    return out->rss_bytes > 0;
}

uint64_t proc_usage_peak(pid_t pid)
{
    char line[PATH_BYTES];
    uint64_t kilobytes = 0;
    FILE *file;

    snprintf(line, sizeof line, "/proc/%d/status", (int)pid);
    file = fopen(line, "re");
    if (file == NULL)
        return 0;
    while (kilobytes == 0 && fgets(line, sizeof line, file) != NULL)
        (void)sscanf(line, "VmHWM: %" SCNu64, &kilobytes);
    fclose(file);
    return kilobytes * 1024;
}
