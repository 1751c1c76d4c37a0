/* SPDX-License-Identifier: Apache-2.0 */
/* hiredis asks for events through five hooks; here they meet libevent's. The loop's thread only. */
#include "shared/redis_socket.h"

#include "shared/clock.h"

static void add_read(void *arg)
{
    struct redis_socket *socket = arg;

    socket->want_read = true;
    if (!socket->paused)
        (void)event_add(socket->readable, NULL);
}

static void del_read(void *arg)
{
    struct redis_socket *socket = arg;

    socket->want_read = false;
    (void)event_del(socket->readable);
}

static void add_write(void *arg)
{
    const struct redis_socket *socket = arg;

    (void)event_add(socket->writable, NULL);
}

static void del_write(void *arg)
{
    const struct redis_socket *socket = arg;

    (void)event_del(socket->writable);
}

/* hiredis is about to free its context and close the descriptor. */
static void clean_up(void *arg)
{
    struct redis_socket *socket = arg;

    del_read(socket);
    del_write(socket);
    socket->redis = NULL;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct redis_socket *socket = arg;

    (void)fd;
    (void)what;
    socket->heard_ms = clock_now_ms();
    if (socket->redis)
        redisAsyncHandleRead(socket->redis);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    const struct redis_socket *socket = arg;

    (void)fd;
    (void)what;
    if (socket->redis)
        redisAsyncHandleWrite(socket->redis);
}

enum status redis_socket_init(struct redis_socket *socket, struct event_base *base, redisAsyncContext *redis)
{
    socket->redis = redis;
    socket->heard_ms = clock_now_ms();
    socket->readable = event_new(base, redis->c.fd, EV_READ | EV_PERSIST, on_readable, socket);
    socket->writable = event_new(base, redis->c.fd, EV_WRITE | EV_PERSIST, on_writable, socket);
    if (!socket->readable || !socket->writable)
        return STATUS_NO_MEMORY;
    redis->ev.data = socket;
    redis->ev.addRead = add_read;
    redis->ev.delRead = del_read;
    redis->ev.addWrite = add_write;
    redis->ev.delWrite = del_write;
    redis->ev.cleanup = clean_up;
    return STATUS_OK;
}

void redis_socket_fini(struct redis_socket *socket)
{
    redisAsyncContext *redis = socket->redis;

    if (redis)
        redisAsyncFree(redis);
    if (socket->readable)
        event_free(socket->readable);
    if (socket->writable)
        event_free(socket->writable);
    *socket = (struct redis_socket){.redis = NULL};
}

void redis_socket_pause(struct redis_socket *socket, bool pause)
{
    if (socket->paused == pause)
        return;
    socket->paused = pause;
    socket->heard_ms = clock_now_ms();
    if (pause)
        (void)event_del(socket->readable);
    else if (socket->want_read)
        (void)event_add(socket->readable, NULL);
}
