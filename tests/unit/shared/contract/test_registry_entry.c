/* SPDX-License-Identifier: Apache-2.0 */
/* registry_entry: what is printed reads back, what is not an entry is refused with the member's name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "shared/contract/registry_entry.h"

#define INSTANCE "0123456789abcdef0123456789abcdef"

static struct registry_entry entry;
static struct fault fault;

static void parses(const char *text)
{
    if (registry_entry_parse(slice_str(text), &entry, &fault) != STATUS_OK)
        fail_msg("%s: %s", text, fault.text);
}

static void is_refused(const char *text, const char *why)
{
    assert_int_equal(registry_entry_parse(slice_str(text), &entry, &fault), STATUS_INVALID);
    if (strcmp(fault.text, why) != 0)
        fail_msg("%s: %s", text, fault.text);
    assert_int_equal(registry_entry_parse(slice_str(text), &entry, NULL), STATUS_INVALID);
}

static const char *text_of(struct buf *buf)
{
    assert_int_equal(buf_append(buf, "", 1), STATUS_OK);
    return (const char *)buf->data;
}

static void an_entry_is_printed_with_its_instance_first(void **state)
{
    const struct registry_entry g1 = {.instance = INSTANCE,
                                      .id = "g1",
                                      .host = "10.0.0.1",
                                      .port = 7788,
                                      .weight = 1,
                                      .state = REGISTRY_UP,
                                      .version = "0.1.0",
                                      .clients = 12};
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    assert_int_equal(registry_entry_print(&g1, &out), STATUS_OK);
    assert_string_equal(text_of(&out),
                        "{\"instance\":\"" INSTANCE "\",\"id\":\"g1\",\"host\":\"10.0.0.1\",\"port\":7788,"
                        "\"weight\":1,\"state\":\"up\",\"version\":\"0.1.0\",\"clients\":12}");
    parses((const char *)out.data);
    assert_memory_equal(entry.instance, g1.instance, sizeof entry.instance);
    assert_string_equal(entry.id, "g1");
    assert_string_equal(entry.host, "10.0.0.1");
    assert_int_equal(entry.port, 7788);
    assert_int_equal(entry.weight, 1);
    assert_int_equal(entry.state, REGISTRY_UP);
    assert_string_equal(entry.version, "0.1.0");
    assert_int_equal(entry.clients, 12);
    buf_fini(&out);
}

static void a_full_buffer_is_told(void **state)
{
    const struct registry_entry g1 = {.id = "g1", .host = "h", .port = 1};

    (void)state;
    for (size_t max = 0; max < 90; max += 7) {
        struct buf out;

        buf_init(&out, max);
        assert_int_equal(registry_entry_print(&g1, &out), STATUS_TOO_LARGE);
        buf_fini(&out);
    }
}

static void what_is_missing_has_defaults_and_strangers_pass(void **state)
{
    (void)state;
    parses(" {\"id\":\"a-b_c.d:1\", \"host\":\"::1\", \"port\":65535, \"state\":\"draining\", "
           "\"zone\":{\"a\":[1]}} ");
    assert_string_equal(entry.instance, "");
    assert_string_equal(entry.host, "::1");
    assert_int_equal(entry.weight, 1);
    assert_int_equal(entry.state, REGISTRY_DRAINING);
    assert_string_equal(entry.version, "");
    assert_int_equal(entry.clients, -1);
    parses("{\"id\":\"g\",\"host\":\"h\",\"port\":1,\"state\":\"gone\",\"weight\":0,\"clients\":0}");
    assert_int_equal(entry.state, REGISTRY_GONE);
    assert_int_equal(entry.weight, 0);
    assert_int_equal(entry.clients, 0);
}

static void what_is_no_object_is_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "null",
                                        "[]",
                                        "\"x\"",
                                        "{",
                                        "{}x",
                                        "{\"id\":\"g\",}",
                                        "{\"id\":'g'}",
                                        "{\"id\":\"\xff\"}",
                                        "{\"x\":[[[[[[[[[]]]]]]]]]}"};
    char text[5000];

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        is_refused(texts[i], "not a JSON object of at most 4096 bytes");
    snprintf(text, sizeof text, "{\"id\":\"g\",\"host\":\"h\",\"port\":1,\"state\":\"up\",\"x\":\"%04096d\"}",
             0);
    is_refused(text, "not a JSON object of at most 4096 bytes");
}

static void required_members_are_named(void **state)
{
    (void)state;
    is_refused("{}", "id is missing");
    is_refused("{\"id\":\"g\",\"port\":1,\"state\":\"up\"}", "host is missing");
    is_refused("{\"id\":\"g\",\"host\":\"h\",\"state\":\"up\"}", "port is missing");
    is_refused("{\"id\":\"g\",\"host\":\"h\",\"port\":1}", "state is missing");
    is_refused("{\"id\":\"g\",\"ID\":\"g\",\"host\":\"h\",\"port\":1,\"state\":\"up\",\"id\":\"g\"}",
               "id stands there twice");
}

/* An otherwise good entry with one member replaced. */
static void is_out_of_range(const char *name, const char *value)
{
    static const char *const good[][2] = {
        {"id", "\"g\""}, {"host", "\"h\""}, {"port", "1"}, {"state", "\"up\""}};
    char text[1024];
    char why[64];
    int len = snprintf(text, sizeof text, "{\"%s\":%s", name, value);

    for (size_t i = 0; i < 4; i++)
        if (strcmp(good[i][0], name) != 0)
            len += snprintf(text + len, sizeof text - (size_t)len, ",\"%s\":%s", good[i][0], good[i][1]);
    snprintf(text + len, sizeof text - (size_t)len, "}");
    snprintf(why, sizeof why, "%s is out of range", name);
    is_refused(text, why);
}

static void members_out_of_range_are_named(void **state)
{
    char text[300];

    (void)state;
    is_out_of_range("id", "1");
    is_out_of_range("id", "\"\"");
    is_out_of_range("id", "\"a b\"");
    is_out_of_range("id", "\"a/b\"");
    is_out_of_range("id", "\"a\\u0000b\"");
    snprintf(text, sizeof text, "\"%0129d\"", 0);
    is_out_of_range("id", text);
    is_out_of_range("host", "\"\"");
    is_out_of_range("host", "null");
    is_out_of_range("host", "\"[::1]\"");
    is_out_of_range("host", "\"a\\nb\"");
    snprintf(text, sizeof text, "\"%0256d\"", 0);
    is_out_of_range("host", text);
    is_out_of_range("port", "0");
    is_out_of_range("port", "65536");
    is_out_of_range("port", "1.0");
    is_out_of_range("port", "1e3");
    is_out_of_range("port", "\"1\"");
    is_out_of_range("port", "99999999999999999999");
    is_out_of_range("weight", "-1");
    is_out_of_range("weight", "1001");
    is_out_of_range("clients", "-2");
    is_out_of_range("clients", "true");
    is_out_of_range("state", "\"UP\"");
    is_out_of_range("state", "1");
    is_out_of_range("version", "\"0123456789012345678901234567890123\"");
    is_out_of_range("instance", "\"0123\"");
    is_out_of_range("instance", "\"0123456789abcdef0123456789abcdeg\"");
}

static void ids_are_plain(void **state)
{
    char id[REGISTRY_ID_MAX + 2];

    (void)state;
    assert_null(registry_id_fault("Gw-1_x.example:7788"));
    assert_string_equal(registry_id_fault(""), "must be 1 to 128 of A-Z a-z 0-9 . _ : -");
    assert_non_null(registry_id_fault("a*"));
    assert_non_null(registry_id_fault("\xc3\xa9"));
    memset(id, 'x', sizeof id);
    id[REGISTRY_ID_MAX + 1] = '\0';
    assert_non_null(registry_id_fault(id));
    id[REGISTRY_ID_MAX] = '\0';
    assert_null(registry_id_fault(id));
}

static void names_begin_with_the_prefix(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 256);
    assert_int_equal(registry_key("{fanfare}", "g1", &out), STATUS_OK);
    assert_string_equal(text_of(&out), "{fanfare}:gateway:g1");
    buf_clear(&out);
    assert_int_equal(registry_channel("fanfare", &out), STATUS_OK);
    assert_string_equal(text_of(&out), "fanfare:gateways");
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_is_printed_with_its_instance_first),
        cmocka_unit_test(a_full_buffer_is_told),
        cmocka_unit_test(what_is_missing_has_defaults_and_strangers_pass),
        cmocka_unit_test(what_is_no_object_is_refused),
        cmocka_unit_test(required_members_are_named),
        cmocka_unit_test(members_out_of_range_are_named),
        cmocka_unit_test(ids_are_plain),
        cmocka_unit_test(names_begin_with_the_prefix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
