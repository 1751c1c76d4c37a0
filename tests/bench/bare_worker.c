/* SPDX-License-Identifier: Apache-2.0 */
/* Accepts, answers the handshake (RFC 6455, section 4.2.2) with just enough care for
 * fanfare-bench, answers whatever a client sends with PONG, and fans out what the command
 * socket brings. Every worker is one thread and shares nothing. */
#include "tests/bench/bare_worker.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

enum { EVENTS = 512, KEY_LEN = 24, REQUEST_MAX = 4096 };

static void fail(const char *what)
{
    fprintf(stderr, "bare_loop: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void watch(struct bare_worker *worker, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    if (epoll_ctl(worker->poll, EPOLL_CTL_ADD, fd, &event) != 0)
        fail("epoll_ctl");
}

static void on_accept(struct bare_worker *worker)
{
    int on = 1;
    int fd;

    while ((fd = accept4(worker->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (fd >= BARE_MAX_SOCKETS) {
            close(fd);
            continue;
        }
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        worker->place[fd] = 0;
        watch(worker, fd);
    }
}

static void drop(struct bare_worker *worker, int fd)
{
    uint32_t place = worker->place[fd];

    if (place > 0) {
        int last = worker->sockets[--worker->count];

        worker->sockets[place - 1] = last;
        worker->place[last] = place;
    }
    worker->place[fd] = 0;
    close(fd);
}

static void accept_value(const char *key, char out[32])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    char text[KEY_LEN + sizeof GUID];

    memcpy(text, key, KEY_LEN);
    memcpy(text + KEY_LEN, GUID, sizeof GUID);
    if (EVP_Digest(text, KEY_LEN + sizeof GUID - 1, digest, &len, EVP_sha1(), NULL) != 1)
        fail("sha1");
    EVP_EncodeBlock((unsigned char *)out, digest, (int)len);
}

static void shake_hands(struct bare_worker *worker, int fd, const char *request)
{
    static const char name[] = "Sec-WebSocket-Key: ";
    const char *key = strcasestr(request, name);
    char accept[32];
    char answer[256];
    int len;

    if (key == NULL || strlen(key) < sizeof name - 1 + KEY_LEN) {
        drop(worker, fd);
        return;
    }
    accept_value(key + sizeof name - 1, accept);
    len = snprintf(answer, sizeof answer,
                   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                   "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                   accept);
    (void)send(fd, answer, (size_t)len, MSG_NOSIGNAL);
    worker->sockets[worker->count++] = fd;
    worker->place[fd] = (uint32_t)worker->count;
}

static void on_client(struct bare_worker *worker, int fd)
{
    static const char pong[] = "\x81\x19{\"type\":\"PONG\",\"data\":{}}";
    char bytes[REQUEST_MAX + 1];
    ssize_t n = recv(fd, bytes, REQUEST_MAX, MSG_DONTWAIT);

    if (n <= 0) {
        if (n == 0 || errno != EAGAIN)
            drop(worker, fd);
        return;
    }
    bytes[n] = '\0';
    if (worker->place[fd] == 0)
        shake_hands(worker, fd, bytes);
    else
        (void)send(fd, pong, sizeof pong - 1, MSG_NOSIGNAL);
}

static size_t frame_head(uint8_t *head, size_t len)
{
    head[0] = 0x81;
    if (len < 126) {
        head[1] = (uint8_t)len;
        return 2;
    }
    head[1] = 126;
    head[2] = (uint8_t)(len >> 8);
    head[3] = (uint8_t)len;
    return 4;
}

static void on_command(struct bare_worker *worker)
{
    uint8_t payload[BARE_MAX_PAYLOAD];
    uint8_t frame[BARE_MAX_PAYLOAD + 4];
    ssize_t n = recv(worker->command, payload, sizeof payload, MSG_DONTWAIT);
    size_t head;

    if (n <= 0)
        return;
    for (size_t i = 0; i < worker->peer_count; i++)
        if (send(worker->peers[i], payload, (size_t)n, 0) != n)
            fail("peer");
    head = frame_head(frame, (size_t)n);
    memcpy(frame + head, payload, (size_t)n);
    bare_fanout_send(&worker->fanout, worker->sockets, worker->count, frame, head + (size_t)n);
    if (worker->fanout.refused > 0)
        fail("a socket refused a frame");
}

static void on_event(struct bare_worker *worker, int fd)
{
    if (fd == worker->listener)
        on_accept(worker);
    else if (fd == worker->command)
        on_command(worker);
    else
        on_client(worker, fd);
}

static void set_up(struct bare_worker *worker)
{
    int error = bare_fanout_init(&worker->fanout, worker->loop, worker->slice);

    if (error < 0) {
        errno = -error;
        fail("io_uring");
    }
    worker->sockets = calloc(BARE_MAX_SOCKETS, sizeof *worker->sockets);
    worker->place = calloc(BARE_MAX_SOCKETS, sizeof *worker->place);
    worker->poll = epoll_create1(EPOLL_CLOEXEC);
    if (worker->sockets == NULL || worker->place == NULL || worker->poll < 0)
        fail("set-up");
    watch(worker, worker->listener);
    watch(worker, worker->command);
}

void *bare_worker_run(void *arg)
{
    struct bare_worker *worker = arg;
    struct epoll_event events[EVENTS];

    set_up(worker);
    for (;;) {
        int n = epoll_wait(worker->poll, events, EVENTS, -1);

        for (int i = 0; i < n; i++)
            on_event(worker, events[i].data.fd);
    }
}
