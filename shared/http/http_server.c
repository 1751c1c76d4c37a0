/* SPDX-License-Identifier: Apache-2.0 */
/* The set of connections: listeners, the limit, drain, and time-outs. Each phase has one time-out,
 * so its connections stand in a list in the order of their deadlines, and one timer looks at the
 * heads: nothing is armed per request. Parses and sends nothing. */
#include "shared/http/http_internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "shared/log/log.h"
#include "shared/net/loop_event.h"

enum { SWEEP_MIN_MS = 10, SWEEP_MAX_MS = 250, SWEEPS_PER_TIMEOUT = 8 };

static int sweep_interval_ms(const struct http_server *server)
{
    int shortest = SWEEP_MAX_MS * SWEEPS_PER_TIMEOUT;

    for (size_t i = 0; i < HTTP_PHASES; i++)
        if (server->timeouts_ms[i] > 0 && server->timeouts_ms[i] < shortest)
            shortest = server->timeouts_ms[i];
    return shortest / SWEEPS_PER_TIMEOUT > SWEEP_MIN_MS ? shortest / SWEEPS_PER_TIMEOUT : SWEEP_MIN_MS;
}

static void start_sweep(struct http_server *server)
{
    server->sweeping = true;
    (void)loop_event_after_ms(server->sweep_event, sweep_interval_ms(server));
}

struct http_conn *http_server_first(const struct http_server *server, enum http_phase phase)
{
    struct list *link = list_first(&server->phases[phase]);

    return link != NULL ? container_of(link, struct http_conn, phase_link) : NULL;
}

static void sweep_phase(struct http_server *server, enum http_phase phase, int64_t now)
{
    struct http_conn *conn;

    while ((conn = http_server_first(server, phase)) != NULL && conn->deadline <= now)
        http_conn_expire(conn);
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
    struct http_server *server = arg;
    int64_t now = clock_now_ms();

    (void)fd;
    (void)what;
    for (enum http_phase phase = HTTP_FRESH; phase < HTTP_PHASES; phase++)
        if (server->timeouts_ms[phase] > 0)
            sweep_phase(server, phase, now);
    server->sweeping = false;
    if (server->connections > 0)
        start_sweep(server);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
    struct http_server *server = arg;
    struct list *link;

    (void)fd;
    (void)what;
    while ((link = list_first(&server->turn)) != NULL) {
        list_remove(link);
        http_conn_advance(container_of(link, struct http_conn, turn_link));
    }
}

static void fill_timeouts(struct http_server *server)
{
    server->timeouts_ms[HTTP_FRESH] = server->conf.read_timeout_ms;
    server->timeouts_ms[HTTP_IDLE] = server->conf.idle_timeout_ms;
    server->timeouts_ms[HTTP_READING] = server->conf.read_timeout_ms;
    server->timeouts_ms[HTTP_WRITING] = server->conf.write_timeout_ms;
    server->timeouts_ms[HTTP_LINGERING] = HTTP_LINGER_MS;
}

enum status http_server_new(struct event_base *base, const struct http_server_conf *conf,
                            struct http_server **out)
{
    struct http_server *server = calloc(1, sizeof *server);

    if (server == NULL)
        return STATUS_NO_MEMORY;
    server->base = base;
    server->conf = *conf;
    fill_timeouts(server);
    list_init(&server->turn);
    list_init(&server->surplus);
    for (size_t i = 0; i < HTTP_PHASES; i++)
        list_init(&server->phases[i]);
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

/* All of a phase by the same time, so that they still stand in the order of their deadlines. */
static void shift_deadlines(struct list *head, int64_t ms)
{
    for (struct list *link = head->next; link != head; link = link->next)
        container_of(link, struct http_conn, phase_link)->deadline += ms;
}

void http_server_limit(struct http_server *server, const struct http_server_conf *conf)
{
    int before_ms[HTTP_PHASES];

    memcpy(before_ms, server->timeouts_ms, sizeof before_ms);
    server->conf.max_header_bytes = conf->max_header_bytes;
    server->conf.max_body_bytes = conf->max_body_bytes;
    server->conf.max_inflight = conf->max_inflight;
    server->conf.read_timeout_ms = conf->read_timeout_ms;
    server->conf.idle_timeout_ms = conf->idle_timeout_ms;
    server->conf.write_timeout_ms = conf->write_timeout_ms;
    server->conf.max_connections = conf->max_connections;
    fill_timeouts(server);
    for (size_t i = 0; i < HTTP_PHASES; i++)
        shift_deadlines(&server->phases[i], server->timeouts_ms[i] - before_ms[i]);
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
            http_conn_schedule(conn);
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
        while ((conn = http_server_first(server, phase)) != NULL)
            http_conn_drop(conn);
    while ((conn = http_server_first(server, HTTP_GONE)) != NULL) {
        http_server_forget(conn);
        conn->server = NULL;
    }
    loop_event_free(server->turn_event);
    loop_event_free(server->sweep_event);
    free(server);
}

void http_server_move(struct http_conn *conn, enum http_phase phase)
{
    struct http_server *server = conn->server;

    if (conn->phase == phase && !conn->renewed)
        return;
    server->connections += conn->phase == HTTP_PHASES;
    server->lingering += phase == HTTP_LINGERING;
    if (phase == HTTP_LINGERING)
        http_slots_leave_surplus(conn);
    conn->phase = phase;
    conn->renewed = false;
    conn->deadline = clock_now_ms() + server->timeouts_ms[phase];
    list_remove(&conn->phase_link);
    list_add_tail(&server->phases[phase], &conn->phase_link);
    if (!server->sweeping)
        start_sweep(server);
}

void http_server_forget(struct http_conn *conn)
{
    if (conn->server == NULL)
        return;
    list_remove(&conn->phase_link);
    http_slots_leave_surplus(conn);
    conn->server->connections--;
    conn->server->lingering -= conn->phase == HTTP_LINGERING;
}

const char *http_server_date(struct http_server *server)
{
    struct timespec now;
    struct tm utc;

    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != server->date_at) {
        server->date_at = now.tv_sec;
        gmtime_r(&now.tv_sec, &utc);
        strftime(server->date, sizeof server->date, "%a, %d %b %Y %H:%M:%S GMT", &utc);
    }
    return server->date;
}
