/* SPDX-License-Identifier: Apache-2.0 */
/* redis_url, redis_options and redis_refusal: what is taken, what is refused, and that no fault shows a
 * password. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/redis/redis_options.h"
#include "shared/redis/redis_refusal.h"
#include "shared/redis/redis_url.h"

static struct redis_url url;
static struct fault fault;

static void parses(const char *text)
{
    if (redis_url_parse(text, &url, &fault) != STATUS_OK)
        fail_msg("%s: %s", text, fault.text);
}

static void is_tcp(const char *text, const char *user, const char *password, const char *host, int port,
                   int db)
{
    parses(text);
    assert_int_equal(url.scheme, REDIS_TCP);
    assert_string_equal(url.user, user);
    assert_string_equal(url.password, password);
    assert_string_equal(url.host, host);
    assert_int_equal(url.port, port);
    assert_int_equal(url.db, db);
}

static void is_refused(const char *text, const char *why)
{
    assert_int_equal(redis_url_parse(text, &url, &fault), STATUS_INVALID);
    if (strncmp(fault.text, why, strlen(why)) != 0)
        fail_msg("%s: %s", text, fault.text);
    assert_non_null(strstr(fault.text, "; allowed: redis://"));
    assert_null(strstr(fault.text, "s3cret"));
}

static void tcp_urls_are_taken_apart(void **state)
{
    (void)state;
    is_tcp("redis://h", "", "", "h", 6379, 0);
    is_tcp("REDIS://h/", "", "", "h", 6379, 0);
    is_tcp("redis://redis.example:1/1048575", "", "", "redis.example", 1, 1048575);
    is_tcp("redis://10.0.0.1:65535/0", "", "", "10.0.0.1", 65535, 0);
    is_tcp("redis://[::1]:7000/2", "", "", "::1", 7000, 2);
    is_tcp("redis://[2001:db8::7]", "", "", "2001:db8::7", 6379, 0);
    is_tcp("redis://:s3cret@h", "", "s3cret", "h", 6379, 0);
    is_tcp("redis://u:s3cret@h:1/3", "u", "s3cret", "h", 1, 3);
    is_tcp("redis://u:a:b@h", "u", "a:b", "h", 6379, 0);
    is_tcp("redis://u@h", "u", "", "h", 6379, 0);
    is_tcp("redis://@h", "", "", "h", 6379, 0);
    is_tcp("redis://%75%3a:%40%2F%c3%a9%25@h", "u:", "@/\xc3\xa9%", "h", 6379, 0);
    is_tcp("redis:///4", "", "", "", 6379, 4);
}

static void unix_urls_are_taken_apart(void **state)
{
    char text[128];

    (void)state;
    parses("unix:///run/redis.sock");
    assert_int_equal(url.scheme, REDIS_UNIX);
    assert_string_equal(url.path, "/run/redis.sock");
    assert_int_equal(url.db, 0);
    parses("unix://u:p%20w@/run/a:b@c?db=7");
    assert_string_equal(url.user, "u");
    assert_string_equal(url.password, "p w");
    assert_string_equal(url.path, "/run/a:b@c");
    assert_int_equal(url.db, 7);
    snprintf(text, sizeof text, "unix:///%0105d", 0);
    parses(text);
    snprintf(text, sizeof text, "unix:///%0106d", 0);
    is_refused(text, "the path of the socket must not be longer than 106 bytes");
    parses("rediss://u:p@h:1/2");
    assert_int_equal(url.scheme, REDIS_TLS);
}

static void is_named(const char *text, const char *expected)
{
    char name[64];

    parses(text);
    redis_url_name(&url, name, sizeof name);
    assert_string_equal(name, expected);
}

static void names_have_no_password(void **state)
{
    (void)state;
    is_named("redis://u:s3cret@h", "h:6379/0");
    is_named("redis://[::1]:7/2", "[::1]:7/2");
    is_named("unix://u:s3cret@/x", "unix:/x");
    is_named("unix:///x?db=3", "unix:/x?db=3");
}

static void other_texts_are_refused(void **state)
{
    static const char *const cases[][2] = {
        {"", "it must begin with"},
        {"h:6379", "it must begin with"},
        {"http://h", "it must begin with"},
        {"redis:/h", "it must begin with"},
        {"redis://h:", "the port must be"},
        {"redis://h:0", "the port must be"},
        {"redis://h:65536", "the port must be"},
        {"redis://h:+1", "the port must be"},
        {"redis://h:6379x", "the port must be"},
        {"redis://::1:6379", "the port must be"},
        {"redis://h/-1", "what follows the host"},
        {"redis://h/1048576", "what follows the host"},
        {"redis://h/00000001", "what follows the host"},
        {"redis://h/1/", "what follows the host"},
        {"redis://h?db=1", "what follows the host"},
        {"redis://h#", "what follows the host"},
        {"redis://h h", "a host is made of"},
        {"redis://h%41", "a host is made of"},
        {"redis://[::1", "a closing bracket"},
        {"redis://[h]", "what stands in brackets"},
        {"redis://[]", "what stands in brackets"},
        {"redis://[::1]x", "the port must be"},
        {"redis://u:s3cret@x@h", "an @ in user or password"},
        {"redis://u:s3cret/x@h", "the port must be"},
        {"redis://u:s3cret%@h", "in user and password a %"},
        {"redis://u:s3cret%4@h", "in user and password a %"},
        {"redis://u:s3cret%4g@h", "in user and password a %"},
        {"redis://u:s3cret%00@h", "in user and password a %"},
        {"unix://h/x", "the path of the socket must begin"},
        {"unix://", "the path of the socket must begin"},
        {"unix:///", "the path of the socket must begin"},
        {"unix://u:s3cret@", "the path of the socket must begin"},
        {"unix:///x?db=", "what follows the path"},
        {"unix:///x?db=1&y=2", "what follows the path"},
        {"unix:///x?name=s3cret", "what follows the path"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        is_refused(cases[i][0], cases[i][1]);
}

static void long_texts_are_refused(void **state)
{
    char text[700];

    (void)state;
    snprintf(text, sizeof text, "redis://:%0512d@h", 0);
    parses(text);
    snprintf(text, sizeof text, "redis://:%0513d@h", 0);
    is_refused(text, "user and password must not be longer than 512 bytes");
    snprintf(text, sizeof text, "redis://%0255d", 0);
    parses(text);
    snprintf(text, sizeof text, "redis://%0256d", 0);
    is_refused(text, "the host must not be longer than 255 bytes");
    snprintf(text, sizeof text, "redis://[%0300d]", 0);
    is_refused(text, "the host must not be longer than 255 bytes");
}

static void addresses_need_host_and_port(void **state)
{
    char host[REDIS_HOST_MAX + 1];
    int port;

    (void)state;
    assert_int_equal(redis_address_parse("h:26379", host, &port, &fault), STATUS_OK);
    assert_string_equal(host, "h");
    assert_int_equal(port, 26379);
    assert_int_equal(redis_address_parse("[::1]:1", host, &port, &fault), STATUS_OK);
    assert_string_equal(host, "::1");
    assert_int_equal(redis_address_parse("h", host, &port, &fault), STATUS_INVALID);
    assert_int_equal(redis_address_parse("h:", host, &port, &fault), STATUS_INVALID);
    assert_int_equal(redis_address_parse("[::1]", host, &port, &fault), STATUS_INVALID);
    assert_int_equal(redis_address_parse("::1:1", host, &port, &fault), STATUS_INVALID);
    assert_int_equal(redis_address_parse(":1", host, &port, &fault), STATUS_INVALID);
    assert_string_equal(fault.text, "the host is missing; allowed: host:port");
}

struct options_text {
    const char *url;
    const char *prefix;
    const char *ca;
    const char *sentinels[2];
    const char *master;
};

static char *copy(const char *text)
{
    return strdup(text != NULL ? text : "");
}

/* The fault, or "". */
static const char *checked(struct options_text text)
{
    struct redis_options options = {.url = copy(text.url),
                                    .prefix = copy(text.prefix != NULL ? text.prefix : "fanfare"),
                                    .ca = copy(text.ca),
                                    .master_name = copy(text.master),
                                    .sentinel_password = copy("")};
    char *items[2];

    options.sentinels.items = items;
    for (; options.sentinels.count < 2 && text.sentinels[options.sentinels.count] != NULL;
         options.sentinels.count++)
        items[options.sentinels.count] = copy(text.sentinels[options.sentinels.count]);
    fault.text[0] = '\0';
    enum status status = redis_options_check(&options, &fault);
    assert_int_equal(status, fault.text[0] ? STATUS_INVALID : STATUS_OK);
    for (size_t i = 0; i < options.sentinels.count; i++)
        free(items[i]);
    free(options.url);
    free(options.prefix);
    free(options.ca);
    free(options.master_name);
    free(options.sentinel_password);
    assert_null(strstr(fault.text, "s3cret"));
    return fault.text;
}

static void options_that_fit_pass(void **state)
{
    (void)state;
    assert_string_equal(checked((struct options_text){.url = ""}), "");
    assert_string_equal(checked((struct options_text){.url = "redis://u:s3cret@h:1/2"}), "");
    assert_string_equal(checked((struct options_text){.url = "unix:///x?db=1", .prefix = "{fanfare}"}), "");
    assert_string_equal(
        checked((struct options_text){.url = "redis:///1", .sentinels = {"a:1", "[::1]:2"}, .master = "m"}),
        "");
}

static void options_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    assert_string_equal(
        checked((struct options_text){.url = "redis://:s3cret@h:x"}),
        "redis.url: the port must be 1 to 65535 (an IPv6 address stands in brackets; in a "
        "password / ? # are %2F %3F %23); allowed: redis://[user[:password]@]host[:port][/db] "
        "or unix://[user[:password]@]/path[?db=n]");
    assert_string_equal(
        checked((struct options_text){.url = "redis://:s3cret@"}),
        "redis.url: the host is missing; allowed: redis://[user[:password]@]host[:port][/db]");
    assert_string_equal(checked((struct options_text){.url = "redis://h", .sentinels = {"a:1"}}),
                        "redis.masterName: required with redis.sentinels: the master's name there");
    assert_string_equal(checked((struct options_text){.url = "redis://h", .master = "m"}),
                        "redis.sentinels: required with redis.masterName: host:port of each");
    assert_string_equal(checked((struct options_text){.sentinels = {"a:1"}, .master = "m"}),
                        "redis.url: required with redis.sentinels: redis://[user[:password]@][/db]");
    assert_string_equal(
        checked((struct options_text){.url = "unix:///x", .sentinels = {"a:1"}, .master = "m"}),
        "redis.url: unix:// does not go with redis.sentinels; allowed: redis://[user[:password]@][/db]");
    assert_string_equal(
        checked((struct options_text){.url = "redis://h", .sentinels = {"a:1", "b"}, .master = "m"}),
        "redis.sentinels: \"b\": the port must be 1 to 65535 (an IPv6 address stands in "
        "brackets; in a password / ? # are %2F %3F %23); allowed: host:port");
    assert_string_equal(checked((struct options_text){.url = "redis://h", .ca = "/ca.pem"}),
                        "redis.ca: is only for a redis.url with rediss://");
}

static void tls_is_refused_with_the_reason(void **state)
{
    (void)state;
    const char *text = checked((struct options_text){.url = "rediss://:s3cret@h", .ca = "/ca.pem"});
#if HIREDIS_MAJOR < 1
    char expected[512];
    snprintf(expected, sizeof expected,
             "redis.url: rediss:// needs hiredis 1.0 or later, this build has %d.%d; allowed: redis:// or "
             "unix://, with a TLS tunnel in between where one is needed",
             HIREDIS_MAJOR, HIREDIS_MINOR);
    assert_string_equal(text, expected);
#else
    assert_non_null(strstr(text, "redis.url: rediss:// is not supported by this build"));
#endif
}

static void prefixes_are_plain(void **state)
{
    static const char *const wrong[] = {"",   "a b", "a*",       "a?",  "[a",   "a]",
                                        "^a", "a\\", "\xc3\xa9", "a\t", "a\x7f"};
    char text[102];

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_non_null(
            strstr(checked((struct options_text){.prefix = wrong[i]}),
                   "is not allowed: 1 to 100 printable ASCII characters but no space and none of"));
    memset(text, 'x', sizeof text - 1);
    text[101] = '\0';
    assert_int_not_equal(checked((struct options_text){.prefix = text})[0], '\0');
    text[100] = '\0';
    assert_string_equal(checked((struct options_text){.prefix = text}), "");
}

static void refusals_are_told_from_errors(void **state)
{
    static const char *const refusals[] = {
        "MOVED 1 h:1",
        "ASK 1 h:1",
        "READONLY You can't write against a read only replica.",
        "LOADING Redis is loading the dataset in memory",
        "MASTERDOWN Link with MASTER is down",
        "CLUSTERDOWN The cluster is down",
        "NOAUTH Authentication required.",
        "WRONGPASS invalid username-password pair or user is disabled.",
        "ERR invalid password",
        "ERR DB index is out of range",
        "ERR Error running script (call to f_1): @user_script:1: -READONLY You"};
    static const char *const errors[] = {"ERR unknown command", "NOPERM no", "READONLYISH", "CROSSSLOT x",
                                         ""};

    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        assert_non_null(redis_refusal_of(refusals[i]));
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        assert_null(redis_refusal_of(errors[i]));
}

static void moved_names_a_node(void **state)
{
    static const char *const wrong[] = {"MOVED",
                                        "MOVED 1",
                                        "MOVED 1 h",
                                        "MOVED 1 h:",
                                        "MOVED 1 h:0",
                                        "MOVED 1 h:x",
                                        "MOVED 1 ?:1",
                                        "MOVED 1 h:65536",
                                        "MOVED 1 h:1 x",
                                        "ASK 1 h:1",
                                        "MOVED 1 a-name-that-is-too-long:1"};
    char host[16];
    int port = 0;

    (void)state;
    assert_true(redis_moved_to("MOVED 866 10.0.0.3:6381", host, sizeof host, &port));
    assert_string_equal(host, "10.0.0.3");
    assert_int_equal(port, 6381);
    assert_true(redis_moved_to("MOVED 866 2001:db8::1:7000", host, sizeof host, &port));
    assert_string_equal(host, "2001:db8::1");
    assert_int_equal(port, 7000);
    assert_true(redis_moved_to("MOVED 866 :6382", host, sizeof host, &port));
    assert_string_equal(host, "");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (redis_moved_to(wrong[i], host, sizeof host, &port))
            fail_msg("%s", wrong[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tcp_urls_are_taken_apart),
        cmocka_unit_test(unix_urls_are_taken_apart),
        cmocka_unit_test(names_have_no_password),
        cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(long_texts_are_refused),
        cmocka_unit_test(addresses_need_host_and_port),
        cmocka_unit_test(options_that_fit_pass),
        cmocka_unit_test(options_that_do_not_fit_are_refused),
        cmocka_unit_test(tls_is_refused_with_the_reason),
        cmocka_unit_test(prefixes_are_plain),
        cmocka_unit_test(refusals_are_told_from_errors),
        cmocka_unit_test(moved_names_a_node),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
