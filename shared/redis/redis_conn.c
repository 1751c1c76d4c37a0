/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the socket's events and the commands whose answers are due, in order. The loop's thread
 * only. Every death is told in on_turn, and nowhere else. */
#include "shared/redis/redis_conn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/buf.h"
#include "shared/base/clock.h"
#include "shared/base/list.h"
#include "shared/net/loop_event.h"
#include "shared/redis/redis_dial.h"
#include "shared/redis/resp_scan.h"

enum { REASON_MAX = 320, WORDS_KEPT_BYTES = 65536, READ_BYTES = 16384 };

struct redis_conn {
    struct redis_conn_conf conf;
    struct redis_dial dial;
    redisContext *redis;    /* NULL until connected */
    struct resp_scan scan;  /* sees each byte before hiredis does */
    struct event *readable; /* the socket's */
    struct event *writable; /* waits only for what did not go out at once */
    struct event *clock;    /* the next time-out */
    struct event *turn;     /* at the end of the loop's turn: sends, or tells the death */
    struct list owed;       /* commands, the oldest first */
    size_t owed_count;
    struct buf words;    /* the command that is being sent */
    int64_t deadline_ms; /* until it is settled */
    int64_t heard_ms;
    bool settled;
    bool paused;
    bool over;
    bool noise; /* over, since what came was not what a Redis says */
    char reason[REASON_MAX];
};

struct command {
    struct list node;
    redis_conn_answer *done;
    void *arg;
    int64_t due_ms;
};

static struct command *oldest(const struct redis_conn *conn)
{
    struct list *first = list_first(&conn->owed);

    return first != NULL ? container_of(first, struct command, node) : NULL;
}

static void set_clock(struct redis_conn *conn, int64_t due_ms)
{
    if (loop_event_after_ms(conn->clock, due_ms - clock_now_ms()) != STATUS_OK)
        redis_conn_end(conn, "no memory for a timer");
}

static void stop(struct event *event)
{
    if (event != NULL)
        (void)event_del(event);
}

void redis_conn_end(struct redis_conn *conn, const char *reason)
{
    if (conn->over)
        return;
    conn->over = true;
    snprintf(conn->reason, sizeof conn->reason, "%s", reason[0] ? reason : "closed");
    redis_dial_stop(&conn->dial);
    stop(conn->readable);
    stop(conn->writable);
    stop(conn->clock);
    event_active(conn->turn, EV_TIMEOUT, 0);
}

static void end_for_noise(struct redis_conn *conn, const char *reason)
{
    conn->noise = !conn->over;
    redis_conn_end(conn, reason);
}

static void end_for_error(struct redis_conn *conn)
{
    char reason[REASON_MAX];

    snprintf(reason, sizeof reason, "%s%s",
             conn->redis->err == REDIS_ERR_PROTOCOL ? "what answers there is no Redis: " : "",
             conn->redis->errstr);
    redis_conn_end(conn, reason);
}

static void tell(struct redis_conn *conn, struct command *command, const redisReply *answer)
{
    list_remove(&command->node);
    conn->owed_count--;
    if (command->done != NULL)
        command->done(answer, command->arg);
    free(command);
}

/* RESP2: what is published comes as ["message", channel, payload]. */
static bool is_message(const struct redis_conn *conn, const redisReply *reply)
{
    return conn->conf.channel != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 &&
           reply->element[0]->type == REDIS_REPLY_STRING && strcmp(reply->element[0]->str, "message") == 0 &&
           reply->element[1]->type == REDIS_REPLY_STRING && reply->element[2]->type == REDIS_REPLY_STRING;
}

static void take_message(struct redis_conn *conn, const redisReply *channel, const redisReply *payload)
{
    if (slice_equal(slice_of(channel->str, channel->len), slice_str(conn->conf.channel)))
        conn->conf.events->on_message(slice_of(payload->str, payload->len), conn->conf.arg);
    else
        end_for_noise(conn, "it sent a message of a channel that nobody subscribed to");
}

static void take(struct redis_conn *conn, const redisReply *reply)
{
    const struct redis_conn_events *events = conn->conf.events;
    struct command *command = oldest(conn);

    if (is_message(conn, reply))
        take_message(conn, reply->element[1], reply->element[2]);
    else if (command == NULL)
        end_for_noise(conn,
                      reply->type == REDIS_REPLY_ERROR ? reply->str : "it answered what nobody had asked");
    else if (events->judge == NULL || events->judge(reply, conn->conf.arg))
        tell(conn, command, reply);
}

/* Whether there may be more to read. */
static bool take_all(struct redis_conn *conn)
{
    void *reply = NULL;

    while (!conn->over && !conn->paused) {
        if (redisGetReply(conn->redis, &reply) != REDIS_OK)
            end_for_error(conn);
        if (reply == NULL)
            break;
        take(conn, reply);
        freeReplyObject(reply);
        reply = NULL;
    }
    return !conn->over && !conn->paused;
}

static void end_for_fault(struct redis_conn *conn, enum status status, const struct fault *fault)
{
    char reason[REASON_MAX];

    snprintf(reason, sizeof reason, "%s: %.240s",
             status == STATUS_TOO_LARGE ? "its answer is too large" : "what answers there is no Redis",
             fault->text);
    end_for_noise(conn, reason);
}

/* One read(2), of which hiredis gets what resp_scan has let through. */
static void receive(struct redis_conn *conn)
{
    char bytes[READ_BYTES];
    struct fault fault;
    ssize_t count = read(conn->redis->fd, bytes, sizeof bytes);

    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (count <= 0) {
        redis_conn_end(conn, count < 0 ? strerror(errno) : "Server closed the connection");
        return;
    }
    enum status status = resp_scan_feed(&conn->scan, slice_of(bytes, (size_t)count), &fault);
    if (status != STATUS_OK)
        end_for_fault(conn, status, &fault);
    else if (redisReaderFeed(conn->redis->reader, bytes, (size_t)count) != REDIS_OK)
        redis_conn_end(conn, "no memory for an answer");
}

/* What was read before a pause comes first, or each pause would let some more gather. */
static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct redis_conn *conn = arg;

    (void)fd;
    (void)what;
    if (!take_all(conn))
        return;
    conn->heard_ms = clock_now_ms();
    receive(conn);
    (void)take_all(conn);
}

static void flush(struct redis_conn *conn)
{
    int done = 0;

    if (redisBufferWrite(conn->redis, &done) != REDIS_OK)
        end_for_error(conn);
    else if (!done && event_add(conn->writable, NULL))
        redis_conn_end(conn, "no memory for an event");
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    flush(arg);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
    struct redis_conn *conn = arg;

    (void)fd;
    (void)what;
    if (!conn->over)
        flush(conn);
    else
        conn->conf.events->on_closed(conn->reason, conn->conf.arg);
}

static void on_clock(evutil_socket_t fd, short what, void *arg)
{
    struct redis_conn *conn = arg;
    const struct command *command = oldest(conn);

    (void)fd;
    (void)what;
    if (redis_dial_is_looking_up(&conn->dial))
        redis_conn_end(conn, "the host's name was not resolved in time");
    else if (conn->redis == NULL)
        redis_conn_end(conn, "no connection in time");
    else if (command != NULL && command->due_ms <= clock_now_ms())
        redis_conn_end(conn, "no answer in time");
    else if (command != NULL)
        set_clock(conn, command->due_ms);
}

static void on_dialled(redisContext *context, const char *error, void *arg)
{
    struct redis_conn *conn = arg;

    if (error != NULL) {
        redis_conn_end(conn, error);
        return;
    }
    conn->redis = context;
    conn->readable = event_new(conn->conf.base, context->fd, EV_READ | EV_PERSIST, on_readable, conn);
    conn->writable = event_new(conn->conf.base, context->fd, EV_WRITE, on_writable, conn);
    if (conn->readable == NULL || conn->writable == NULL || event_add(conn->readable, NULL)) {
        redis_conn_end(conn, "no memory for an event");
        return;
    }
    stop(conn->clock);
    conn->heard_ms = clock_now_ms();
    conn->conf.events->on_connected(conn->conf.arg);
}

static void dial(struct redis_conn *conn)
{
    const struct redis_dial_conf conf = {
        .base = conn->conf.base,
        .dns = conn->conf.dns,
        .host = conn->conf.host,
        .port = conn->conf.port,
        .path = conn->conf.path,
        .timeout_ms = conn->conf.timeout_ms,
        .done = on_dialled,
        .arg = conn,
    };

    conn->deadline_ms = clock_now_ms() + conn->conf.timeout_ms;
    set_clock(conn, conn->deadline_ms);
    redis_dial_start(&conn->dial, &conf);
    conn->conf.host = conn->conf.path = NULL;
}

enum status redis_conn_new(const struct redis_conn_conf *conf, struct redis_conn **out)
{
    struct redis_conn *conn = calloc(1, sizeof *conn);

    if (conn == NULL)
        return STATUS_NO_MEMORY;
    conn->conf = *conf;
    resp_scan_init(&conn->scan, conf->answer_max);
    list_init(&conn->owed);
    buf_init(&conn->words, SIZE_MAX);
    conn->clock = evtimer_new(conf->base, on_clock, conn);
    conn->turn = event_new(conf->base, -1, 0, on_turn, conn);
    if (conn->clock == NULL || conn->turn == NULL) {
        redis_conn_free(conn);
        return STATUS_NO_MEMORY;
    }
    dial(conn);
    *out = conn;
    return STATUS_OK;
}

void redis_conn_free(struct redis_conn *conn)
{
    struct command *command;

    if (conn == NULL)
        return;
    conn->over = true;
    redis_dial_stop(&conn->dial);
    loop_event_free(conn->readable);
    loop_event_free(conn->writable);
    loop_event_free(conn->clock);
    loop_event_free(conn->turn);
    while ((command = oldest(conn)) != NULL)
        tell(conn, command, NULL);
    if (conn->redis != NULL)
        redisFree(conn->redis);
    buf_fini(&conn->words);
    free(conn);
}

/* An array of bulk strings (RESP2). */
static enum status encode(struct buf *out, const struct slice *words, size_t count)
{
    enum status status = buf_printf(out, "*%zu\r\n", count);

    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = buf_printf(out, "$%zu\r\n", words[i].len);
        if (status == STATUS_OK)
            status = buf_append(out, words[i].data, words[i].len);
        if (status == STATUS_OK)
            status = buf_append(out, "\r\n", 2);
    }
    return status;
}

/* hiredis keeps its error when memory ends, and with it the connection is of no more use. */
static enum status append(struct redis_conn *conn, const struct slice *words, size_t count)
{
    enum status status = encode(&conn->words, words, count);

    if (status == STATUS_OK &&
        redisAppendFormattedCommand(conn->redis, (const char *)conn->words.data, conn->words.len)) {
        redis_conn_end(conn, "no memory for a command");
        status = STATUS_NO_MEMORY;
    }
    buf_clear(&conn->words);
    if (conn->words.cap > WORDS_KEPT_BYTES)
        buf_fini(&conn->words);
    return status;
}

enum status redis_conn_send(struct redis_conn *conn, redis_conn_answer *done, void *arg,
                            const struct slice *words, size_t count)
{
    if (conn->over || conn->redis == NULL)
        return STATUS_CLOSED;
    if (conn->owed_count >= REDIS_OWED_MAX)
        return STATUS_FULL;
    struct command *command = calloc(1, sizeof *command);
    enum status status = command != NULL ? append(conn, words, count) : STATUS_NO_MEMORY;
    if (status != STATUS_OK) {
        free(command);
        return status;
    }
    command->done = done;
    command->arg = arg;
    command->due_ms = conn->settled ? clock_now_ms() + conn->conf.timeout_ms : conn->deadline_ms;
    list_add_tail(&conn->owed, &command->node);
    conn->owed_count++;
    if (!conn->paused && !evtimer_pending(conn->clock, NULL))
        set_clock(conn, oldest(conn)->due_ms);
    event_active(conn->turn, EV_TIMEOUT, 0);
    return STATUS_OK;
}

void redis_conn_settle(struct redis_conn *conn)
{
    conn->settled = true;
}

bool redis_conn_is_over(const struct redis_conn *conn)
{
    return conn->over;
}

bool redis_conn_was_noise(const struct redis_conn *conn)
{
    return conn != NULL && conn->noise;
}

bool redis_conn_is_idle(const struct redis_conn *conn, int64_t quiet_ms)
{
    return !conn->over && !conn->paused && list_empty(&conn->owed) &&
           clock_now_ms() - conn->heard_ms >= quiet_ms;
}

/* Whoever owes an answer could not give it while nobody listened: its time begins anew. */
static void resume(struct redis_conn *conn)
{
    int64_t due_ms = clock_now_ms() + conn->conf.timeout_ms;

    conn->heard_ms = clock_now_ms();
    for (struct list *node = conn->owed.next; node != &conn->owed; node = node->next)
        container_of(node, struct command, node)->due_ms = due_ms;
    if (!list_empty(&conn->owed))
        set_clock(conn, due_ms);
    if (event_add(conn->readable, NULL))
        redis_conn_end(conn, "no memory for an event");
    else
        event_active(conn->readable, EV_READ, 0);
}

void redis_conn_pause(struct redis_conn *conn, bool pause)
{
    if (conn->paused == pause)
        return;
    conn->paused = pause;
    if (conn->over || conn->redis == NULL)
        return;
    if (!pause) {
        resume(conn);
        return;
    }
    stop(conn->readable);
    stop(conn->clock);
}
