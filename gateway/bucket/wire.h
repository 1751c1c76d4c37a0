/* SPDX-License-Identifier: Apache-2.0 */
/* Many small writes to many sockets, at once: one io_uring submission where the kernel allows
 * it, a loop of send() otherwise. Knows sockets and bytes, not clients. A bucket thread owns
 * its wire. Never blocks. */
#ifndef FANFARE_GATEWAY_BUCKET_WIRE_H
#define FANFARE_GATEWAY_BUCKET_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "shared/base/status.h"

enum wire_kind { WIRE_AUTO, WIRE_URING, WIRE_SEND };
enum { WIRE_MAX_OPS = 256 };

struct wire;

struct wire_op {
    int fd;
    uint32_t len;
    const uint8_t *data;
    int32_t result; /* bytes taken (fewer than len: the socket is full), or -errno; -EAGAIN: none */
};

/* WIRE_AUTO takes io_uring if this kernel and build have it; WIRE_URING fails without it. */
enum status wire_new(enum wire_kind kind, struct wire **out, struct fault *fault);
/* Legal on NULL. */
void wire_free(struct wire *wire);
/* WIRE_URING or WIRE_SEND. */
enum wire_kind wire_kind_of(const struct wire *wire);
/* Writes all `count` (1 to WIRE_MAX_OPS) operations and fills their results before it returns.
 * No two may name the same socket. */
void wire_write(struct wire *wire, struct wire_op *ops, size_t count);
/* One write by send(); the result as in wire_op. */
int32_t wire_send(int fd, const uint8_t *data, size_t len);

#endif
