/* SPDX-License-Identifier: Apache-2.0 */
/* The server as its owner sees it: listeners, limits, drain, the end. Gives the events of the loop to the
 * files below. Parses and sends nothing. */
#include "shared/http/http_internal.h"

#include <openssl/ssl.h>
#include <stdlib.h>

#include "shared/net/loop_event.h"

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    http_phases_sweep(arg, http_conn_expire);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    http_phases_turn(arg, http_conn_advance);
}

enum status http_server_new(struct event_base *base, const struct http_server_conf *conf,
                            struct http_server **out)
{
    struct http_server *server = calloc(1, sizeof *server);

    if (server == NULL)
        return STATUS_NO_MEMORY;
    server->base = base;
    server->conf = *conf;
    server->linger_max = http_slots_linger_max(conf->max_connections);
    http_phases_init(server);
    server->turn_event = event_new(base, -1, 0, on_turn, server);
    server->sweep_event = evtimer_new(base, on_sweep, server);
    if (server->turn_event == NULL || server->sweep_event == NULL) {
        http_server_free(server);
        return STATUS_NO_MEMORY;
    }
    *out = server;
    return STATUS_OK;
}

static void on_accept(int fd, const struct sockaddr *peer, socklen_t peer_len, void *arg)
{
    struct http_server *server = arg;

    (void)peer;
    (void)peer_len;
    http_conn_start(server, fd, http_slots_take(server));
}

enum status http_server_listen(struct http_server *server, const char *what, const char *bind, int port,
                               struct fault *fault)
{
    if (server->listener_count == HTTP_MAX_LISTENERS)
        return fault_set(fault, STATUS_FULL, "at most %d listeners", HTTP_MAX_LISTENERS);
    enum status status = listener_new(server->base, what, bind, port, on_accept, server,
                                      &server->listeners[server->listener_count], fault);
    if (status != STATUS_OK)
        return status;
    listener_count_failures(server->listeners[server->listener_count], server->conf.rows.accept_failures);
    server->listener_count++;
    return STATUS_OK;
}

void http_server_limit(struct http_server *server, const struct http_server_conf *conf)
{
    server->conf.max_header_bytes = conf->max_header_bytes;
    server->conf.max_body_bytes = conf->max_body_bytes;
    server->conf.max_inflight = conf->max_inflight;
    server->conf.read_timeout_ms = conf->read_timeout_ms;
    server->conf.idle_timeout_ms = conf->idle_timeout_ms;
    server->conf.write_timeout_ms = conf->write_timeout_ms;
    server->conf.max_connections = conf->max_connections;
    server->linger_max = http_slots_linger_max(conf->max_connections);
    http_phases_limit(server);
}

void http_server_use_tls(struct http_server *server, SSL_CTX *tls)
{
    if (tls != NULL)
        SSL_CTX_up_ref(tls);
    SSL_CTX_free(server->tls);
    server->tls = tls;
}

int http_server_port(const struct http_server *server)
{
    return server->listener_count > 0 ? listener_port(server->listeners[0]) : 0;
}

static void close_listeners(struct http_server *server)
{
    while (server->listener_count > 0)
        listener_free(server->listeners[--server->listener_count]);
}

static void end_phase(struct http_server *server, enum http_phase phase)
{
    struct list *head = &server->phases[phase];

    for (struct list *link = head->next; link != head; link = link->next) {
        struct http_conn *conn = container_of(link, struct http_conn, phase_link);

        if (!conn->running)
            http_phases_schedule(conn);
    }
}

void http_server_drain(struct http_server *server)
{
    server->draining = true;
    close_listeners(server);
    end_phase(server, HTTP_FRESH);
    end_phase(server, HTTP_IDLE);
}

static bool is_busy(const struct http_conn *conn)
{
    return conn->exchange.open || conn->out.len > 0 || conn->phase == HTTP_READING;
}

size_t http_server_busy(const struct http_server *server)
{
    size_t busy = 0;

    for (size_t i = 0; i < HTTP_PHASES; i++) {
        const struct list *head = &server->phases[i];

        for (const struct list *link = head->next; link != head; link = link->next)
            busy += is_busy(container_of(link, struct http_conn, phase_link));
    }
    return busy;
}

size_t http_server_inflight(const struct http_server *server)
{
    return server->inflight;
}

void http_server_free(struct http_server *server)
{
    struct http_conn *conn;

    if (server == NULL)
        return;
    close_listeners(server);
    for (enum http_phase phase = HTTP_FRESH; phase < HTTP_GONE; phase++)
        while ((conn = http_phases_first(server, phase)) != NULL)
            http_conn_drop(conn);
    while ((conn = http_phases_first(server, HTTP_GONE)) != NULL) {
        http_phases_forget(conn);
        conn->server = NULL;
    }
    loop_event_free(server->turn_event);
    loop_event_free(server->sweep_event);
    SSL_CTX_free(server->tls);
    free(server);
}
