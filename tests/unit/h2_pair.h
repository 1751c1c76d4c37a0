/* SPDX-License-Identifier: Apache-2.0 */
/* A real server and a real client connection on one loop, over a socketpair or over TLS on the
 * loopback, and a record of what each was told. For test_h2_*.c. */
#ifndef FANFARE_TESTS_H2_PAIR_H
#define FANFARE_TESTS_H2_PAIR_H

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/h2/h2_conn.h"
#include "shared/net/tls.h"

enum { MAX_ANSWERS = 1024 };

struct answer {
    int32_t stream;
    int status;
    size_t len;
    uint8_t *body;
};

struct side {
    struct h2_conn *conn;
    struct transport *transport;
    bool closed;
    enum h2_end end;
    char reason[160];
};

struct pair {
    struct event_base *base;
    struct side server;
    struct side client;
    bool ready;
    bool deadline;
    int requests; /* that the server was told */
    int32_t held; /* the last request to /hold */
    char last_method[16];
    char last_type[64];
    struct answer answers[MAX_ANSWERS];
    int answer_count;
    const char *next_path; /* asked for in on_response, once */
    bool close_on_ready;
    bool close_on_response;
};

static inline void side_closed(struct side *side, enum h2_end end, const char *reason)
{
    assert_false(side->closed);
    side->closed = true;
    side->end = end;
    snprintf(side->reason, sizeof side->reason, "%s", reason);
}

static inline void on_server_close(struct h2_conn *conn, const char *reason, void *arg)
{
    struct pair *pair = arg;

    side_closed(&pair->server, h2_conn_end(conn), reason);
}

static inline void on_client_close(struct h2_conn *conn, const char *reason, void *arg)
{
    struct pair *pair = arg;

    side_closed(&pair->client, h2_conn_end(conn), reason);
}

static inline void reply_big(struct h2_conn *conn, int32_t stream, size_t len)
{
    uint8_t *body = malloc(len);

    for (size_t i = 0; i < len; i++)
        body[i] = (uint8_t)(i * 31 >> 3);
    h2_reply(conn, stream, 200, "application/octet-stream", body, len);
    free(body);
}

static inline void on_request(struct h2_conn *conn, const struct h2_request *request, void *arg)
{
    struct pair *pair = arg;

    assert_false(pair->server.closed);
    pair->requests++;
    snprintf(pair->last_method, sizeof pair->last_method, "%s", request->method);
    snprintf(pair->last_type, sizeof pair->last_type, "%s", request->content_type);
    if (strcmp(request->path, "/echo") == 0)
        h2_reply(conn, request->stream, 200, "text/plain", request->body.data, request->body.len);
    else if (strcmp(request->path, "/hold") == 0)
        pair->held = request->stream;
    else if (strcmp(request->path, "/close") == 0)
        h2_conn_close(conn, "as asked");
    else if (strcmp(request->path, "/big") == 0)
        reply_big(conn, request->stream, 5u << 20);
    else
        h2_reply(conn, request->stream, 404, NULL, NULL, 0);
}

static inline void on_ready(struct h2_conn *conn, void *arg)
{
    struct pair *pair = arg;

    assert_false(pair->ready);
    pair->ready = true;
    if (pair->close_on_ready)
        h2_conn_close(conn, "no use");
}

static inline void on_response(struct h2_conn *conn, int32_t stream, int status, struct slice body, void *arg)
{
    struct pair *pair = arg;
    struct answer *answer = &pair->answers[pair->answer_count++];
    int32_t next;

    assert_false(pair->client.closed);
    *answer = (struct answer){stream, status, body.len, malloc(body.len + 1)};
    if (body.len)
        memcpy(answer->body, body.data, body.len);
    answer->body[body.len] = 0;
    if (pair->close_on_response)
        h2_conn_close(conn, "enough");
    if (pair->next_path != NULL)
        assert_int_equal(h2_request(conn, "GET", pair->next_path, NULL, NULL, &next), STATUS_OK);
    pair->next_path = NULL;
}

static const struct h2_callbacks server_callbacks = {.on_request = on_request, .on_close = on_server_close};
static const struct h2_callbacks client_callbacks = {
    .on_ready = on_ready, .on_response = on_response, .on_close = on_client_close};

static inline void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct pair *pair = arg;

    (void)fd;
    (void)what;
    pair->deadline = true;
}

/* Runs the loop until `condition` holds; fails the test after ten seconds. */
#define pair_await(pair, condition)                                                                          \
    do {                                                                                                     \
        struct timeval ten_seconds = {10, 0};                                                                \
        (pair)->deadline = false;                                                                            \
        event_base_once((pair)->base, -1, EV_TIMEOUT, on_deadline, (pair), &ten_seconds);                    \
        while (!(condition) && !(pair)->deadline)                                                            \
            event_base_loop((pair)->base, EVLOOP_ONCE);                                                      \
        if (!(condition))                                                                                    \
            fail_msg("in vain: %s", #condition);                                                             \
    } while (0)

static inline struct pair *pair_new(void)
{
    struct pair *pair = calloc(1, sizeof *pair);

    pair->base = event_base_new();
    return pair;
}

static inline void pair_free(struct pair *pair)
{
    h2_conn_free(pair->client.conn);
    h2_conn_free(pair->server.conn);
    for (int i = 0; i < pair->answer_count; i++)
        free(pair->answers[i].body);
    event_base_free(pair->base);
    free(pair);
}

static inline struct transport *plain_transport(struct pair *pair, int fd)
{
    struct transport *transport;

    evutil_make_socket_nonblocking(fd);
    assert_int_equal(transport_new_accepted(pair->base, fd, NULL, &transport), STATUS_OK);
    return transport;
}

static inline void pair_serve(struct pair *pair, struct transport *transport, const struct h2_limits *limits)
{
    pair->server.transport = transport;
    assert_int_equal(
        h2_conn_new_server(pair->base, transport, limits, &server_callbacks, pair, &pair->server.conn),
        STATUS_OK);
}

static inline void pair_call(struct pair *pair, struct transport *transport, const char *authority,
                             const struct h2_limits *limits)
{
    pair->client.transport = transport;
    assert_int_equal(h2_conn_new_client(pair->base, transport, authority, limits, &client_callbacks, pair,
                                        &pair->client.conn),
                     STATUS_OK);
}

static inline void pair_open_plain(struct pair *pair, const struct h2_limits *server,
                                   const struct h2_limits *client)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    pair_serve(pair, plain_transport(pair, fds[0]), server);
    pair_call(pair, plain_transport(pair, fds[1]), "test", client);
}

/* A server on one end; the test holds the other and speaks bytes. */
static inline int pair_open_raw(struct pair *pair, const struct h2_limits *server)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    pair_serve(pair, plain_transport(pair, fds[0]), server);
    evutil_make_socket_nonblocking(fds[1]);
    return fds[1];
}

static inline int bound_listener(struct sockaddr_in *address)
{
    socklen_t len = sizeof *address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    assert_int_equal(bind(fd, (struct sockaddr *)address, len), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)address, &len), 0);
    return fd;
}

static inline void pair_open_tls(struct pair *pair, SSL_CTX *server, SSL *client,
                                 const struct h2_limits *limits)
{
    struct sockaddr_in address;
    int listener = bound_listener(&address);
    struct transport *transport;
    int fd;

    assert_int_equal(
        transport_new_connecting(pair->base, (struct sockaddr *)&address, sizeof address, client, &transport),
        STATUS_OK);
    pair_call(pair, transport, "localhost", limits);
    fd = accept(listener, NULL, NULL);
    assert_true(fd >= 0);
    close(listener);
    evutil_make_socket_nonblocking(fd);
    assert_int_equal(transport_new_accepted(pair->base, fd, SSL_new(server), &transport), STATUS_OK);
    pair_serve(pair, transport, limits);
}

/* A request body out of memory. */
struct source {
    const uint8_t *data;
    size_t len;
    size_t sent;
    int calls;
};

static inline size_t source_read(void *arg, uint8_t *out, size_t len, int *eof)
{
    struct source *source = arg;
    size_t left = source->len - source->sent;
    size_t count = left < len ? left : len;

    source->calls++;
    memcpy(out, source->data + source->sent, count);
    source->sent += count;
    *eof = source->sent == source->len;
    return count;
}

#endif
