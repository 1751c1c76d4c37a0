/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP server on a free loopback port, and clients as raw sockets, all on one thread: whoever
 * waits turns the server's loop meanwhile. */
#ifndef FANFARE_TESTS_UNIT_HTTP_PEER_H
#define FANFARE_TESTS_UNIT_HTTP_PEER_H

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/base/clock.h"
#include "shared/http/http_server.h"
#include "shared/log/log.h"

enum { PATIENCE_MS = 10000, MAX_BODY = 100000, MAX_HEADER = 2048, ANSWER_LEN = 1 << 20 };

struct fixture {
    struct event_base *base;
    struct http_server *server;
    struct http_exchange *held; /* by /later */
    int gone;                   /* how often on_gone was called */
    int refused;                /* the last status told to on_refused */
    int kept;                   /* exchanges for which something is kept */
    unsigned wanted;            /* the last right that permits was asked for */
    bool forbids;               /* what it says */
    char answer[ANSWER_LEN];    /* what read_until has read */
    size_t answer_len;
};

static inline void on_gone(struct http_exchange *exchange, void *arg)
{
    struct fixture *fixture = arg;

    assert_ptr_equal(exchange, fixture->held);
    fixture->gone++;
}

static inline void handle_echo(struct http_exchange *exchange, void *arg)
{
    struct slice body = http_request_body(http_exchange_request(exchange));

    (void)arg;
    http_reply(exchange, 200, "text/plain", body.data, body.len);
}

static inline void handle_later(struct http_exchange *exchange, void *arg)
{
    struct fixture *fixture = arg;

    fixture->held = exchange;
    http_exchange_on_gone(exchange, on_gone, arg);
}

/* The query says how many bytes. */
static inline void handle_big(struct http_exchange *exchange, void *arg)
{
    size_t len = (size_t)atol((const char *)http_request_query(http_exchange_request(exchange)).data);
    char *body = calloc(1, len);

    (void)arg;
    memset(body, 'b', len);
    http_reply(exchange, 200, "text/plain", body, len);
    free(body);
}

static inline void handle_empty(struct http_exchange *exchange, void *arg)
{
    (void)arg;
    http_exchange_header(exchange, "X-Test", "yes");
    http_reply(exchange, 204, NULL, NULL, 0);
}

static inline bool refuses_coffee(struct http_exchange *exchange, void *arg)
{
    struct slice type = http_request_header(http_exchange_request(exchange), "Content-Type");

    (void)arg;
    if (!slice_equal(type, slice_str("coffee")))
        return false;
    http_reply_error(exchange, 415, "unsupported_media_type", "no coffee");
    return true;
}

enum { RIGHT_TO_EMPTY = 4 };

static const struct http_route routes[] = {
    {"POST", "/echo", handle_echo, refuses_coffee, 0},
    {"GET", "/echo", handle_echo, NULL, 0},
    {"POST", "/later", handle_later, NULL, 0},
    {"GET", "/big", handle_big, NULL, 0},
    {"GET", "/empty", handle_empty, NULL, RIGHT_TO_EMPTY},
    {"GET", "/probe", handle_empty, NULL, 0},
    {"GET", "/things/*", handle_empty, NULL, 0},
};

static const char *const probes[] = {"/probe", NULL};

static inline void give_back(void *kept)
{
    struct fixture *fixture = kept;

    fixture->kept--;
}

static inline bool filter(struct http_exchange *exchange, void *arg)
{
    struct slice origin = http_request_header(http_exchange_request(exchange), "Origin");
    struct fixture *fixture = arg;

    http_exchange_header(exchange, "X-Filter", "seen");
    if (http_request_header(http_exchange_request(exchange), "X-Keep").data != NULL) {
        assert_null(http_exchange_kept(exchange));
        fixture->kept++;
        http_exchange_keep(exchange, fixture, give_back);
    }
    if (origin.data == NULL)
        return false;
    http_reply_error(exchange, 403, "forbidden", "no \"%s\"", "origins");
    return true;
}

/* Names what came whole of X-Name. */
static inline void adorn(struct http_exchange *exchange, void *arg)
{
    struct slice name = http_request_header(http_exchange_request(exchange), "X-Name");
    char text[16] = "";

    (void)arg;
    if (name.data != NULL && name.len < sizeof text)
        memcpy(text, name.data, name.len);
    http_exchange_header(exchange, "X-Adorned", text);
}

static inline bool permits(struct http_exchange *exchange, unsigned right, void *arg)
{
    struct fixture *fixture = arg;

    fixture->wanted = right;
    if (!fixture->forbids)
        return true;
    http_reply_error(exchange, 403, "forbidden", "no right %u", right);
    return false;
}

static inline void on_refused(int status, void *arg)
{
    struct fixture *fixture = arg;

    fixture->refused = status;
}

static inline struct http_server_conf default_conf(struct fixture *fixture)
{
    return (struct http_server_conf){
        .max_header_bytes = MAX_HEADER,
        .max_body_bytes = MAX_BODY,
        .read_timeout_ms = 60000,
        .idle_timeout_ms = 60000,
        .write_timeout_ms = 60000,
        .max_connections = 100,
        .probes = probes,
        .routes = routes,
        .route_count = sizeof routes / sizeof *routes,
        .filter = filter,
        .permits = permits,
        .adorn = adorn,
        .on_refused = on_refused,
        .arg = fixture,
    };
}

static inline void fixture_start(struct fixture *fixture, const struct http_server_conf *conf,
                                 const char *bind)
{
    struct fault fault = {""};

    log_setup(LOG_ERROR, LOG_LOGFMT);
    memset(fixture, 0, sizeof *fixture);
    fixture->base = event_base_new();
    assert_non_null(fixture->base);
    assert_int_equal(http_server_new(fixture->base, conf, &fixture->server), STATUS_OK);
    if (http_server_listen(fixture->server, "test", bind, 0, &fault) != STATUS_OK)
        fail_msg("%s", fault.text);
}

static inline int set_up(void **state)
{
    struct fixture *fixture = malloc(sizeof *fixture);
    struct http_server_conf conf = default_conf(fixture);

    fixture_start(fixture, &conf, "127.0.0.1");
    *state = fixture;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *fixture = *state;

    http_server_free(fixture->server);
    event_base_free(fixture->base);
    free(fixture);
    return 0;
}

/* Starts anew with other limits. */
static inline void restart(struct fixture *fixture, const struct http_server_conf *conf)
{
    http_server_free(fixture->server);
    event_base_free(fixture->base);
    fixture_start(fixture, conf, "127.0.0.1");
}

/* One turn of the server's loop, and at most a millisecond of rest. */
static inline void turn(struct fixture *fixture)
{
    static const struct timeval rest = {0, 1000};

    event_base_loopexit(fixture->base, &rest);
    event_base_loop(fixture->base, EVLOOP_ONCE);
}

#define WAIT_UNTIL(fixture, condition)                                                                       \
    do {                                                                                                     \
        int64_t deadline = clock_now_ms() + PATIENCE_MS;                                                     \
        while (!(condition)) {                                                                               \
            assert_true(clock_now_ms() < deadline);                                                          \
            turn(fixture);                                                                                   \
        }                                                                                                    \
    } while (0)

static inline int dial(struct fixture *fixture)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)http_server_port(fixture->server)),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* Sends all, while the server may read. */
static inline void say_bytes(struct fixture *fixture, int fd, const char *text, size_t len)
{
    size_t sent = 0;

    while (sent < len) {
        ssize_t count = send(fd, text + sent, len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

        assert_true(count > 0 || errno == EAGAIN);
        sent += count > 0 ? (size_t)count : 0;
        if (count < 0)
            turn(fixture);
    }
}

static inline void say(struct fixture *fixture, int fd, const char *text)
{
    say_bytes(fixture, fd, text, strlen(text));
}

/* Reads once what is there; false at the end of the stream. */
static inline bool read_some(struct fixture *fixture, int fd)
{
    ssize_t count =
        recv(fd, fixture->answer + fixture->answer_len, ANSWER_LEN - 1 - fixture->answer_len, MSG_DONTWAIT);

    if (count < 0)
        assert_int_equal(errno, EAGAIN);
    fixture->answer_len += count > 0 ? (size_t)count : 0;
    fixture->answer[fixture->answer_len] = '\0';
    return count != 0;
}

static inline void forget(struct fixture *fixture)
{
    fixture->answer_len = 0;
    fixture->answer[0] = '\0';
}

/* Reads until `text` has come behind what was read before. */
static inline void hear(struct fixture *fixture, int fd, const char *text)
{
    int64_t deadline = clock_now_ms() + PATIENCE_MS;

    while (strstr(fixture->answer, text) == NULL) {
        bool more = read_some(fixture, fd);

        if (strstr(fixture->answer, text) == NULL && (!more || clock_now_ms() > deadline))
            fail_msg("expected %s, got %s", text, fixture->answer);
        turn(fixture);
    }
}

/* Reads until the server closes; a reset fails. */
static inline void hear_end(struct fixture *fixture, int fd)
{
    int64_t deadline = clock_now_ms() + PATIENCE_MS;

    while (read_some(fixture, fd)) {
        assert_true(clock_now_ms() < deadline);
        turn(fixture);
    }
}

static inline size_t count_of(const struct fixture *fixture, const char *text)
{
    const char *at = fixture->answer;
    size_t count = 0;

    for (; (at = strstr(at, text)) != NULL; at++)
        count++;
    return count;
}

/* Says `request` on a connection of its own and reads to its end. */
static inline void ask(struct fixture *fixture, const char *request)
{
    int fd = dial(fixture);

    forget(fixture);
    say(fixture, fd, request);
    hear_end(fixture, fd);
    close(fd);
}

#endif
