/* SPDX-License-Identifier: Apache-2.0 */
/* The one place where errors of OpenSSL and of the socket are told apart. */
#include "shared/net/socket_io.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_AHEAD = 64 * 1024 }; /* bytes that OpenSSL takes from the socket in one call: several records */

bool socket_io_init(struct socket_io *io, int fd, SSL *ssl, bool server)
{
    *io = (struct socket_io){.fd = fd, .ssl = ssl};
    if (ssl == NULL)
        return true;
    if (SSL_set_fd(ssl, fd) != 1)
        return false;
    SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_set_read_ahead(ssl, 1);
    SSL_set_default_read_buffer_len(ssl, READ_AHEAD);
    if (server)
        SSL_set_accept_state(ssl);
    else
        SSL_set_connect_state(ssl);
    return true;
}

static void say_goodbye(struct socket_io *io)
{
    if (io->ssl == NULL || !io->shaken || io->failed || SSL_get_shutdown(io->ssl) & SSL_SENT_SHUTDOWN)
        return;
    SSL_shutdown(io->ssl);
    ERR_clear_error();
}

void socket_io_fini(struct socket_io *io, bool goodbye)
{
    if (goodbye)
        say_goodbye(io);
    SSL_free(io->ssl);
    close(io->fd);
}

bool socket_io_end(struct socket_io *io)
{
    say_goodbye(io);
    return shutdown(io->fd, SHUT_WR) == 0;
}

void socket_io_plain(struct socket_io *io)
{
    SSL_free(io->ssl);
    io->ssl = NULL;
}

static struct io_result fail(struct socket_io *io, int error, const char *prefix, const char *reason)
{
    io->failed = true;
    snprintf(io->reason, sizeof io->reason, "%s%s", prefix, reason);
    return (struct io_result){IO_FAILED, 0, error};
}

static struct io_result fail_with_errno(struct socket_io *io, int error)
{
    return fail(io, error, "", error ? strerror(error) : "the connection broke");
}

/* What OpenSSL has against the peer, or the peer against us. */
static struct io_result fail_with_fault(struct socket_io *io, int error)
{
    unsigned long code = ERR_peek_last_error();
    const char *text = code && !ERR_SYSTEM_ERROR(code) ? ERR_reason_error_string(code) : NULL;
    long verified = SSL_get_verify_result(io->ssl);

    ERR_clear_error();
    io->refused_peer = !io->shaken && (verified != X509_V_OK ||
                                       ERR_GET_REASON(code) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE);
    if (verified != X509_V_OK && !io->shaken)
        return fail(io, error, "TLS: certificate: ", X509_verify_cert_error_string(verified));
    return text != NULL ? fail(io, error, "TLS: ", text) : fail_with_errno(io, error);
}

static void begin_tls(void)
{
    ERR_clear_error();
    errno = 0;
}

/* What the call on the session gave; begin_tls came before it. */
static struct io_result judge_tls(struct socket_io *io, int result)
{
    int error = errno;

    if (result > 0)
        return (struct io_result){IO_DONE, (size_t)result, 0};
    switch (SSL_get_error(io->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return (struct io_result){IO_WANT_READ, 0, 0};
    case SSL_ERROR_WANT_WRITE:
        return (struct io_result){IO_WANT_WRITE, 0, 0};
    case SSL_ERROR_ZERO_RETURN:
        return (struct io_result){IO_CLOSED, 0, 0};
    default:
        return fail_with_fault(io, error);
    }
}

struct io_result socket_io_shake(struct socket_io *io)
{
    if (io->ssl == NULL)
        return (struct io_result){IO_DONE, 0, 0};
    begin_tls();
    struct io_result result = judge_tls(io, SSL_do_handshake(io->ssl));
    io->shaken = result.outcome == IO_DONE;
    return result;
}

static int clamp(size_t len)
{
    return len > INT_MAX ? INT_MAX : (int)len;
}

static bool is_passing(int error)
{
    return error == EAGAIN || error == EINTR;
}

struct io_result socket_io_read(struct socket_io *io, uint8_t *data, size_t len)
{
    if (io->ssl != NULL) {
        begin_tls();
        return judge_tls(io, SSL_read(io->ssl, data, clamp(len)));
    }
    ssize_t count = recv(io->fd, data, len, 0);
    if (count < 0)
        return is_passing(errno) ? (struct io_result){IO_WANT_READ, 0, 0} : fail_with_errno(io, errno);
    return (struct io_result){count > 0 ? IO_DONE : IO_CLOSED, (size_t)count, 0};
}

struct io_result socket_io_write(struct socket_io *io, const uint8_t *data, size_t len)
{
    if (io->ssl != NULL) {
        begin_tls();
        return judge_tls(io, SSL_write(io->ssl, data, clamp(len)));
    }
    ssize_t count = send(io->fd, data, len, MSG_NOSIGNAL);
    if (count < 0)
        return is_passing(errno) ? (struct io_result){IO_WANT_WRITE, 0, 0} : fail_with_errno(io, errno);
    return (struct io_result){IO_DONE, (size_t)count, 0};
}

bool socket_io_holds_bytes(const struct socket_io *io)
{
    return io->ssl != NULL && SSL_has_pending(io->ssl);
}
