/* SPDX-License-Identifier: Apache-2.0 */
/* reload: a file is rewritten under a running daemon; settings and log lines are compared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/wait.h>

#include "shared/conf/reload.h"
#include "shared/log/log.h"
#include "tests/unit/captured.h"
#include "tests/unit/conf_sample.h"

static struct sample conf;
static char *logged;
static bool check_refuses;

static enum status check(const void *settings, struct fault *fault)
{
    (void)settings;
    return check_refuses ? fault_set(fault, STATUS_INVALID, "rpc.ca: /ca.pem: not good") : STATUS_OK;
}

static char *arguments[] = {(char *)(uintptr_t) "sample", (char *)(uintptr_t) "-config", sample_path,
                            (char *)(uintptr_t) "--rpc-server-name=flag", NULL};
static const struct reload settings = {&sample_table, &conf, check, 4, arguments};

static void file(const char *json)
{
    sample_write(json, strlen(json));
}

/* A daemon that was started with this file. */
static void starts_with(const char *json)
{
    file(json);
    conf_fini(&sample_table, &conf);
    assert_int_equal(daemon_configure(&sample_table, &conf, check, 4, arguments), -1);
}

static bool reloads(const char *json)
{
    struct captured captured;
    bool good;

    file(json);
    captured = captured_begin(STDERR_FILENO);
    good = reload_settings(&settings);
    free(logged);
    logged = captured_end(&captured);
    return good;
}

/* What was logged, without its time. */
static void expect_log(const char *expected)
{
    char *out = logged;

    for (char *line = strtok(logged, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        const char *rest = strstr(line, " level=") + 1;
        size_t len = strlen(rest);

        memmove(out, rest, len);
        out += len;
        *out++ = ';';
    }
    *out = '\0';
    assert_string_equal(logged, expected);
}

static int begin(void **state)
{
    (void)state;
    check_refuses = false;
    clearenv();
    log_setup(LOG_INFO, LOG_LOGFMT);
    return 0;
}

static int end(void **state)
{
    (void)state;
    conf_fini(&sample_table, &conf);
    free(logged);
    logged = NULL;
    sample_remove();
    return 0;
}

static void what_may_change_does_and_is_named(void **state)
{
    (void)state;
    starts_with("{\"big\":7,\"name\":\"old\"}");
    assert_true(
        reloads("{\"big\":8,\"name\":\"new\",\"page\":{\"enabled\":false},\"log\":{\"level\":\"warn\"},"
                "\"cors\":{\"origins\":[\"https://a\",\"https://b\"]},"
                "\"gatewayList\":[{\"hostname\":\"g\",\"port\":9}]}"));
    expect_log("level=info msg=\"settings reloaded\" "
               "keys=big,name,page.enabled,log.level,cors.origins,gatewayList;");
    assert_int_equal(conf.big, 8);
    assert_string_equal(conf.name, "new");
    assert_false(conf.page_enabled);
    assert_int_equal(conf.log_level, 2);
    assert_int_equal(conf.origins.count, 2);
    assert_string_equal(conf.origins.items[1], "https://b");
    assert_int_equal(conf.gateways.count, 1);
    assert_string_equal(conf.gateways.items[0].hostname, "g");
}

static void what_needs_a_restart_stays_and_is_named_each_time(void **state)
{
    (void)state;
    starts_with("{\"wsPort\":1,\"big\":1}");
    assert_true(reloads("{\"wsPort\":2,\"big\":2}"));
    expect_log(
        "level=info msg=\"settings reloaded\" keys=big;level=warn msg=\"needs a restart\" keys=wsPort;");
    assert_int_equal(conf.ws_port, 1);
    assert_int_equal(conf.big, 2);
    assert_true(reloads("{\"wsPort\":2,\"big\":2}"));
    expect_log(
        "level=info msg=\"settings reloaded\" keys=none;level=warn msg=\"needs a restart\" keys=wsPort;");
}

/* One element that differs, in the middle and at the end. */
static void lists_are_compared_element_by_element(void **state)
{
    (void)state;
    starts_with("{\"cors\":{\"origins\":[\"a\",\"b\"]},\"gatewayList\":[{\"hostname\":\"g\",\"port\":1}]}");
    assert_true(
        reloads("{\"cors\":{\"origins\":[\"a\",\"b\"]},\"gatewayList\":[{\"hostname\":\"g\",\"port\":1}]}"));
    expect_log("level=info msg=\"settings reloaded\" keys=none;");
    assert_true(
        reloads("{\"cors\":{\"origins\":[\"a\",\"c\"]},\"gatewayList\":[{\"hostname\":\"g\",\"port\":2}]}"));
    expect_log("level=info msg=\"settings reloaded\" keys=cors.origins,gatewayList;");
    assert_true(
        reloads("{\"cors\":{\"origins\":[\"a\"]},\"gatewayList\":[{\"hostname\":\"h\",\"port\":2}]}"));
    expect_log("level=info msg=\"settings reloaded\" keys=cors.origins,gatewayList;");
    assert_int_equal(conf.origins.count, 1);
}

static void what_is_left_out_is_the_default_again(void **state)
{
    (void)state;
    starts_with("{\"big\":7,\"name\":\"x\"}");
    assert_true(reloads("{}"));
    expect_log("level=info msg=\"settings reloaded\" keys=big,name;");
    assert_int_equal(conf.big, 1);
    assert_string_equal(conf.name, "");
}

static void environment_and_flags_count_as_at_the_start(void **state)
{
    (void)state;
    setenv("FANFARE_NAME", "environment", 1);
    starts_with("{\"name\":\"file\"}");
    assert_true(reloads("{\"name\":\"other\",\"rpc\":{\"serverName\":\"other\"}}"));
    expect_log("level=info msg=\"settings reloaded\" keys=none;");
    assert_string_equal(conf.name, "environment");
    assert_string_equal(conf.rpc_server_name, "flag");
}

static void changes_nothing(const char *json, const char *reason)
{
    char expected[512];

    assert_false(reloads(json));
    snprintf(expected, sizeof expected, "level=error msg=\"settings not reloaded\" reason=\"%s%s\";",
             reason[0] == ':' ? sample_path : "", reason);
    expect_log(expected);
    assert_int_equal(conf.big, 1);
    assert_string_equal(conf.name, "old");
}

static void a_fault_changes_nothing(void **state)
{
    (void)state;
    starts_with("{\"name\":\"old\"}");
    changes_nothing("{\"name\":\"new\",\"big\":-6}", ": big: -6 is not allowed: -5 to 17179869184 bytes");
    changes_nothing("{\"name\":\"new\",\"bigg\":2}",
                    ": \\\"bigg\\\": unknown key; the nearest known one is big");
    changes_nothing("{\"name\":\"new\",\"rpc\":{\"ca\":\"/nowhere\"}}",
                    "rpc.ca: /nowhere cannot be read: No such file or directory");
    check_refuses = true;
    changes_nothing("{\"name\":\"new\"}", "rpc.ca: /ca.pem: not good");
}

static void a_file_that_is_gone_changes_nothing(void **state)
{
    struct captured captured;

    (void)state;
    starts_with("{\"name\":\"old\"}");
    unlink(sample_path);
    captured = captured_begin(STDERR_FILENO);
    assert_false(reload_settings(&settings));
    logged = captured_end(&captured);
    assert_non_null(strstr(logged, "No such file or directory"));
    assert_string_equal(conf.name, "old");
}

static void a_question_to_the_command_line_is_not_answered_again(void **state)
{
    char *asking[] = {arguments[0], (char *)(uintptr_t) "--print-config", (char *)(uintptr_t) "--name=x",
                      NULL};
    const struct reload reload = {&sample_table, &conf, check, 3, asking};
    struct captured out;
    char *text;

    (void)state;
    assert_int_equal(conf_defaults(&sample_table, &conf), STATUS_OK);
    out = captured_begin(STDOUT_FILENO);
    assert_true(reload_settings(&reload));
    text = captured_end(&out);
    assert_string_equal(text, "");
    assert_string_equal(conf.name, "x");
    free(text);
}

static void a_hangup_that_is_held_comes_later(void **state)
{
    int how;

    (void)state;
    signal(SIGHUP, SIG_DFL); /* under nohup it is ignored */
    pid_t child = fork();
    if (child == 0) {
        reload_hold(true);
        raise(SIGHUP);
        reload_hold(false);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGHUP);
    child = fork();
    if (child == 0) {
        reload_hold(true);
        raise(SIGHUP);
        _exit(7);
    }
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 7);
}

struct secrets {
    char *url;
    char *token;
    int64_t port;
};

/* Both kinds of change, of values that nobody must see. */
static void a_secret_is_named_and_not_shown(void **state)
{
    static const struct conf_option options[] = {
        {"redis.url", CONF_SECRET, CONF_RESTART, offsetof(struct secrets, url), 0, 99, "", NULL, "", "", ""},
        {"token", CONF_SECRET, CONF_LIVE, offsetof(struct secrets, token), 0, 99, "", NULL, "", "", NULL},
        {"port", CONF_INT, CONF_LIVE, offsetof(struct secrets, port), 0, 9, "1", NULL, "", "", NULL},
    };
    static const struct conf_table table = {"sample", "", options, 3, sizeof(struct secrets), NULL};
    struct secrets secrets = {0};
    char *from_file[] = {arguments[0], arguments[1], sample_path, NULL};
    const struct reload reload = {&table, &secrets, check, 3, from_file};
    struct captured captured;

    (void)state;
    file("{\"redis\":{\"url\":\"redis://u:s3cret@h\"},\"token\":\"s3cret\"}");
    assert_int_equal(conf_defaults(&table, &secrets), STATUS_OK);
    captured = captured_begin(STDERR_FILENO);
    assert_true(reload_settings(&reload));
    logged = captured_end(&captured);
    expect_log(
        "level=info msg=\"settings reloaded\" keys=token;level=warn msg=\"needs a restart\" keys=redis.url;");
    assert_string_equal(secrets.token, "s3cret");
    assert_string_equal(secrets.url, "");
    conf_fini(&table, &secrets);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_may_change_does_and_is_named),
        TEST(what_needs_a_restart_stays_and_is_named_each_time),
        TEST(lists_are_compared_element_by_element),
        TEST(what_is_left_out_is_the_default_again),
        TEST(environment_and_flags_count_as_at_the_start),
        TEST(a_fault_changes_nothing),
        TEST(a_file_that_is_gone_changes_nothing),
        TEST(a_question_to_the_command_line_is_not_answered_again),
        TEST(a_hangup_that_is_held_comes_later),
        TEST(a_secret_is_named_and_not_shown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
