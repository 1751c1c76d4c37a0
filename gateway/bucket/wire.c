/* SPDX-License-Identifier: Apache-2.0 */
/* Both kinds of wire. MSG_DONTWAIT makes io_uring complete every send inside the submission,
 * so that no operation outlives the call and no buffer is lent to the kernel for longer. */
#include "gateway/bucket/wire.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "gateway/metrics/gateway_metrics.h"
#include "shared/log/log.h"

#ifdef FANFARE_URING
#include <liburing.h>
#endif

struct wire {
    enum wire_kind kind;
#ifdef FANFARE_URING
    struct io_uring ring;
#endif
};

int32_t wire_send(int fd, const uint8_t *data, size_t len)
{
    ssize_t n = send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);

    return n >= 0 ? (int32_t)n : -errno;
}

static void write_send(struct wire_op *ops, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ops[i].result = wire_send(ops[i].fd, ops[i].data, ops[i].len);
}

#ifdef FANFARE_URING

static int ring_open(struct wire *wire)
{
    struct io_uring_params params = {.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN};
    int error = io_uring_queue_init_params(WIRE_MAX_OPS, &wire->ring, &params);

    if (error == -EINVAL)
        error = io_uring_queue_init(WIRE_MAX_OPS, &wire->ring, 0);
    return error;
}

static bool submit_all(struct wire *wire, unsigned count)
{
    int n = io_uring_submit_and_wait(&wire->ring, count);

    while (n == -EINTR || (n >= 0 && io_uring_cq_ready(&wire->ring) < count))
        n = io_uring_submit_and_wait(&wire->ring, count);
    return n >= 0;
}

/* The kernel refuses whole submissions: what stands in the ring must not meet the next slice. The
 * sockets of this one keep -EIO, since nobody knows what was sent; from here on send() writes. */
static void give_up_ring(struct wire *wire)
{
    log_event(LOG_WARN, "io_uring is given up", LOG_S("wire", "send"));
    io_uring_queue_exit(&wire->ring);
    wire->kind = WIRE_SEND;
    metrics_sub(M_WIRE_URING, 1);
    metrics_add(M_WIRE_SEND, 1);
}

static void write_uring(struct wire *wire, struct wire_op *ops, size_t count)
{
    struct io_uring_cqe *cqe;
    unsigned head;
    unsigned seen = 0;

    for (size_t i = 0; i < count; i++) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(&wire->ring);

        io_uring_prep_send(sqe, ops[i].fd, ops[i].data, ops[i].len, MSG_DONTWAIT | MSG_NOSIGNAL);
        io_uring_sqe_set_data(sqe, &ops[i]);
        ops[i].result = -EIO;
    }
    if (!submit_all(wire, (unsigned)count)) {
        give_up_ring(wire);
        return;
    }
    io_uring_for_each_cqe(&wire->ring, head, cqe)
    {
        struct wire_op *op = io_uring_cqe_get_data(cqe);

        op->result = cqe->res;
        seen++;
    }
    io_uring_cq_advance(&wire->ring, seen);
}

#endif

enum status wire_new(enum wire_kind kind, struct wire **out, struct fault *fault)
{
    struct wire *wire = calloc(1, sizeof *wire);
    int error = ENOSYS;

    if (wire == NULL)
        return fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    wire->kind = WIRE_SEND;
#ifdef FANFARE_URING
    error = kind == WIRE_SEND ? 0 : -ring_open(wire);
    if (kind != WIRE_SEND && error == 0)
        wire->kind = WIRE_URING;
#endif
    if (kind == WIRE_URING && wire->kind != WIRE_URING) {
        free(wire);
        return fault_set(fault, error == ENOMEM ? STATUS_NO_MEMORY : STATUS_INVALID,
                         "wire: uring is not to be had here (%s): auto or send", strerror(error));
    }
    metrics_add(wire->kind == WIRE_URING ? M_WIRE_URING : M_WIRE_SEND, 1);
    *out = wire;
    return STATUS_OK;
}

void wire_free(struct wire *wire)
{
    if (wire == NULL)
        return;
#ifdef FANFARE_URING
    if (wire->kind == WIRE_URING)
        io_uring_queue_exit(&wire->ring);
#endif
    free(wire);
}

enum wire_kind wire_kind_of(const struct wire *wire)
{
    return wire->kind;
}

void wire_write(struct wire *wire, struct wire_op *ops, size_t count)
{
#ifdef FANFARE_URING
    if (wire->kind == WIRE_URING && count > 1) {
        write_uring(wire, ops, count);
        return;
    }
#endif
    write_send(ops, count);
}
