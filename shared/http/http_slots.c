/* SPDX-License-Identifier: Apache-2.0 */
/* Who may be connected when max_connections are there. Whoever says nothing gives way to a newcomer, so
 * that strangers who only connect keep nobody out; and a few more are let in than there are places, so that
 * a probe is answered when all places are at work. The loop's thread only. Reads nothing. */
#include <sys/socket.h>

#include "shared/base/clock.h"
#include "shared/http/http_internal.h"
#include "shared/log/log.h"
#include "shared/log/metrics.h"

enum {
    SURPLUS_MAX = 64,
    LINGER_MAX = 1024,
    GRACE_MS = 250, /* for a first byte on its way */
    LOOKS = 8,      /* at connections that turn out to have said something by now */
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* What lingers is not to take more descriptors than what is served. */
static size_t linger_max(size_t max_connections)
{
    return least(max_connections, LINGER_MAX);
}

static size_t surplus_max(size_t max_connections)
{
    return least(max_connections, SURPLUS_MAX);
}

static int64_t silent_ms(const struct http_conn *conn)
{
    return clock_now_ms() - (conn->deadline - conn->server->timeouts_ms[conn->phase]);
}

/* What waits in its socket has been said, though nobody has read it yet; but not a handshake. */
static bool has_spoken(const struct http_conn *conn)
{
    char byte;

    return conn->shaken && recv(conn->io.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static struct http_conn *find_silent(const struct http_server *server, enum http_phase phase, int64_t age_ms)
{
    const struct list *head = &server->phases[phase];
    int looks = 0;

    for (struct list *link = head->next; link != head && looks < LOOKS; link = link->next) {
        struct http_conn *conn = container_of(link, struct http_conn, phase_link);

        if (silent_ms(conn) < age_ms)
            return NULL;
        if (conn->surplus)
            continue;
        if (!has_spoken(conn))
            return conn;
        looks++;
    }
    return NULL;
}

static bool evict(const struct http_server *server)
{
    struct http_conn *conn = find_silent(server, HTTP_FRESH, GRACE_MS);

    if (conn == NULL)
        conn = find_silent(server, HTTP_IDLE, 0);
    if (conn == NULL)
        conn = find_silent(server, HTTP_FRESH, 0);
    if (conn == NULL)
        return false;
    log_event(LOG_WARN, "silent connection closed", LOG_S("reason", "max connections"),
              LOG_I("limit", server->conf.max_connections));
    metrics_add(server->conf.rows.evicted, 1);
    http_conn_drop(conn);
    return true;
}

/* The oldest that has not yet asked for something is told 503. */
static bool refuse_one_of_the_surplus(const struct http_server *server)
{
    for (struct list *link = server->surplus.next; link != &server->surplus; link = link->next) {
        struct http_conn *conn = container_of(link, struct http_conn, surplus_link);

        if ((conn->phase == HTTP_FRESH || conn->phase == HTTP_READING) && !conn->exchange.open) {
            http_conn_refuse_full(conn);
            return true;
        }
    }
    return false;
}

enum http_slot http_slots_take(struct http_server *server)
{
    size_t taken = server->connections - server->lingering - server->surplus_count;

    if (taken < (size_t)server->conf.max_connections || evict(server))
        return HTTP_SLOT_OWN;
    log_event(LOG_WARN, "connection refused", LOG_S("reason", "max connections"),
              LOG_I("limit", server->conf.max_connections));
    if (server->surplus_count < surplus_max((size_t)server->conf.max_connections) ||
        refuse_one_of_the_surplus(server))
        return HTTP_SLOT_SURPLUS;
    return HTTP_SLOT_NONE;
}

size_t http_slots_linger_max(int max_connections)
{
    return linger_max((size_t)max_connections);
}

size_t http_server_descriptors(size_t max_connections)
{
    return max_connections + surplus_max(max_connections) + linger_max(max_connections);
}
