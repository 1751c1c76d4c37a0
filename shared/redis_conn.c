/* SPDX-License-Identifier: Apache-2.0 */
/* hiredis owns the protocol, redis_socket the events; this file owns the deadline and the order of
 * the first commands. The loop's thread only. */
#include "shared/redis_conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/clock.h"
#include "shared/list.h"
#include "shared/redis_socket.h"
#include "shared/redis_trouble.h"

enum { IDLE_MS = 1000, MAX_WORDS = 2048 };

/* What is said first, in this order, each after the answer to the one before. */
enum step { STEP_AUTH, STEP_SELECT, STEP_ROLE, STEP_PROBE, STEP_SUBSCRIBE, STEP_READY };

struct redis_conn {
    struct redis_conn_conf conf;
    struct redis_socket socket;
    struct event *deadline; /* time-outs and signs of life */
    struct event *over;     /* tells on_over from the loop */
    struct list pending;    /* commands without an answer, oldest first */
    enum step step;
    int64_t began_ms;
    bool dead;
    bool refused;
    bool probing; /* a sign of life was asked for */
    char reason[REDIS_REASON_MAX];
};

struct command {
    struct list node;
    struct redis_conn *conn;
    redis_conn_answer *done;
    void *arg;
    int64_t sent_ms;
};

static void die(struct redis_conn *conn, bool refused, const char *reason)
{
    if (conn->dead)
        return;
    conn->dead = true;
    conn->refused = refused;
    snprintf(conn->reason, sizeof conn->reason, "%s", reason);
    event_active(conn->over, EV_TIMEOUT, 0);
}

static void on_answer(redisAsyncContext *redis, void *reply, void *privdata)
{
    struct command *command = privdata;
    struct redis_conn *conn = command->conn;
    const redisReply *answer = reply;

    (void)redis;
    list_remove(&command->node);
    if (answer && answer->type == REDIS_REPLY_ERROR && redis_trouble_is_fatal(answer->str)) {
        die(conn, true, answer->str);
        answer = NULL;
    }
    if (command->done)
        command->done(conn->dead ? NULL : answer, command->arg);
    free(command);
}

static enum status send_words(struct redis_conn *conn, redis_conn_answer *done, void *arg,
                              const struct slice *words, size_t count)
{
    const char **argv = calloc(count, sizeof *argv);
    size_t *lens = calloc(count, sizeof *lens);
    struct command *command = calloc(1, sizeof *command);
    enum status status = argv && lens && command ? STATUS_OK : STATUS_NO_MEMORY;

    for (size_t i = 0; !status && i < count; i++) {
        argv[i] = words[i].data ? (const char *)words[i].data : "";
        lens[i] = words[i].len;
    }
    if (!status) {
        *command = (struct command){.conn = conn, .done = done, .arg = arg, .sent_ms = clock_now_ms()};
        list_add_tail(&conn->pending, &command->node);
        if (redisAsyncCommandArgv(conn->socket.redis, on_answer, command, (int)count, argv, lens) !=
            REDIS_OK) {
            list_remove(&command->node);
            status = STATUS_CLOSED;
        }
    }
    if (status)
        free(command);
    free(argv);
    free(lens);
    return status;
}

static void next_step(struct redis_conn *conn);

static void on_step(const redisReply *answer, void *arg)
{
    struct redis_conn *conn = arg;
    bool role = conn->step == STEP_ROLE;
    bool optional = role || conn->step == STEP_PROBE; /* a user may lack the right to ask */

    if (!answer)
        return;
    if (role && answer->type == REDIS_REPLY_ARRAY && answer->elements > 0 &&
        answer->element[0]->type == REDIS_REPLY_STRING && strcmp(answer->element[0]->str, "master") != 0) {
        die(conn, true, "READONLY this is a replica, or not a Redis that keeps data");
        return;
    }
    if (answer->type == REDIS_REPLY_ERROR && !optional) {
        die(conn, true, answer->str);
        return;
    }
    conn->step++;
    next_step(conn);
}

/* Confirmations and messages; a connection's end comes here too, as NULL. */
static void on_subscribed(redisAsyncContext *redis, void *reply, void *privdata)
{
    struct redis_conn *conn = privdata;
    const redisReply *answer = reply;

    (void)redis;
    if (!answer || conn->dead)
        return;
    if (answer->type == REDIS_REPLY_ERROR) {
        die(conn, true, answer->str);
        return;
    }
    if (answer->type != REDIS_REPLY_ARRAY || answer->elements != 3 ||
        answer->element[0]->type != REDIS_REPLY_STRING)
        return;
    if (strcasecmp(answer->element[0]->str, "message") == 0 &&
        answer->element[2]->type == REDIS_REPLY_STRING) {
        conn->conf.events->on_message(slice_of(answer->element[2]->str, answer->element[2]->len),
                                      conn->conf.arg);
        return;
    }
    conn->probing = false;
    if (conn->step == STEP_SUBSCRIBE) {
        conn->step = STEP_READY;
        next_step(conn);
    }
}

static void subscribe(struct redis_conn *conn)
{
    const char *words[] = {"SUBSCRIBE", conn->conf.channel};

    conn->probing = true;
    conn->socket.heard_ms = clock_now_ms();
    if (redisAsyncCommandArgv(conn->socket.redis, on_subscribed, conn, 2, words, NULL) != REDIS_OK)
        die(conn, false, "no memory for a command");
}

static bool is_needed(const struct redis_conn *conn, enum step step)
{
    switch (step) {
    case STEP_AUTH:
        return conn->conf.password[0] != '\0';
    case STEP_SELECT:
        return conn->conf.db > 0;
    case STEP_ROLE:
        return conn->conf.master;
    case STEP_PROBE:
        return conn->conf.probe != NULL;
    case STEP_SUBSCRIBE:
        return conn->conf.channel != NULL;
    case STEP_READY:
        break;
    }
    return true;
}

static enum status say(struct redis_conn *conn)
{
    char db[16];
    struct slice words[3];
    size_t count = 2;

    snprintf(db, sizeof db, "%d", conn->conf.db);
    if (conn->step == STEP_AUTH) {
        bool user = conn->conf.user[0] != '\0';
        words[0] = slice_str("AUTH");
        words[1] = slice_str(user ? conn->conf.user : conn->conf.password);
        words[2] = slice_str(conn->conf.password);
        count = user ? 3 : 2;
    } else if (conn->step == STEP_SELECT) {
        words[0] = slice_str("SELECT");
        words[1] = slice_str(db);
    } else if (conn->step == STEP_ROLE) {
        words[0] = slice_str("ROLE");
        count = 1;
    } else {
        words[0] = slice_str("EXISTS");
        words[1] = slice_str(conn->conf.probe);
    }
    return send_words(conn, on_step, conn, words, count);
}

static void next_step(struct redis_conn *conn)
{
    while (!is_needed(conn, conn->step))
        conn->step++;
    if (conn->step == STEP_READY)
        conn->conf.events->on_ready(conn->conf.arg);
    else if (conn->step == STEP_SUBSCRIBE)
        subscribe(conn);
    else if (say(conn))
        die(conn, false, "no memory for a command");
}

static void on_connect(const redisAsyncContext *redis, int status)
{
    struct redis_conn *conn = redis->data;

    if (status == REDIS_OK) {
        next_step(conn);
        return;
    }
    die(conn, false, redis->errstr && redis->errstr[0] ? redis->errstr : "the connection was not made");
}

static void on_disconnect(const redisAsyncContext *redis, int status)
{
    struct redis_conn *conn = redis->data;

    die(conn, false, status != REDIS_OK && redis->errstr && redis->errstr[0] ? redis->errstr : "closed");
}

static void on_over(evutil_socket_t fd, short what, void *arg)
{
    struct redis_conn *conn = arg;

    (void)fd;
    (void)what;
    (void)event_del(conn->deadline);
    redis_socket_fini(&conn->socket);
    conn->conf.events->on_over(conn->refused, conn->reason, conn->conf.arg);
}

static void ask_for_life(struct redis_conn *conn)
{
    const struct slice ping = slice_str("PING");

    if (conn->conf.channel)
        subscribe(conn);
    else
        (void)send_words(conn, NULL, NULL, &ping, 1);
}

static bool is_late(const struct redis_conn *conn, int64_t now_ms)
{
    struct list *oldest = list_first(&conn->pending);
    int64_t since_ms = conn->began_ms;

    if (conn->step == STEP_READY && conn->conf.channel)
        return conn->probing && now_ms - conn->socket.heard_ms >= conn->conf.timeout_ms;
    if (conn->step == STEP_READY && !oldest)
        return false;
    if (conn->step == STEP_READY)
        since_ms = container_of(oldest, struct command, node)->sent_ms;
    return now_ms - since_ms >= conn->conf.timeout_ms;
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct redis_conn *conn = arg;
    int64_t now_ms = clock_now_ms();

    (void)fd;
    (void)what;
    if (conn->dead || conn->socket.paused)
        return;
    if (is_late(conn, now_ms))
        die(conn, false,
            conn->step == STEP_READY ? "no answer in time" : "the connection was not made in time");
    else if (conn->step == STEP_READY && now_ms - conn->socket.heard_ms >= IDLE_MS &&
             list_empty(&conn->pending) && !conn->probing)
        ask_for_life(conn);
}

static enum status connect_redis(struct redis_conn *conn)
{
    const struct redis_conn_conf *conf = &conn->conf;
    redisAsyncContext *redis =
        conf->path ? redisAsyncConnectUnix(conf->path) : redisAsyncConnect(conf->address, conf->port);

    if (!redis)
        return STATUS_NO_MEMORY;
    if (redis->err) {
        die(conn, false, redis->errstr);
        redisAsyncFree(redis);
        return STATUS_OK;
    }
    redis->data = conn;
    enum status status = redis_socket_init(&conn->socket, conf->base, redis);
    if (!status && (redisAsyncSetConnectCallback(redis, on_connect) != REDIS_OK ||
                    redisAsyncSetDisconnectCallback(redis, on_disconnect) != REDIS_OK))
        status = STATUS_NO_MEMORY;
    return status;
}

static enum status set_up(struct redis_conn *conn)
{
    int tick_ms = conn->conf.timeout_ms / 8 + 1;
    const struct timeval tick = {tick_ms / 1000, tick_ms % 1000 * 1000};

    conn->over = event_new(conn->conf.base, -1, 0, on_over, conn);
    conn->deadline = event_new(conn->conf.base, -1, EV_PERSIST, on_deadline, conn);
    if (!conn->over || !conn->deadline || event_add(conn->deadline, &tick))
        return STATUS_NO_MEMORY;
    return connect_redis(conn);
}

enum status redis_conn_new(const struct redis_conn_conf *conf, struct redis_conn **out)
{
    struct redis_conn *conn = calloc(1, sizeof *conn);

    if (!conn)
        return STATUS_NO_MEMORY;
    conn->conf = *conf;
    list_init(&conn->pending);
    conn->began_ms = clock_now_ms();
    if (set_up(conn)) {
        redis_conn_free(conn);
        return STATUS_NO_MEMORY;
    }
    conn->conf.address = conn->conf.path = NULL;
    *out = conn;
    return STATUS_OK;
}

static void free_event(struct event *event)
{
    if (event)
        event_free(event);
}

void redis_conn_free(struct redis_conn *conn)
{
    if (!conn)
        return;
    conn->dead = true;
    redis_socket_fini(&conn->socket);
    free_event(conn->deadline);
    free_event(conn->over);
    free(conn);
}

enum status redis_conn_command(struct redis_conn *conn, redis_conn_answer *done, void *arg,
                               const struct slice *words, size_t count)
{
    if (conn->dead || conn->step != STEP_READY)
        return STATUS_CLOSED;
    return send_words(conn, done, arg, words, count);
}

void redis_conn_pause(struct redis_conn *conn, bool pause)
{
    redis_socket_pause(&conn->socket, pause);
}
