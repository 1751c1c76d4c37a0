/* SPDX-License-Identifier: Apache-2.0 */
/* conf and the file: what loads, and what every fault says, compared as the user reads it. */
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

/* The fault begins with the file's path, then follows `expected`. */
static void refuses(const char *json, const char *expected)
{
    assert_int_not_equal(load_bytes(json, strlen(json)), STATUS_OK);
    assert_memory_equal(fault.text, sample_path, strlen(sample_path));
    assert_string_equal(fault.text + strlen(sample_path), expected);
}

/* Only the place is ours to promise; the reason's words are json_scan's. */
static void refuses_at(const char *json, const char *place)
{
    assert_int_equal(load_bytes(json, strlen(json)), STATUS_INVALID);
    assert_memory_equal(fault.text, sample_path, strlen(sample_path));
    assert_memory_equal(fault.text + strlen(sample_path), place, strlen(place));
}

static void a_file_sets_every_type(void **state)
{
    (void)state;
    loads("{\"wsPort\":8000,\"big\":17179869184,\"name\":\"caf\\u00e9\",\"page\":{\"enabled\":false},"
          "\"rpc\":{\"ca\":\"/x/ca.pem\",\"serverName\":\"gw\"},\"log\":{\"level\":\"warn\"},"
          "\"cors\":{\"origins\":[\"https://a\",\"https://b\"]},"
          "\"gatewayList\":[{\"hostname\":\"a\",\"port\":1},{\"port\":2,\"hostname\":\"[::1]\"}],"
          "\"oldKey\":[1,{}]}");
    assert_int_equal(conf.ws_port, 8000);
    assert_true(conf.big == INT64_C(17179869184));
    assert_string_equal(conf.name, "caf\xc3\xa9");
    assert_false(conf.page_enabled);
    assert_string_equal(conf.rpc_ca, "/x/ca.pem");
    assert_string_equal(conf.rpc_server_name, "gw");
    assert_int_equal(conf.log_level, 2);
    assert_int_equal(conf.origins.count, 2);
    assert_string_equal(conf.origins.items[1], "https://b");
    assert_int_equal(conf.gateways.count, 2);
    assert_string_equal(conf.gateways.items[1].hostname, "::1");
    assert_int_equal(conf.gateways.items[1].port, 2);
    assert_true(conf.old_key);
    assert_false(conf.old_worker);
}

static void keys_match_without_regard_to_case(void **state)
{
    (void)state;
    loads("{\"WSPORT\":1,\"OldWorkerCount\":32,\"RPC\":{\"servername\":\"x\"},"
          "\"gatewaylist\":[{\"HostName\":\"a\",\"PORT\":1}]}");
    assert_int_equal(conf.ws_port, 1);
    assert_string_equal(conf.rpc_server_name, "x");
    assert_string_equal(conf.gateways.items[0].hostname, "a");
    assert_true(conf.old_worker);
}

static void keys_that_are_not_ascii_are_comments(void **state)
{
    (void)state;
    loads("{\"端口\":\"说明\",\"wsPort\":1,\"端口\":\"又\",\"rpc\":{\"证书\":\"说明\",\"ca\":\"\"},"
          "\"gatewayList\":[{\"主机\":\"说明\",\"hostname\":\"a\",\"port\":1}]}");
    assert_int_equal(conf.ws_port, 1);
    assert_int_equal(conf.gateways.count, 1);
}

static void a_byte_order_mark_is_passed_over(void **state)
{
    (void)state;
    loads("\xef\xbb\xbf{\"wsPort\":1}\r\n");
    assert_int_equal(conf.ws_port, 1);
}

static void unknown_keys_name_the_nearest(void **state)
{
    (void)state;
    refuses("{\"wsPrt\":1}", ": \"wsPrt\": unknown key; the nearest known one is wsPort");
    refuses("{\"rpc\":{\"sa\":1}}", ": \"rpc.sa\": unknown key; the nearest known one is rpc.ca");
    refuses("{\"logs\":{\"level\":\"info\"}}", ": \"logs\": unknown key; the nearest known one is log");
    refuses("{\"rpc.ca\":\"x\"}", ": rpc.ca: the dot stands for an object: {\"rpc\": {\"ca\": ...}}");
    refuses("{\"rpc\":{\"rpc\":{\"ca\":\"\"}}}",
            ": \"rpc.rpc\": unknown key; the nearest known one is rpc.ca");
    refuses("{\"a\\nb\":1}", ": \"a\\nb\": unknown key; the nearest known one is big");
}

static void keys_that_stand_twice_are_refused(void **state)
{
    (void)state;
    refuses("{\"wsPort\":1,\"wsPort\":1}", ": wsPort: the key stands twice");
    refuses("{\"wsPort\":1,\"WsPort\":2}", ": WsPort: the key stands twice");
    refuses("{\"rpc\":{\"ca\":\"\",\"ca\":\"\"}}", ": rpc.ca: the key stands twice");
    refuses("{\"rpc\":{},\"rpc\":{}}", ": rpc: the key stands twice");
}

static void integers_have_bounds(void **state)
{
    (void)state;
    refuses("{\"wsPort\":70000}", ": wsPort: 70000 is not allowed: 0 to 65535");
    refuses("{\"wsPort\":-1}", ": wsPort: -1 is not allowed: 0 to 65535");
    refuses("{\"wsPort\":1.5}", ": wsPort: 1.5 is not allowed: an integer, 0 to 65535");
    refuses("{\"wsPort\":\"7777\"}", ": wsPort: \"7777\" is not allowed: an integer, 0 to 65535");
    refuses("{\"wsPort\":null}", ": wsPort: null is not allowed: an integer, 0 to 65535");
    refuses("{\"wsPort\":true}", ": wsPort: true is not allowed: an integer, 0 to 65535");
    refuses("{\"wsPort\":[1]}", ": wsPort: [1] is not allowed: an integer, 0 to 65535");
    refuses("{\"big\":1e300}", ": big: 1e+300 is not allowed: -5 to 17179869184 bytes");
    refuses("{\"big\":9007199254740993}", ": big: 9007199254740992 is not allowed: -5 to 17179869184 bytes");
    refuses("{\"big\":1e999}", ": big: null is not allowed: -5 to 17179869184 bytes");
    assert_int_equal(conf.ws_port, 7777);
    loads("{\"wsPort\":65535,\"big\":-5}");
    loads("{\"wsPort\":0,\"big\":1e3}");
    assert_int_equal(conf.big, 1000);
}

static void other_types_say_what_is_allowed(void **state)
{
    (void)state;
    refuses("{\"page\":{\"enabled\":\"yes\"}}", ": page.enabled: \"yes\" is not allowed: true or false");
    refuses("{\"page\":{\"enabled\":1}}", ": page.enabled: 1 is not allowed: true or false");
    refuses("{\"page\":true}", ": page: true is not allowed: an object");
    refuses("{\"log\":{\"level\":\"loud\"}}", ": log.level: \"loud\" is not allowed: debug, info, warn");
    refuses("{\"log\":{\"level\":\"\"}}", ": log.level: \"\" is not allowed: debug, info, warn");
    refuses("{\"log\":{\"level\":1}}", ": log.level: 1 is not allowed: debug, info, warn");
    refuses("{\"name\":5}", ": name: 5 is not allowed: a text of at most 16 bytes");
    refuses("{\"name\":\"a\\nb\"}",
            ": name: \"a\\nb\" is not allowed: UTF-8 without control characters, a text "
            "of at most 16 bytes");
    refuses("{\"cors\":{\"origins\":\"*\"}}",
            ": cors.origins: \"*\" is not allowed: a list of texts, each 1 to 32 bytes");
    refuses("{\"cors\":{\"origins\":[\"\"]}}",
            ": cors.origins: [\"\"] is not allowed: a list of texts, each 1 to 32 bytes");
    refuses("{\"cors\":{\"origins\":[\"a\",7]}}",
            ": cors.origins: [\"a\",7] is not allowed: a list of texts, each 1 to 32 bytes");
    assert_int_equal(conf.origins.count, 0);
}

static void endpoints_are_checked(void **state)
{
    static const char allowed[] = "a list of hostname and port, 1 to 65535";
    static const struct {
        const char *json;
        const char *why;
    } cases[] = {
        {"[{\"hostname\":\"a\",\"port\":0}]", ""},
        {"[{\"hostname\":\"a\",\"port\":65536}]", ""},
        {"[{\"hostname\":\"a\",\"port\":1.5}]", ""},
        {"[{\"hostname\":\"\",\"port\":1}]", "not a hostname or address, "},
        {"[{\"hostname\":\"a/b\",\"port\":1}]", "not a hostname or address, "},
        {"[{\"hostname\":\"a\"}]", "wanted as [{\"hostname\": \"name\", \"port\": 7788}], "},
        {"[\"a:1\"]", "wanted as [{\"hostname\": \"name\", \"port\": 7788}], "},
        {"[{\"hostname\":\"a\",\"port\":\"1\"}]", "wanted as [{\"hostname\": \"name\", \"port\": 7788}], "},
        {"[{\"hostname\":\"a\",\"port\":1,\"x\":1}]", "the keys are hostname and port, "},
        {"[{\"hostname\":\"a\",\"port\":1,\"Port\":1}]", "a key stands twice, "},
        {"[{\"hostname\":\"a\",\"port\":1},{\"hostname\":\"A\",\"port\":1}]",
         "the same gateway stands twice and would get everything twice, "},
        {"5", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char json[256];
        char expected[512];

        snprintf(json, sizeof json, "{\"gatewayList\":%s}", cases[i].json);
        snprintf(expected, sizeof expected, ": gatewayList: %s is not allowed: %s%s", cases[i].json,
                 cases[i].why, allowed);
        refuses(json, expected);
        assert_int_equal(conf.gateways.count, 0);
    }
}

static void broken_files_name_the_place(void **state)
{
    (void)state;
    refuses_at("", ": line 1, column 1: ");
    refuses_at("{\n  \"wsPort\": 1\n}\n x", ": line 4, column 2: ");
    refuses_at("{\"wsPort\":01}", ": line 1, column 1");
    refuses_at("{\"wsPort\":1,}", ": line 1, column 1");
    refuses_at("{\"name\":\"a\tb\"}", ": line 1, column 11: ");
    refuses("[1]", ": line 1, column 1: the file must be a JSON object");
    refuses("{\"name\":\"a\\u0000b\"}", ": line 1, column 11: \\u0000 is not allowed");
    refuses("{\"name\":\"\\ud800\"}", ": line 1, column 10: half of a surrogate pair");
    assert_int_equal(load_bytes("{}\0", 3), STATUS_INVALID);
}

static void depth_and_size_are_bounded(void **state)
{
    static char deep[2000];
    char *large = malloc((1 << 20) + 1);

    (void)state;
    assert_non_null(large);
    memset(deep, '[', sizeof deep);
    assert_int_equal(load_bytes(deep, sizeof deep), STATUS_INVALID);
    memset(large, ' ', (1 << 20) + 1);
    memcpy(large, "{}", 2);
    assert_int_equal(load_bytes(large, 1 << 20), STATUS_OK);
    assert_int_equal(load_bytes(large, (1 << 20) + 1), STATUS_TOO_LARGE);
    free(large);
}

static void unreadable_files_say_why(void **state)
{
    (void)state;
    assert_int_equal(conf_load_file(&sample_table, &conf, "/nowhere/x.json", &fault), STATUS_IO);
    assert_string_equal(fault.text, "/nowhere/x.json: cannot be read: No such file or directory");
    assert_int_equal(conf_load_file(&sample_table, &conf, "/tmp", &fault), STATUS_INVALID);
    assert_string_equal(fault.text, "/tmp: cannot be read: Is a directory");
}

static void long_values_are_cut_in_faults(void **state)
{
    char json[1024];

    (void)state;
    snprintf(json, sizeof json, "{\"name\":\"%0500d\"}", 7);
    assert_int_equal(load_bytes(json, strlen(json)), STATUS_INVALID);
    assert_non_null(strstr(fault.text, "000... is not allowed: "));
    snprintf(json, sizeof json, "{\"%0500d\":1}", 7);
    assert_int_equal(load_bytes(json, strlen(json)), STATUS_INVALID);
    assert_non_null(strstr(fault.text, "unknown key; the nearest known one is "));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_file_sets_every_type),
        TEST(keys_match_without_regard_to_case),
        TEST(keys_that_are_not_ascii_are_comments),
        TEST(a_byte_order_mark_is_passed_over),
        TEST(unknown_keys_name_the_nearest),
        TEST(keys_that_stand_twice_are_refused),
        TEST(integers_have_bounds),
        TEST(other_types_say_what_is_allowed),
        TEST(endpoints_are_checked),
        TEST(broken_files_name_the_place),
        TEST(depth_and_size_are_bounded),
        TEST(unreadable_files_say_why),
        TEST(long_values_are_cut_in_faults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
