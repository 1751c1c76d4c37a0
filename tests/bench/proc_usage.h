/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel says that a process has used. Any thread; Linux only. */
#ifndef FANFARE_BENCH_PROC_USAGE_H
#define FANFARE_BENCH_PROC_USAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct proc_memory {
    uint64_t rss_bytes;
    uint64_t anonymous_bytes; /* private: heap, stacks */
};

/* CPU time of all threads, user and system, in nanoseconds (/proc/PID/task/TID/schedstat: no
 * rounding to ticks); io_uring's kernel threads are among them. False: no such process. */
bool proc_usage_cpu(pid_t pid, uint64_t *nanoseconds);
/* The most that was resident at any time (VmHWM of /proc/PID/status), in bytes; 0: no such process. */
uint64_t proc_usage_peak(pid_t pid);
/* From /proc/PID/smaps_rollup. */
bool proc_usage_memory(pid_t pid, struct proc_memory *out);

#endif
