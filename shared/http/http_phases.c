/* SPDX-License-Identifier: Apache-2.0 */
/* The set of connections: which phase each is in and until when, who goes on in this turn of the loop, what
 * they hold together. Each phase has one time-out, so its connections stand in a list in the order of their
 * deadlines, and one timer looks at the heads: nothing is armed per request. What happens to one whose time
 * is over or whose turn it is, the caller says. Knows no socket. */
#include "shared/http/http_internal.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/clock.h"
#include "shared/log/metrics.h"
#include "shared/net/loop_event.h"

enum { SWEEP_MIN_MS = 10, SWEEP_MAX_MS = 250, SWEEPS_PER_TIMEOUT = 8 };

static void fill_timeouts(struct http_server *server)
{
    server->timeouts_ms[HTTP_FRESH] = server->conf.read_timeout_ms;
    server->timeouts_ms[HTTP_IDLE] = server->conf.idle_timeout_ms;
    server->timeouts_ms[HTTP_READING] = server->conf.read_timeout_ms;
    server->timeouts_ms[HTTP_WRITING] = server->conf.write_timeout_ms;
    server->timeouts_ms[HTTP_LINGERING] = HTTP_LINGER_MS;
}

void http_phases_init(struct http_server *server)
{
    list_init(&server->turn);
    list_init(&server->surplus);
    for (size_t i = 0; i < HTTP_PHASES; i++)
        list_init(&server->phases[i]);
    fill_timeouts(server);
}

/* All of a phase by the same time, so that they still stand in the order of their deadlines. */
static void shift_deadlines(struct list *head, int64_t ms)
{
    for (struct list *link = head->next; link != head; link = link->next)
        container_of(link, struct http_conn, phase_link)->deadline += ms;
}

void http_phases_limit(struct http_server *server)
{
    int before_ms[HTTP_PHASES];

    memcpy(before_ms, server->timeouts_ms, sizeof before_ms);
    fill_timeouts(server);
    for (size_t i = 0; i < HTTP_PHASES; i++)
        shift_deadlines(&server->phases[i], server->timeouts_ms[i] - before_ms[i]);
}

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

struct http_conn *http_phases_first(const struct http_server *server, enum http_phase phase)
{
    struct list *link = list_first(&server->phases[phase]);

    return link != NULL ? container_of(link, struct http_conn, phase_link) : NULL;
}

static void sweep_phase(struct http_server *server, enum http_phase phase, int64_t now,
                        void (*expire)(struct http_conn *conn))
{
    struct http_conn *conn;

    while ((conn = http_phases_first(server, phase)) != NULL && conn->deadline <= now)
        expire(conn);
}

void http_phases_sweep(struct http_server *server, void (*expire)(struct http_conn *conn))
{
    int64_t now = clock_now_ms();

    for (enum http_phase phase = HTTP_FRESH; phase < HTTP_PHASES; phase++)
        if (server->timeouts_ms[phase] > 0)
            sweep_phase(server, phase, now, expire);
    server->sweeping = false;
    if (server->connections > 0)
        start_sweep(server);
}

void http_phases_schedule(struct http_conn *conn)
{
    if (!list_empty(&conn->turn_link))
        return;
    list_add_tail(&conn->server->turn, &conn->turn_link);
    event_active(conn->server->turn_event, EV_TIMEOUT, 1);
}

void http_phases_schedule_later(struct http_conn *conn)
{
    if (!list_empty(&conn->turn_link))
        return;
    list_add_tail(&conn->server->turn, &conn->turn_link);
    (void)loop_event_after_ms(conn->server->turn_event, 0);
}

/* Who is scheduled meanwhile has its turn with the next call. */
void http_phases_turn(struct http_server *server, void (*advance)(struct http_conn *conn))
{
    struct list *link;
    size_t count = 0;

    for (link = server->turn.next; link != &server->turn; link = link->next)
        count++;
    for (; count > 0 && (link = list_first(&server->turn)) != NULL; count--) {
        list_remove(link);
        advance(container_of(link, struct http_conn, turn_link));
    }
}

static void leave_surplus(struct http_conn *conn)
{
    if (!conn->surplus)
        return;
    conn->surplus = false;
    conn->server->surplus_count--;
    list_remove(&conn->surplus_link);
}

void http_phases_move(struct http_conn *conn, enum http_phase phase)
{
    struct http_server *server = conn->server;

    if (conn->phase == phase && !conn->renewed)
        return;
    server->connections += conn->phase == HTTP_PHASES;
    server->lingering += phase == HTTP_LINGERING;
    if (phase == HTTP_LINGERING)
        leave_surplus(conn);
    conn->phase = phase;
    conn->renewed = false;
    conn->deadline = clock_now_ms() + server->timeouts_ms[phase];
    list_remove(&conn->phase_link);
    list_add_tail(&server->phases[phase], &conn->phase_link);
    if (!server->sweeping)
        start_sweep(server);
}

void http_phases_forget(struct http_conn *conn)
{
    if (conn->server == NULL)
        return;
    list_remove(&conn->phase_link);
    leave_surplus(conn);
    conn->server->connections--;
    conn->server->lingering -= conn->phase == HTTP_LINGERING;
}

void http_phases_count(struct http_conn *conn)
{
    struct http_server *server = conn->server;
    size_t bytes = conn->request != NULL ? http_request_body(conn->request).len : 0;

    if (bytes == conn->inflight)
        return;
    server->inflight += bytes - conn->inflight;
    conn->inflight = bytes;
    metrics_set(server->conf.rows.inflight, server->inflight);
}

void http_phases_end(struct http_conn *conn)
{
    list_remove(&conn->turn_link);
    http_request_free(conn->request);
    conn->request = NULL;
    if (conn->server != NULL)
        http_phases_count(conn);
    http_phases_forget(conn);
    http_exchange_release(&conn->exchange);
    buf_fini(&conn->exchange.headers);
    buf_fini(&conn->in);
    buf_fini(&conn->out);
    free(conn);
}
