/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's table and check: go-push's file loads, keys and certificates are examined. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "gateway/conf/gateway_conf.h"
#include "shared/conf/conf_internal.h"
#include "tests/unit/certs.h"

static struct gateway_conf conf;
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
    return conf_defaults(&gateway_conf_table, &conf);
}

static int end(void **state)
{
    (void)state;
    conf_fini(&gateway_conf_table, &conf);
    return 0;
}

static void set(const char *flag, const char *value)
{
    if (conf_set_flag(&gateway_conf_table, &conf, flag, value, &fault) != STATUS_OK)
        fail_msg("%s", fault.text);
}

static void check_passes(void)
{
    set("ws-port", "0");
    set("service-port", "0");
    set("admin-port", "0");
    if (gateway_conf_check(&conf, &fault) != STATUS_OK)
        fail_msg("%s", fault.text);
}

static void check_names(const char *a, const char *b)
{
    assert_int_not_equal(gateway_conf_check(&conf, &fault), STATUS_OK);
    assert_non_null(strstr(fault.text, a));
    assert_non_null(strstr(fault.text, b));
}

static void load(const char *json)
{
    char path[] = "/tmp/fanfare-gateway-XXXXXX";
    int fd = mkstemp(path);
    enum status status;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, json, strlen(json)), strlen(json));
    close(fd);
    status = conf_load_file(&gateway_conf_table, &conf, path, &fault);
    unlink(path);
    if (status != STATUS_OK)
        fail_msg("%s", fault.text);
}

/* Comments in keys that are not ASCII, MergerWorkerCount with a capital, keys of no meaning here. */
static void a_file_in_the_shape_of_go_push_loads(void **state)
{
    (void)state;
    load("{\n"
         "  \"WebSocket端口\": \"前面可以放nginx\",\n  \"wsPort\": 7070,\n\n"
         "  \"读超时\": \"毫秒\",\n  \"wsReadTimeout\": 2500,\n  \"wsWriteTimeout\": 2500,\n"
         "  \"队列\": \"默认即可\",\n  \"wsInChannelSize\": 1000,\n  \"wsOutChannelSize\": 900,\n"
         "  \"心跳\": \"秒\",\n  \"wsHeartbeatInterval\": 30,\n"
         "  \"合并\": \"毫秒\",\n  \"maxMergerDelay\": 500,\n  \"maxMergerBatchSize\": 50,\n"
         "  \"协程数\": \"合并\",\n  \"MergerWorkerCount\": 32,\n  \"mergerChannelSize\": 1000,\n"
         "  \"内部端口\": \"HTTP2\",\n  \"servicePort\": 7070,\n  \"serviceReadTimeout\": 2000,\n"
         "  \"serviceWriteTimeout\": 2000,\n  \"serverPem\": \"./default.pem\",\n"
         "  \"serverKey\": \"./default.key\",\n  \"bucketCount\": 512,\n  \"bucketWorkerCount\": 32,\n"
         "  \"maxJoinRoom\": 6,\n  \"dispatchChannelSize\": 100000,\n  \"dispatchWorkerCount\": 32,\n"
         "  \"bucketJobChannelSize\": 1001,\n  \"bucketJobWorkerCount\": 32\n}");
    assert_int_equal(conf.ws_port, 7070);
    assert_int_equal(conf.ws_read_timeout, 2500);
    assert_int_equal(conf.ws_out_channel_size, 900);
    assert_int_equal(conf.ws_heartbeat_interval, 30);
    assert_int_equal(conf.max_merger_delay, 500);
    assert_int_equal(conf.max_merger_batch_size, 50);
    assert_string_equal(conf.server_pem, "./default.pem");
    assert_string_equal(conf.server_key, "./default.key");
    assert_int_equal(conf.max_join_room, 6);
    assert_int_equal(conf.bucket_job_channel_size, 1001);
    for (size_t i = 0; i < GATEWAY_IGNORED_KEYS; i++)
        assert_true(conf.ignored[i]);
}

static void the_defaults_are_as_documented(void **state)
{
    (void)state;
    assert_int_equal(conf.ws_port, 7777);
    assert_int_equal(conf.service_port, 7788);
    assert_int_equal(conf.admin_port, 7789);
    assert_string_equal(conf.ws_bind, "*");
    assert_string_equal(conf.admin_bind, "127.0.0.1");
    assert_int_equal(conf.max_merger_delay, 50);
    assert_int_equal(conf.max_merger_batch_size, 1000);
    assert_int_equal(conf.max_merger_batch_bytes, 65536);
    assert_int_equal(conf.merge_edge, 0);
    assert_int_equal(conf.slow_client_policy, 0);
    assert_int_equal(conf.log_level, 1);
    assert_true(conf.page_enabled);
}

/* The fields of two options never overlap, every row has a help text, every bound admits its default. */
static void every_row_is_whole(void **state)
{
    const struct conf_table *table = &gateway_conf_table;

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

static void the_rpc_certificate_is_required(void **state)
{
    (void)state;
    check_names("serverPem: required", "certificate");
    set("server-pem", certs.path[CERT_SERVER]);
    check_names("serverKey: required", "private key");
    set("server-key", certs.path[KEY_SERVER]);
    check_passes();
}

static void certificate_and_key_must_belong_together(void **state)
{
    (void)state;
    set("server-pem", certs.path[CERT_SERVER]);
    set("server-key", certs.path[KEY_CLIENT]);
    check_names("serverKey: ", certs.path[KEY_CLIENT]);
    set("server-key", certs.path[CERT_SERVER]);
    check_names("private key", certs.path[CERT_SERVER]);
    set("server-pem", certs.path[KEY_SERVER]);
    check_names("serverPem: ", certs.path[KEY_SERVER]);
}

static void the_ca_must_parse(void **state)
{
    (void)state;
    set("server-pem", certs.path[CERT_SERVER]);
    set("server-key", certs.path[KEY_SERVER]);
    set("rpc-ca", certs.path[CERT_CA]);
    check_passes();
    set("rpc-ca", certs.path[KEY_SERVER]);
    check_names("rpc.ca: ", certs.path[KEY_SERVER]);
}

static void tls_for_clients_takes_both_files(void **state)
{
    (void)state;
    set("server-pem", certs.path[CERT_SERVER]);
    set("server-key", certs.path[KEY_SERVER]);
    set("ws-cert", certs.path[CERT_STRANGER]);
    check_names("ws.key: required", "together");
    set("ws-key", certs.path[KEY_CLIENT]);
    check_names("ws.key: ", certs.path[KEY_CLIENT]);
    set("ws-key", certs.path[KEY_STRANGER]);
    check_passes();
    set("ws-cert", "");
    check_names("ws.cert: required", "together");
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
    conf_print_markdown(&gateway_conf_table, printed);
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
        TEST(the_rpc_certificate_is_required),
        TEST(certificate_and_key_must_belong_together),
        TEST(the_ca_must_parse),
        TEST(tls_for_clients_takes_both_files),
    };

    return cmocka_run_group_tests(tests, make_certs, remove_certs);
}
