/* SPDX-License-Identifier: Apache-2.0 */
/* What a run measured, as a table for people and as JSON for tools. Main thread. */
#ifndef FANFARE_BENCH_BENCH_REPORT_H
#define FANFARE_BENCH_BENCH_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tests/bench/bench_options.h"
#include "tests/bench/client_swarm.h"
#include "tests/bench/proc_usage.h"
#include "tests/bench/pusher.h"
#include "tests/bench/tally.h"

struct bench_usage {
    uint64_t cpu_ns; /* while items were pushed and delivered */
    struct proc_memory before;
    struct proc_memory joined;
    uint64_t peak_bytes;
};

struct bench_report {
    const struct bench_options *options;
    double connect_seconds;
    double drain_seconds; /* from the last answer to the last item */
    struct swarm_stats swarm;
    struct tally_result tally;
    struct pusher_result push;
    const struct histogram *latency;
    const struct histogram *last_latency; /* of the last client of each push */
    struct bench_usage usage[BENCH_MAX_PROCESSES];
    uint64_t own_cpu_ns; /* fanfare-bench itself */
};

/* Everything accepted arrived once and in order, and no connection was lost. */
bool bench_report_clean(const struct bench_report *report);
void bench_report_table(const struct bench_report *report, FILE *out);
void bench_report_json(const struct bench_report *report, FILE *out);

#endif
