/* SPDX-License-Identifier: Apache-2.0 */
/* file_watch on a loop of the test's own: files are written, renamed, swapped, removed, and the calls
 * counted. A test that expects no call waits for more looks than a call would need. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "shared/conf/file_watch.h"

enum { LONGEST_MS = 10000, STILL_MS = 2300, PATH_BYTES = 128 };

static char dir[64];
static struct event_base *base;
static struct file_watch *watch;
static int calls;

static void on_change(void *arg)
{
    calls++;
    event_base_loopbreak(arg);
}

static char *path(const char *name)
{
    static char paths[8][PATH_BYTES];
    static unsigned next;
    char *out = paths[next++ % 8];

    snprintf(out, PATH_BYTES, "%s/%s", dir, name);
    return out;
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(path(name), "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void watches(const char *first, const char *second)
{
    const char *paths[] = {path(first), second != NULL ? path(second) : ""};

    assert_int_equal(file_watch_new(base, paths, 2, on_change, base, &watch), STATUS_OK);
}

static void run_for(int64_t ms)
{
    const struct timeval delay = {ms / 1000, ms % 1000 * 1000};

    event_base_loopexit(base, &delay);
    event_base_dispatch(base);
}

static void expect_call(void)
{
    int before = calls;
    int64_t until = clock_now_ms() + LONGEST_MS;

    while (calls == before && clock_now_ms() < until)
        run_for(500);
    assert_int_equal(calls, before + 1);
}

static void expect_no_call(void)
{
    int before = calls;
    int64_t until = clock_now_ms() + STILL_MS;

    while (clock_now_ms() < until)
        run_for(until - clock_now_ms());
    assert_int_equal(calls, before);
}

static int begin(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/fanfare-watch-XXXXXX");
    assert_non_null(mkdtemp(dir));
    base = event_base_new();
    calls = 0;
    write_file("cert", "1");
    write_file("key", "1");
    return 0;
}

static int end(void **state)
{
    char command[PATH_BYTES];

    (void)state;
    file_watch_free(watch);
    watch = NULL;
    event_base_free(base);
    snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command);
}

static void a_rewritten_file_is_told_once(void **state)
{
    (void)state;
    watches("cert", NULL);
    write_file("cert", "2");
    expect_call();
    expect_no_call();
}

static void a_file_renamed_over_it_is_told(void **state)
{
    (void)state;
    watches("cert", "key");
    write_file("new", "1");
    assert_int_equal(rename(path("new"), path("key")), 0);
    expect_call();
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
    write_file("key", "2");
}

/* Wherever the looks fall between the two. */
static void a_pair_written_300_ms_apart_is_told_once(void **state)
{
    const struct timeval delay = {0, 300000};

    (void)state;
    watches("cert", "key");
    for (int i = 0; i < 3; i++) {
        write_file("cert", "2");
        event_base_once(base, -1, EV_TIMEOUT, on_later, NULL, &delay);
        expect_call();
        run_for(1100 + 300 * i);
        assert_int_equal(calls, i + 1);
    }
}

static void a_file_that_keeps_changing_is_told_when_it_stands_still(void **state)
{
    (void)state;
    watches("cert", NULL);
    for (int i = 0; i < 8; i++) {
        write_file("cert", i % 2 ? "a" : "b");
        run_for(400);
    }
    assert_int_equal(calls, 0);
    expect_call();
}

static void swap_data(const char *version)
{
    char target[PATH_BYTES];

    mkdir(path(version), 0700);
    snprintf(target, sizeof target, "%s/cert", version);
    write_file(target, "same");
    assert_int_equal(symlink(version, path("..tmp")), 0);
    assert_int_equal(rename(path("..tmp"), path("..data")), 0);
}

/* As a volume of a Secret: cert -> ..data/cert, ..data -> a directory, replaced by rename. */
static void a_swapped_link_of_a_volume_is_told(void **state)
{
    (void)state;
    swap_data("..1");
    assert_int_equal(symlink("..data/cert", path("mounted")), 0);
    watches("mounted", NULL);
    swap_data("..2");
    expect_call();
    expect_no_call();
}

static void a_missing_file_is_told_when_it_is_back(void **state)
{
    (void)state;
    watches("cert", NULL);
    unlink(path("cert"));
    expect_no_call();
    write_file("cert", "1");
    expect_call();
}

static void a_file_that_was_never_there_is_told_when_it_comes(void **state)
{
    (void)state;
    watches("late", "key");
    expect_no_call();
    write_file("late", "1");
    expect_call();
}

static void other_files_are_taken_as_they_are(void **state)
{
    const char *paths[] = {"", path("key")};

    (void)state;
    watches("cert", NULL);
    write_file("cert", "2");
    write_file("key", "2");
    assert_int_equal(file_watch_set(watch, paths, 2), STATUS_OK);
    expect_no_call();
    write_file("cert", "3");
    expect_no_call();
    write_file("key", "3");
    expect_call();
}

static void nothing_may_be_watched(void **state)
{
    (void)state;
    assert_int_equal(file_watch_new(base, NULL, 0, on_change, base, &watch), STATUS_OK);
    expect_no_call();
    file_watch_free(NULL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_rewritten_file_is_told_once),
        TEST(a_file_renamed_over_it_is_told),
        TEST(a_pair_written_300_ms_apart_is_told_once),
        TEST(a_file_that_keeps_changing_is_told_when_it_stands_still),
        TEST(a_swapped_link_of_a_volume_is_told),
        TEST(a_missing_file_is_told_when_it_is_back),
        TEST(a_file_that_was_never_there_is_told_when_it_comes),
        TEST(other_files_are_taken_as_they_are),
        TEST(nothing_may_be_watched),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
