/* SPDX-License-Identifier: Apache-2.0 */
/* The process's metrics: one table, one atomic number per row, Prometheus text out.
 * Any thread. A daemon's rows are an X-macro table (gateway_metrics.h, logic_metrics.h)
 * that the documentation and the tests walk too. No label carries a room or a user. */
#ifndef FANFARE_SHARED_LOG_METRICS_H
#define FANFARE_SHARED_LOG_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "shared/base/buf.h"

/* METRIC_SECONDS is a counter of time: kept in microseconds, printed as seconds ("0.125").
 * METRIC_HISTOGRAM counts times in buckets from 0.025 ms to 10 s; printed in seconds too.
 * METRIC_SIZES is a histogram of plain numbers, in buckets from 1 to 10,000.
 * METRIC_GAUGES is one gauge for each index; `labels` is then the label's name alone: x{bucket="3"}.
 * METRIC_NAMED is one counter for each name of metric_names.h, all there from 0 on; `labels` is the label's
 * name, and perhaps a comma and further labels: `caller,reason="slow"` is x{caller="shop",reason="slow"}. */
enum metric_type {
    METRIC_COUNTER,
    METRIC_GAUGE,
    METRIC_SECONDS,
    METRIC_HISTOGRAM,
    METRIC_SIZES,
    METRIC_GAUGES,
    METRIC_NAMED
};

enum { METRIC_INDEXES = 64 };

struct metric_def {
    const char *name;   /* rows of one name stand together; their help is the first row's */
    const char *labels; /* `reason="slow"` or "" */
    enum metric_type type;
    const char *help;
};

/* Sets the table (static storage, at most 256 rows, 16 histograms, 4 rows of gauges and 8 of names: with more
 * of these the program ends), and forgets all names. Call once, before threads start. */
void metrics_setup(const struct metric_def *defs, size_t count);
void metrics_add(unsigned row, uint64_t amount);
void metrics_sub(unsigned row, uint64_t amount); /* gauges only */
void metrics_set(unsigned row, uint64_t value);  /* gauges only */
uint64_t metrics_get(unsigned row);
/* Counts a time in microseconds in a METRIC_HISTOGRAM row, a number in a METRIC_SIZES row; below 0
 * is 0. At most 16 rows may be such. Some 20 ns; takes no lock. */
void metrics_observe(unsigned row, int64_t value);
/* Sets the gauge of `index` (below METRIC_INDEXES) of a METRIC_GAUGES row, of which there may be at most
 * four. What was never set is not printed. */
void metrics_set_at(unsigned row, unsigned index, uint64_t value);
/* Counts in the counter of the name at `place` (metric_name_place) of a METRIC_NAMED row. */
void metrics_add_named(unsigned row, unsigned place, uint64_t amount);
/* Appends the Prometheus text format 0.0.4 of all rows, plus fanfare_build_info{version="…"} 1,
 * process_open_fds, process_max_fds, process_resident_memory_bytes, process_cpu_seconds_total
 * and process_start_time_seconds. */
enum status metrics_print(struct buf *out);

#endif
