/* SPDX-License-Identifier: Apache-2.0 */
/* What the code under test writes to stdout or stderr, caught in memory through the descriptor
 * itself, so that write() is caught too. */
#ifndef FANFARE_TESTS_CAPTURED_H
#define FANFARE_TESTS_CAPTURED_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct captured {
    int fd;    /* STDOUT_FILENO or STDERR_FILENO */
    int saved; /* what it was before */
    int file;
};

static inline struct captured captured_begin(int fd)
{
    struct captured captured = {fd, dup(fd), memfd_create("captured", MFD_CLOEXEC)};

    fflush(NULL);
    assert_true(captured.saved >= 0 && captured.file >= 0);
    assert_int_equal(fcntl(captured.file, F_SETFL, O_APPEND), 0);
    assert_int_equal(dup2(captured.file, fd), fd);
    return captured;
}

/* The descriptor is as before; the text is the caller's to free. */
static inline char *captured_end(struct captured *captured)
{
    off_t len;
    char *text;

    fflush(NULL);
    assert_int_equal(dup2(captured->saved, captured->fd), captured->fd);
    len = lseek(captured->file, 0, SEEK_END);
    text = calloc(1, (size_t)len + 1);
    assert_non_null(text);
    assert_int_equal(pread(captured->file, text, (size_t)len, 0), len);
    close(captured->saved);
    close(captured->file);
    return text;
}

#endif
