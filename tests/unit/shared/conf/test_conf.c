/* SPDX-License-Identifier: Apache-2.0 */
/* conf: a table of one option of each type, read from files, environment and flags.
 * Every fault is compared as the user reads it. test_conf_file.c has the file's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/conf/conf_internal.h"
#include "tests/unit/conf_sample.h"

static struct sample conf;
static struct fault fault;

static int begin(void **state)
{
    (void)state;
    memset(&fault, 0, sizeof fault);
    return conf_defaults(&sample_table, &conf);
}

static int end(void **state)
{
    (void)state;
    conf_fini(&sample_table, &conf);
    sample_remove();
    return 0;
}

static enum status load_bytes(const char *data, size_t len)
{
    sample_write(data, len);
    return conf_load_file(&sample_table, &conf, sample_path, &fault);
}

static void loads(const char *json)
{
    if (load_bytes(json, strlen(json)) != STATUS_OK)
        fail_msg("%s: %s", json, fault.text);
}

static void environment(const char *variable, const char *expected)
{
    char *variables[] = {(char *)(uintptr_t) "HOME=/root", (char *)(uintptr_t)variable, NULL};
    enum status status = conf_load_environment(&sample_table, &conf, variables, &fault);

    assert_int_equal(status == STATUS_OK, expected == NULL);
    if (expected != NULL)
        assert_string_equal(fault.text, expected);
}

static void flag(const char *name, const char *value, const char *expected)
{
    enum status status = conf_set_flag(&sample_table, &conf, name, value, &fault);

    assert_int_equal(status == STATUS_OK, expected == NULL);
    if (expected != NULL)
        assert_string_equal(fault.text, expected);
}

static void defaults_are_the_tables(void **state)
{
    (void)state;
    assert_int_equal(conf.ws_port, 7777);
    assert_string_equal(conf.name, "");
    assert_true(conf.page_enabled);
    assert_int_equal(conf.log_level, 1);
    assert_int_equal(conf.origins.count, 0);
    assert_int_equal(conf.gateways.count, 0);
    assert_false(conf.old_key);
}

static void the_environment_sets_every_type(void **state)
{
    (void)state;
    environment("FANFARE_WS_PORT=1", NULL);
    environment("FANFARE_NAME=x=y", NULL);
    environment("FANFARE_PAGE_ENABLED=off", NULL);
    environment("FANFARE_RPC_SERVER_NAME=gw", NULL);
    environment("FANFARE_LOG_LEVEL=debug", NULL);
    environment("FANFARE_CORS_ORIGINS=https://a, https://b", NULL);
    environment("FANFARE_GATEWAY_LIST=a:1,10.0.0.7:2,[::1]:3", NULL);
    environment("FANFARE_OLD_WORKER_COUNT=3", NULL);
    assert_int_equal(conf.ws_port, 1);
    assert_string_equal(conf.name, "x=y");
    assert_false(conf.page_enabled);
    assert_string_equal(conf.rpc_server_name, "gw");
    assert_int_equal(conf.log_level, 0);
    assert_string_equal(conf.origins.items[1], "https://b");
    assert_int_equal(conf.gateways.count, 3);
    assert_string_equal(conf.gateways.items[2].hostname, "::1");
    assert_true(conf.old_worker);
    environment("FANFARE_GATEWAY_LIST=", NULL);
    assert_int_equal(conf.gateways.count, 0);
}

static void the_environment_is_checked(void **state)
{
    (void)state;
    environment("FANFARE_WS_PORT=70000", "FANFARE_WS_PORT: 70000 is not allowed: 0 to 65535");
    environment("FANFARE_WS_PORT=", "FANFARE_WS_PORT: \"\" is not allowed: an integer, 0 to 65535");
    environment("FANFARE_WS_PORT=7x", "FANFARE_WS_PORT: \"7x\" is not allowed: an integer, 0 to 65535");
    environment("FANFARE_WS_PORT= 7", "FANFARE_WS_PORT: \" 7\" is not allowed: an integer, 0 to 65535");
    environment("FANFARE_BIG=99999999999999999999",
                "FANFARE_BIG: 99999999999999999999 is not allowed: -5 to 17179869184 bytes");
    environment("FANFARE_PAGE_ENABLED=maybe",
                "FANFARE_PAGE_ENABLED: \"maybe\" is not allowed: true or false");
    environment("FANFARE_WS_PROT=1",
                "FANFARE_WS_PROT: unknown in the environment; the nearest known one is FANFARE_WS_PORT");
    environment("FANFARE_GATEWAY_LIST=a",
                "FANFARE_GATEWAY_LIST: \"a\" is not allowed: wanted as host:port, ..., "
                "a list of hostname and port, 1 to 65535");
    environment("FANFARE_GATEWAY_LIST=::1:7788",
                "FANFARE_GATEWAY_LIST: \"::1:7788\" is not allowed: an IPv6 address stands in brackets, as "
                "[::1]:7788, a list of hostname and port, 1 to 65535");
    environment("FANFARE_CORS_ORIGINS=a,,b",
                "FANFARE_CORS_ORIGINS: \"a,,b\" is not allowed: a list of texts, "
                "each 1 to 32 bytes");
    assert_int_equal(conf.ws_port, 7777);
}

static void what_kubernetes_sets_for_a_service_is_passed_over(void **state)
{
    (void)state;
    environment("FANFARE_GATEWAY_SERVICE_HOST=10.0.0.1", NULL);
    environment("FANFARE_GATEWAY_SERVICE_PORT=7777", NULL);
    environment("FANFARE_GATEWAY_SERVICE_PORT_WS=7777", NULL);
    environment("FANFARE_GATEWAY_PORT=tcp://10.0.0.1:7777", NULL);
    environment("FANFARE_GATEWAY_PORT_7777_TCP_ADDR=10.0.0.1", NULL);
    environment("FANFARE_WS_PORT=tcp://10.0.0.1:7777", NULL);
    assert_int_equal(conf.ws_port, 7777);
}

static void flags_set_and_are_checked(void **state)
{
    (void)state;
    flag("ws-port", "1", NULL);
    flag("page-enabled", "No", NULL);
    flag("rpc-ca", "x.pem", NULL);
    flag("rpc-server-name", "gw", NULL);
    assert_int_equal(conf.ws_port, 1);
    assert_false(conf.page_enabled);
    assert_string_equal(conf.rpc_ca, "x.pem");
    flag("ws-port", "70000", "--ws-port: 70000 is not allowed: 0 to 65535");
    flag("name", "\xff",
         "--name: \"\xff\" is not allowed: UTF-8 without control characters, a text of at most "
         "16 bytes");
    flag("ws-prot", "1", "--ws-prot: unknown flag; the nearest known one is --ws-port");
}

static void booleans_have_four_spellings(void **state)
{
    static const char *const words[][2] = {{"true", "false"}, {"1", "0"}, {"yes", "no"}, {"ON", "Off"}};

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        flag("page-enabled", words[i][1], NULL);
        assert_false(conf.page_enabled);
        flag("page-enabled", words[i][0], NULL);
        assert_true(conf.page_enabled);
    }
}

static void paths_must_be_readable(void **state)
{
    (void)state;
    assert_int_equal(conf_check_paths(&sample_table, &conf, &fault), STATUS_OK);
    flag("rpc-ca", "/nowhere/ca.pem", NULL);
    assert_int_equal(conf_check_paths(&sample_table, &conf, &fault), STATUS_IO);
    assert_string_equal(fault.text, "rpc.ca: /nowhere/ca.pem cannot be read: No such file or directory");
    flag("rpc-ca", "/tmp", NULL);
    assert_int_equal(conf_check_paths(&sample_table, &conf, &fault), STATUS_INVALID);
    assert_string_equal(fault.text, "rpc.ca: /tmp cannot be read: Is a directory");
    flag("rpc-ca", "/dev/null", NULL);
    assert_int_equal(conf_check_paths(&sample_table, &conf, &fault), STATUS_INVALID);
    assert_string_equal(fault.text, "rpc.ca: /dev/null cannot be read: it is not a regular file");
    flag("rpc-ca", sample_path, NULL);
    assert_int_equal(conf_check_paths(&sample_table, &conf, &fault), STATUS_OK);
}

static char *printed(void (*print)(FILE *out))
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    print(out);
    fclose(out);
    return text;
}

static void print_settings(FILE *out)
{
    conf_print_json(&sample_table, &conf, out);
}

static void print_help(FILE *out)
{
    conf_print_help(&sample_table, out);
}

static void print_markdown(FILE *out)
{
    conf_print_markdown(&sample_table, out);
}

static void printed_settings_load_again(void **state)
{
    char *first;
    char *second;

    (void)state;
    loads("{\"wsPort\":8000,\"big\":17179869183,\"name\":\"a\\\"b\",\"rpc\":{\"ca\":\"/x\"},"
          "\"cors\":{\"origins\":[\"https://a\"]},\"gatewayList\":[{\"hostname\":\"::1\",\"port\":9}],"
          "\"log\":{\"level\":\"warn\"},\"page\":{\"enabled\":false}}");
    first = printed(print_settings);
    conf_fini(&sample_table, &conf);
    assert_int_equal(conf_defaults(&sample_table, &conf), STATUS_OK);
    loads(first);
    assert_true(conf.big == INT64_C(17179869183));
    second = printed(print_settings);
    assert_string_equal(first, second);
    free(first);
    free(second);
}

static void printed_defaults_load_again(void **state)
{
    char *text;

    (void)state;
    text = printed(print_settings);
    loads(text);
    assert_non_null(strstr(text, "\"origins\":"));
    free(text);
}

static void help_and_documentation_hold_every_option(void **state)
{
    char *help = printed(print_help);
    char *markdown = printed(print_markdown);

    (void)state;
    for (size_t i = 0; i < sample_table.count; i++) {
        assert_non_null(strstr(help, sample_options[i].key));
        assert_non_null(strstr(markdown, sample_options[i].key));
    }
    assert_non_null(strstr(help, "--rpc-server-name TEXT"));
    assert_non_null(strstr(help, "Environment: FANFARE_RPC_SERVER_NAME."));
    assert_non_null(strstr(help, "Default: 7777. Allowed: 0 to 65535."));
    assert_non_null(strstr(markdown, "| `wsPort` | `7777` | 0 to 65535 | Port for clients. |"));
    assert_non_null(strstr(markdown, "| A big number. Reloaded by SIGHUP. |"));
    assert_non_null(strstr(help, "      A big number. Reloaded by SIGHUP.\n"));
    assert_non_null(strstr(help, "      Port for clients.\n"));
    free(help);
    free(markdown);
}

struct secrets {
    char *url;
    char *password;
};

static const struct conf_option secret_options[] = {
    {"redis.url", CONF_SECRET, CONF_RESTART, offsetof(struct secrets, url), 0, 40, "", NULL, "", "A URL.",
     "Redis"},
    {"redis.password", CONF_SECRET, CONF_RESTART, offsetof(struct secrets, password), 0, 8, "", NULL, "",
     "A word.", NULL},
};
static const struct conf_table secret_table = {.program = "sample",
                                               .summary = "A sample.",
                                               .options = secret_options,
                                               .count = 2,
                                               .struct_size = sizeof(struct secrets)};
static struct secrets secrets;

static void print_secrets(FILE *out)
{
    conf_print_json(&secret_table, &secrets, out);
}

static void shows(const char *url, const char *shown)
{
    char *text;

    assert_int_equal(conf_set_flag(&secret_table, &secrets, "redis-url", url, &fault), STATUS_OK);
    assert_string_equal(secrets.url, url);
    text = printed(print_secrets);
    if (strstr(text, shown) == NULL || (strstr(url, "s3cret") != NULL && strstr(text, "s3cret") != NULL))
        fail_msg("%s: %s", url, text);
    free(text);
}

static void passwords_are_not_printed(void **state)
{
    (void)state;
    assert_int_equal(conf_defaults(&secret_table, &secrets), STATUS_OK);
    shows("", "\"url\":\t\"\"");
    shows("", "\"password\":\t\"\"");
    shows("redis://h:1/2", "\"redis://h:1/2\"");
    shows("redis://u@h", "\"redis://u@h\"");
    shows("redis://u:s3cret@h:1/2", "\"redis://u:***@h:1/2\"");
    shows("redis://:s3cret@h", "\"redis://:***@h\"");
    shows("redis://:a@s3cret@h", "\"redis://:***@h\"");
    shows("redis://:a/s3cret@h", "\"redis://:***@h\"");
    shows("unix://u:s3cret@/x", "\"unix://u:***@/x\"");
    shows("u:s3cret@h", "\"***\"");
    assert_int_equal(conf_set_flag(&secret_table, &secrets, "redis-password", "s3cret", &fault), STATUS_OK);
    shows("", "\"password\":\t\"***\"");
    conf_fini(&secret_table, &secrets);
}

static void hides(const char *json, const char *expected)
{
    char whole[512];

    sample_write(json, strlen(json));
    assert_int_equal(conf_load_file(&secret_table, &secrets, sample_path, &fault), STATUS_INVALID);
    snprintf(whole, sizeof whole, "%s: %s", sample_path, expected);
    assert_string_equal(fault.text, whole);
}

static void passwords_stand_in_no_fault(void **state)
{
    (void)state;
    assert_int_equal(conf_defaults(&secret_table, &secrets), STATUS_OK);
    assert_int_equal(conf_set_flag(&secret_table, &secrets, "redis-password", "s3cret-long", &fault),
                     STATUS_INVALID);
    assert_string_equal(fault.text, "--redis-password: this value is not allowed: UTF-8 without control "
                                    "characters, a text of at most 8 bytes");
    hides("{\"redis\":{\"password\":\"s3cret\\n\"}}",
          "redis.password: this value is not allowed: UTF-8 without control characters, a text of at most 8 "
          "bytes");
    hides("{\"redis\":{\"url\":[\"s3cret\"]}}",
          "redis.url: this value is not allowed: a text of at most 40 bytes");
    hides("{\"redis\":\"redis://:s3cret@h\"}", "redis: this value is not allowed: an object");
    conf_fini(&secret_table, &secrets);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(defaults_are_the_tables),     TEST(the_environment_sets_every_type),
        TEST(the_environment_is_checked),  TEST(what_kubernetes_sets_for_a_service_is_passed_over),
        TEST(flags_set_and_are_checked),   TEST(booleans_have_four_spellings),
        TEST(paths_must_be_readable),      TEST(printed_settings_load_again),
        TEST(printed_defaults_load_again), TEST(help_and_documentation_hold_every_option),
        TEST(passwords_are_not_printed),   TEST(passwords_stand_in_no_fault),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
