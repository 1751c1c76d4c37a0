/* SPDX-License-Identifier: Apache-2.0 */
/* redis_client against real redis-server processes that are killed, stopped, demoted and locked. One
 * loop, which must never stand still. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/redis_user.h"

static void commands_are_answered_in_order(void **state)
{
    struct server server = {0};
    struct user *user;

    (void)state;
    server_start(&server, NULL);
    user = user_of(&server, NULL);
    assert_int_equal(say(user, "PING", NULL, NULL), STATUS_CLOSED);
    turn_until(&turning, user->ups == 1);
    assert_true(redis_client_is_up(user->redis));
    assert_int_equal(metrics_get(UP), 1);
    assert_non_null(strstr(redis_client_name(user->redis), "127.0.0.1:"));
    asks(user, "SET", "key", "a\r\nb", "OK");
    asks(user, "GET", "key", NULL, "a\r\nb");
    for (int i = 0; i < 100; i++)
        assert_int_equal(say(user, "INCR", "n", NULL), STATUS_OK);
    asks(user, "GET", "n", NULL, "100");
    assert_int_equal(user->answers, 103);
    asks(user, "NONSENSE", NULL, NULL, "ERR unknown command 'NONSENSE', with args beginning with: ");
    assert_int_equal(user->type, REDIS_REPLY_ERROR);
    assert_true(redis_client_is_up(user->redis));
    assert_int_equal(user->downs, 0);
    assert_int_equal(metrics_get(RECONNECTS), 0);
    user_end(user);
    server_kill(&server);
}

static void unix_sockets_and_databases(void **state)
{
    struct server server = {0};
    struct user *user;
    char value[16];

    (void)state;
    server_start(&server, NULL);
    user = user_prepare("unix://%s?db=3", server.unix_path);
    user_start(user, NULL);
    turn_until(&turning, user->ups == 1);
    assert_non_null(strstr(redis_client_name(user->redis), "unix:/tmp/fanfare-redis-"));
    asks(user, "SET", "where", "three", "OK");
    user_end(user);
    user = user_prepare("redis://localhost:%d/3", server.port);
    user_start(user, NULL);
    turn_until(&turning, user->ups == 1);
    asks(user, "GET", "where", NULL, "three");
    snprintf(value, sizeof value, "/3");
    assert_non_null(strstr(redis_client_name(user->redis), value));
    user_end(user);
    server_kill(&server);
}

static void passwords(void **state)
{
    static const char *const more[] = {"--requirepass", "s3cret", NULL};
    struct server server = {.password = "s3cret"};
    struct user *user;

    (void)state;
    server_start(&server, more);
    user = user_prepare("redis://:wrong-s3cret@127.0.0.1:%d", server.port);
    user_start(user, NULL);
    is_refused_calmly(user, "level=error msg=\"redis refuses us\" what=test redis=127.0.0.1:");
    user_end(user);
    user = user_prepare("redis://127.0.0.1:%d", server.port);
    user_start(user, NULL);
    is_refused_calmly(
        user, "reason=\"NOAUTH Authentication required.\" remedy=\"set user and password in redis.url\"");
    user_end(user);
    user = user_prepare("redis://default:s3cret@127.0.0.1:%d", server.port);
    user_start(user, NULL);
    turn_until(&turning, user->ups == 1);
    user_end(user);
    server_kill(&server);
}

static void databases_that_are_not_there(void **state)
{
    struct server server = {0};
    struct user *user;

    (void)state;
    server_start(&server, NULL);
    user = user_prepare("redis://127.0.0.1:%d/99", server.port);
    user_start(user, NULL);
    is_refused_calmly(user, "reason=\"ERR DB index is out of range\" remedy=\"check the db in redis.url\"");
    user_end(user);
    server_kill(&server);
}

static void a_server_is_killed_and_started_again(void **state)
{
    struct server server = {0};
    struct user *user;

    (void)state;
    server_start(&server, NULL);
    log_begin();
    user = user_of(&server, NULL);
    turn_until(&turning, user->ups == 1);
    assert_int_equal(say(user, "BLPOP", "nothing", "0"), STATUS_OK);
    assert_int_equal(say(user, "BLPOP", "nothing", "0"), STATUS_OK);
    turn_for(&turning, 50);
    server_kill(&server);
    turn_until(&turning, user->downs == 1);
    assert_int_equal(user->nothings, 2);
    assert_false(redis_client_is_up(user->redis));
    assert_int_equal(metrics_get(UP), 0);
    assert_int_equal(say(user, "PING", NULL, NULL), STATUS_CLOSED);
    turn_for(&turning, 300);
    server_start(&server, NULL);
    turn_until(&turning, user->ups == 2);
    asks(user, "PING", NULL, NULL, "PONG");
    assert_int_equal(user->downs, 1);
    assert_int_equal(user->nothings, 2);
    user_end(user);
    log_has(2, "level=info msg=\"redis is up\" what=test");
    server_kill(&server);
}

static void an_outage_has_one_line(void **state)
{
    struct server server = {0};
    struct user *user;

    (void)state;
    server.port = free_port();
    user = user_of(&server, NULL);
    is_refused_calmly(user, "level=warn msg=\"redis is not reachable\" what=test redis=127.0.0.1:");
    user_end(user);
    user = user_of(&server, NULL);
    is_refused_calmly(user, "reason=\"Connection refused\"");
    user_end(user);
    user = user_prepare("redis://no-such-host.invalid");
    user->options.timeout = 300;
    user_start(user, NULL);
    is_refused_calmly(user, "reason=\"the host's name ");
    user_end(user);
}

static void a_server_that_is_stopped_blocks_nobody(void **state)
{
    struct server server = {0};
    struct user *user, *listener;

    (void)state;
    server_start(&server, NULL);
    log_begin();
    user = user_prepare("redis://127.0.0.1:%d", server.port);
    user->options.timeout = 500;
    user_start(user, NULL);
    listener = user_prepare("redis://127.0.0.1:%d", server.port);
    listener->options.timeout = 500;
    user_start(listener, "channel");
    turn_until(&turning, user->ups == 1 && listener->ups == 1);
    kill(server.pid, SIGSTOP);
    int64_t begun_ms = clock_now_ms();
    turning.longest_ms = 0;
    assert_int_equal(say(user, "PING", NULL, NULL), STATUS_OK);
    turn_until(&turning, user->downs == 1);
    assert_true(clock_now_ms() - begun_ms >= 490);
    assert_true(clock_now_ms() - begun_ms < 5000);
    assert_int_equal(user->nothings, 1);
    turn_until(&turning, listener->downs == 1);
    turn_for(&turning, 1000);
    assert_true(turning.longest_ms < 450); /* nothing on the loop waits for what Redis owes */
    assert_int_equal(user->ups, 1);
    kill(server.pid, SIGCONT);
    turn_until(&turning, user->ups == 2 && listener->ups == 2);
    user_end(user);
    user_end(listener);
    log_has(2, "msg=\"redis is not reachable\" what=test");
    server_kill(&server);
}

static void replicas_are_not_taken(void **state)
{
    struct server master = {0}, replica = {0};
    struct user *user;
    char port[8];

    (void)state;
    server_start(&master, NULL);
    server_start(&replica, NULL);
    snprintf(port, sizeof port, "%d", master.port);
    server_tell(&replica, "REPLICAOF", "127.0.0.1", port);
    user = user_of(&replica, NULL);
    is_refused_calmly(user,
                      "reason=\"READONLY Redis here is a read-only replica\" remedy=\"give the master in "
                      "redis.url, or redis.sentinels\"");
    server_tell(&replica, "REPLICAOF", "NO", "ONE");
    turn_until(&turning, user->ups == 1);
    server_tell(&replica, "REPLICAOF", "127.0.0.1", port);
    assert_int_equal(say(user, "SET", "key", "value"), STATUS_OK);
    turn_until(&turning, user->downs == 1);
    assert_int_equal(user->nothings, 1);
    assert_int_equal(user->answers, 0);
    server_tell(&replica, "REPLICAOF", "NO", "ONE");
    turn_until(&turning, user->ups == 2);
    server_tell(&replica, "REPLICAOF", "127.0.0.1", port);
    turn_until(&turning, user->downs == 2);
    user_end(user);
    server_kill(&replica);
    server_kill(&master);
}

static void subscribers_live_through_quiet_times(void **state)
{
    struct server server = {0};
    struct user *user;

    (void)state;
    server_start(&server, NULL);
    user = user_of(&server, "channel");
    turn_until(&turning, user->ups == 1);
    publish(&server, "one");
    turn_until(&turning, user->messages == 1);
    assert_string_equal(user->message, "one");
    turn_for(&turning, 2100);
    publish(&server, "two");
    turn_until(&turning, user->messages == 2);
    assert_string_equal(user->message, "two");
    assert_int_equal(user->ups, 1);
    assert_int_equal(user->downs, 0);
    user_end(user);
    server_kill(&server);
}

static void a_pause_holds_messages_back(void **state)
{
    struct server server = {0};
    struct user *user;

    (void)state;
    server_start(&server, NULL);
    user = user_of(&server, "channel");
    redis_client_pause(NULL, true);
    turn_until(&turning, user->ups == 1);
    user->pauses = true;
    for (int i = 0; i < 3; i++)
        publish(&server, i == 2 ? "last" : "first");
    turn_for(&turning, 100);
    assert_int_equal(user->messages, 1);
    redis_client_pause(user->redis, true);
    redis_client_pause(user->redis, false);
    turn_until(&turning, user->messages == 2);
    turn_for(&turning, 20);
    assert_int_equal(user->messages, 2);
    user->pauses = false;
    redis_client_pause(user->redis, false);
    turn_until(&turning, user->messages == 3);
    assert_string_equal(user->message, "last");
    assert_int_equal(user->downs, 0);
    redis_client_pause(user->redis, true);
    server_kill(&server);
    redis_client_pause(user->redis, false);
    turn_until(&turning, user->downs == 1);
    redis_client_pause(user->redis, true);
    server_start(&server, NULL);
    turn_until(&turning, user->ups == 2);
    publish(&server, "held");
    turn_for(&turning, 50);
    assert_int_equal(user->messages, 3);
    redis_client_pause(user->redis, false);
    turn_until(&turning, user->messages == 4);
    user_end(user);
    server_kill(&server);
}

static void commands_under_way_are_told_at_the_end(void **state)
{
    struct server server = {0};
    struct user *user;

    (void)state;
    redis_client_free(NULL);
    server_start(&server, NULL);
    user = user_of(&server, NULL);
    turn_until(&turning, user->ups == 1);
    for (int i = 0; i < 4096; i++)
        assert_int_equal(say(user, "BLPOP", "nothing", "0"), STATUS_OK);
    assert_int_equal(say(user, "PING", NULL, NULL), STATUS_FULL);
    redis_client_free(user->redis);
    assert_int_equal(user->nothings, 4096);
    assert_int_equal(user->downs, 0);
    free(user);
    server_kill(&server);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(commands_are_answered_in_order),
        TEST(unix_sockets_and_databases),
        TEST(passwords),
        TEST(databases_that_are_not_there),
        TEST(a_server_is_killed_and_started_again),
        TEST(an_outage_has_one_line),
        TEST(a_server_that_is_stopped_blocks_nobody),
        TEST(replicas_are_not_taken),
        TEST(subscribers_live_through_quiet_times),
        TEST(a_pause_holds_messages_back),
        TEST(commands_under_way_are_told_at_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
