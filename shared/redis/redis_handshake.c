/* SPDX-License-Identifier: Apache-2.0 */
/* One short function for each answer. The loop's thread only; keeps nothing of what was said. */
#include "shared/redis/redis_handshake.h"

#include <stdio.h>
#include <string.h>

#include "shared/redis/redis_refusal.h"

static bool is_error(const redisReply *answer)
{
    return answer->type == REDIS_REPLY_ERROR;
}

/* A user without the right to ask, or something like Redis that does not know the question. */
static bool may_pass(const redisReply *answer)
{
    return strncmp(answer->str, "NOPERM", strlen("NOPERM")) == 0 ||
           strncmp(answer->str, "ERR unknown command", strlen("ERR unknown command")) == 0;
}

static void fail(struct redis_handshake *handshake, const char *error, const char *remedy)
{
    handshake->conf.done(error, remedy, handshake->conf.arg);
}

static void step(struct redis_handshake *handshake)
{
    if (--handshake->due == 0)
        handshake->conf.done(NULL, NULL, handshake->conf.arg);
}

/* Redis quotes the arguments of a command that it does not know. */
static bool is_quoted(const char *password, const char *error)
{
    return password[0] && strstr(error, password) != NULL;
}

static void on_auth(const redisReply *answer, void *arg)
{
    struct redis_handshake *handshake = arg;

    if (answer == NULL)
        return;
    if (is_error(answer))
        fail(handshake,
             is_quoted(handshake->conf.url->password, answer->str) ? "AUTH is refused" : answer->str,
             "check user and password in redis.url");
    else
        step(handshake);
}

static void on_select(const redisReply *answer, void *arg)
{
    if (answer == NULL)
        return;
    if (is_error(answer))
        fail(arg, answer->str, "check the db in redis.url");
    else
        step(arg);
}

static void on_role(const redisReply *answer, void *arg)
{
    const struct redis_refusal *refusal = answer != NULL ? redis_role_refusal(answer) : NULL;

    if (answer == NULL)
        return;
    if (refusal != NULL)
        fail(arg, refusal->beginning, refusal->remedy);
    else if (is_error(answer) && !may_pass(answer))
        fail(arg, answer->str, "check redis.url");
    else
        step(arg);
}

/* Only the judge's errors matter. */
static void on_formality(const redisReply *answer, void *arg)
{
    if (answer != NULL)
        step(arg);
}

static void on_subscribed(const redisReply *answer, void *arg)
{
    if (answer == NULL)
        return;
    if (is_error(answer))
        fail(arg, answer->str, "give the user the right to subscribe to the channel");
    else
        step(arg);
}

static enum status say(struct redis_handshake *handshake, redis_conn_answer *on_answer, const char *verb,
                       const char *first, const char *second)
{
    const char *const texts[] = {verb, first, second};
    struct slice words[3];
    size_t count = 0;

    for (size_t i = 0; i < 3; i++)
        if (texts[i] != NULL)
            words[count++] = slice_str(texts[i]);
    handshake->due++;
    return redis_conn_send(handshake->conf.conn, on_answer, handshake, words, count);
}

enum status redis_handshake_begin(struct redis_handshake *handshake, const struct redis_handshake_conf *conf)
{
    const struct redis_url *url = conf->url;
    const char *user = url->user[0] ? url->user : NULL;
    char db[16];
    enum status status = STATUS_OK;

    *handshake = (struct redis_handshake){.conf = *conf};
    snprintf(db, sizeof db, "%d", url->db);
    if (user != NULL || url->password[0])
        status = say(handshake, on_auth, "AUTH", user != NULL ? user : url->password,
                     user != NULL ? url->password : NULL);
    if (status == STATUS_OK && url->db > 0)
        status = say(handshake, on_select, "SELECT", db, NULL);
    if (status == STATUS_OK)
        status = say(handshake, on_role, "ROLE", NULL, NULL);
    if (status == STATUS_OK)
        status = say(handshake, on_formality, "PING", NULL, NULL);
    if (status == STATUS_OK && conf->probe != NULL)
        status = say(handshake, on_formality, "EXISTS", conf->probe, NULL);
    if (status == STATUS_OK && conf->channel != NULL)
        status = say(handshake, on_subscribed, "SUBSCRIBE", conf->channel, NULL);
    return status;
}
