/* SPDX-License-Identifier: Apache-2.0 */
/* daemon: a command line goes in; exit code, stdout, stderr and the settings come out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/conf/daemon.h"
#include "tests/unit/captured.h"
#include "tests/unit/conf_sample.h"

enum { GOES_ON = -1 };

static struct sample conf;
static char *out;
static char *err;
static bool check_refuses;

static enum status check(const void *settings, struct fault *fault)
{
    (void)settings;
    return check_refuses ? fault_set(fault, STATUS_INVALID, "rpc.ca: not good") : STATUS_OK;
}

static void forget(void)
{
    conf_fini(&sample_table, &conf);
    free(out);
    free(err);
    out = NULL;
    err = NULL;
}

static int begin(void **state)
{
    (void)state;
    check_refuses = false;
    clearenv();
    return 0;
}

static int end(void **state)
{
    (void)state;
    forget();
    sample_remove();
    return 0;
}

/* Splits `line` at spaces; FILE stands for the sample file. Returns daemon_configure's answer. */
static int run(const char *line)
{
    char text[512];
    char *argv[32] = {NULL};
    int argc = 0;
    struct captured stdout_of;
    struct captured stderr_of;
    int code;

    forget();
    snprintf(text, sizeof text, "%s", line);
    for (char *word = strtok(text, " "); word != NULL && argc < 31; word = strtok(NULL, " "))
        argv[argc++] = strcmp(word, "FILE") == 0 ? sample_path : word;
    stdout_of = captured_begin(STDOUT_FILENO);
    stderr_of = captured_begin(STDERR_FILENO);
    code = daemon_configure(&sample_table, &conf, check, argc, argv);
    err = captured_end(&stderr_of);
    out = captured_end(&stdout_of);
    return code;
}

static void file(const char *json)
{
    sample_write(json, strlen(json));
}

static void ends(const char *line, int code, const char *expected)
{
    assert_int_equal(run(line), code);
    assert_string_equal(err, expected);
    assert_string_equal(out, "");
}

static void refuses(const char *line, const char *expected)
{
    ends(line, EXIT_CONFIG, expected);
}

static void without_arguments_the_defaults_hold(void **state)
{
    (void)state;
    assert_int_equal(run("sample"), GOES_ON);
    assert_int_equal(conf.ws_port, 7777);
    assert_string_equal(out, "");
    assert_string_equal(err, "");
}

static void flags_have_one_dash_or_two(void **state)
{
    (void)state;
    file("{\"name\":\"file\"}");
    assert_int_equal(run("sample -config FILE -ws-port 1 --big=2"), GOES_ON);
    assert_string_equal(conf.name, "file");
    assert_int_equal(conf.ws_port, 1);
    assert_int_equal(conf.big, 2);
    assert_int_equal(run("sample --config FILE"), GOES_ON);
    assert_string_equal(conf.name, "file");
}

static void the_last_source_counts(void **state)
{
    (void)state;
    file("{\"wsPort\":1,\"big\":1,\"name\":\"file\"}");
    setenv("FANFARE_WS_PORT", "2", 1);
    setenv("FANFARE_BIG", "2", 1);
    assert_int_equal(run("sample --ws-port 3 -config FILE"), GOES_ON);
    assert_int_equal(conf.ws_port, 3);
    assert_int_equal(conf.big, 2);
    assert_string_equal(conf.name, "file");
}

static void boolean_flags_may_stand_alone(void **state)
{
    (void)state;
    file("{\"page\":{\"enabled\":false}}");
    assert_int_equal(run("sample -config FILE --page-enabled"), GOES_ON);
    assert_true(conf.page_enabled);
    assert_int_equal(run("sample -config FILE --page-enabled --ws-port 1"), GOES_ON);
    assert_true(conf.page_enabled);
    assert_int_equal(conf.ws_port, 1);
    assert_int_equal(run("sample --page-enabled=false"), GOES_ON);
    assert_false(conf.page_enabled);
    assert_int_equal(run("sample --page-enabled off"), GOES_ON);
    assert_false(conf.page_enabled);
}

static void faults_end_with_code_2(void **state)
{
    char expected[256];

    (void)state;
    file("{\"wsPort\":70000}");
    snprintf(expected, sizeof expected, "sample: %s: wsPort: 70000 is not allowed: 0 to 65535\n",
             sample_path);
    refuses("sample -config FILE", expected);
    refuses("sample --ws-port 70000", "sample: --ws-port: 70000 is not allowed: 0 to 65535\n");
    refuses("sample --ws-port", "sample: --ws-port: a value is missing: 0 to 65535\n");
    refuses("sample --ws-prot 1", "sample: --ws-prot: unknown flag; the nearest known one is --ws-port\n");
    refuses("sample -chek", "sample: --chek: unknown flag; the nearest known one is --check\n");
    refuses("sample -conf x", "sample: --conf: unknown flag; the nearest known one is --config\n");
    refuses("sample x.json", "sample: x.json: not a flag; see --help\n");
    refuses("sample --", "sample: --: not a flag; see --help\n");
    refuses("sample --=1", "sample: --=1: not a flag; see --help\n");
    refuses("sample -config", "sample: --config: a value is missing: a file\n");
    ends("sample -config /nowhere", EXIT_FAULT,
         "sample: /nowhere: cannot be read: No such file or directory\n");
    refuses("sample --check=1", "sample: --check takes no value\n");
    setenv("FANFARE_BIGG", "1", 1);
    refuses("sample",
            "sample: FANFARE_BIGG: unknown in the environment; the nearest known one is FANFARE_BIG\n");
}

static void files_and_the_daemons_own_check_come_last(void **state)
{
    (void)state;
    ends("sample --rpc-ca /nowhere", EXIT_FAULT,
         "sample: rpc.ca: /nowhere cannot be read: No such file or directory\n");
    check_refuses = true;
    refuses("sample", "sample: rpc.ca: not good\n");
    refuses("sample --check", "sample: rpc.ca: not good\n");
    assert_int_equal(run("sample --print-config"), 0);
}

static void what_may_pass_ends_with_1(void **state)
{
    static const enum status passing[] = {STATUS_NO_MEMORY, STATUS_NOT_FOUND, STATUS_IO};
    static const enum status lasting[] = {STATUS_INVALID, STATUS_TOO_LARGE, STATUS_FULL};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(daemon_exit_code(passing[i]), 1);
        assert_int_equal(daemon_exit_code(lasting[i]), 2);
    }
    ends("sample --check -config /nowhere", EXIT_CONFIG,
         "sample: /nowhere: cannot be read: No such file or directory\n");
}

static void check_says_ok(void **state)
{
    char expected[96];

    (void)state;
    file("{}");
    snprintf(expected, sizeof expected, "%s: ok\n", sample_path);
    assert_int_equal(run("sample -config FILE --check"), 0);
    assert_string_equal(out, expected);
    assert_int_equal(run("sample -check"), 0);
    assert_string_equal(out, "settings: ok\n");
}

static void print_config_loads_again(void **state)
{
    (void)state;
    assert_int_equal(run("sample --print-config --ws-port 5 --cors-origins a,b"), 0);
    file(out);
    assert_int_equal(run("sample -config FILE"), GOES_ON);
    assert_int_equal(conf.ws_port, 5);
    assert_int_equal(conf.origins.count, 2);
}

static void help_and_version_win(void **state)
{
    (void)state;
    assert_int_equal(run("sample --ws-port 70000 --help"), 0);
    assert_memory_equal(out, "Usage: sample ", 14);
    assert_null(strstr(out, "print-markdown"));
    assert_int_equal(run("sample -version"), 0);
    assert_string_equal(out, "sample " FANFARE_VERSION "\n");
    assert_int_equal(run("sample --print-markdown"), 0);
    assert_memory_equal(out, "### Clients\n\n| key | default |", 29);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(without_arguments_the_defaults_hold),
        TEST(flags_have_one_dash_or_two),
        TEST(the_last_source_counts),
        TEST(boolean_flags_may_stand_alone),
        TEST(faults_end_with_code_2),
        TEST(files_and_the_daemons_own_check_come_last),
        TEST(what_may_pass_ends_with_1),
        TEST(check_says_ok),
        TEST(print_config_loads_again),
        TEST(help_and_version_win),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
