/* SPDX-License-Identifier: Apache-2.0 */
/* Accepts, answers the handshake (RFC 6455, section 4.2.2) with just enough care for
 * fanfare-bench, puts a client into the room that its first message names, answers whatever it
 * sends with PONG, and fans out what the command socket brings. Every worker is one thread and shares
 * nothing. */
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

enum { EVENTS = 512, KEY_LEN = 24, REQUEST_MAX = 4096, ROOM_DIGITS = 8 };

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
        worker->clients[fd] = (struct bare_client){.state = BARE_SHAKING};
        watch(worker, fd);
    }
}

static void drop(struct bare_worker *worker, int fd)
{
    struct bare_client *client = &worker->clients[fd];

    if (client->state == BARE_JOINED) {
        struct bare_room *room = &worker->rooms[client->room];
        int last = room->sockets[--room->count];

        room->sockets[client->place] = last;
        worker->clients[last].place = client->place;
    }
    client->state = BARE_SHAKING;
    close(fd);
}

/* The number after the last '-'; a lone room needs none. */
static uint32_t last_number(const char *text, size_t len)
{
    uint32_t number = 0;

    for (size_t i = 0; i < len; i++)
        if (text[i] == '-')
            number = 0;
        else if (text[i] >= '0' && text[i] <= '9')
            number = number * 10 + (uint32_t)(text[i] - '0');
    return number;
}

/* The room of the first message, which is masked (RFC 6455, section 5.3) and shorter than 126 bytes, or has a
 * length of 16 bits. */
static uint32_t room_named(const struct bare_worker *worker, const uint8_t *bytes, size_t len)
{
    size_t head = len > 1 && (bytes[1] & 0x7f) == 126 ? 4 : 2;
    size_t payload = head == 4 ? (size_t)bytes[2] << 8 | bytes[3] : bytes[1] & 0x7fU;
    const uint8_t *mask = bytes + head;
    char text[REQUEST_MAX];
    size_t count = 0;

    for (; count < payload && head + 4 + count < len; count++)
        text[count] = (char)(bytes[head + 4 + count] ^ mask[count % 4]);
    return last_number(text, count) % (uint32_t)worker->room_count;
}

static void join(struct bare_worker *worker, int fd, uint32_t number)
{
    struct bare_room *room = &worker->rooms[number];

    if (room->count == room->capacity) {
        room->capacity = room->capacity * 2 + 8;
        room->sockets = realloc(room->sockets, room->capacity * sizeof *room->sockets);
        if (room->sockets == NULL)
            fail("memory");
    }
    worker->clients[fd] = (struct bare_client){BARE_JOINED, number, (uint32_t)room->count};
    room->sockets[room->count++] = fd;
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
    static const char in_url[] = "GET /connect?join=";
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
    worker->clients[fd].state = BARE_JOINING;
    if (strncmp(request, in_url, sizeof in_url - 1) == 0)
        join(worker, fd,
             last_number(request, strcspn(request + sizeof in_url - 1, " ") + sizeof in_url - 1) %
                 (uint32_t)worker->room_count);
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
    if (worker->clients[fd].state == BARE_SHAKING) {
        shake_hands(worker, fd, bytes);
        return;
    }
    if (worker->clients[fd].state == BARE_JOINING)
        join(worker, fd, room_named(worker, (const uint8_t *)bytes, (size_t)n));
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

static const struct bare_room *room_of(const struct bare_worker *worker, const uint8_t *digits)
{
    char text[ROOM_DIGITS + 1] = {0};

    memcpy(text, digits, ROOM_DIGITS);
    return &worker->rooms[strtoul(text, NULL, 16) % worker->room_count];
}

static void on_command(struct bare_worker *worker)
{
    uint8_t command[ROOM_DIGITS + BARE_MAX_PAYLOAD];
    uint8_t frame[BARE_MAX_PAYLOAD + 4];
    ssize_t n = recv(worker->command, command, sizeof command, MSG_DONTWAIT);
    const struct bare_room *room;
    size_t payload;
    size_t head;

    if (n <= ROOM_DIGITS)
        return;
    for (size_t i = 0; i < worker->peer_count; i++)
        if (send(worker->peers[i], command, (size_t)n, 0) != n)
            fail("peer");
    payload = (size_t)n - ROOM_DIGITS;
    head = frame_head(frame, payload);
    memcpy(frame + head, command + ROOM_DIGITS, payload);
    room = room_of(worker, command);
    bare_fanout_send(&worker->fanout, room->sockets, room->count, frame, head + payload);
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
    worker->rooms = calloc(worker->room_count, sizeof *worker->rooms);
    worker->clients = calloc(BARE_MAX_SOCKETS, sizeof *worker->clients);
    worker->poll = epoll_create1(EPOLL_CLOEXEC);
    if (worker->rooms == NULL || worker->clients == NULL || worker->poll < 0)
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
