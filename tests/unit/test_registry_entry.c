/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of the registry, out and in again; what is no entry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "shared/registry_entry.h"

static void out_and_in_again(void **state)
{
    const struct registry_entry entry = {.instance = "00112233445566778899aabbccddeeff",
                                         .id = "gw-1:7788",
                                         .host = "fe80::1",
                                         .port = 7788,
                                         .weight = 3,
                                         .state = REGISTRY_DRAINING,
                                         .version = "0.1.0",
                                         .clients = 12};
    struct registry_entry back;
    struct buf text;
    (void)state;

    buf_init(&text, SIZE_MAX);
    assert_int_equal(registry_entry_print(&entry, &text), STATUS_OK);
    assert_int_equal(registry_entry_parse(slice_of(text.data, text.len), &back, NULL), STATUS_OK);
    assert_string_equal(back.instance, entry.instance);
    assert_string_equal(back.id, entry.id);
    assert_string_equal(back.host, entry.host);
    assert_int_equal(back.port, entry.port);
    assert_int_equal(back.weight, 3);
    assert_int_equal(back.state, REGISTRY_DRAINING);
    assert_string_equal(back.version, "0.1.0");
    assert_int_equal(back.clients, 12);
    /* The registrar's script recognises its own values by how they begin. */
    assert_memory_equal(text.data, "{\"instance\":\"00112233445566778899aabbccddeeff\"", 46);
    buf_fini(&text);
}

static void some_members_may_be_missing_and_others_be_unknown(void **state)
{
    struct registry_entry entry;
    (void)state;

    assert_int_equal(
        registry_entry_parse(
            slice_str(" {\"id\":\"a\", \"host\":\"h\",\"port\":1,\"state\":\"up\",\"new\":[{}]} "), &entry,
            NULL),
        STATUS_OK);
    assert_string_equal(entry.instance, "");
    assert_int_equal(entry.weight, 1);
    assert_int_equal(entry.clients, -1);
    assert_int_equal(entry.state, REGISTRY_UP);
}

static void bad(const char *text, const char *says)
{
    struct registry_entry entry;
    struct fault fault = {""};

    assert_int_equal(registry_entry_parse(slice_str(text), &entry, &fault), STATUS_INVALID);
    if (!strstr(fault.text, says))
        fail_msg("%s: \"%s\" does not say \"%s\"", text, fault.text, says);
}

static void what_is_no_entry(void **state)
{
    char long_id[300] = "{\"id\":\"";
    (void)state;

    bad("", "not a JSON object");
    bad("[]", "not a JSON object");
    bad("{\"id\":\"a\"", "not a JSON object");
    bad("{\"host\":\"h\",\"port\":1,\"state\":\"up\"}", "id is missing");
    bad("{\"id\":\"a\",\"port\":1,\"state\":\"up\"}", "host is missing");
    bad("{\"id\":\"a\",\"host\":\"h\",\"state\":\"up\"}", "port is missing");
    bad("{\"id\":\"a\",\"host\":\"h\",\"port\":1}", "state is missing");
    bad("{\"id\":\"a b\",\"host\":\"h\",\"port\":1,\"state\":\"up\"}", "id is out of range");
    bad("{\"id\":\"a\\u0000b\",\"host\":\"h\",\"port\":1,\"state\":\"up\"}", "id is out of range");
    bad("{\"id\":7,\"host\":\"h\",\"port\":1,\"state\":\"up\"}", "id is out of range");
    bad("{\"id\":\"a\",\"host\":\"\",\"port\":1,\"state\":\"up\"}", "host is out of range");
    bad("{\"id\":\"a\",\"host\":\"h/x\",\"port\":1,\"state\":\"up\"}", "host is out of range");
    bad("{\"id\":\"a\",\"host\":\"h\",\"port\":0,\"state\":\"up\"}", "port is out of range");
    bad("{\"id\":\"a\",\"host\":\"h\",\"port\":65536,\"state\":\"up\"}", "port is out of range");
    bad("{\"id\":\"a\",\"host\":\"h\",\"port\":1e3,\"state\":\"up\"}", "port is out of range");
    bad("{\"id\":\"a\",\"host\":\"h\",\"port\":\"1\",\"state\":\"up\"}", "port is out of range");
    bad("{\"id\":\"a\",\"host\":\"h\",\"port\":1,\"state\":\"UP\"}", "state is out of range");
    bad("{\"id\":\"a\",\"id\":\"b\",\"host\":\"h\",\"port\":1,\"state\":\"up\"}", "id stands there twice");
    bad("{\"id\":\"a\",\"host\":\"h\",\"port\":1,\"state\":\"up\",\"weight\":1001}",
        "weight is out of range");
    bad("{\"id\":\"a\",\"host\":\"h\",\"port\":1,\"state\":\"up\",\"instance\":\"xyz\"}",
        "instance is out of range");
    memset(long_id + 7, 'a', 129);
    strcpy(long_id + 136, "\",\"host\":\"h\",\"port\":1,\"state\":\"up\"}");
    bad(long_id, "id is out of range");
}

static void ids_keys_and_channels(void **state)
{
    struct buf text;
    (void)state;

    assert_null(registry_id_fault("g-1.example:7788_x"));
    assert_non_null(registry_id_fault(""));
    assert_non_null(registry_id_fault("a/b"));
    buf_init(&text, SIZE_MAX);
    assert_int_equal(registry_key("{fanfare}", "g1", &text), STATUS_OK);
    assert_int_equal(registry_channel("p", &text), STATUS_OK);
    assert_int_equal(text.len, strlen("{fanfare}:gateway:g1p:gateways"));
    assert_memory_equal(text.data, "{fanfare}:gateway:g1p:gateways", text.len);
    buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(out_and_in_again),
        cmocka_unit_test(some_members_may_be_missing_and_others_be_unknown),
        cmocka_unit_test(what_is_no_entry),
        cmocka_unit_test(ids_keys_and_channels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
