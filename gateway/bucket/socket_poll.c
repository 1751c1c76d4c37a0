/* SPDX-License-Identifier: Apache-2.0 */
/* Level-triggered. A killed socket stays, closed to events, until the events that were fetched with its are
 * through: its memory is not anyone else's while an event may still name it. */
#include "gateway/bucket/socket_poll.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, READ_BYTES = 16384 };

struct socket_poll {
    struct socket_callbacks callbacks;
    int epoll;
    bool turning; /* events are being served */
    struct list living;
    struct list killed;
    uint8_t input[READ_BYTES];
};

enum status socket_poll_new(const struct socket_callbacks *callbacks, struct socket_poll **out)
{
    struct socket_poll *poll = calloc(1, sizeof *poll);

    if (poll == NULL)
        return STATUS_NO_MEMORY;
    poll->callbacks = *callbacks;
    list_init(&poll->living);
    list_init(&poll->killed);
    poll->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (poll->epoll < 0) {
        free(poll);
        return STATUS_IO;
    }
    *out = poll;
    return STATUS_OK;
}

void socket_poll_free(struct socket_poll *poll)
{
    if (poll == NULL)
        return;
    while (!list_empty(&poll->living))
        socket_poll_kill(container_of(poll->living.next, struct polled_socket, link));
    socket_poll_reap(poll);
    close(poll->epoll);
    free(poll);
}

int socket_poll_fd(const struct socket_poll *poll)
{
    return poll->epoll;
}

static int watch(struct polled_socket *socket, int operation)
{
    struct epoll_event event = {.events = EPOLLIN | (socket->wants_write ? (unsigned)EPOLLOUT : 0U),
                                .data.ptr = socket};

    return epoll_ctl(socket->poll->epoll, operation, socket->fd, &event);
}

enum status socket_poll_add(struct socket_poll *poll, struct polled_socket *socket, int fd, void *owner)
{
    *socket = (struct polled_socket){.poll = poll, .owner = owner, .fd = fd};
    if (watch(socket, EPOLL_CTL_ADD) != 0)
        return STATUS_IO;
    list_add_tail(&poll->living, &socket->link);
    return STATUS_OK;
}

void socket_poll_want_write(struct polled_socket *socket)
{
    if (socket->wants_write || socket->killed)
        return;
    socket->wants_write = true;
    if (watch(socket, EPOLL_CTL_MOD) != 0)
        socket_poll_kill(socket);
}

void socket_poll_kill(struct polled_socket *socket)
{
    if (socket->killed)
        return;
    socket->killed = true;
    list_remove(&socket->link);
    list_add_tail(&socket->poll->killed, &socket->link);
}

void socket_poll_reap(struct socket_poll *poll)
{
    while (!poll->turning && !list_empty(&poll->killed)) {
        struct polled_socket *socket = container_of(poll->killed.next, struct polled_socket, link);

        list_remove(&socket->link);
        close(socket->fd);
        poll->callbacks.on_gone(socket->owner);
    }
}

/* A reset, an end, or bytes. */
static void take_input(struct socket_poll *poll, struct polled_socket *socket)
{
    ssize_t n = recv(socket->fd, poll->input, sizeof poll->input, MSG_DONTWAIT);

    if (n > 0)
        poll->callbacks.on_bytes(socket->owner, poll->input, (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        socket_poll_kill(socket);
}

void socket_poll_take_now(struct polled_socket *socket)
{
    if (!socket->killed)
        take_input(socket->poll, socket);
}

static void give_output(struct socket_poll *poll, struct polled_socket *socket)
{
    socket->wants_write = false;
    poll->callbacks.on_writable(socket->owner);
    if (!socket->killed && !socket->wants_write && watch(socket, EPOLL_CTL_MOD) != 0)
        socket_poll_kill(socket);
}

static void serve(struct socket_poll *poll, const struct epoll_event *event)
{
    struct polled_socket *socket = event->data.ptr;

    if ((event->events & EPOLLOUT) && socket->wants_write && !socket->killed)
        give_output(poll, socket);
    if ((event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && !socket->killed)
        take_input(poll, socket);
}

void socket_poll_turn(struct socket_poll *poll)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(poll->epoll, events, EVENTS, 0);

    poll->turning = true;
    for (int i = 0; i < count; i++)
        serve(poll, &events[i]);
    poll->turning = false;
    socket_poll_reap(poll);
}
