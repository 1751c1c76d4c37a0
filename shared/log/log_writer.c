/* SPDX-License-Identifier: Apache-2.0 */
/* Why a thread: stderr may be a pipe or a socket that nobody reads, a terminal that Ctrl-S has stopped, a
 * file on a mount that stands still. O_NONBLOCK on it would hold for every process that shares the open file
 * (a shell, the other daemons of `make run`), an open file of one's own needs /proc and the right to open it
 * and is impossible for a socket, and poll() says "room" to a terminal with less of it than a line. A thread
 * waits in write() for all of them alike, and lines stay whole; the others copy theirs into a ring, which
 * costs no more than the write() did. */
#include "shared/log/log_writer.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

enum { STALLED_MS = 200, ENDING_MAX_MS = 2000, LOOK_MS = 1 };

static struct {
    pthread_mutex_t lock; /* over all that follows; held for a copy at most, never across a system call */
    pthread_cond_t news;
    struct log_ring ring;
    bool running;
    bool ending;
    bool ended;        /* the thread is on its last instructions */
    uint64_t progress; /* moves with every line that was dealt with */
    struct log_writer_conf conf;
    pthread_t thread;
} writer = {.lock = PTHREAD_MUTEX_INITIALIZER, .news = PTHREAD_COND_INITIALIZER};

/* The thread's own view of the descriptor. */
struct output {
    int fd;
    bool torn;     /* a line was written in part, and the rest was refused */
    uint64_t lost; /* lines that are not told of yet */
};

static bool wait_for_room(int fd)
{
    struct pollfd poll_fd = {fd, POLLOUT, 0};

    return poll(&poll_fd, 1, -1) >= 0 || errno == EINTR;
}

/* All of it or, on an error, part of it. Who made the descriptor may have made it non-blocking. */
static size_t write_all(int fd, const char *data, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t count = write(fd, data + done, len - done);

        if (count > 0)
            done += (size_t)count;
        else if (count == 0 || (errno != EINTR && (errno != EAGAIN || !wait_for_room(fd))))
            break;
    }
    return done;
}

/* A full disk may take half of a line; the next one then begins on a line of its own. */
static bool write_line(struct output *output, const char *line, size_t len)
{
    size_t done;

    if (output->torn && write_all(output->fd, "\n", 1) != 1)
        return false;
    done = write_all(output->fd, line, len);
    output->torn = done > 0 && done < len;
    return done == len;
}

static void tell_lost(struct output *output, const struct log_writer_conf *conf)
{
    char note[LOG_LINE_MAX];
    size_t len = conf->note(output->lost, note);

    if (write_line(output, note, len))
        output->lost = 0;
}

static void deal_with(struct output *output, const struct log_writer_conf *conf, const char *line, size_t len,
                      uint64_t gap)
{
    output->lost += gap;
    if (output->lost > 0)
        tell_lost(output, conf);
    if (len > 0 && !write_line(output, line, len)) {
        output->lost++;
        conf->on_dropped();
    }
}

/* False at the end. `*len` may be 0 when there is only a gap to tell of. */
static bool take(char line[LOG_LINE_MAX], size_t *len, uint64_t *gap)
{
    bool more;

    pthread_mutex_lock(&writer.lock);
    writer.progress++;
    while (log_ring_is_idle(&writer.ring) && !writer.ending)
        pthread_cond_wait(&writer.news, &writer.lock);
    more = !log_ring_is_idle(&writer.ring);
    *len = log_ring_take(&writer.ring, line, gap);
    writer.ended = !more;
    pthread_mutex_unlock(&writer.lock);
    return more;
}

static void *run(void *arg)
{
    const struct log_writer_conf *conf = arg;
    struct output output = {conf->fd, false, 0};
    char line[LOG_LINE_MAX];
    uint64_t gap;
    size_t len;

    while (take(line, &len, &gap))
        deal_with(&output, conf, line, len, gap);
    return NULL;
}

enum status log_writer_start(const struct log_writer_conf *conf)
{
    sigset_t all;
    sigset_t before;
    int fault;

    writer.conf = *conf;
    writer.ring.first = writer.ring.used = 0;
    writer.ending = writer.ended = false;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    fault = pthread_create(&writer.thread, NULL, run, &writer.conf);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (fault != 0)
        return STATUS_NO_MEMORY;
    (void)pthread_setname_np(writer.thread, "log");
    pthread_mutex_lock(&writer.lock);
    writer.running = true;
    pthread_mutex_unlock(&writer.lock);
    return STATUS_OK;
}

bool log_writer_put(const char *line, size_t len)
{
    bool running;
    bool idle;
    bool room = true;

    pthread_mutex_lock(&writer.lock);
    running = writer.running && !writer.ending;
    idle = log_ring_is_idle(&writer.ring);
    if (running)
        room = log_ring_put(&writer.ring, line, len);
    pthread_mutex_unlock(&writer.lock);
    if (running && idle)
        pthread_cond_signal(&writer.news);
    if (!room)
        writer.conf.on_dropped();
    return running;
}

/* Whether the thread has come to its end; false too when it stands still. */
static bool await_end(void)
{
    const struct timespec pause = {0, LOOK_MS * 1000000};
    uint64_t seen = 0;
    bool ended = false;

    for (int still = 0, all = 0; !ended && still < STALLED_MS && all < ENDING_MAX_MS; all += LOOK_MS) {
        pthread_mutex_lock(&writer.lock);
        ended = writer.ended;
        still = writer.progress == seen ? still + LOOK_MS : 0;
        seen = writer.progress;
        pthread_mutex_unlock(&writer.lock);
        if (!ended)
            nanosleep(&pause, NULL);
    }
    return ended;
}

void log_writer_end(void)
{
    bool mine;

    pthread_mutex_lock(&writer.lock);
    mine = writer.running && !writer.ending;
    writer.ending = true;
    pthread_mutex_unlock(&writer.lock);
    if (!mine)
        return;
    pthread_cond_signal(&writer.news);
    if (!await_end()) {
        pthread_detach(writer.thread);
        return;
    }
    pthread_join(writer.thread, NULL);
    pthread_mutex_lock(&writer.lock);
    writer.running = false;
    pthread_mutex_unlock(&writer.lock);
}
