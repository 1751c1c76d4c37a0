/* SPDX-License-Identifier: Apache-2.0 */
/* The logic's table and check: go-push's file loads, keys and certificates are examined. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "logic/conf/logic_conf.h"
#include "shared/conf/conf_internal.h"
#include "tests/unit/certs.h"

static struct logic_conf conf;
static struct fault fault;
static struct certs certs;

static int make_certs(void **state)
{
    (void)state;
    certs_make(&certs);
    return 0;
}

static int remove_certs(void **state)
{
    (void)state;
    certs_remove(&certs);
    return 0;
}

static int begin(void **state)
{
    (void)state;
    return conf_defaults(&logic_conf_table, &conf);
}

static int end(void **state)
{
    (void)state;
    conf_fini(&logic_conf_table, &conf);
    return 0;
}

static void set(const char *flag, const char *value)
{
    if (conf_set_flag(&logic_conf_table, &conf, flag, value, &fault) != STATUS_OK)
        fail_msg("%s", fault.text);
}

static void check_passes(void)
{
    set("service-port", "0");
    if (logic_conf_check(&conf, &fault) != STATUS_OK)
        fail_msg("%s", fault.text);
}

static void check_names(const char *a, const char *b)
{
    assert_int_not_equal(logic_conf_check(&conf, &fault), STATUS_OK);
    assert_non_null(strstr(fault.text, a));
    assert_non_null(strstr(fault.text, b));
}

static void load(const char *json)
{
    char path[] = "/tmp/fanfare-logic-XXXXXX";
    int fd = mkstemp(path);
    enum status status;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, json, strlen(json)), strlen(json));
    close(fd);
    status = conf_load_file(&logic_conf_table, &conf, path, &fault);
    unlink(path);
    if (status != STATUS_OK)
        fail_msg("%s", fault.text);
}

/* Comments in keys that are not ASCII, a key in another case, keys of no meaning here. */
static void a_file_in_the_shape_of_go_push_loads(void **state)
{
    (void)state;
    load("{\n"
         "  \"HTTP端口\": \"业务方\",\n  \"servicePort\": 7079,\n  \"ServiceReadTimeout\": 2500,\n"
         "  \"serviceWriteTimeout\": 2600,\n\n"
         "  \"网关\": \"全部\",\n"
         "  \"gatewayList\": [\n    {\n      \"hostname\": \"localhost\",\n      \"port\": 7788\n    },\n"
         "    {\"hostname\": \"gw-2\", \"port\": 7789}\n  ],\n"
         "  \"gatewayMaxConnection\": 32,\n  \"gatewayTimeout\": 3500,\n  \"gatewayIdleTimeout\": 60,\n"
         "  \"gatewayDispatchWorkerCount\": 32,\n  \"gatewayDispatchChannelSize\": 100000,\n"
         "  \"拥塞\": \"丢弃\",\n  \"gatewayMaxPendingCount\": 100000,\n"
         "  \"重试\": \"次数\",\n  \"gatewayPushRetry\": 3\n}");
    assert_int_equal(conf.service_port, 7079);
    assert_int_equal(conf.service_read_timeout, 2500);
    assert_int_equal(conf.service_write_timeout, 2600);
    assert_int_equal(conf.gateway_list.count, 2);
    assert_string_equal(conf.gateway_list.items[0].hostname, "localhost");
    assert_int_equal(conf.gateway_list.items[1].port, 7789);
    assert_int_equal(conf.gateway_timeout, 3500);
    assert_int_equal(conf.gateway_max_pending_count, 100000);
    for (size_t i = 0; i < LOGIC_IGNORED_KEYS; i++)
        assert_true(conf.ignored[i]);
}

static void the_defaults_are_as_documented(void **state)
{
    (void)state;
    assert_int_equal(conf.service_port, 7799);
    assert_int_equal(conf.gateway_list.count, 0);
    assert_int_equal(conf.gateway_timeout, 3000);
    assert_int_equal(conf.link_queue_bytes, 67108864);
    assert_int_equal(conf.link_queue_seconds, 10);
    assert_int_equal(conf.wait_timeout, 5000);
    assert_int_equal(conf.cors_origins.count, 0);
    assert_int_equal(conf.log_format, 0);
}

/* The fields of two options never overlap, every row has a help text, every bound admits its default. */
static void every_row_is_whole(void **state)
{
    const struct conf_table *table = &logic_conf_table;

    (void)state;
    assert_non_null(table->options[0].group);
    for (size_t i = 0; i < table->count; i++) {
        const struct conf_option *option = &table->options[i];

        assert_true(option->help[0] && option->help[strlen(option->help) - 1] == '.');
        assert_true(option->offset < table->struct_size);
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(option->offset, table->options[j].offset);
    }
}

static void without_tls_files_the_check_passes(void **state)
{
    (void)state;
    check_passes();
}

static void certificate_and_key_stand_together(void **state)
{
    (void)state;
    set("rpc-cert", certs.path[CERT_CLIENT]);
    check_names("rpc.key: required", "together");
    set("rpc-key", certs.path[KEY_SERVER]);
    check_names("rpc.key: ", certs.path[KEY_SERVER]);
    set("rpc-key", certs.path[KEY_CLIENT]);
    check_passes();
    set("rpc-cert", "");
    check_names("rpc.cert: required", "together");
}

static void the_ca_must_parse(void **state)
{
    (void)state;
    set("rpc-ca", certs.path[CERT_CA]);
    check_passes();
    set("rpc-ca", certs.path[KEY_SERVER]);
    check_names("rpc.ca: ", certs.path[KEY_SERVER]);
}

/* Run from the top of the tree, as make does. */
static void the_documentation_is_up_to_date(void **state)
{
    static char document[1 << 17];
    FILE *file = fopen("docs/configuration.md", "r");
    char *table = NULL;
    size_t len = 0;
    FILE *printed = open_memstream(&table, &len);

    (void)state;
    conf_print_markdown(&logic_conf_table, printed);
    fclose(printed);
    assert_non_null(file);
    document[fread(document, 1, sizeof document - 1, file)] = '\0';
    fclose(file);
    assert_non_null(strstr(document, table));
    free(table);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_file_in_the_shape_of_go_push_loads),
        TEST(the_defaults_are_as_documented),
        TEST(every_row_is_whole),
        TEST(the_documentation_is_up_to_date),
        TEST(without_tls_files_the_check_passes),
        TEST(certificate_and_key_stand_together),
        TEST(the_ca_must_parse),
    };

    return cmocka_run_group_tests(tests, make_certs, remove_certs);
}
