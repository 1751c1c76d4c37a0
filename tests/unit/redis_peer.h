/* SPDX-License-Identifier: Apache-2.0 */
/* What a Redis client meets in the tests: a real redis-server, or a peer that says what it is told to;
 * and the loop that all of it runs on, with a clock in it that must never stand still. */
#ifndef FANFARE_TESTS_UNIT_REDIS_PEER_H
#define FANFARE_TESTS_UNIT_REDIS_PEER_H

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include "shared/base/clock.h"

enum { PATIENCE_MS = 10000, BEAT_MS = 10, SERVER_ARGS_MAX = 24 };

/* The loop, and how long it once stood still. */
struct turning {
    struct event_base *base;
    struct event *beat;
    int64_t beaten_ms;
    int64_t longest_ms;
};

static inline void on_beat(evutil_socket_t fd, short what, void *arg)
{
    struct turning *turning = arg;
    int64_t now_ms = clock_now_ms();

    (void)fd;
    (void)what;
    if (now_ms - turning->beaten_ms > turning->longest_ms)
        turning->longest_ms = now_ms - turning->beaten_ms;
    turning->beaten_ms = now_ms;
}

static inline void turning_begin(struct turning *turning)
{
    const struct timeval period = {0, BEAT_MS * 1000};

    turning->base = event_base_new();
    turning->beat = event_new(turning->base, -1, EV_PERSIST, on_beat, turning);
    turning->beaten_ms = clock_now_ms();
    turning->longest_ms = 0;
    assert_int_equal(event_add(turning->beat, &period), 0);
}

static inline void turning_end(struct turning *turning)
{
    event_free(turning->beat);
    event_base_free(turning->base);
}

/* Turns until the condition holds; in vain it fails the test. */
#define turn_until(turning, condition)                                                                       \
    do {                                                                                                     \
        int64_t end_ms = clock_now_ms() + PATIENCE_MS;                                                       \
                                                                                                             \
        while (!(condition)) {                                                                               \
            if (clock_now_ms() >= end_ms)                                                                    \
                fail_msg("in vain: %s", #condition);                                                         \
            event_base_loop((turning)->base, EVLOOP_ONCE);                                                   \
        }                                                                                                    \
    } while (0)

static inline void turn_for(struct turning *turning, int ms)
{
    int64_t end_ms = clock_now_ms() + ms;

    while (clock_now_ms() < end_ms)
        event_base_loop(turning->base, EVLOOP_ONCE);
}

/* A port that is free, below the range from which the kernel gives its own, so that nobody takes it
 * while its server is down. */
static inline int free_port(void)
{
    for (;;) {
        uint16_t random = 0;
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_int_equal(getrandom(&random, sizeof random, 0), sizeof random);
        address.sin_port = htons((uint16_t)(20000 + random % 12000));
        bool bound = bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
        close(fd);
        if (bound)
            return ntohs(address.sin_port);
    }
}

/* A redis-server on 127.0.0.1 that keeps nothing on disk, with "--name value ..." on top. */
struct server {
    int port;
    pid_t pid;
    char unix_path[64];
    const char *password; /* for server_call, or NULL */
};

static inline void server_exec(const struct server *server, const char *const *more)
{
    char port[8];
    const char *args[SERVER_ARGS_MAX + 1] = {
        "redis-server", "--port", port,           "--bind",         "127.0.0.1", "--save", "",
        "--appendonly", "no",     "--unixsocket", server->unix_path};
    size_t count = 11;

    snprintf(port, sizeof port, "%d", server->port);
    for (; more != NULL && *more != NULL && count < SERVER_ARGS_MAX; more++)
        args[count++] = *more;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int null = open("/dev/null", O_RDWR);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    union {
        const char *const *in;
        char *const *out;
    } argv = {.in = args};
    execvp("redis-server", argv.out);
    _exit(127);
}

/* One command on a connection of its own; the answer is the caller's to free, NULL when there is none. */
static inline redisReply *server_call(const struct server *server, const char *format, ...)
{
    redisContext *context = redisConnectWithTimeout("127.0.0.1", server->port, (struct timeval){5, 0});
    redisReply *reply = NULL;
    va_list args;

    if (context != NULL && !context->err) {
        if (server->password != NULL)
            freeReplyObject(redisCommand(context, "AUTH %s", server->password));
        va_start(args, format);
        reply = redisvCommand(context, format, args);
        va_end(args);
    }
    if (context != NULL)
        redisFree(context);
    return reply;
}

static inline void server_tell(const struct server *server, const char *word, const char *first,
                               const char *second)
{
    redisReply *reply = server_call(server, "%s %s %s", word, first, second);

    assert_non_null(reply);
    assert_int_not_equal(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
}

static inline bool server_answers(const struct server *server)
{
    redisReply *reply = server_call(server, "PING");
    bool answers = reply != NULL;

    freeReplyObject(reply);
    return answers;
}

/* Returns when it answers. The port stays the same over restarts. */
static inline void server_start(struct server *server, const char *const *more)
{
    int64_t end_ms = clock_now_ms() + PATIENCE_MS;

    if (!server->port)
        server->port = free_port();
    snprintf(server->unix_path, sizeof server->unix_path, "/tmp/fanfare-redis-%d.sock", server->port);
    server->pid = fork();
    if (server->pid == 0)
        server_exec(server, more);
    while (!server_answers(server)) {
        assert_true(clock_now_ms() < end_ms);
        usleep(5000);
    }
}

static inline void server_kill(struct server *server)
{
    if (server->pid <= 0)
        return;
    kill(server->pid, SIGKILL);
    waitpid(server->pid, NULL, 0);
    unlink(server->unix_path);
    server->pid = 0;
}

/* A peer on a free port that reads commands, and answers each with what `answer` returns for its
 * number of the connection and its words: bytes, NULL for silence. */
struct fake;
typedef const char *fake_answer(struct fake *fake, int connection, char **words, size_t count);

struct fake {
    struct evconnlistener *listener;
    struct turning *turning;
    fake_answer *answer;
    const char *greeting; /* said to everybody who comes, or NULL */
    int port;
    int connections;
    int commands;
    int other_port;   /* for answers */
    char text[256];   /* likewise */
    char asked[1024]; /* the first words of all commands */
};

struct fake_conn {
    struct fake *fake;
    int number;
    redisReader *reader;
};

static inline void fake_take(struct fake_conn *conn, struct bufferevent *bev, const redisReply *command)
{
    char *words[16] = {NULL};
    size_t used = strlen(conn->fake->asked);
    size_t count = 0;

    assert_int_equal(command->type, REDIS_REPLY_ARRAY);
    for (; count < command->elements && count < 15; count++)
        words[count] = command->element[count]->str;
    snprintf(conn->fake->asked + used, sizeof conn->fake->asked - used, "%s ", words[0]);
    conn->fake->commands++;
    const char *answer = conn->fake->answer(conn->fake, conn->number, words, count);
    if (answer != NULL)
        bufferevent_write(bev, answer, strlen(answer));
}

static inline void on_fake_read(struct bufferevent *bev, void *arg)
{
    struct fake_conn *conn = arg;
    char bytes[4096];
    size_t len;
    void *command = NULL;

    while ((len = bufferevent_read(bev, bytes, sizeof bytes)) > 0)
        assert_int_equal(redisReaderFeed(conn->reader, bytes, len), REDIS_OK);
    while (redisReaderGetReply(conn->reader, &command) == REDIS_OK && command != NULL) {
        fake_take(conn, bev, command);
        freeReplyObject(command);
    }
}

static inline void on_fake_event(struct bufferevent *bev, short what, void *arg)
{
    struct fake_conn *conn = arg;

    (void)what;
    redisReaderFree(conn->reader);
    free(conn);
    bufferevent_free(bev);
}

static inline void on_fake_accept(struct evconnlistener *listener, evutil_socket_t fd,
                                  struct sockaddr *address, int len, void *arg)
{
    struct fake *fake = arg;
    struct fake_conn *conn = calloc(1, sizeof *conn);
    struct bufferevent *bev = bufferevent_socket_new(fake->turning->base, fd, BEV_OPT_CLOSE_ON_FREE);

    (void)listener;
    (void)address;
    (void)len;
    assert_true(conn != NULL && bev != NULL);
    *conn = (struct fake_conn){fake, ++fake->connections, redisReaderCreate()};
    bufferevent_setcb(bev, on_fake_read, NULL, on_fake_event, conn);
    bufferevent_enable(bev, EV_READ | EV_WRITE);
    if (fake->greeting != NULL)
        bufferevent_write(bev, fake->greeting, strlen(fake->greeting));
}

static inline void fake_start(struct fake *fake, struct turning *turning, fake_answer *answer)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;

    *fake = (struct fake){.turning = turning, .answer = answer};
    fake->listener = evconnlistener_new_bind(turning->base, on_fake_accept, fake,
                                             LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 16,
                                             (struct sockaddr *)&address, sizeof address);
    assert_non_null(fake->listener);
    getsockname(evconnlistener_get_fd(fake->listener), (struct sockaddr *)&address, &len);
    fake->port = ntohs(address.sin_port);
}

/* Whoever is connected must have gone before; turns until the peer has seen it. */
static inline void fake_stop(struct fake *fake)
{
    turn_for(fake->turning, 20);
    evconnlistener_free(fake->listener);
}

#endif
