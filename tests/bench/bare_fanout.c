/* SPDX-License-Identifier: Apache-2.0 */
/* One send() per socket, or one io_uring submission for many of them. Nothing else: no queue,
 * no accounting, no care for a slow reader. It is the limit, not a server. */
#include "tests/bench/bare_fanout.h"

#include <errno.h>
#include <sys/socket.h>

enum { SEND_FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL };

static void loop_send(struct bare_fanout *fanout, const int *sockets, size_t count, const uint8_t *frame,
                      size_t len)
{
    for (size_t i = 0; i < count; i++)
        if (send(sockets[i], frame, len, SEND_FLAGS) != (ssize_t)len)
            fanout->refused++;
}

#ifdef FANFARE_URING

static int ring_open(struct bare_fanout *fanout)
{
    struct io_uring_params params = {.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN};
    int error = io_uring_queue_init_params((unsigned)fanout->slice, &fanout->ring, &params);

    if (error == -EINVAL)
        error = io_uring_queue_init((unsigned)fanout->slice, &fanout->ring, 0);
    return error;
}

static void ring_close(struct bare_fanout *fanout)
{
    io_uring_queue_exit(&fanout->ring);
}

static void reap(struct bare_fanout *fanout, size_t len)
{
    struct io_uring_cqe *cqe;
    unsigned head;
    unsigned seen = 0;

    io_uring_for_each_cqe(&fanout->ring, head, cqe)
    {
        if (cqe->res != (int)len)
            fanout->refused++;
        seen++;
    }
    io_uring_cq_advance(&fanout->ring, seen);
}

static void submit(struct bare_fanout *fanout, const int *sockets, size_t count, const uint8_t *frame,
                   size_t len)
{
    for (size_t i = 0; i < count; i++) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(&fanout->ring);

        io_uring_prep_send(sqe, sockets[i], frame, len, SEND_FLAGS);
    }
    io_uring_submit_and_wait(&fanout->ring, (unsigned)count);
    reap(fanout, len);
}

static void loop_uring(struct bare_fanout *fanout, const int *sockets, size_t count, const uint8_t *frame,
                       size_t len)
{
    for (size_t at = 0; at < count; at += fanout->slice)
        submit(fanout, sockets + at, count - at < fanout->slice ? count - at : fanout->slice, frame, len);
}

#else

static int ring_open(struct bare_fanout *fanout)
{
    (void)fanout;
    return -ENOSYS;
}

static void ring_close(struct bare_fanout *fanout)
{
    (void)fanout;
}

static void loop_uring(struct bare_fanout *fanout, const int *sockets, size_t count, const uint8_t *frame,
                       size_t len)
{
    loop_send(fanout, sockets, count, frame, len);
}

#endif

int bare_fanout_init(struct bare_fanout *fanout, enum bare_loop loop, size_t slice)
{
    *fanout = (struct bare_fanout){.loop = loop, .slice = slice};
    return loop == BARE_URING ? ring_open(fanout) : 0;
}

void bare_fanout_fini(struct bare_fanout *fanout)
{
    if (fanout->loop == BARE_URING)
        ring_close(fanout);
}

void bare_fanout_send(struct bare_fanout *fanout, const int *sockets, size_t count, const uint8_t *frame,
                      size_t len)
{
    if (count == 0)
        return;
    if (fanout->loop == BARE_URING)
        loop_uring(fanout, sockets, count, frame, len);
    else
        loop_send(fanout, sockets, count, frame, len);
}
