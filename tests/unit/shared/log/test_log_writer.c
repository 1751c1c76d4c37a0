/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines on their way to a descriptor: the ring's bound and its gaps, and a thread that nobody waits for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "shared/log/log_ring.h"
#include "shared/log/log_writer.h"

enum { LINE_BYTES = 100, RECORD_BYTES = LINE_BYTES + 16, RECORDS = LOG_RING_BYTES / RECORD_BYTES };

static atomic_uint drops;

static void count_drop(void)
{
    atomic_fetch_add(&drops, 1);
}

static size_t note(uint64_t dropped, char out[LOG_LINE_MAX])
{
    return (size_t)snprintf(out, LOG_LINE_MAX, "lost %llu\n", (unsigned long long)dropped);
}

/* Lines of LINE_BYTES that begin with their number. */
static void fill_line(char line[LINE_BYTES], unsigned number)
{
    char text[16];

    memset(line, '.', LINE_BYTES);
    memcpy(line, text, (size_t)snprintf(text, sizeof text, "%u", number));
    line[LINE_BYTES - 1] = '\n';
}

static bool put_number(struct log_ring *ring, unsigned number)
{
    char line[LINE_BYTES];

    fill_line(line, number);
    return log_ring_put(ring, line, sizeof line);
}

/* Takes a line, or -1 for none. */
static long take_number(struct log_ring *ring, uint64_t *gap)
{
    char line[LOG_LINE_MAX];
    size_t len = log_ring_take(ring, line, gap);

    assert_true(len == 0 || len == LINE_BYTES);
    return len == 0 ? -1 : atol(line);
}

static void lines_come_out_as_they_went_in(void **state)
{
    struct log_ring *ring = calloc(1, sizeof *ring);
    uint64_t gap;

    (void)state;
    for (unsigned n = 0; n < 5 * RECORDS; n++) {
        assert_true(put_number(ring, n) && put_number(ring, n + 1));
        assert_int_equal(take_number(ring, &gap), n);
        assert_int_equal(take_number(ring, &gap), n + 1);
        assert_true(log_ring_is_idle(ring));
    }
    /* Never empty, so that records wrap. */
    for (unsigned n = 0; n < 5 * RECORDS; n++) {
        assert_true(put_number(ring, n));
        if (n > 0)
            assert_int_equal(take_number(ring, &gap), n - 1);
        assert_int_equal(gap, 0);
    }
    free(ring);
}

static void a_full_ring_drops_and_says_where(void **state)
{
    struct log_ring *ring = calloc(1, sizeof *ring);
    uint64_t gap;

    (void)state;
    for (unsigned n = 0; n < RECORDS; n++)
        assert_true(put_number(ring, n));
    for (unsigned n = 0; n < 7; n++)
        assert_false(put_number(ring, n));
    for (unsigned n = 0; n < RECORDS; n++) {
        assert_int_equal(take_number(ring, &gap), n);
        assert_int_equal(gap, 0);
        /* Room again when half is free. */
        if (n == RECORDS * 2 / 3)
            assert_true(put_number(ring, 4711));
    }
    assert_int_equal(take_number(ring, &gap), 4711);
    assert_int_equal(gap, 7);
    assert_true(log_ring_is_idle(ring));
    free(ring);
}

static void one_free_place_is_not_room(void **state)
{
    struct log_ring *ring = calloc(1, sizeof *ring);
    uint64_t gap;

    (void)state;
    while (put_number(ring, 1))
        ;
    assert_int_equal(take_number(ring, &gap), 1);
    assert_false(put_number(ring, 2));
    while (take_number(ring, &gap) >= 0)
        assert_int_equal(gap, 0);
    assert_int_equal(gap, 2); /* behind the last line; told once */
    assert_true(log_ring_is_idle(ring));
    assert_int_equal(take_number(ring, &gap), -1);
    assert_int_equal(gap, 0);
    free(ring);
}

struct stream {
    int ends[2]; /* of a pipe; the first is non-blocking */
    size_t filled;
};

static struct stream stream_begin(void)
{
    struct stream stream = {{-1, -1}, 0};
    struct log_writer_conf conf = {.on_dropped = count_drop, .note = note};

    atomic_store(&drops, 0);
    assert_int_equal(pipe(stream.ends), 0);
    assert_int_equal(fcntl(stream.ends[0], F_SETFL, O_NONBLOCK), 0);
    conf.fd = stream.ends[1];
    assert_int_equal(log_writer_start(&conf), STATUS_OK);
    return stream;
}

/* Through an open file of its own, so that the writer's stays as it is. */
static void stall(struct stream *stream)
{
    char path[64];
    ssize_t count;
    int fd;

    snprintf(path, sizeof path, "/proc/self/fd/%d", stream->ends[1]);
    fd = open(path, O_WRONLY | O_NONBLOCK);
    assert_true(fd >= 0);
    while ((count = write(fd, "x", 1)) == 1)
        stream->filled++;
    assert_int_equal(errno, EAGAIN);
    close(fd);
}

static void put(unsigned number)
{
    char line[LINE_BYTES];

    fill_line(line, number);
    assert_true(log_writer_put(line, sizeof line));
}

/* All that comes until a line begins with `last`; the caller frees it. */
static char *read_until(struct stream *stream, const char *last)
{
    size_t cap = 1 << 20;
    size_t len = 0;
    char *text = calloc(1, cap);
    struct pollfd readable = {stream->ends[0], POLLIN, 0};

    while (len <= stream->filled || strstr(text + stream->filled, last) == NULL) {
        ssize_t count;

        assert_int_equal(poll(&readable, 1, 60000), 1);
        count = read(stream->ends[0], text + len, cap - len - 1);
        assert_true(count > 0);
        len += (size_t)count;
    }
    memmove(text, text + stream->filled, len - stream->filled + 1);
    return text;
}

static void stream_end(struct stream *stream)
{
    close(stream->ends[0]);
    close(stream->ends[1]);
}

static void nobody_waits_for_a_full_pipe(void **state)
{
    struct stream stream = stream_begin();
    unsigned count = 4 * RECORDS;
    unsigned lost;
    char expected[32];
    char *text;

    (void)state;
    stall(&stream);
    for (unsigned n = 0; n < count; n++)
        put(n); /* does not come back if it waits */
    lost = atomic_load(&drops);
    /* The thread has one in its hands, at most, and the ring the rest. */
    assert_true(lost >= count - RECORDS - 1);
    snprintf(expected, sizeof expected, "lost %u\n", lost);
    text = read_until(&stream, expected);
    for (unsigned n = 0; n < count - lost; n++)
        assert_int_equal(atol(text + (size_t)n * LINE_BYTES), n);
    assert_string_equal(text + (size_t)(count - lost) * LINE_BYTES, expected);
    free(text);
    log_writer_end();
    assert_false(log_writer_put("x\n", 2));
    stream_end(&stream);
}

static void what_waits_is_written_at_the_end(void **state)
{
    struct stream stream = stream_begin();
    char *text;

    (void)state;
    for (unsigned n = 0; n < RECORDS / 2; n++)
        put(n);
    log_writer_end();
    text = read_until(&stream, "\n");
    assert_int_equal(strlen(text), (size_t)(RECORDS / 2) * LINE_BYTES);
    free(text);
    stream_end(&stream);
}

static void await_drops(unsigned count)
{
    while (atomic_load(&drops) < count)
        (void)poll(NULL, 0, 1);
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A disk that is full takes a part of a line; the next one must not be joined to it. */
static void a_torn_line_ends_before_the_next(void **state)
{
    const char note_and_more[] = "\nlost 1\n3.";
    FILE *file = tmpfile();
    const struct log_writer_conf conf = {fileno(file), count_drop, note};
    char text[512] = "";

    (void)state;
    atomic_store(&drops, 0);
    limit_files(LINE_BYTES + LINE_BYTES / 2);
    assert_int_equal(log_writer_start(&conf), STATUS_OK);
    put(1);
    put(2);
    await_drops(1);
    limit_files(RLIM_INFINITY);
    put(3);
    log_writer_end();
    assert_true(pread(fileno(file), text, sizeof text - 1, 0) > 0);
    assert_int_equal(text[LINE_BYTES], '2');
    assert_memory_equal(text + LINE_BYTES + LINE_BYTES / 2, note_and_more, sizeof note_and_more - 1);
    fclose(file);
}

static void a_closed_pipe_costs_its_lines(void **state)
{
    struct log_writer_conf conf = {.on_dropped = count_drop, .note = note};
    int ends[2];

    (void)state;
    atomic_store(&drops, 0);
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    conf.fd = ends[1];
    assert_int_equal(log_writer_start(&conf), STATUS_OK);
    put(1); /* EPIPE, and no signal that ends us */
    put(2);
    log_writer_end();
    assert_int_equal(atomic_load(&drops), 2);
    close(ends[1]);
}

/* Last: the thread stays in its write, and holds the descriptor. */
static void the_end_does_not_wait_for_a_full_pipe(void **state)
{
    struct stream stream = stream_begin();

    (void)state;
    stall(&stream);
    put(1);
    log_writer_end();
    assert_false(log_writer_put("x\n", 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_out_as_they_went_in),
        cmocka_unit_test(a_full_ring_drops_and_says_where),
        cmocka_unit_test(one_free_place_is_not_room),
        cmocka_unit_test(nobody_waits_for_a_full_pipe),
        cmocka_unit_test(what_waits_is_written_at_the_end),
        cmocka_unit_test(a_torn_line_ends_before_the_next),
        cmocka_unit_test(a_closed_pipe_costs_its_lines),
        cmocka_unit_test(the_end_does_not_wait_for_a_full_pipe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
