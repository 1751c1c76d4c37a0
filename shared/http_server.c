/* SPDX-License-Identifier: Apache-2.0 */
/* Listeners, routes and time-outs. One timer looks at the heads of the lists by phase; a
 * connection costs no timer of its own. */
#include "shared/http_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/http_internal.h"

enum { SWEEP_MS = 50 };

static void on_accept(int fd, const struct sockaddr *peer, socklen_t peer_len, void *arg)
{
    struct http_server *server = arg;

    (void)peer;
    (void)peer_len;
    http_conn_open(server, fd, server->connections >= (size_t)server->conf.max_connections);
}

static void on_reap(evutil_socket_t fd, short what, void *arg)
{
    struct http_server *server = arg;
    struct list *next;

    (void)fd;
    (void)what;
    for (struct list *node = server->dead.next; node != &server->dead; node = next) {
        struct http_conn *conn = container_of(node, struct http_conn, link);

        next = node->next;
        if (conn->phase != HTTP_HANDLING)
            http_conn_free(conn);
    }
}

static void expire(struct http_server *server, enum http_phase phase, int64_t age_ms, int64_t now)
{
    struct list *node;

    while ((node = list_first(&server->phases[phase])) != NULL) {
        struct http_conn *conn = container_of(node, struct http_conn, link);

        if (now - conn->since_ms < age_ms)
            return;
        if (phase == HTTP_READING) {
            conn->closing = true;
            http_conn_enter(conn, HTTP_HANDLING);
            http_reply_error(&conn->exchange, 408, "request_timeout",
                             "the request was not complete within %d ms", server->conf.read_timeout_ms);
        } else {
            http_conn_close(conn);
        }
    }
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
    struct http_server *server = arg;
    int64_t now = clock_now_ms();

    (void)fd;
    (void)what;
    expire(server, HTTP_IDLE, server->conf.idle_timeout_ms, now);
    expire(server, HTTP_READING, server->conf.read_timeout_ms, now);
    expire(server, HTTP_WRITING, server->conf.write_timeout_ms, now);
    expire(server, HTTP_LINGERING, HTTP_LINGER_MS, now);
}

enum status http_server_new(struct event_base *base, const struct http_server_conf *conf,
                            struct http_server **out)
{
    const struct timeval interval = {0, SWEEP_MS * 1000};
    struct http_server *server = calloc(1, sizeof *server);

    if (server == NULL)
        return STATUS_NO_MEMORY;
    server->base = base;
    server->conf = *conf;
    for (int phase = 0; phase < HTTP_PHASES; phase++)
        list_init(&server->phases[phase]);
    list_init(&server->dead);
    server->reap = event_new(base, -1, 0, on_reap, server);
    server->sweep = event_new(base, -1, EV_PERSIST, on_sweep, server);
    if (server->reap == NULL || server->sweep == NULL || event_add(server->sweep, &interval) != 0) {
        http_server_free(server);
        return STATUS_NO_MEMORY;
    }
    *out = server;
    return STATUS_OK;
}

enum status http_server_listen(struct http_server *server, const char *what, const char *bind, int port,
                               struct fault *fault)
{
    if (server->listener_count == HTTP_MAX_LISTENERS)
        return fault_set(fault, STATUS_FULL, "%s: at most %d addresses", what, HTTP_MAX_LISTENERS);
    enum status status = listener_new(server->base, what, bind, port, on_accept, server,
                                      &server->listeners[server->listener_count], fault);
    if (status == STATUS_OK)
        server->listener_count++;
    return status;
}

static void close_listeners(struct http_server *server)
{
    while (server->listener_count > 0)
        listener_free(server->listeners[--server->listener_count]);
}

static void close_all(struct http_server *server, enum http_phase phase)
{
    while (!list_empty(&server->phases[phase]))
        http_conn_close(container_of(server->phases[phase].next, struct http_conn, link));
}

void http_server_drain(struct http_server *server)
{
    server->draining = true;
    close_listeners(server);
    close_all(server, HTTP_IDLE);
}

size_t http_server_busy(const struct http_server *server)
{
    size_t busy = 0;

    for (const struct list *node = server->dead.next; node != &server->dead; node = node->next)
        busy++;
    return server->connections + busy;
}

void http_server_free(struct http_server *server)
{
    if (server == NULL)
        return;
    close_listeners(server);
    for (int phase = 0; phase < HTTP_PHASES; phase++)
        close_all(server, (enum http_phase)phase);
    while (!list_empty(&server->dead))
        http_conn_free(container_of(server->dead.next, struct http_conn, link));
    if (server->reap != NULL)
        event_free(server->reap);
    if (server->sweep != NULL)
        event_free(server->sweep);
    free(server);
}

static bool method_matches(const struct http_route *route, struct slice method)
{
    return slice_equal(method, slice_str(route->method)) ||
           (slice_equal(method, slice_str("HEAD")) && slice_equal(slice_str(route->method), slice_str("GET")));
}

/* The methods that a path knows, as in "GET, HEAD"; empty for an unknown path. */
static void allowed_methods(const struct http_server *server, struct slice path, char *out, size_t cap)
{
    size_t len = 0;

    out[0] = '\0';
    for (size_t i = 0; i < server->conf.route_count; i++) {
        const struct http_route *route = &server->conf.routes[i];
        bool get = slice_equal(slice_str(route->method), slice_str("GET"));

        if (slice_equal(path, slice_str(route->path)))
            len += (size_t)snprintf(out + len, cap - len, "%s%s%s", len > 0 ? ", " : "", route->method,
                                    get ? ", HEAD" : "");
    }
}

static const struct http_route *find_route(const struct http_server *server, struct slice method,
                                           struct slice path)
{
    for (size_t i = 0; i < server->conf.route_count; i++) {
        const struct http_route *route = &server->conf.routes[i];

        if (slice_equal(path, slice_str(route->path)) && method_matches(route, method))
            return route;
    }
    return NULL;
}

void http_server_dispatch(struct http_server *server, struct http_exchange *exchange)
{
    const struct http_request *request = exchange->conn->request;
    struct slice path = http_request_path(request);
    char allowed[128];

    if (server->conf.filter != NULL && server->conf.filter(exchange, server->conf.arg))
        return;
    const struct http_route *route = find_route(server, http_request_method(request), path);
    if (route != NULL) {
        route->handle(exchange, server->conf.arg);
        return;
    }
    allowed_methods(server, path, allowed, sizeof allowed);
    if (allowed[0] == '\0') {
        http_reply_error(exchange, 404, "not_found", "no such path");
        return;
    }
    http_exchange_header(exchange, "Allow", allowed);
    http_reply_error(exchange, 405, "method_not_allowed", "this path allows %s", allowed);
}
