/* SPDX-License-Identifier: Apache-2.0 */
/* metrics: the text that Prometheus reads, and counting from several threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/log/metric_names.h"
#include "shared/log/metrics.h"

enum {
    ITEMS,
    DROPPED_SLOW,
    CLIENTS,
    DROPPED_MEMORY,
    WAITED,
    TOOK,
    BATCH,
    LOAD,
    QUEUE,
    CALLS,
    CALLS_SLOW,
    ROWS
};

static const struct metric_def defs[ROWS] = {
    [ITEMS] = {"x_items_total", "", METRIC_COUNTER, "Items, a\\b\nc"},
    [DROPPED_SLOW] = {"x_dropped_total", "reason=\"slow\"", METRIC_COUNTER, "Dropped"},
    [CLIENTS] = {"x_clients", "", METRIC_GAUGE, "Clients"},
    [DROPPED_MEMORY] = {"x_dropped_total", "reason=\"no_memory\"", METRIC_COUNTER, ""},
    [WAITED] = {"x_waited_seconds_total", "", METRIC_SECONDS, "Waited"},
    [TOOK] = {"x_took_seconds", "way=\"a\"", METRIC_HISTOGRAM, "Took"},
    [BATCH] = {"x_batch_items", "", METRIC_SIZES, "Items of a batch"},
    [LOAD] = {"x_load", "bucket", METRIC_GAUGES, "Load"},
    [QUEUE] = {"x_queue", "bucket", METRIC_GAUGES, "Queue"},
    [CALLS] = {"x_calls_total", "caller", METRIC_NAMED, "Calls"},
    [CALLS_SLOW] = {"x_slow_total", "caller,reason=\"slow\"", METRIC_NAMED, "Slow calls"},
};

static struct buf out;

static int begin(void **state)
{
    (void)state;
    buf_init(&out, 1 << 20);
    metrics_setup(defs, ROWS);
    return 0;
}

static int end(void **state)
{
    (void)state;
    buf_fini(&out);
    return 0;
}

static const char *printed(void)
{
    buf_clear(&out);
    assert_int_equal(metrics_print(&out), STATUS_OK);
    assert_int_equal(buf_append(&out, "", 1), STATUS_OK);
    return (const char *)out.data;
}

/* The value of the sample `name` in the printed text. */
static double value_of(const char *name)
{
    char line[96];
    const char *found;

    snprintf(line, sizeof line, "\n%s ", name);
    found = strstr(printed(), line);
    assert_non_null(found);
    return strtod(found + strlen(line), NULL);
}

static void times_stand_in_cumulative_buckets(void **state)
{
    (void)state;
    metrics_observe(TOOK, 0);
    metrics_observe(TOOK, 100);
    metrics_observe(TOOK, 101);
    metrics_observe(TOOK, 1500000);
    metrics_observe(TOOK, 60000000);
    const char *text = printed();
    assert_non_null(strstr(text, "# TYPE x_took_seconds histogram\n"));
    assert_non_null(strstr(text, "x_took_seconds_bucket{way=\"a\",le=\"0.0001\"} 2\n"));
    assert_non_null(strstr(text, "x_took_seconds_bucket{way=\"a\",le=\"0.00025\"} 3\n"));
    assert_non_null(strstr(text, "x_took_seconds_bucket{way=\"a\",le=\"1\"} 3\n"));
    assert_non_null(strstr(text, "x_took_seconds_bucket{way=\"a\",le=\"2.5\"} 4\n"));
    assert_non_null(strstr(text, "x_took_seconds_bucket{way=\"a\",le=\"10\"} 4\n"));
    assert_non_null(strstr(text, "x_took_seconds_bucket{way=\"a\",le=\"+Inf\"} 5\n"));
    assert_non_null(strstr(text, "x_took_seconds_sum{way=\"a\"} 61.500201\n"));
    assert_non_null(strstr(text, "x_took_seconds_count{way=\"a\"} 5\n"));
}

static const struct {
    unsigned row;
    int64_t value;
    const char *bucket; /* what the text calls the one that the value is the largest of */
} bounds[] = {
    {TOOK, 25, "x_took_seconds_bucket{way=\"a\",le=\"0.000025\"}"},
    {TOOK, 50, "x_took_seconds_bucket{way=\"a\",le=\"0.00005\"}"},
    {TOOK, 100, "x_took_seconds_bucket{way=\"a\",le=\"0.0001\"}"},
    {TOOK, 250, "x_took_seconds_bucket{way=\"a\",le=\"0.00025\"}"},
    {TOOK, 500, "x_took_seconds_bucket{way=\"a\",le=\"0.0005\"}"},
    {TOOK, 1000, "x_took_seconds_bucket{way=\"a\",le=\"0.001\"}"},
    {TOOK, 25000, "x_took_seconds_bucket{way=\"a\",le=\"0.025\"}"},
    {TOOK, 1000000, "x_took_seconds_bucket{way=\"a\",le=\"1\"}"},
    {TOOK, 10000000, "x_took_seconds_bucket{way=\"a\",le=\"10\"}"},
    {BATCH, 1, "x_batch_items_bucket{le=\"1\"}"},
    {BATCH, 2, "x_batch_items_bucket{le=\"2\"}"},
    {BATCH, 50, "x_batch_items_bucket{le=\"50\"}"},
    {BATCH, 1000, "x_batch_items_bucket{le=\"1000\"}"},
    {BATCH, 10000, "x_batch_items_bucket{le=\"10000\"}"},
};

static void a_bound_counts_what_is_as_large_and_nothing_larger(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        metrics_setup(defs, ROWS);
        metrics_observe(bounds[i].row, bounds[i].value);
        metrics_observe(bounds[i].row, bounds[i].value + 1);
        assert_int_equal(value_of(bounds[i].bucket), 1);
    }
}

static void numbers_are_printed_as_they_are(void **state)
{
    (void)state;
    metrics_observe(BATCH, 0);
    metrics_observe(BATCH, -1);
    metrics_observe(BATCH, 3);
    metrics_observe(BATCH, 1000000);
    const char *text = printed();
    assert_non_null(strstr(text, "# TYPE x_batch_items histogram\nx_batch_items_bucket{le=\"1\"} 2\n"));
    assert_non_null(strstr(text, "x_batch_items_bucket{le=\"5\"} 3\n"));
    assert_non_null(strstr(text, "x_batch_items_bucket{le=\"10000\"} 3\n"
                                 "x_batch_items_bucket{le=\"+Inf\"} 4\n"
                                 "x_batch_items_sum 1000003\n"
                                 "x_batch_items_count 4\n"));
}

static void a_gauge_of_an_index_is_there_once_it_was_set(void **state)
{
    (void)state;
    assert_non_null(strstr(printed(), "# TYPE x_load gauge\n# HELP x_queue"));
    metrics_set_at(LOAD, 0, 7);
    metrics_set_at(LOAD, METRIC_INDEXES - 1, 0);
    metrics_set_at(LOAD, METRIC_INDEXES, 9);
    metrics_set_at(QUEUE, 1, 5);
    assert_non_null(
        strstr(printed(), "# TYPE x_load gauge\nx_load{bucket=\"0\"} 7\nx_load{bucket=\"63\"} 0\n#"));
    assert_non_null(strstr(printed(), "# TYPE x_queue gauge\nx_queue{bucket=\"1\"} 5\n#"));
    metrics_set_at(LOAD, 0, 6);
    assert_non_null(strstr(printed(), "x_load{bucket=\"0\"} 6\n"));
}

static void counts_add_sub_and_set(void **state)
{
    (void)state;
    metrics_add(ITEMS, 3);
    metrics_add(ITEMS, 4);
    metrics_set(CLIENTS, 10);
    metrics_sub(CLIENTS, 4);
    assert_int_equal(metrics_get(ITEMS), 7);
    assert_int_equal(metrics_get(CLIENTS), 6);
    metrics_add(100000, 1);
    assert_int_equal(metrics_get(100000), 0);
}

static void rows_of_one_name_stand_together(void **state)
{
    static const char expected[] = "# HELP x_items_total Items, a\\\\b\\nc\n"
                                   "# TYPE x_items_total counter\n"
                                   "x_items_total 18446744073709551615\n"
                                   "# HELP x_dropped_total Dropped\n"
                                   "# TYPE x_dropped_total counter\n"
                                   "x_dropped_total{reason=\"slow\"} 1\n"
                                   "x_dropped_total{reason=\"no_memory\"} 2\n"
                                   "# HELP x_clients Clients\n"
                                   "# TYPE x_clients gauge\n"
                                   "x_clients -1\n";

    (void)state;
    metrics_add(ITEMS, UINT64_MAX);
    metrics_add(DROPPED_SLOW, 1);
    metrics_add(DROPPED_MEMORY, 2);
    metrics_sub(CLIENTS, 1);
    assert_memory_equal(printed(), expected, strlen(expected));
}

static void time_is_kept_in_microseconds_and_printed_in_seconds(void **state)
{
    static const struct {
        uint64_t added_us;
        const char *line;
    } steps[] = {
        {0, "\nx_waited_seconds_total 0\n"},
        {125000, "\nx_waited_seconds_total 0.125\n"},
        {2000001, "\nx_waited_seconds_total 2.125001\n"},
        {UINT64_C(97874999), "\nx_waited_seconds_total 100\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        metrics_add(WAITED, steps[i].added_us);
        assert_non_null(strstr(printed(), steps[i].line));
    }
    assert_non_null(strstr(printed(), "# TYPE x_waited_seconds_total counter\n"));
}

static void the_process_is_described(void **state)
{
    double before = value_of("process_open_fds");
    FILE *file = fopen("/dev/null", "r");

    (void)state;
    assert_non_null(file);
    assert_true(value_of("process_open_fds") - before > 0.5);
    fclose(file);
    assert_true(value_of("process_max_fds") >= before);
    assert_true(value_of("process_resident_memory_bytes") > 100000);
    assert_true(value_of("process_cpu_seconds_total") > 0);
    assert_true(value_of("process_start_time_seconds") > 1.6e9);
    assert_true(value_of("fanfare_build_info{version=\"" FANFARE_VERSION "\"}") > 0.5);
}

/* A sample has its family's name; a histogram's has one of three endings. */
static bool belongs_to(const char *line, const char *family)
{
    size_t len = strlen(family);

    if (strncmp(line, family, len) != 0)
        return false;
    if (strcmp(family, "x_took_seconds") == 0 || strcmp(family, "x_batch_items") == 0)
        return strncmp(line + len, "_bucket{", 8) == 0 || strncmp(line + len, "_sum", 4) == 0 ||
               strncmp(line + len, "_count", 6) == 0;
    return strcspn(line, "{ ") == len;
}

/* Text format 0.0.4: HELP and TYPE once per name, before its samples, which stand together. */
static void every_family_is_announced_once(void **state)
{
    char *text = strdup(printed());
    char family[96] = "";
    char *rest = text;
    char *line;

    (void)state;
    assert_int_equal(text[strlen(text) - 1], '\n');
    while ((line = strsep(&rest, "\n")) != NULL && *line) {
        if (strncmp(line, "# HELP ", 7) == 0)
            snprintf(family, sizeof family, "%.*s", (int)strcspn(line + 7, " "), line + 7);
        else if (strncmp(line, "# TYPE ", 7) == 0)
            assert_memory_equal(line + 7, family, strlen(family));
        else
            assert_true(belongs_to(line, family));
    }
    free(text);
}

static void a_name_counts_from_nought_in_every_row(void **state)
{
    unsigned shop = metric_name_place("shop");
    unsigned news = metric_name_place("news");

    (void)state;
    assert_int_equal(metric_name_place("shop"), shop);
    metrics_add_named(CALLS, shop, 3);
    metrics_add_named(CALLS, shop, 1);
    metrics_add_named(CALLS_SLOW, news, 2);
    metrics_add_named(CALLS, METRIC_NAMES, 2);
    assert_non_null(strstr(printed(), "# TYPE x_calls_total counter\nx_calls_total{caller=\"shop\"} 4\n"
                                      "x_calls_total{caller=\"news\"} 0\n#"));
    assert_non_null(strstr(printed(), "\nx_slow_total{caller=\"shop\",reason=\"slow\"} 0\n"
                                      "x_slow_total{caller=\"news\",reason=\"slow\"} 2\n#"));
}

/* Text format 0.0.4: label_value can be any sequence, backslash, quote and line feed escaped. */
static void a_name_is_escaped(void **state)
{
    (void)state;
    metrics_add_named(CALLS, metric_name_place("a\"b\\c\nd{}=,"), 1);
    assert_non_null(strstr(printed(), "\nx_calls_total{caller=\"a\\\"b\\\\c\\nd{}=,\"} 1\n"));
}

static void names_past_the_bound_count_together(void **state)
{
    char name[METRIC_NAME_MAX + 2];

    (void)state;
    for (unsigned i = 1; i < METRIC_NAMES; i++) {
        snprintf(name, sizeof name, "n%u", i);
        assert_int_equal(metric_name_place(name), i);
    }
    assert_int_equal(metric_names_count(), METRIC_NAMES);
    metrics_add_named(CALLS, metric_name_place("one more"), 2);
    metrics_add_named(CALLS, metric_name_place("and more"), 3);
    assert_int_equal(metric_name_place("n255"), 255);
    assert_non_null(strstr(printed(), "\nx_calls_total{caller=\"other\"} 5\n"));
    metrics_setup(defs, ROWS);
    memset(name, 'n', METRIC_NAME_MAX);
    name[METRIC_NAME_MAX] = '\0';
    assert_int_equal(metric_name_place(name), 1);
    strcpy(name + METRIC_NAME_MAX, "n");
    assert_int_equal(metric_name_place(name), 0);
}

static void a_full_buffer_is_an_error(void **state)
{
    struct buf small;

    (void)state;
    buf_init(&small, 100);
    assert_int_equal(metrics_print(&small), STATUS_TOO_LARGE);
    buf_fini(&small);
}

static void *count_up(void *arg)
{
    (void)arg;
    for (int i = 0; i < 100000; i++) {
        metrics_add(ITEMS, 1);
        metrics_add(CLIENTS, 1);
        metrics_sub(CLIENTS, 1);
        metrics_observe(BATCH, 2);
    }
    return NULL;
}

static void threads_lose_no_count(void **state)
{
    pthread_t threads[4];

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_up, NULL), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(metrics_get(ITEMS), 400000);
    assert_int_equal(metrics_get(CLIENTS), 0);
    assert_non_null(strstr(printed(), "x_batch_items_sum 800000\nx_batch_items_count 400000\n"));
}

/* Two rows that counted as one would say nothing of either: the program does not start. */
static void too_many_histograms_do_not_share(void **state)
{
    static struct metric_def many[17];
    int outcome;

    (void)state;
    for (size_t i = 0; i < 17; i++)
        many[i] = (struct metric_def){"x_many_seconds", "", METRIC_HISTOGRAM, "Many"};
    metrics_setup(many, 16);
    pid_t child = fork();
    if (child == 0) {
        close(STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        metrics_setup(many, 17);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &outcome, 0), child);
    assert_true(WIFSIGNALED(outcome) && WTERMSIG(outcome) == SIGABRT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(times_stand_in_cumulative_buckets),
        TEST(counts_add_sub_and_set),
        TEST(rows_of_one_name_stand_together),
        TEST(time_is_kept_in_microseconds_and_printed_in_seconds),
        TEST(the_process_is_described),
        TEST(every_family_is_announced_once),
        TEST(a_name_counts_from_nought_in_every_row),
        TEST(a_name_is_escaped),
        TEST(names_past_the_bound_count_together),
        TEST(a_full_buffer_is_an_error),
        TEST(threads_lose_no_count),
        TEST(too_many_histograms_do_not_share),
        TEST(a_bound_counts_what_is_as_large_and_nothing_larger),
        TEST(numbers_are_printed_as_they_are),
        TEST(a_gauge_of_an_index_is_there_once_it_was_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
