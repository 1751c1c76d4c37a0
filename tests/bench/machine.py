# SPDX-License-Identifier: Apache-2.0
"""The machine: what it is, whether it has other work, and how much of it was taken away."""

import os
import platform
import resource
import time

QUIET = 0.08
SAMPLE_SECONDS = 0.5


def cpu_times():
    """(all, idle, stolen) of all cores, in ticks."""
    with open("/proc/stat", encoding="ascii") as stat:
        ticks = [int(word) for word in stat.readline().split()[1:9]]
    return sum(ticks), ticks[3] + ticks[4], ticks[7]


def shares(before, after):
    """The shares of time (0 to 1) that the cores were busy, and that the host took away."""
    total = max(1, after[0] - before[0])
    return 1 - (after[1] - before[1]) / total, (after[2] - before[2]) / total


class Watch:
    """What the machine did since this was made, our own processes set apart once they have ended."""

    def __init__(self):
        self.times, self.own = cpu_times(), self.own_seconds()

    @staticmethod
    def own_seconds():
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(one.ru_utime + one.ru_stime for one in used)

    def shares(self):
        """The shares of the cores' time (0 to 1) that went to others' work, and to the host."""
        now = cpu_times()
        busy, stolen = shares(self.times, now)
        all_seconds = max(1, now[0] - self.times[0]) / os.sysconf("SC_CLK_TCK")
        own = (self.own_seconds() - self.own) / all_seconds
        return max(0, busy - stolen - own), stolen


def wait_until_quiet(seconds):
    """Waits while others work, at most so long; gives how busy the machine was in the end (0 to 1)."""
    deadline = time.monotonic() + seconds
    while True:
        before = cpu_times()
        time.sleep(SAMPLE_SECONDS)
        busy, _ = shares(before, cpu_times())
        if busy <= QUIET or time.monotonic() >= deadline:
            return busy


def describe():
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    kernel = ".".join(platform.release().split(".")[:2])
    return {"cores": os.cpu_count(), "memory GB": round(memory / 2**30), "kernel": kernel,
            "architecture": platform.machine(), "processor": processor()}


def processor():
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown"
