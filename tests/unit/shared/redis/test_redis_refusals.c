/* SPDX-License-Identifier: Apache-2.0 */
/* redis_client against peers that answer what Redis does in worse hours, or what no Redis would, and
 * against sentinels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/redis_user.h"

static const char *like_a_master(struct fake *fake, int connection, char **words, size_t count)
{
    (void)fake;
    (void)connection;
    (void)count;
    if (strcmp(words[0], "ROLE") == 0)
        return "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n";
    return strcmp(words[0], "PING") == 0 ? "+PONG\r\n" : "+OK\r\n";
}

static const char *moved(struct fake *fake)
{
    snprintf(fake->text, sizeof fake->text, "-MOVED 7899 %s:%d\r\n", fake->other_port ? "127.0.0.1" : "",
             fake->other_port ? fake->other_port : fake->port);
    return fake->text;
}

static const char *knows_a_better_one(struct fake *fake, int connection, char **words, size_t count)
{
    return strcmp(words[0], "EXISTS") == 0 ? moved(fake) : like_a_master(fake, connection, words, count);
}

static const char *sends_commands_away(struct fake *fake, int connection, char **words, size_t count)
{
    return strcmp(words[0], "SET") == 0 ? moved(fake) : like_a_master(fake, connection, words, count);
}

static void moved_is_followed(void **state)
{
    struct server server = {0};
    struct fake fake;
    struct user *user;

    (void)state;
    server_start(&server, NULL);
    fake_start(&fake, &turning, knows_a_better_one);
    fake.other_port = server.port;
    log_begin();
    user = user_prepare("redis://127.0.0.1:%d", fake.port);
    snprintf(user->prefix, sizeof user->prefix, "{x}");
    user_start(user, "channel");
    turn_until(&turning, user->ups == 1);
    publish(&server, "there");
    turn_until(&turning, user->messages == 1);
    assert_int_equal(fake.connections, 1);
    assert_string_equal(fake.asked, "ROLE PING EXISTS SUBSCRIBE ");
    user_end(user);
    log_has(1, "msg=\"redis moved the slot\"");
    fake.answer = sends_commands_away;
    user = user_of_fake(&fake, NULL);
    turn_until(&turning, user->ups == 1);
    assert_int_equal(say(user, "SET", "key", "value"), STATUS_OK);
    log_begin();
    turn_until(&turning, user->downs == 1 && user->nothings == 1);
    turn_for(&turning, 50);
    user_end(user);
    log_has(1, "msg=\"redis moved the slot\"");
    fake_stop(&fake);
    server_kill(&server);
}

static void moved_in_circles_is_told(void **state)
{
    struct fake fake;
    struct user *user;

    (void)state;
    fake_start(&fake, &turning, knows_a_better_one);
    user = user_prepare("redis://127.0.0.1:%d", fake.port);
    snprintf(user->prefix, sizeof user->prefix, "{x}");
    user_start(user, NULL);
    is_refused_calmly(user, "level=error msg=\"redis refuses us\"");
    assert_true(fake.connections < 16);
    fake.answer = like_a_master;
    turn_until(&turning, user->ups == 1);
    user_end(user);
    fake_stop(&fake);
}

static const char *loads(struct fake *fake, int connection, char **words, size_t count)
{
    if (connection <= 4 && strcmp(words[0], "PING") == 0)
        return "-LOADING Redis is loading the dataset in memory\r\n";
    return like_a_master(fake, connection, words, count);
}

static void a_server_that_loads_is_waited_for(void **state)
{
    struct fake fake;
    struct user *user;

    (void)state;
    fake_start(&fake, &turning, loads);
    log_begin();
    user = user_of_fake(&fake, NULL);
    turn_until(&turning, user->ups == 1);
    assert_int_equal(fake.connections, 5);
    assert_int_equal(user->downs, 0);
    user_end(user);
    log_has(1, "reason=\"LOADING Redis is loading the dataset in memory\"");
    fake_stop(&fake);
}

static const char *quotes_what_it_hears(struct fake *fake, int connection, char **words, size_t count)
{
    (void)connection;
    snprintf(fake->text, sizeof fake->text, "-ERR unknown command '%s', with args beginning with: '%s'\r\n",
             words[0], count > 1 ? words[1] : "");
    return fake->text;
}

static const char *says_nothing(struct fake *fake, int connection, char **words, size_t count)
{
    (void)fake;
    (void)connection;
    (void)words;
    (void)count;
    return NULL;
}

static const char *talks_of_itself(struct fake *fake, int connection, char **words, size_t count)
{
    if (strcmp(words[0], "SET") == 0)
        return "+OK\r\n+OK\r\n";
    return like_a_master(fake, connection, words, count);
}

static void peers_that_are_no_redis_are_left(void **state)
{
    struct fake fake;
    struct user *user;

    (void)state;
    fake_start(&fake, &turning, quotes_what_it_hears);
    user = user_of_fake(&fake, NULL);
    is_refused_calmly(user, "reason=\"AUTH is refused\"");
    user_end(user);
    fake.answer = says_nothing;
    user = user_of_fake(&fake, NULL);
    is_refused_calmly(user, "reason=\"no answer in time\"");
    user_end(user);
    fake.greeting = "220 mail.example ESMTP\r\n";
    user = user_of_fake(&fake, "channel");
    is_refused_calmly(user, "reason=\"what answers there is no Redis: an answer begins with byte 0x32");
    user_end(user);
    fake.greeting = "-ERR max number of clients reached\r\n";
    user = user_of_fake(&fake, NULL);
    is_refused_calmly(user, "reason=\"ERR max number of clients reached\"");
    user_end(user);
    fake.greeting = NULL;
    fake.answer = talks_of_itself;
    log_begin();
    user = user_of_fake(&fake, NULL);
    turn_until(&turning, user->ups == 1);
    asks(user, "SET", "key", "value", "OK");
    turn_until(&turning, user->downs == 1);
    user_end(user);
    log_has(1, "reason=\"it answered what nobody had asked\"");
    fake_stop(&fake);
}

static const char *announces_a_billion(struct fake *fake, int connection, char **words, size_t count)
{
    if (strcmp(words[0], "SET") == 0 || strcmp(words[0], "SENTINEL") == 0)
        return "*1000000000\r\n";
    return like_a_master(fake, connection, words, count);
}

static const char *counts_for_ever(struct fake *fake, int connection, char **words, size_t count)
{
    return strcmp(words[0], "SET") == 0 ? "*16384\r\n*1\r\n*1\r\n*1\r\n"
                                        : like_a_master(fake, connection, words, count);
}

static const char *publishes_elsewhere(struct fake *fake, int connection, char **words, size_t count)
{
    return strcmp(words[0], "SUBSCRIBE") == 0 ? "*3\r\n$9\r\nsubscribe\r\n$7\r\nchannel\r\n:1\r\n"
                                                "*3\r\n$7\r\nmessage\r\n$7\r\nchannel\r\n$2\r\nmy\r\n"
                                                "*3\r\n$7\r\nmessage\r\n$8\r\nchannels\r\n$4\r\nyour\r\n"
                                              : like_a_master(fake, connection, words, count);
}

/* An answer that was too large costs the connection, and who asked is told so. */
static void gets_nothing(struct fake *fake, fake_answer *answer, const char *reason)
{
    struct user *user;

    fake->answer = answer;
    log_begin();
    user = user_of_fake(fake, NULL);
    turn_until(&turning, user->ups == 1);
    assert_int_equal(say(user, "SET", "key", "value"), STATUS_OK);
    turn_until(&turning, user->nothings == 1 && user->downs == 1);
    assert_int_equal(user->answers, 0);
    turn_until(&turning, user->ups == 2);
    user_end(user);
    log_has(1, reason);
}

static void what_no_redis_says_ends_the_connection(void **state)
{
    struct fake fake;
    struct user *user;

    (void)state;
    fake_start(&fake, &turning, announces_a_billion);
    gets_nothing(&fake, announces_a_billion,
                 "reason=\"its answer is too large: an array of 1000000000 elements");
    gets_nothing(&fake, counts_for_ever, "reason=\"its answer is too large: an array of 1 elements");
    fake.answer = publishes_elsewhere;
    log_begin();
    user = user_of_fake(&fake, "channel");
    turn_until(&turning, user->downs == 1);
    assert_string_equal(user->message, "my");
    assert_int_equal(user->messages, 1);
    user_end(user);
    log_has(1, "reason=\"it sent a message of a channel that nobody subscribed to\"");
    fake_stop(&fake);
}

static const char *knows_the_master(struct fake *fake, int connection, char **words, size_t count)
{
    (void)connection;
    if (strcmp(words[0], "AUTH") == 0)
        return strcmp(words[1], "s3cret") == 0 ? "+OK\r\n" : "-WRONGPASS invalid\r\n";
    if (count != 3 || strcmp(words[2], "mymaster") != 0)
        return "*-1\r\n";
    snprintf(fake->text, sizeof fake->text, "*2\r\n$9\r\n127.0.0.1\r\n$5\r\n%d\r\n", fake->other_port);
    return fake->text;
}

static struct user *user_of_sentinels(int dead_port, int port, const char *master)
{
    static char texts[2][32];
    struct user *user = user_prepare("redis:///1");

    snprintf(texts[0], sizeof texts[0], "127.0.0.1:%d", dead_port);
    snprintf(texts[1], sizeof texts[1], "localhost:%d", port);
    snprintf(user->master, sizeof user->master, "%s", master);
    snprintf(user->sentinel_password, sizeof user->sentinel_password, "s3cret");
    user->sentinels[0] = texts[0];
    user->sentinels[1] = texts[1];
    user->options.sentinels = (struct conf_list){user->sentinels, 2};
    user_start(user, NULL);
    return user;
}

static void sentinels_are_asked_for_the_master(void **state)
{
    struct server server = {0};
    struct fake fake;
    struct user *user;
    int dead_port = free_port();

    (void)state;
    server_start(&server, NULL);
    fake_start(&fake, &turning, knows_the_master);
    fake.other_port = server.port;
    user = user_of_sentinels(dead_port, fake.port, "mymaster");
    assert_string_equal(redis_client_name(user->redis), "master mymaster");
    turn_until(&turning, user->ups == 1);
    asks(user, "PING", NULL, NULL, "PONG");
    assert_string_equal(fake.asked, "AUTH SENTINEL ");
    user_end(user);
    user = user_of_sentinels(dead_port, fake.port, "stranger");
    is_refused_calmly(user, "knows no master \\\"stranger\\\"\" remedy=\"check redis.masterName\"");
    user_end(user);
    user = user_of_sentinels(dead_port, fake.port, "mymaster");
    snprintf(user->sentinel_password, sizeof user->sentinel_password, "wrong");
    is_refused_calmly(user, "WRONGPASS invalid\" remedy=\"check redis.sentinelPassword\"");
    user_end(user);
    user = user_of_sentinels(dead_port, dead_port, "mymaster");
    is_refused_calmly(user, "reason=\"sentinel localhost:");
    user_end(user);
    fake.answer = announces_a_billion;
    user = user_of_sentinels(dead_port, fake.port, "mymaster");
    is_refused_calmly(user, ": its answer is too large: an array of 1000000000 elements");
    user_end(user);
    fake_stop(&fake);
    server_kill(&server);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(moved_is_followed),
        TEST(moved_in_circles_is_told),
        TEST(a_server_that_loads_is_waited_for),
        TEST(peers_that_are_no_redis_are_left),
        TEST(what_no_redis_says_ends_the_connection),
        TEST(sentinels_are_asked_for_the_master),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
