/* SPDX-License-Identifier: Apache-2.0 */
/* Redis URLs and options: what is taken apart, what is refused, and that no password is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "shared/redis_options.h"
#include "shared/redis_trouble.h"
#include "shared/redis_url.h"

static struct redis_url good(const char *text)
{
    struct redis_url url;
    struct fault fault = {""};

    if (redis_url_parse(text, &url, &fault))
        fail_msg("%s: %s", text, fault.text);
    return url;
}

static void bad(const char *text, const char *says)
{
    struct redis_url url;
    struct fault fault = {""};

    assert_int_equal(redis_url_parse(text, &url, &fault), STATUS_INVALID);
    if (!strstr(fault.text, says))
        fail_msg("%s: \"%s\" does not say \"%s\"", text, fault.text, says);
    assert_null(strstr(fault.text, "sesame"));
}

static void tcp_urls(void **state)
{
    (void)state;
    struct redis_url url = good("redis://10.0.0.1");
    assert_string_equal(url.host, "10.0.0.1");
    assert_int_equal(url.port, 6379);
    assert_int_equal(url.db, 0);
    assert_string_equal(url.password, "");
    url = good("redis://ann:se%3Acr%40t@[::1]:6380/7");
    assert_string_equal(url.user, "ann");
    assert_string_equal(url.password, "se:cr@t");
    assert_string_equal(url.host, "::1");
    assert_int_equal(url.port, 6380);
    assert_int_equal(url.db, 7);
    url = good("redis://:sesame@redis.example/");
    assert_string_equal(url.user, "");
    assert_string_equal(url.password, "sesame");
    assert_string_equal(url.host, "redis.example");
    url = good("redis://:sesame@");
    assert_string_equal(url.host, "");
}

static void unix_urls(void **state)
{
    (void)state;
    struct redis_url url = good("unix:///run/redis.sock?db=3");
    assert_string_equal(url.path, "/run/redis.sock");
    assert_int_equal(url.db, 3);
    url = good("unix://ann:sesame@/run/redis.sock");
    assert_string_equal(url.user, "ann");
    assert_string_equal(url.password, "sesame");
    assert_string_equal(url.path, "/run/redis.sock");
}

static void refused_urls(void **state)
{
    (void)state;
    bad("", "no such scheme");
    bad("10.0.0.1:6379", "no such scheme");
    bad("http://:sesame@host", "no such scheme");
    bad("rediss://:sesame@host", "hiredis 1.0");
    bad("redis://host:0", "port");
    bad("redis://host:65536", "port");
    bad("redis://host:80x", "port");
    bad("redis://:sesame@host:6379:1", "port");
    bad("redis://host/1048576", "db");
    bad("redis://host/-1", "db");
    bad("redis://host/a", "db");
    bad("redis://host?db=1", "no db");
    bad("redis://[::1", "host");
    bad("redis://ann:sesame%4@host", "percent");
    bad("redis://ann:sesame%zz@host", "percent");
    bad("redis://ann:sesame%00@host", "percent");
    bad("redis://ann@host", "without a password");
    bad("unix://relative", "absolute");
    bad("unix:///p?base=1", "db");
}

static enum status check(struct redis_options options, struct fault *fault)
{
    options.url = options.url ? options.url : (char *)(uintptr_t) "";
    options.prefix = options.prefix ? options.prefix : (char *)(uintptr_t) "fanfare";
    options.ca = options.ca ? options.ca : (char *)(uintptr_t) "";
    options.master_name = options.master_name ? options.master_name : (char *)(uintptr_t) "";
    return redis_options_check(&options, fault);
}

static void options_go_together(void **state)
{
    char url[] = "redis://:sesame@h", bare[] = "redis://", name[] = "main", one[] = "s1:26379",
         wrong[] = "s1", path[] = "unix:///run/r", prefix[] = "a*b", ca[] = "/ca.pem";
    char *sentinels[] = {one, wrong};
    struct fault fault = {""};
    (void)state;

    assert_int_equal(check((struct redis_options){.url = url}, &fault), STATUS_OK);
    assert_int_equal(check((struct redis_options){.url = NULL}, &fault), STATUS_OK);
    assert_int_equal(
        check((struct redis_options){.url = bare, .sentinels = {sentinels, 1}, .master_name = name}, &fault),
        STATUS_OK);
    assert_int_equal(check((struct redis_options){.url = bare}, &fault), STATUS_INVALID);
    assert_non_null(strstr(fault.text, "redis.url: no host"));
    assert_int_equal(check((struct redis_options){.url = url, .sentinels = {sentinels, 1}}, &fault),
                     STATUS_INVALID);
    assert_non_null(strstr(fault.text, "set together"));
    assert_int_equal(
        check((struct redis_options){.url = url, .sentinels = {sentinels, 2}, .master_name = name}, &fault),
        STATUS_INVALID);
    assert_non_null(strstr(fault.text, "\"s1\" is not host:port"));
    assert_int_equal(
        check((struct redis_options){.url = path, .sentinels = {sentinels, 1}, .master_name = name}, &fault),
        STATUS_INVALID);
    assert_non_null(strstr(fault.text, "unix socket"));
    assert_int_equal(check((struct redis_options){.url = url, .prefix = prefix}, &fault), STATUS_INVALID);
    assert_non_null(strstr(fault.text, "redis.prefix"));
    assert_int_equal(check((struct redis_options){.url = url, .ca = ca}, &fault), STATUS_INVALID);
    assert_non_null(strstr(fault.text, "redis.ca"));
}

static void troubles(void **state)
{
    char host[16] = "old";
    int port = 0;
    (void)state;

    assert_true(redis_trouble_is_fatal("READONLY You can't write"));
    assert_false(redis_trouble_is_fatal("ERR unknown command"));
    assert_false(redis_trouble_is_fatal("NOPERM no"));
    assert_non_null(strstr(redis_trouble_remedy("WRONGPASS invalid"), "redis.url"));
    assert_true(redis_trouble_moved("MOVED 866 10.0.0.3:6381", host, sizeof host, &port));
    assert_string_equal(host, "10.0.0.3");
    assert_int_equal(port, 6381);
    assert_true(redis_trouble_moved("MOVED 866 :6382", host, sizeof host, &port));
    assert_string_equal(host, "10.0.0.3");
    assert_int_equal(port, 6382);
    assert_false(redis_trouble_moved("MOVED 866 host-name-too-long:1", host, sizeof host, &port));
    assert_false(redis_trouble_moved("MOVED 866 h:0", host, sizeof host, &port));
    assert_false(redis_trouble_moved("MOVED", host, sizeof host, &port));
    assert_false(redis_trouble_moved("ASK 866 h:1", host, sizeof host, &port));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tcp_urls),     cmocka_unit_test(unix_urls),
        cmocka_unit_test(refused_urls), cmocka_unit_test(options_go_together),
        cmocka_unit_test(troubles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
