/* SPDX-License-Identifier: Apache-2.0 */
/* Redis clients of the tests, on the one loop of the test: each notes what it was told. */
#ifndef FANFARE_TESTS_UNIT_REDIS_USER_H
#define FANFARE_TESTS_UNIT_REDIS_USER_H

#include "shared/log/metrics.h"
#include "shared/net/resolver.h"
#include "shared/redis/redis_client.h"
#include "tests/unit/captured.h"
#include "tests/unit/redis_peer.h"

enum { RECONNECTS, UP, TEXT_MAX = 256 };

/* One client and what it told. */
struct user {
    struct redis_options options;
    struct redis_client *redis;
    char url[TEXT_MAX];
    char prefix[32];
    char sentinel_password[32];
    char *sentinels[3];
    char master[32];
    int ups, downs, answers, nothings;
    int type; /* of the last answer */
    char answer[TEXT_MAX];
    int messages;
    char message[TEXT_MAX];
    bool pauses; /* after each message */
};

static struct turning turning;
static struct resolver *dns;
static struct captured captured;
static bool capturing;

static inline int begin(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    metrics_setup(NULL, 0);
    turning_begin(&turning);
    return resolver_new(turning.base, "", &dns) != STATUS_OK ? -1 : 0;
}

static inline void on_up(void *arg)
{
    ((struct user *)arg)->ups++;
}

static inline void on_down(void *arg)
{
    ((struct user *)arg)->downs++;
}

static inline void on_message(struct slice payload, void *arg)
{
    struct user *user = arg;

    user->messages++;
    snprintf(user->message, sizeof user->message, "%.*s", (int)payload.len, (const char *)payload.data);
    if (user->pauses)
        redis_client_pause(user->redis, true);
}

static inline void on_answer(const redisReply *answer, void *arg)
{
    struct user *user = arg;

    if (answer == NULL) {
        user->nothings++;
        return;
    }
    user->answers++;
    user->type = answer->type;
    snprintf(user->answer, sizeof user->answer, "%s", answer->str != NULL ? answer->str : "");
}

static inline struct user *user_prepare(const char *format, ...)
{
    struct user *user = calloc(1, sizeof *user);
    va_list args;

    assert_non_null(user);
    va_start(args, format);
    vsnprintf(user->url, sizeof user->url, format, args);
    va_end(args);
    snprintf(user->prefix, sizeof user->prefix, "fanfare");
    user->options = (struct redis_options){.url = user->url,
                                           .prefix = user->prefix,
                                           .master_name = user->master,
                                           .sentinel_password = user->sentinel_password,
                                           .timeout = 2000};
    return user;
}

static inline void user_start(struct user *user, const char *channel)
{
    static const struct redis_events commands = {.on_up = on_up, .on_down = on_down};
    static const struct redis_events messages = {
        .on_up = on_up, .on_down = on_down, .on_message = on_message};
    const struct redis_client_conf conf = {.base = turning.base,
                                           .dns = dns,
                                           .options = &user->options,
                                           .what = "test",
                                           .channel = channel,
                                           .events = channel != NULL ? &messages : &commands,
                                           .arg = user,
                                           .reconnects_row = RECONNECTS,
                                           .up_row = UP};

    assert_int_equal(redis_client_new(&conf, &user->redis), STATUS_OK);
    assert_false(redis_client_is_up(user->redis));
    assert_int_equal(user->ups, 0);
}

static inline struct user *user_of(const struct server *server, const char *channel)
{
    struct user *user = user_prepare("redis://127.0.0.1:%d", server->port);

    user_start(user, channel);
    return user;
}

static inline struct user *user_of_fake(const struct fake *fake, const char *channel)
{
    struct user *user = user_prepare("redis://:s3cret@127.0.0.1:%d", fake->port);

    user->options.timeout = 300;
    user_start(user, channel);
    return user;
}

static inline void user_end(struct user *user)
{
    redis_client_free(user->redis);
    assert_int_equal(metrics_get(UP), 0);
    free(user);
}

static inline enum status say(struct user *user, const char *first, const char *second, const char *third)
{
    const struct slice words[] = {slice_str(first), slice_str(second != NULL ? second : ""),
                                  slice_str(third != NULL ? third : "")};

    return redis_client_command(user->redis, on_answer, user, words, 1U + (second != NULL) + (third != NULL));
}

static inline void asks(struct user *user, const char *first, const char *second, const char *third,
                        const char *expected)
{
    int before = user->answers;

    assert_int_equal(say(user, first, second, third), STATUS_OK);
    turn_until(&turning, user->answers > before);
    assert_string_equal(user->answer, expected);
}

static inline int count_of(const char *text, const char *part)
{
    int count = 0;

    for (; (text = strstr(text, part)) != NULL; text++)
        count++;
    return count;
}

static inline void log_begin(void)
{
    captured = captured_begin(STDERR_FILENO);
    capturing = true;
}

/* That the log has `part` so many times, and never the password. */
static inline void log_has(int times, const char *part)
{
    char *text = captured_end(&captured);

    capturing = false;
    if (count_of(text, part) != times || strstr(text, "s3cret") != NULL)
        fail_msg("not %d times \"%s\":\n%s", times, part, text);
    free(text);
}

static inline void publish(const struct server *server, const char *text)
{
    server_tell(server, "PUBLISH", "channel", text);
}

static inline int end(void **state)
{
    (void)state;
    if (capturing)
        log_has(-1, "the test failed meanwhile");
    resolver_free(dns);
    turning_end(&turning);
    return 0;
}

/* Calm: a line of log, attempts at growing distance, no tick missed. */
static inline void is_refused_calmly(struct user *user, const char *line)
{
    uint64_t before = metrics_get(RECONNECTS);

    log_begin();
    turn_until(&turning, metrics_get(RECONNECTS) >= before + 3);
    turn_for(&turning, 100);
    assert_true(metrics_get(RECONNECTS) - before < 10);
    assert_int_equal(user->ups, 0);
    log_has(1, line);
}

#endif
