/* SPDX-License-Identifier: Apache-2.0 */
/* What a sentinel said is kept until its connection has ended. The loop's thread only. */
#include "shared/redis/redis_sentinel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/redis/redis_conn.h"

enum { ERROR_MAX = 512, ANSWER_MAX = 65536 };

static void ask_one(struct redis_sentinel *sentinel);

static const char *name_of(const struct redis_sentinel *sentinel)
{
    return sentinel->options->sentinels.items[sentinel->next % sentinel->options->sentinels.count];
}

static void refuse(struct redis_sentinel *sentinel, const char *reason, const char *remedy)
{
    sentinel->remedy = remedy;
    redis_conn_end(sentinel->conn, reason);
}

static void ask_next(struct redis_sentinel *sentinel, const char *reason)
{
    char error[ERROR_MAX];

    snprintf(error, sizeof error, "sentinel %s: %s", name_of(sentinel), reason);
    sentinel->next++;
    if (++sentinel->tried < sentinel->options->sentinels.count)
        ask_one(sentinel);
    else
        sentinel->done(NULL, 0, error, sentinel->remedy, sentinel->arg);
}

static bool read_port(const char *text, int *port)
{
    char *end;
    long value = strtol(text, &end, 10);

    *port = (int)value;
    return end > text && !*end && value >= 1 && value <= 65535;
}

static bool is_master_address(const redisReply *answer)
{
    return answer->type == REDIS_REPLY_ARRAY && answer->elements == 2 &&
           answer->element[0]->type == REDIS_REPLY_STRING && answer->element[0]->len >= 1 &&
           answer->element[0]->len <= REDIS_HOST_MAX && answer->element[1]->type == REDIS_REPLY_STRING;
}

static void on_master(const redisReply *answer, void *arg)
{
    struct redis_sentinel *sentinel = arg;
    char reason[ERROR_MAX];

    if (answer == NULL)
        return;
    if (is_master_address(answer) && read_port(answer->element[1]->str, &sentinel->port)) {
        snprintf(sentinel->host, sizeof sentinel->host, "%s", answer->element[0]->str);
        redis_conn_end(sentinel->conn, "answered");
    } else if (answer->type == REDIS_REPLY_NIL) {
        snprintf(reason, sizeof reason, "knows no master \"%s\"", sentinel->options->master_name);
        refuse(sentinel, reason, "check redis.masterName");
    } else {
        refuse(sentinel, answer->type == REDIS_REPLY_ERROR ? answer->str : "its answer is not understood",
               "check redis.sentinels and redis.sentinelPassword");
    }
}

static void on_auth(const redisReply *answer, void *arg)
{
    struct redis_sentinel *sentinel = arg;
    const char *password = sentinel->options->sentinel_password;

    if (answer != NULL && answer->type == REDIS_REPLY_ERROR)
        refuse(sentinel, strstr(answer->str, password) != NULL ? "AUTH is refused" : answer->str,
               "check redis.sentinelPassword");
}

static void on_connected(void *arg)
{
    struct redis_sentinel *sentinel = arg;
    const char *password = sentinel->options->sentinel_password;
    const struct slice login[] = {slice_str("AUTH"), slice_str(password)};
    const struct slice question[] = {slice_str("SENTINEL"), slice_str("get-master-addr-by-name"),
                                     slice_str(sentinel->options->master_name)};

    if ((password[0] && redis_conn_send(sentinel->conn, on_auth, sentinel, login, 2) != STATUS_OK) ||
        redis_conn_send(sentinel->conn, on_master, sentinel, question, 3) != STATUS_OK)
        redis_conn_end(sentinel->conn, "no memory for a command");
}

static void on_closed(const char *reason, void *arg)
{
    struct redis_sentinel *sentinel = arg;
    char copy[ERROR_MAX];

    snprintf(copy, sizeof copy, "%s", reason);
    redis_sentinel_stop(sentinel);
    if (sentinel->host[0])
        sentinel->done(sentinel->host, sentinel->port, NULL, NULL, sentinel->arg);
    else
        ask_next(sentinel, copy);
}

static void ask_one(struct redis_sentinel *sentinel)
{
    static const struct redis_conn_events events = {.on_connected = on_connected, .on_closed = on_closed};
    char host[REDIS_HOST_MAX + 1];
    struct redis_conn_conf conf = {
        .base = sentinel->base,
        .dns = sentinel->dns,
        .host = host,
        .answer_max = ANSWER_MAX,
        .timeout_ms = sentinel->options->timeout,
        .events = &events,
        .arg = sentinel,
    };

    if (redis_address_parse(name_of(sentinel), host, &conf.port, NULL) != STATUS_OK)
        ask_next(sentinel, "is not host:port");
    else if (redis_conn_new(&conf, &sentinel->conn) != STATUS_OK)
        ask_next(sentinel, "no memory for a connection");
}

void redis_sentinel_ask(struct redis_sentinel *sentinel)
{
    sentinel->tried = 0;
    sentinel->host[0] = '\0';
    sentinel->remedy = NULL;
    ask_one(sentinel);
}

void redis_sentinel_pass_over(struct redis_sentinel *sentinel)
{
    sentinel->next++;
}

void redis_sentinel_stop(struct redis_sentinel *sentinel)
{
    redis_conn_free(sentinel->conn);
    sentinel->conn = NULL;
}
