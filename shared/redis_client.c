/* SPDX-License-Identifier: Apache-2.0 */
/* When connections are made and where to; what is said over one is redis_conn's. The loop's thread
 * only. An attempt goes: sentinel's address, sentinel, master's address, master; without
 * sentinels only the last two; after MOVED only the last one. */
#include "shared/redis_client.h"

#include <event2/util.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/buf.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/lookup.h"
#include "shared/metrics.h"
#include "shared/redis_conn.h"
#include "shared/redis_trouble.h"
#include "shared/redis_url.h"

enum {
    BACKOFF_FIRST_MS = 50,
    BACKOFF_LAST_MS = 1000,
    LOG_GAP_MS = 10000, /* between two lines about one outage */
    STEADY_MS = 2000,   /* a connection that was up for so long ends what was wrong before */
    MAX_CIRCLES = 3,
    NAME_MAX_LEN = 320,
    ADDRESS_MAX = 64,
};

enum phase { PHASE_WAITING, PHASE_SENTINEL, PHASE_REDIS };

struct redis_client {
    struct redis_client_conf conf;
    struct redis_url url;
    struct buf probe; /* a key of ours, NUL-terminated */
    char name[NAME_MAX_LEN];
    enum phase phase;
    bool up;
    bool paused;
    bool in_outage;            /* a line about it was logged */
    bool steady;               /* the last connection was up for STEADY_MS */
    char host[REDIS_TEXT_MAX]; /* of this attempt's Redis, when no path is used */
    int port;
    bool moved;       /* host and port are what MOVED said */
    unsigned circles; /* MOVED answers in a row */
    size_t sentinel;  /* the next one to be asked */
    unsigned failures;
    int64_t logged_ms;
    int64_t up_since_ms;
    struct lookup *lookup;
    struct redis_conn *conn;
    struct event *again;
};

static void fail(struct redis_client *client, bool refused, const char *reason);

static void pause_attempts(struct redis_client *client)
{
    uint32_t random = 0;
    unsigned doublings = client->failures < 5 ? client->failures : 5;
    uint32_t ceiling = (uint32_t)BACKOFF_FIRST_MS << doublings;

    if (ceiling > BACKOFF_LAST_MS)
        ceiling = BACKOFF_LAST_MS;
    evutil_secure_rng_get_bytes(&random, sizeof random);
    uint32_t delay_ms = ceiling / 4 + random % (ceiling - ceiling / 4 + 1);
    const struct timeval delay = {delay_ms / 1000, delay_ms % 1000 * 1000};
    client->failures++;
    (void)evtimer_add(client->again, &delay);
}

static void log_outage(struct redis_client *client, bool refused, const char *reason)
{
    int64_t now_ms = clock_now_ms();

    if (!client->steady && client->logged_ms && now_ms - client->logged_ms < LOG_GAP_MS)
        return;
    client->in_outage = true;
    client->logged_ms = now_ms;
    if (refused)
        log_event(LOG_ERROR, "redis refuses us", LOG_S("what", client->conf.what),
                  LOG_S("redis", client->name), LOG_S("reason", reason),
                  LOG_S("remedy", redis_trouble_remedy(reason)));
    else
        log_event(LOG_WARN, "redis is not reachable", LOG_S("what", client->conf.what),
                  LOG_S("redis", client->name), LOG_S("reason", reason), LOG_I("failures", client->failures));
}

/* The next attempt goes where MOVED points, unless it has gone in circles. */
static bool follow(struct redis_client *client, const char *reason)
{
    if (client->circles >= MAX_CIRCLES ||
        !redis_trouble_moved(reason, client->host, sizeof client->host, &client->port))
        return false;
    client->moved = true;
    if (client->circles++ == 0)
        log_event(LOG_INFO, "redis moved the slot", LOG_S("what", client->conf.what),
                  LOG_S("host", client->host), LOG_I("port", client->port));
    return true;
}

static void on_ready(void *arg)
{
    struct redis_client *client = arg;

    client->up = true;
    metrics_set(client->conf.up_row, 1);
    if (client->in_outage || !client->up_since_ms)
        log_event(LOG_INFO, "redis is up", LOG_S("what", client->conf.what), LOG_S("redis", client->name));
    client->up_since_ms = clock_now_ms();
    client->in_outage = false;
    if (client->paused)
        redis_conn_pause(client->conn, true);
    if (client->conf.events->on_up)
        client->conf.events->on_up(client->conf.arg);
}

static void on_over(bool refused, const char *reason, void *arg)
{
    fail(arg, refused, reason);
}

static void on_message(struct slice payload, void *arg)
{
    const struct redis_client *client = arg;

    client->conf.events->on_message(payload, client->conf.arg);
}

/* An attempt, or a connection that was up, has ended. */
static void fail(struct redis_client *client, bool refused, const char *reason)
{
    char text[REDIS_REASON_MAX];
    bool was_up = client->up;

    snprintf(text, sizeof text, "%s", reason);
    client->up = false;
    client->phase = PHASE_WAITING;
    client->steady = was_up && clock_now_ms() - client->up_since_ms >= STEADY_MS;
    if (client->steady)
        client->failures = client->circles = 0;
    redis_conn_free(client->conn);
    client->conn = NULL;
    metrics_set(client->conf.up_row, 0);
    metrics_add(client->conf.reconnects_row, 1);
    client->moved = false;
    if (!follow(client, text))
        log_outage(client, refused, text);
    pause_attempts(client);
    if (was_up && client->conf.events->on_down)
        client->conf.events->on_down(client->conf.arg);
}

static void open_conn(struct redis_client *client, const char *address, int port, const char *path)
{
    static const struct redis_conn_events events = {
        .on_ready = on_ready, .on_over = on_over, .on_message = on_message};
    const struct redis_conn_conf conf = {
        .base = client->conf.base,
        .address = address,
        .port = port,
        .path = path,
        .user = client->url.user,
        .password = client->url.password,
        .db = client->url.db,
        .master = true,
        .probe = (const char *)client->probe.data,
        .channel = client->conf.channel,
        .timeout_ms = (int)client->conf.options->timeout,
        .events = &events,
        .arg = client,
    };

    client->phase = PHASE_REDIS;
    if (redis_conn_new(&conf, &client->conn)) {
        client->conn = NULL;
        fail(client, false, "no memory for a connection");
    }
}

static void on_master(const redisReply *answer, void *arg)
{
    struct redis_client *client = arg;

    if (!answer)
        return;
    if (answer->type != REDIS_REPLY_ARRAY || answer->elements != 2 ||
        answer->element[0]->type != REDIS_REPLY_STRING || answer->element[1]->type != REDIS_REPLY_STRING ||
        answer->element[0]->len >= sizeof client->host) {
        snprintf(client->host, sizeof client->host, "%s", "");
    } else {
        snprintf(client->host, sizeof client->host, "%s", answer->element[0]->str);
        client->port = atoi(answer->element[1]->str);
    }
    /* The connection may not be freed inside its own callback. */
    event_active(client->again, EV_TIMEOUT, 0);
}

static void on_sentinel_ready(void *arg)
{
    struct redis_client *client = arg;
    const struct slice words[] = {slice_str("SENTINEL"), slice_str("get-master-addr-by-name"),
                                  slice_str(client->conf.options->master_name)};

    (void)redis_conn_command(client->conn, on_master, client, words, 3);
}

static void open_sentinel(struct redis_client *client, const char *address, int port)
{
    static const struct redis_conn_events events = {.on_ready = on_sentinel_ready, .on_over = on_over};
    const struct redis_conn_conf conf = {
        .base = client->conf.base,
        .address = address,
        .port = port,
        .user = "",
        .password = client->conf.options->sentinel_password,
        .timeout_ms = (int)client->conf.options->timeout,
        .events = &events,
        .arg = client,
    };

    client->host[0] = '\0';
    if (redis_conn_new(&conf, &client->conn)) {
        client->conn = NULL;
        fail(client, false, "no memory for a connection");
    }
}

static void on_addresses(const char *error, const struct evutil_addrinfo *addresses, void *arg)
{
    struct redis_client *client = arg;
    char address[ADDRESS_MAX];
    char port[8];

    if (error || getnameinfo(addresses->ai_addr, (socklen_t)addresses->ai_addrlen, address, sizeof address,
                             port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV)) {
        fail(client, false, error ? error : "the address is not understood");
        return;
    }
    if (client->phase == PHASE_SENTINEL)
        open_sentinel(client, address, atoi(port));
    else
        open_conn(client, address, atoi(port), NULL);
}

static void look_up(struct redis_client *client, enum phase phase, const char *host, int port)
{
    client->phase = phase;
    if (lookup_start(client->conf.dns, host, port, on_addresses, client, &client->lookup))
        fail(client, false, "no memory for a look-up");
}

static void ask_sentinel(struct redis_client *client)
{
    const struct conf_list *sentinels = &client->conf.options->sentinels;
    const char *text = sentinels->items[client->sentinel++ % sentinels->count];
    const char *colon = strrchr(text, ':');
    bool bracketed = text[0] == '[';
    char host[REDIS_TEXT_MAX];

    snprintf(host, sizeof host, "%.*s", (int)(colon - text) - 2 * bracketed, text + bracketed);
    look_up(client, PHASE_SENTINEL, host, atoi(colon + 1));
}

static void begin_attempt(struct redis_client *client)
{
    if (client->moved) {
        look_up(client, PHASE_REDIS, client->host, client->port);
    } else if (client->conf.options->sentinels.count > 0) {
        ask_sentinel(client);
    } else if (client->url.path[0]) {
        open_conn(client, NULL, 0, client->url.path);
    } else {
        snprintf(client->host, sizeof client->host, "%s", client->url.host);
        look_up(client, PHASE_REDIS, client->url.host, client->url.port);
    }
}

/* The end of a pause, or a sentinel's answer. */
static void on_again(evutil_socket_t fd, short what, void *arg)
{
    struct redis_client *client = arg;

    (void)fd;
    (void)what;
    if (client->phase == PHASE_WAITING) {
        begin_attempt(client);
    } else if (client->phase == PHASE_SENTINEL && client->conn) {
        redis_conn_free(client->conn);
        client->conn = NULL;
        if (client->host[0])
            look_up(client, PHASE_REDIS, client->host, client->port);
        else
            fail(client, true, "the sentinel knows no such master: check redis.masterName");
    }
}

static void make_name(struct redis_client *client)
{
    const struct redis_url *url = &client->url;

    if (client->conf.options->sentinels.count > 0)
        snprintf(client->name, sizeof client->name, "master %s", client->conf.options->master_name);
    else if (url->path[0])
        snprintf(client->name, sizeof client->name, "unix:%s", url->path);
    else
        snprintf(client->name, sizeof client->name, strchr(url->host, ':') ? "[%s]:%d/%d" : "%s:%d/%d",
                 url->host, url->port, url->db);
}

static enum status set_up(struct redis_client *client)
{
    const char *prefix = client->conf.options->prefix;

    if (redis_url_parse(client->conf.options->url, &client->url, NULL))
        return STATUS_INVALID;
    make_name(client);
    buf_init(&client->probe, SIZE_MAX);
    if (buf_printf(&client->probe, "%s:gateway:", prefix) || buf_append(&client->probe, "", 1))
        return STATUS_NO_MEMORY;
    client->again = evtimer_new(client->conf.base, on_again, client);
    if (!client->again)
        return STATUS_NO_MEMORY;
    event_active(client->again, EV_TIMEOUT, 0);
    return STATUS_OK;
}

enum status redis_client_new(const struct redis_client_conf *conf, struct redis_client **out)
{
    struct redis_client *client = calloc(1, sizeof *client);

    if (!client)
        return STATUS_NO_MEMORY;
    client->conf = *conf;
    enum status status = set_up(client);
    if (status) {
        redis_client_free(client);
        return status;
    }
    *out = client;
    return STATUS_OK;
}

void redis_client_free(struct redis_client *client)
{
    if (!client)
        return;
    client->up = false;
    lookup_cancel(&client->lookup);
    redis_conn_free(client->conn);
    if (client->again)
        event_free(client->again);
    buf_fini(&client->probe);
    metrics_set(client->conf.up_row, 0);
    free(client);
}

bool redis_client_is_up(const struct redis_client *client)
{
    return client->up;
}

const char *redis_client_name(const struct redis_client *client)
{
    return client->name;
}

enum status redis_client_command(struct redis_client *client, redis_answer *done, void *arg,
                                 const struct slice *words, size_t count)
{
    return client->up ? redis_conn_command(client->conn, done, arg, words, count) : STATUS_CLOSED;
}

void redis_client_pause(struct redis_client *client, bool pause)
{
    if (!client)
        return;
    client->paused = pause;
    if (client->up)
        redis_conn_pause(client->conn, pause);
}
