/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that writes log lines to a descriptor, so that nobody else waits for it. One for the process.
 * Its queue is log_ring.h's: LOG_RING_BYTES, new lines are dropped, each is told to `on_dropped`. */
#ifndef FANFARE_SHARED_LOG_LOG_WRITER_H
#define FANFARE_SHARED_LOG_LOG_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/status.h"
#include "shared/log/log_ring.h"

struct log_writer_conf {
    int fd;                   /* stays the caller's, open until log_writer_end; its flags are not changed */
    void (*on_dropped)(void); /* a line was lost: no room, or the write failed. Any thread; never waits */
    /* Makes the line that says how many were lost, with its newline; returns its length. The writer's thread.
     */
    size_t (*note)(uint64_t dropped, char out[LOG_LINE_MAX]);
};

/* Starts the thread; it takes no signal. STATUS_NO_MEMORY: the system gives no thread, nothing was begun.
 * Main thread, and not while it runs. */
enum status log_writer_start(const struct log_writer_conf *conf);
/* Queues a line of 1 to LOG_LINE_MAX bytes with its newline; never waits. False: no thread runs, the
 * line is still the caller's business. Any thread. */
bool log_writer_put(const char *line, size_t len);
/* Ends the thread when all is written, or when the descriptor has taken nothing for 200 ms: the rest is
 * lost then. Lines that come later are not the writer's any more (log_writer_put gives false). Legal when
 * none runs. Any thread. */
void log_writer_end(void);

#endif
