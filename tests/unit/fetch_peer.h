/* SPDX-License-Identifier: Apache-2.0 */
/* Somebody else's HTTP server: threads of its own on a free port, with TLS or without, that answer by the
 * path and do what no good server does. It listens on all of 127.0.0.0/8 and on ::1. */
#ifndef FANFARE_TESTS_UNIT_FETCH_PEER_H
#define FANFARE_TESTS_UNIT_FETCH_PEER_H

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PEER_REQUEST_MAX = 65536 };

struct fetch_peer {
    int fd;
    int port;
    SSL_CTX *tls; /* NULL: plain */
    pthread_t thread;
    pthread_attr_t attributes;
    atomic_int connections; /* so far */
    atomic_int open;
    atomic_int requests; /* so far, whole ones */
    atomic_bool mute;    /* those that connect wait for their handshake meanwhile */
};

struct peer_conn {
    struct fetch_peer *peer;
    int fd;
    SSL *ssl;
};

static inline bool peer_say(struct peer_conn *conn, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t count = conn->ssl != NULL ? SSL_write(conn->ssl, bytes, (int)len)
                                          : send(conn->fd, bytes, len, MSG_NOSIGNAL);

        if (count <= 0)
            return false;
        bytes += count;
        len -= (size_t)count;
    }
    return true;
}

static inline bool peer_say_text(struct peer_conn *conn, const char *text)
{
    return peer_say(conn, text, strlen(text));
}

static inline ssize_t peer_read(struct peer_conn *conn, char *bytes, size_t len)
{
    return conn->ssl != NULL ? SSL_read(conn->ssl, bytes, (int)len) : recv(conn->fd, bytes, len, 0);
}

/* A whole request, its body by Content-Length; false at the end of the stream. */
static inline bool peer_hear(struct peer_conn *conn, char *request)
{
    size_t len = 0, wanted = SIZE_MAX;

    while (len < wanted && len < PEER_REQUEST_MAX - 1) {
        ssize_t count = peer_read(conn, request + len, PEER_REQUEST_MAX - 1 - len);

        if (count <= 0)
            return false;
        request[len += (size_t)count] = '\0';
        const char *end = strstr(request, "\r\n\r\n");
        const char *length = strstr(request, "Content-Length: ");
        if (end != NULL)
            wanted = (size_t)(end + 4 - request) +
                     (length != NULL && length < end ? (size_t)atol(length + strlen("Content-Length: ")) : 0);
    }
    return true;
}

static inline bool peer_answer(struct peer_conn *conn, const char *status, const char *fields,
                               const char *body, size_t len)
{
    char head[1024];
    int head_len =
        snprintf(head, sizeof head, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n", status, fields, len);

    return peer_say(conn, head, (size_t)head_len) && peer_say(conn, body, len);
}

static inline bool peer_answer_big(struct peer_conn *conn, size_t len, bool chunked)
{
    static const char HEAD[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    char chunk[64];
    char *body = malloc(len);

    memset(body, 'b', len);
    bool going = chunked ? peer_say_text(conn, HEAD) &&
                               peer_say(conn, chunk, (size_t)snprintf(chunk, sizeof chunk, "%zx\r\n", len)) &&
                               peer_say(conn, body, len) && peer_say_text(conn, "\r\n0\r\n\r\n")
                         : peer_answer(conn, "200 OK", "", body, len);
    free(body);
    return going;
}

static inline bool peer_say_heads(struct peer_conn *conn)
{
    bool going = peer_say_text(conn, "HTTP/1.1 200 OK\r\n");

    for (int i = 0; i < 1000 && going; i++)
        going = peer_say_text(conn, "X-Long: 0123456789012345678901234567890123456789\r\n");
    return going && peer_say_text(conn, "Content-Length: 0\r\n\r\n");
}

/* Whether the connection goes on. */
static inline bool peer_serve(struct peer_conn *conn, const char *request)
{
    const char *path = strchr(request, ' ') + 1;
    bool on = true;

#define AT(text) (strncmp(path, text " ", sizeof text) == 0)
    if (AT("/hello"))
        on = peer_answer(conn, "200 OK", "Content-Type: text/x\r\nCache-Control: public, max-age=600\r\n",
                         "hello", 5);
    else if (AT("/echo"))
        on = peer_answer(conn, "200 OK", "", request, strlen(request));
    else if (AT("/no"))
        on = peer_answer(conn, "403 Forbidden", "", "no", 2);
    else if (AT("/redirect"))
        on = peer_answer(conn, "302 Found", "Location: /hello\r\n", "", 0);
    else if (AT("/zipped"))
        on = peer_answer(conn, "200 OK", "Content-Encoding: gzip\r\n", "\x1f\x8b.", 3);
    else if (AT("/early"))
        on = peer_say_text(conn, "HTTP/1.1 103 Early Hints\r\nCache-Control: max-age=1\r\n\r\n") &&
             peer_answer(conn, "200 OK", "", "late", 4);
    else if (AT("/big"))
        on = peer_answer_big(conn, 2000, false);
    else if (AT("/chunks"))
        on = peer_answer_big(conn, 2000, true);
    else if (AT("/heads"))
        on = peer_say_heads(conn);
    else if (AT("/garbage"))
        on = peer_say_text(conn, "I am no HTTP server\r\n\r\n") && false;
    else if (AT("/cut"))
        on = peer_say_text(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun") && false;
    else if (AT("/once")) /* does not say that it will close */
        on = peer_answer(conn, "200 OK", "", "once", 4) && false;
#undef AT
    return on; /* any other path: silence */
}

static inline void *peer_conn_run(void *arg)
{
    struct peer_conn *conn = arg;
    char *request = malloc(PEER_REQUEST_MAX);
    bool on;

    while (atomic_load(&conn->peer->mute))
        sched_yield();
    on = conn->ssl == NULL || SSL_accept(conn->ssl) == 1;

    while (on && peer_hear(conn, request)) {
        atomic_fetch_add(&conn->peer->requests, 1);
        on = peer_serve(conn, request);
    }
    SSL_free(conn->ssl);
    close(conn->fd);
    free(request);
    atomic_fetch_sub(&conn->peer->open, 1);
    free(conn);
    return NULL;
}

static inline void *peer_run(void *arg)
{
    struct fetch_peer *peer = arg;
    int fd;

    while ((fd = accept4(peer->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        struct peer_conn *conn = calloc(1, sizeof *conn);
        pthread_t thread;

        *conn = (struct peer_conn){peer, fd, peer->tls != NULL ? SSL_new(peer->tls) : NULL};
        if (conn->ssl != NULL)
            SSL_set_fd(conn->ssl, fd);
        atomic_fetch_add(&peer->connections, 1);
        atomic_fetch_add(&peer->open, 1);
        pthread_create(&thread, &peer->attributes, peer_conn_run, conn);
    }
    return NULL;
}

static inline void peer_start(struct fetch_peer *peer, SSL_CTX *tls)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT};
    socklen_t len = sizeof address;
    int off = 0;

    *peer = (struct fetch_peer){.tls = tls};
    peer->fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(peer->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    assert_int_equal(bind(peer->fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(peer->fd, 512), 0);
    assert_int_equal(getsockname(peer->fd, (struct sockaddr *)&address, &len), 0);
    peer->port = ntohs(address.sin6_port);
    pthread_attr_init(&peer->attributes);
    pthread_attr_setdetachstate(&peer->attributes, PTHREAD_CREATE_DETACHED);
    assert_int_equal(pthread_create(&peer->thread, NULL, peer_run, peer), 0);
}

/* Once all who were connected are gone: waits for its threads. */
static inline void peer_stop(struct fetch_peer *peer)
{
    shutdown(peer->fd, SHUT_RDWR);
    pthread_join(peer->thread, NULL);
    while (atomic_load(&peer->open) > 0)
        sched_yield();
    close(peer->fd);
    pthread_attr_destroy(&peer->attributes);
    SSL_CTX_free(peer->tls);
}

#endif
