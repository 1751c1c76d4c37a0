/* SPDX-License-Identifier: Apache-2.0 */
/* The registry: one atomic number per row, each on a cache line of its own, since several bucket
 * threads count at once. Any thread. Never resets, never allocates. */
#include "shared/log/metrics.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "shared/log/metric_names.h"

enum { ROWS_MAX = 256, CACHE_LINE = 64, HISTOGRAMS_MAX = 16, BOUNDS_MAX = 18, SERIES_MAX = 4, NAMED_MAX = 8 };

struct bound {
    int64_t value; /* the largest that counts here */
    const char *le;
};

/* The buckets of a kind of histogram, and how many of what is observed make one of what is printed. */
struct scale {
    double unit;
    size_t count;
    struct bound bounds[BOUNDS_MAX];
};

static const struct scale times = {
    .unit = 1e6,
    .count = 18,
    .bounds = {{25, "0.000025"},
               {50, "0.00005"},
               {100, "0.0001"},
               {250, "0.00025"},
               {500, "0.0005"},
               {1000, "0.001"},
               {2500, "0.0025"},
               {5000, "0.005"},
               {10000, "0.01"},
               {25000, "0.025"},
               {50000, "0.05"},
               {100000, "0.1"},
               {250000, "0.25"},
               {500000, "0.5"},
               {1000000, "1"},
               {2500000, "2.5"},
               {5000000, "5"},
               {10000000, "10"}},
};

static const struct scale sizes = {
    .unit = 1,
    .count = 13,
    .bounds = {{1, "1"},
               {2, "2"},
               {5, "5"},
               {10, "10"},
               {20, "20"},
               {50, "50"},
               {100, "100"},
               {200, "200"},
               {500, "500"},
               {1000, "1000"},
               {2000, "2000"},
               {5000, "5000"},
               {10000, "10000"}},
};

struct histogram {
    alignas(CACHE_LINE) _Atomic uint64_t counts[BOUNDS_MAX + 1]; /* the last one is above all bounds */
    _Atomic uint64_t sum;
    const struct scale *scale;
};

struct cell {
    alignas(CACHE_LINE) _Atomic uint64_t value;
};

/* The gauges of a METRIC_GAUGES row; set seldom, so they share lines. */
struct series {
    _Atomic uint64_t values[METRIC_INDEXES];
    atomic_bool known[METRIC_INDEXES];
};

static struct cell cells[ROWS_MAX]; /* of a histogram, a series and a named row: its index */
static struct histogram histograms[HISTOGRAMS_MAX];
static struct series series[SERIES_MAX];
static _Atomic uint64_t named[NAMED_MAX][METRIC_NAMES]; /* the counters of a METRIC_NAMED row */
static const struct metric_def *rows;
static size_t row_count;
static double started; /* seconds since 1970 */

static double seconds(clockid_t clock)
{
    struct timespec now;

    return clock_gettime(clock, &now) == 0 ? (double)now.tv_sec + (double)now.tv_nsec / 1e9 : 0;
}

/* A table that is too long is a fault of the program, and no two rows may share what they count. */
static size_t take(size_t *next, size_t most, const char *what)
{
    if (*next < most)
        return (*next)++;
    fprintf(stderr, "metrics: more than %zu %s\n", most, what);
    abort();
}

/* Gives the row its histogram, its series or its counters by name. */
static void set_up_row(size_t row, size_t *next_histogram, size_t *next_series, size_t *next_named)
{
    bool is_sizes = rows[row].type == METRIC_SIZES;

    if (is_sizes || rows[row].type == METRIC_HISTOGRAM) {
        size_t at = take(next_histogram, HISTOGRAMS_MAX, "histograms");

        histograms[at].scale = is_sizes ? &sizes : &times;
        atomic_store(&cells[row].value, at);
    } else if (rows[row].type == METRIC_GAUGES) {
        atomic_store(&cells[row].value, take(next_series, SERIES_MAX, "series"));
    } else if (rows[row].type == METRIC_NAMED) {
        atomic_store(&cells[row].value, take(next_named, NAMED_MAX, "rows of names"));
    }
}

void metrics_setup(const struct metric_def *defs, size_t count)
{
    size_t next_histogram = 0;
    size_t next_series = 0;
    size_t next_named = 0;

    rows = defs;
    row_count = count < ROWS_MAX ? count : ROWS_MAX;
    for (size_t i = 0; i < ROWS_MAX; i++)
        atomic_store(&cells[i].value, 0);
    memset(histograms, 0, sizeof histograms);
    memset(series, 0, sizeof series);
    memset(named, 0, sizeof named);
    metric_names_reset();
    for (size_t i = 0; i < row_count; i++)
        set_up_row(i, &next_histogram, &next_series, &next_named);
    started = seconds(CLOCK_REALTIME);
}

void metrics_add(unsigned row, uint64_t amount)
{
    if (row < ROWS_MAX)
        atomic_fetch_add_explicit(&cells[row].value, amount, memory_order_relaxed);
}

void metrics_sub(unsigned row, uint64_t amount)
{
    if (row < ROWS_MAX)
        atomic_fetch_sub_explicit(&cells[row].value, amount, memory_order_relaxed);
}

void metrics_set(unsigned row, uint64_t value)
{
    if (row < ROWS_MAX)
        atomic_store_explicit(&cells[row].value, value, memory_order_relaxed);
}

uint64_t metrics_get(unsigned row)
{
    return row < ROWS_MAX ? atomic_load_explicit(&cells[row].value, memory_order_relaxed) : 0;
}

void metrics_observe(unsigned row, int64_t value)
{
    struct histogram *histogram = &histograms[metrics_get(row) % HISTOGRAMS_MAX];
    const struct scale *scale = histogram->scale;
    size_t at = 0;

    if (scale == NULL)
        return;
    while (at < scale->count && value > scale->bounds[at].value)
        at++;
    atomic_fetch_add_explicit(&histogram->counts[at], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&histogram->sum, value > 0 ? (uint64_t)value : 0, memory_order_relaxed);
}

void metrics_set_at(unsigned row, unsigned index, uint64_t value)
{
    struct series *of = &series[metrics_get(row) % SERIES_MAX];

    if (index >= METRIC_INDEXES)
        return;
    atomic_store_explicit(&of->values[index], value, memory_order_relaxed);
    atomic_store_explicit(&of->known[index], true, memory_order_release);
}

void metrics_add_named(unsigned row, unsigned place, uint64_t amount)
{
    if (place < METRIC_NAMES)
        atomic_fetch_add_explicit(&named[metrics_get(row) % NAMED_MAX][place], amount, memory_order_relaxed);
}

/* In HELP a backslash and a line feed are escaped (text format 0.0.4). */
static enum status print_head(struct buf *out, const char *name, enum metric_type type, const char *help)
{
    enum status status = buf_printf(out, "# HELP %s ", name);

    for (; *help && status == STATUS_OK; help++) {
        if (*help == '\\' || *help == '\n')
            status = buf_append_str(out, *help == '\n' ? "\\n" : "\\\\");
        else
            status = buf_append(out, help, 1);
    }
    if (status != STATUS_OK)
        return status;
    static const char *const types[] = {"counter",   "gauge", "counter", "histogram",
                                        "histogram", "gauge", "counter"};
    return buf_printf(out, "\n# TYPE %s %s\n", name, types[type]);
}

static enum status print_histogram(struct buf *out, const struct metric_def *def,
                                   const struct histogram *from)
{
    const char *comma = def->labels[0] ? "," : "";
    const char *open = def->labels[0] ? "{" : "";
    const char *close = def->labels[0] ? "}" : "";
    const struct scale *scale = from->scale;
    uint64_t count = 0;
    enum status status = STATUS_OK;

    for (size_t i = 0; i <= scale->count && status == STATUS_OK; i++) {
        count += atomic_load_explicit(&from->counts[i], memory_order_relaxed);
        status = buf_printf(out, "%s_bucket{%s%sle=\"%s\"} %" PRIu64 "\n", def->name, def->labels, comma,
                            i < scale->count ? scale->bounds[i].le : "+Inf", count);
    }
    if (status == STATUS_OK)
        status = buf_printf(out, "%s_sum%s%s%s %.15g\n", def->name, open, def->labels, close,
                            (double)atomic_load_explicit(&from->sum, memory_order_relaxed) / scale->unit);
    return status != STATUS_OK
               ? status
               : buf_printf(out, "%s_count%s%s%s %" PRIu64 "\n", def->name, open, def->labels, close, count);
}

static enum status print_series(struct buf *out, const struct metric_def *def, const struct series *from)
{
    enum status status = STATUS_OK;

    for (unsigned i = 0; i < METRIC_INDEXES && status == STATUS_OK; i++)
        if (atomic_load_explicit(&from->known[i], memory_order_acquire))
            status = buf_printf(out, "%s{%s=\"%u\"} %" PRIu64 "\n", def->name, def->labels, i,
                                atomic_load_explicit(&from->values[i], memory_order_relaxed));
    return status;
}

/* `labels` is the name of the label, and behind a comma the rest: caller,reason="a". OTHER is there once it
 * counts. */
static enum status print_named(struct buf *out, const struct metric_def *def, const _Atomic uint64_t *from)
{
    int len = (int)strcspn(def->labels, ",");
    unsigned count = metric_names_count();
    enum status status = STATUS_OK;

    for (unsigned i = 0; i < count && status == STATUS_OK; i++) {
        uint64_t value = atomic_load_explicit(&from[i], memory_order_relaxed);

        if (i == 0 && value == 0)
            continue;
        status = buf_printf(out, "%s{%.*s=", def->name, len, def->labels);
        if (status == STATUS_OK)
            status = metric_name_append(out, i);
        if (status == STATUS_OK)
            status = buf_printf(out, "%s} %" PRIu64 "\n", def->labels + len, value);
    }
    return status;
}

/* A gauge may be below zero for a moment, when one thread's sub is seen before another's add. */
static enum status print_row(struct buf *out, size_t row)
{
    const struct metric_def *def = &rows[row];
    uint64_t value = metrics_get((unsigned)row);
    const char *open = def->labels[0] ? "{" : "";
    const char *close = def->labels[0] ? "}" : "";

    if (def->type == METRIC_GAUGE)
        return buf_printf(out, "%s%s%s%s %" PRId64 "\n", def->name, open, def->labels, close, (int64_t)value);
    if (def->type == METRIC_GAUGES)
        return print_series(out, def, &series[value % SERIES_MAX]);
    if (def->type == METRIC_NAMED)
        return print_named(out, def, named[value % NAMED_MAX]);
    if (def->type == METRIC_HISTOGRAM || def->type == METRIC_SIZES)
        return print_histogram(out, def, &histograms[value % HISTOGRAMS_MAX]);
    if (def->type == METRIC_SECONDS)
        return buf_printf(out, "%s%s%s%s %.15g\n", def->name, open, def->labels, close, (double)value / 1e6);
    return buf_printf(out, "%s%s%s%s %" PRIu64 "\n", def->name, open, def->labels, close, value);
}

static bool is_first_of_name(size_t row)
{
    for (size_t i = 0; i < row; i++)
        if (strcmp(rows[i].name, rows[row].name) == 0)
            return false;
    return true;
}

/* All rows of one name stand together, whatever their order in the table. */
static enum status print_family(struct buf *out, size_t first)
{
    const struct metric_def *def = &rows[first];
    enum status status = print_head(out, def->name, def->type, def->help);

    for (size_t i = first; i < row_count && status == STATUS_OK; i++)
        if (strcmp(rows[i].name, def->name) == 0)
            status = print_row(out, i);
    return status;
}

/* Since Linux 6.2 the size of the directory is the number of descriptors; before it is 0. */
static uint64_t open_descriptors(void)
{
    static const char path[] = "/proc/self/fd";
    struct stat stat_of;
    uint64_t count = 0;
    DIR *directory;

    if (stat(path, &stat_of) == 0 && stat_of.st_size > 0)
        return (uint64_t)stat_of.st_size;
    directory = opendir(path);
    if (directory == NULL)
        return 0;
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count > 3 ? count - 3 : 0; /* ".", ".." and the directory's own */
}

static uint64_t max_descriptors(void)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

static uint64_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long long pages = 0;

    if (file == NULL)
        return 0;
    if (fscanf(file, "%*s %llu", &pages) != 1)
        pages = 0;
    fclose(file);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static enum status print_number(struct buf *out, const char *name, enum metric_type type, const char *help,
                                double value)
{
    enum status status = print_head(out, name, type, help);

    return status != STATUS_OK ? status : buf_printf(out, "%s %.15g\n", name, value);
}

static enum status print_process(struct buf *out)
{
    enum status status = print_number(out, "process_open_fds", METRIC_GAUGE, "Open file descriptors",
                                      (double)open_descriptors());

    if (status == STATUS_OK)
        status = print_number(out, "process_max_fds", METRIC_GAUGE, "Limit of open file descriptors",
                              (double)max_descriptors());
    if (status == STATUS_OK)
        status = print_number(out, "process_resident_memory_bytes", METRIC_GAUGE, "Resident memory in bytes",
                              (double)resident_bytes());
    if (status == STATUS_OK)
        status = print_number(out, "process_cpu_seconds_total", METRIC_COUNTER,
                              "User and system CPU time in seconds", seconds(CLOCK_PROCESS_CPUTIME_ID));
    if (status == STATUS_OK)
        status = print_number(out, "process_start_time_seconds", METRIC_GAUGE,
                              "Start of the process in seconds since 1970", started);
    return status;
}

enum status metrics_print(struct buf *out)
{
    enum status status = STATUS_OK;

    for (size_t i = 0; i < row_count && status == STATUS_OK; i++)
        if (is_first_of_name(i))
            status = print_family(out, i);
    if (status == STATUS_OK)
        status = print_head(out, "fanfare_build_info", METRIC_GAUGE, "1, labelled with the version");
    if (status == STATUS_OK)
        status = buf_printf(out, "fanfare_build_info{version=\"%s\"} 1\n", FANFARE_VERSION);
    return status != STATUS_OK ? status : print_process(out);
}
