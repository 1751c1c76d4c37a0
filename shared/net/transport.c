/* SPDX-License-Identifier: Apache-2.0 */
/* A socket_io on the loop: connects, shakes hands, reads when the loop says so, writes at once. Knows nothing
 * of what the bytes mean. The loop's thread only. A write that fails is told of by the read that
 * follows: the peer may have said why it went. */
#include "shared/net/transport.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/buf.h"
#include "shared/net/loop_event.h"
#include "shared/net/socket_io.h"

enum {
    READ_SIZE = 16 * 1024,     /* bytes: what one TLS record can hold (RFC 8446, 5.1) */
    READ_AT_ONCE = 256 * 1024, /* bytes in one turn of the loop */
    KEEP_CAPACITY = 64 * 1024, /* bytes of the output's memory that are kept while it is empty */
};

enum phase { PHASE_CONNECTING, PHASE_PAIRED, PHASE_SHAKING, PHASE_OPEN, PHASE_ENDED };

struct transport {
    struct socket_io io;
    struct event *readable;
    struct event *writable; /* pending while something waits for the socket */
    struct event *again;    /* in the loop's next turn: to read what its sockets do not show */
    struct transport_callbacks callbacks;
    void *arg;
    enum phase phase;
    bool paused; /* nothing is read */
    int broken;  /* errno of the write that failed; 0: none did */
    struct buf out;
    size_t sent; /* of out */
};

static void end(struct transport *transport, const char *reason)
{
    transport_stop(transport);
    transport->callbacks.on_end(reason, transport->arg);
}

static void end_with_error(struct transport *transport, int error)
{
    end(transport, error ? strerror(error) : "the connection broke");
}

/* With the next turn and not in this one: a peer that always has more must not keep the others waiting. */
static void look_again(struct transport *transport)
{
    (void)loop_event_after_ms(transport->again, 0);
}

static void await_writable(struct transport *transport)
{
    event_add(transport->writable, NULL);
}

/* What a step waits for, or the end that it met. */
static void act_on(struct transport *transport, enum io_outcome outcome)
{
    switch (outcome) {
    case IO_DONE:
    case IO_WANT_READ:
        break;
    case IO_WANT_WRITE:
        await_writable(transport);
        break;
    case IO_CLOSED:
        end(transport, NULL);
        break;
    case IO_FAILED:
        end(transport, transport->io.reason);
        break;
    }
}

static bool may_read(const struct transport *transport)
{
    return transport->phase == PHASE_OPEN && !transport->paused;
}

static void open_up(struct transport *transport)
{
    int one = 1;

    /* Refused on a unix socket, where it means nothing. */
    (void)setsockopt(transport->io.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    transport->phase = PHASE_OPEN;
    if (transport->paused)
        event_del(transport->readable);
    transport->callbacks.on_open(transport->arg);
    if (may_read(transport) && socket_io_holds_bytes(&transport->io))
        look_again(transport);
}

static void shake_hands(struct transport *transport)
{
    struct io_result result = socket_io_shake(&transport->io);

    if (result.outcome == IO_DONE)
        open_up(transport);
    else
        act_on(transport, result.outcome);
}

static void begin_handshake(struct transport *transport)
{
    transport->phase = PHASE_SHAKING;
    event_add(transport->readable, NULL);
    shake_hands(transport);
}

static void finish_connect(struct transport *transport)
{
    int error = 0;
    socklen_t len = sizeof error;

    if (getsockopt(transport->io.fd, SOL_SOCKET, SO_ERROR, &error, &len))
        error = errno;
    if (error)
        end_with_error(transport, error);
    else
        begin_handshake(transport);
}

/* Whether the socket was emptied. A piece that does not fill `data` was the last for now: asking once more
 * would cost a system call for each message. */
static bool receive(struct transport *transport)
{
    uint8_t data[READ_SIZE];

    for (size_t total = 0; may_read(transport) && total < READ_AT_ONCE;) {
        struct io_result result = socket_io_read(&transport->io, data, sizeof data);

        act_on(transport, result.outcome);
        if (result.outcome != IO_DONE)
            return true;
        total += result.len;
        transport->callbacks.on_bytes(data, result.len, transport->arg);
        if (result.len < sizeof data && may_read(transport) && !socket_io_holds_bytes(&transport->io) &&
            !transport->broken)
            return true;
    }
    return false;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct transport *transport = arg;

    (void)fd;
    (void)what;
    if (transport->phase == PHASE_SHAKING) {
        shake_hands(transport);
        return;
    }
    if (transport->callbacks.on_coming != NULL)
        transport->callbacks.on_coming(transport->arg);
    bool dry = receive(transport) || transport->paused;
    if (transport->phase != PHASE_OPEN)
        return;
    if (transport->broken && dry)
        end_with_error(transport, transport->broken);
    else if (!dry && (transport->broken || socket_io_holds_bytes(&transport->io)))
        look_again(transport);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct transport *transport = arg;

    (void)fd;
    (void)what;
    switch (transport->phase) {
    case PHASE_CONNECTING:
        finish_connect(transport);
        break;
    case PHASE_PAIRED:
        begin_handshake(transport);
        break;
    case PHASE_SHAKING:
        shake_hands(transport);
        break;
    case PHASE_OPEN:
        transport_flush(transport);
        if (socket_io_holds_bytes(&transport->io) && may_read(transport))
            look_again(transport);
        transport->callbacks.on_drained(transport->arg);
        break;
    case PHASE_ENDED:
        break;
    }
}

static enum status transport_new(struct event_base *base, int fd, SSL *ssl, enum phase phase,
                                 struct transport **out)
{
    struct transport *transport = calloc(1, sizeof *transport);

    if (transport == NULL) {
        SSL_free(ssl);
        close(fd);
        return STATUS_NO_MEMORY;
    }
    transport->phase = phase;
    buf_init(&transport->out, SIZE_MAX);
    transport->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, transport);
    transport->writable = event_new(base, fd, EV_WRITE, on_writable, transport);
    transport->again = evtimer_new(base, on_readable, transport);
    bool prepared = socket_io_init(&transport->io, fd, ssl, phase == PHASE_PAIRED);
    if (!prepared || transport->readable == NULL || transport->writable == NULL || transport->again == NULL) {
        transport_free(transport);
        return STATUS_NO_MEMORY;
    }
    *out = transport;
    return STATUS_OK;
}

enum status transport_new_accepted(struct event_base *base, int fd, SSL *ssl, struct transport **out)
{
    return transport_new(base, fd, ssl, PHASE_PAIRED, out);
}

enum status transport_new_connecting(struct event_base *base, const struct sockaddr *address, socklen_t len,
                                     SSL *ssl, struct transport **out)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || (connect(fd, address, len) && errno != EINPROGRESS)) {
        SSL_free(ssl);
        if (fd >= 0)
            close(fd);
        return STATUS_IO;
    }
    return transport_new(base, fd, ssl, PHASE_CONNECTING, out);
}

enum status transport_start(struct transport *transport, const struct transport_callbacks *callbacks,
                            void *arg)
{
    transport->callbacks = *callbacks;
    transport->arg = arg;
    if (transport->phase == PHASE_PAIRED) {
        event_active(transport->writable, EV_WRITE, 0);
        return STATUS_OK;
    }
    return event_add(transport->writable, NULL) == 0 ? STATUS_OK : STATUS_IO;
}

void transport_free(struct transport *transport)
{
    if (transport == NULL)
        return;
    loop_event_free(transport->readable);
    loop_event_free(transport->writable);
    loop_event_free(transport->again);
    socket_io_fini(&transport->io, transport_unsent(transport) == 0);
    buf_fini(&transport->out);
    free(transport);
}

void transport_stop(struct transport *transport)
{
    transport->phase = PHASE_ENDED;
    event_del(transport->readable);
    event_del(transport->writable);
    event_del(transport->again);
}

enum status transport_write(struct transport *transport, const void *data, size_t len)
{
    return buf_append(&transport->out, data, len);
}

/* The loop looks at the socket once more, and finds out why it is broken. */
static void break_off(struct transport *transport, int error)
{
    transport->broken = error ? error : EPIPE;
    look_again(transport);
}

static void forget_sent(struct transport *transport)
{
    if (transport_unsent(transport) > 0) {
        buf_drop_front(&transport->out, transport->sent);
    } else if (transport->out.cap > KEEP_CAPACITY) {
        buf_fini(&transport->out);
    } else {
        buf_clear(&transport->out);
    }
    transport->sent = 0;
}

void transport_flush(struct transport *transport)
{
    while (transport->phase == PHASE_OPEN && !transport->broken && transport_unsent(transport) > 0) {
        struct io_result result = socket_io_write(&transport->io, transport->out.data + transport->sent,
                                                  transport_unsent(transport));

        transport->sent += result.len;
        if (result.outcome == IO_WANT_WRITE)
            await_writable(transport);
        else if (result.outcome == IO_CLOSED || result.outcome == IO_FAILED)
            break_off(transport, result.error);
        if (result.outcome != IO_DONE)
            break;
    }
    if (transport->sent > 0)
        forget_sent(transport);
}

size_t transport_unsent(const struct transport *transport)
{
    return transport->out.len - transport->sent;
}

void transport_set_reading(struct transport *transport, bool reading)
{
    if (transport->paused == !reading)
        return;
    transport->paused = !reading;
    if (transport->phase != PHASE_OPEN)
        return;
    if (!reading) {
        event_del(transport->readable);
        return;
    }
    event_add(transport->readable, NULL);
    if (socket_io_holds_bytes(&transport->io))
        look_again(transport);
}

const uint8_t *transport_alpn(const struct transport *transport, unsigned *len)
{
    const uint8_t *name = NULL;

    *len = 0;
    if (transport->io.ssl == NULL)
        return NULL;
    SSL_get0_alpn_selected(transport->io.ssl, &name, len);
    return name != NULL ? name : (const uint8_t *)"";
}

bool transport_refused_peer(const struct transport *transport)
{
    return transport->io.refused_peer;
}

bool transport_is_tls(const struct transport *transport)
{
    return transport->io.ssl != NULL;
}
