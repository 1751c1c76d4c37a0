/* SPDX-License-Identifier: Apache-2.0 */
/* When a connection is made, to whom, and what its end means. The loop's thread only. What is said
 * first over it is redis_handshake's; who is told which answer, redis_conn's. */
#include "shared/redis/redis_client.h"

#include <event2/util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/backoff.h"
#include "shared/base/buf.h"
#include "shared/base/clock.h"
#include "shared/log/metrics.h"
#include "shared/net/loop_event.h"
#include "shared/redis/redis_conn.h"
#include "shared/redis/redis_handshake.h"
#include "shared/redis/redis_outage.h"
#include "shared/redis/redis_refusal.h"
#include "shared/redis/redis_sentinel.h"
#include "shared/redis/redis_url.h"

enum {
    TICK_MS = 1000, /* a connection that is up for so long counts as steady */
    QUIET_MS = 900, /* not a whole tick, or every other one would find it too early */
    HOPS_MAX = 3,   /* MOVED answers in a row that are followed at once */
    NAME_MAX_LEN = 320,
    REASON_MAX = 320,
    ANSWER_MAX = 16 << 20,
};

/* ASKING: a sentinel for the master. MAKING: connecting, and then the handshake. */
enum state { STATE_WAITING, STATE_ASKING, STATE_MAKING, STATE_UP };

struct node {
    char host[REDIS_HOST_MAX + 1];
    int port;
};

struct redis_client {
    struct redis_client_conf conf;
    struct redis_url url;
    struct buf probe; /* a key of ours, for a cluster to say MOVED; empty when not needed */
    char name[NAME_MAX_LEN];
    enum state state;
    struct event *timer;
    struct redis_sentinel sentinel;
    struct redis_conn *conn; /* MAKING and UP, or NULL */
    struct redis_handshake handshake;
    struct node at;     /* where conn goes to, unless to a unix socket */
    struct node moved;  /* where MOVED said; port 0: nowhere */
    unsigned hops;      /* MOVED answers in a row */
    unsigned failures;  /* connections in a row that failed or were not steady */
    bool steady;        /* this one is */
    bool doubtful;      /* the last one was up, and then refused us or made noise: "redis is up" must wait */
    bool paused;        /* by the user */
    bool moving;        /* conn ends, since `moved` was named */
    const char *remedy; /* conn ends, since Redis refused us */
    struct redis_outage outage;
};

static void schedule(struct redis_client *client, uint32_t delay_ms)
{
    (void)loop_event_after_ms(client->timer, delay_ms);
}

/* Never none at all. */
static uint32_t pause_ms(unsigned failures)
{
    static const struct backoff backoff = {.first_ms = 50, .last_ms = 1000, .divisor = 4};
    uint32_t chance = 0;

    evutil_secure_rng_get_bytes(&chance, sizeof chance);
    return backoff_ms(&backoff, failures, chance);
}

static void note_failure(struct redis_client *client, const char *reason, const char *remedy)
{
    redis_outage_note(&client->outage, reason, remedy);
    redis_sentinel_pass_over(&client->sentinel);
    schedule(client, pause_ms(client->failures));
    client->failures++;
}

/* At once, unless it has been sent from one node to the next for some time. */
static void follow(struct redis_client *client, const char *reason)
{
    if (client->hops >= HOPS_MAX) {
        note_failure(client, reason, redis_refusal_of(reason)->remedy);
        return;
    }
    client->hops++;
    redis_outage_note_moved(&client->outage, client->moved.host, client->moved.port);
    schedule(client, 0);
}

/* An attempt has failed, or a connection has ended. */
static void lose(struct redis_client *client, const char *reason, const char *remedy)
{
    bool was_up = client->state == STATE_UP;
    bool moving = client->moving;
    char copy[REASON_MAX];

    snprintf(copy, sizeof copy, "%s", reason);
    (void)evtimer_del(client->timer);
    client->state = STATE_WAITING;
    bool refused = moving || remedy != NULL || redis_conn_was_noise(client->conn);
    client->doubtful = client->doubtful || (was_up && !client->steady && refused);
    client->moving = false;
    client->remedy = NULL;
    redis_conn_free(client->conn);
    client->conn = NULL;
    metrics_set(client->conf.up_row, 0);
    metrics_add(client->conf.reconnects_row, 1);
    if (moving)
        follow(client, copy);
    else
        note_failure(client, copy, remedy);
    if (was_up && client->conf.events->on_down != NULL)
        client->conf.events->on_down(client->conf.arg);
}

static void refuse(struct redis_client *client, const char *reason, const char *remedy)
{
    if (redis_conn_is_over(client->conn))
        return;
    client->remedy = remedy;
    redis_conn_end(client->conn, reason);
}

/* The host is the one that answered when none is named. */
static bool is_to_be_followed(struct redis_client *client, const char *error)
{
    struct node node;

    if (!redis_moved_to(error, node.host, sizeof node.host, &node.port))
        return false;
    if (!node.host[0])
        memcpy(node.host, client->at.host, sizeof node.host);
    client->moved = node;
    return true;
}

static bool judge(const redisReply *answer, void *arg)
{
    struct redis_client *client = arg;
    bool error = answer->type == REDIS_REPLY_ERROR;
    const struct redis_refusal *refusal = error ? redis_refusal_of(answer->str) : NULL;

    if (refusal == NULL)
        return true;
    client->moving = is_to_be_followed(client, answer->str);
    refuse(client, answer->str, refusal->remedy);
    return false;
}

static void settle_down(struct redis_client *client)
{
    client->steady = true;
    client->doubtful = false;
    client->failures = 0;
    client->hops = 0;
    redis_outage_end(&client->outage);
}

static void on_shaken(const char *error, const char *remedy, void *arg)
{
    struct redis_client *client = arg;

    if (error != NULL) {
        refuse(client, error, remedy);
        return;
    }
    redis_conn_settle(client->conn);
    client->state = STATE_UP;
    client->steady = false;
    metrics_set(client->conf.up_row, 1);
    schedule(client, TICK_MS);
    if (!client->doubtful)
        redis_outage_end(&client->outage);
    if (client->paused)
        redis_conn_pause(client->conn, true);
    if (client->conf.events->on_up != NULL)
        client->conf.events->on_up(client->conf.arg);
}

static void on_connected(void *arg)
{
    struct redis_client *client = arg;
    const struct redis_handshake_conf conf = {
        .conn = client->conn,
        .url = &client->url,
        .probe = client->probe.len > 0 ? (const char *)client->probe.data : NULL,
        .channel = client->conf.channel,
        .done = on_shaken,
        .arg = client,
    };

    if (redis_handshake_begin(&client->handshake, &conf) != STATUS_OK)
        redis_conn_end(client->conn, "no memory for a command");
}

static void on_message(struct slice payload, void *arg)
{
    const struct redis_client *client = arg;

    client->conf.events->on_message(payload, client->conf.arg);
}

static void on_closed(const char *reason, void *arg)
{
    struct redis_client *client = arg;

    lose(client, reason, client->remedy);
}

/* As the option stands now: it may be changed while the daemon runs. */
static size_t answer_max(const struct redis_client *client)
{
    size_t message_max = client->conf.message_max != NULL ? (size_t)*client->conf.message_max : 0;

    return message_max > ANSWER_MAX / 2 ? message_max * 2 : ANSWER_MAX;
}

static void connect_to(struct redis_client *client, const char *host, int port)
{
    static const struct redis_conn_events commands = {
        .on_connected = on_connected, .judge = judge, .on_closed = on_closed};
    static const struct redis_conn_events messages = {
        .on_connected = on_connected, .judge = judge, .on_message = on_message, .on_closed = on_closed};
    const struct redis_conn_conf conf = {
        .base = client->conf.base,
        .dns = client->conf.dns,
        .host = host,
        .port = port,
        .path = host != NULL ? NULL : client->url.path,
        .channel = client->conf.channel,
        .answer_max = answer_max(client),
        .timeout_ms = client->conf.options->timeout,
        .events = client->conf.channel != NULL ? &messages : &commands,
        .arg = client,
    };

    client->state = STATE_MAKING;
    snprintf(client->at.host, sizeof client->at.host, "%s", host != NULL ? host : "127.0.0.1");
    client->at.port = port;
    if (redis_conn_new(&conf, &client->conn) != STATUS_OK) {
        client->conn = NULL;
        lose(client, "no memory for a connection", NULL);
    }
}

static void on_master(const char *host, int port, const char *error, const char *remedy, void *arg)
{
    struct redis_client *client = arg;

    if (host != NULL)
        connect_to(client, host, port);
    else
        lose(client, error, remedy);
}

/* Every other attempt goes where MOVED said, so that neither node's death holds us up. */
static void begin_attempt(struct redis_client *client)
{
    if (client->moved.port > 0 && client->failures % 2 == 0) {
        struct node node = client->moved;

        connect_to(client, node.host, node.port);
    } else if (client->conf.options->sentinels.count > 0) {
        client->state = STATE_ASKING;
        redis_sentinel_ask(&client->sentinel);
    } else if (client->url.scheme == REDIS_UNIX) {
        connect_to(client, NULL, 0);
    } else {
        connect_to(client, client->url.host, client->url.port);
    }
}

static void on_life(const redisReply *answer, void *arg)
{
    const struct redis_refusal *refusal = answer != NULL ? redis_role_refusal(answer) : NULL;

    if (refusal != NULL)
        refuse(arg, refusal->beginning, refusal->remedy);
}

/* ROLE also tells when a master has become a replica; a subscriber may only say PING. */
static void ask_for_life(struct redis_client *client)
{
    const struct slice word = slice_str(client->conf.channel != NULL ? "PING" : "ROLE");

    if (redis_conn_send(client->conn, on_life, client, &word, 1) == STATUS_NO_MEMORY)
        redis_conn_end(client->conn, "no memory for a command");
}

static void tick(struct redis_client *client)
{
    schedule(client, TICK_MS);
    if (redis_conn_is_over(client->conn))
        return;
    if (!client->steady)
        settle_down(client);
    if (redis_conn_is_idle(client->conn, QUIET_MS))
        ask_for_life(client);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct redis_client *client = arg;

    (void)fd;
    (void)what;
    if (client->state == STATE_WAITING)
        begin_attempt(client);
    else if (client->state == STATE_UP)
        tick(client);
}

static void make_name(struct redis_client *client)
{
    if (client->conf.options->sentinels.count > 0)
        snprintf(client->name, sizeof client->name, "master %s", client->conf.options->master_name);
    else
        redis_url_name(&client->url, client->name, sizeof client->name);
}

static enum status set_up(struct redis_client *client)
{
    const struct redis_options *options = client->conf.options;

    if (redis_url_parse(options->url, &client->url, NULL) != STATUS_OK || client->url.scheme == REDIS_TLS)
        return STATUS_INVALID;
    make_name(client);
    client->outage = (struct redis_outage){.what = client->conf.what, .redis = client->name};
    client->sentinel = (struct redis_sentinel){.base = client->conf.base,
                                               .dns = client->conf.dns,
                                               .options = options,
                                               .done = on_master,
                                               .arg = client};
    if (strchr(options->prefix, '{') != NULL &&
        (buf_printf(&client->probe, "%s:gateway", options->prefix) != STATUS_OK ||
         buf_append(&client->probe, "", 1) != STATUS_OK))
        return STATUS_NO_MEMORY;
    client->timer = evtimer_new(client->conf.base, on_timer, client);
    if (client->timer == NULL)
        return STATUS_NO_MEMORY;
    schedule(client, 0);
    return STATUS_OK;
}

enum status redis_client_new(const struct redis_client_conf *conf, struct redis_client **out)
{
    struct redis_client *client = calloc(1, sizeof *client);

    if (client == NULL)
        return STATUS_NO_MEMORY;
    client->conf = *conf;
    buf_init(&client->probe, SIZE_MAX);
    enum status status = set_up(client);
    if (status != STATUS_OK) {
        redis_client_free(client);
        return status;
    }
    *out = client;
    return STATUS_OK;
}

void redis_client_free(struct redis_client *client)
{
    if (client == NULL)
        return;
    client->state = STATE_WAITING;
    redis_sentinel_stop(&client->sentinel);
    redis_conn_free(client->conn);
    metrics_set(client->conf.up_row, 0);
    loop_event_free(client->timer);
    buf_fini(&client->probe);
    free(client);
}

bool redis_client_is_up(const struct redis_client *client)
{
    return client->state == STATE_UP && !redis_conn_is_over(client->conn);
}

void redis_client_describe(const struct redis_client *client, struct redis_client_state *out)
{
    const struct redis_outage *outage = &client->outage;
    bool up = redis_client_is_up(client) && !client->doubtful;
    bool known = !up && outage->open;

    *out = (struct redis_client_state){.what = client->conf.what,
                                       .up = up,
                                       .error = known ? outage->reason : NULL,
                                       .down_ms = known ? clock_now_ms() - outage->since_ms : 0};
}

const char *redis_client_name(const struct redis_client *client)
{
    return client->name;
}

enum status redis_client_command(struct redis_client *client, redis_answer *done, void *arg,
                                 const struct slice *words, size_t count)
{
    return redis_client_is_up(client) ? redis_conn_send(client->conn, done, arg, words, count)
                                      : STATUS_CLOSED;
}

void redis_client_pause(struct redis_client *client, bool pause)
{
    if (client == NULL)
        return;
    client->paused = pause;
    if (client->state == STATE_UP)
        redis_conn_pause(client->conn, pause);
}
