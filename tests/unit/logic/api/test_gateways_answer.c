/* SPDX-License-Identifier: Apache-2.0 */
/* GET /gateways, byte for byte, and what a probe makes of a gateway's answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "logic/api/gateways_answer.h"
#include "logic/link/link_probe.h"
#include "shared/json/json_scan.h"

static const struct link_details nothing_known = {.rtt_us = -1, .clients = -1, .canary_us = -1};

static void expect(const struct gateway_entry *entry, const struct link_details *link, const char *json)
{
    struct json_value value;
    struct json_error error;
    struct buf out;

    buf_init(&out, 65536);
    assert_int_equal(gateways_answer_append_one(&out, "10.0.0.1:7788", entry, link), STATUS_OK);
    assert_int_equal(json_scan(slice_of(out.data, out.len), 8, &value, &error), STATUS_OK);
    assert_int_equal(buf_append(&out, "", 1), STATUS_OK);
    assert_string_equal((const char *)out.data, json);
    buf_fini(&out);
}

static void all_is_known(void **state)
{
    const struct gateway_entry entry = {
        .source = GATEWAY_FROM_REDIS, .id = "g1", .version = "0.1.0", .clients = 3, .listed = true};
    const struct hello hello = {.version = "0.2.0", .limits = {1024, 64, 128, 8388608}};
    const struct link_details link = {.up = true,
                                      .hello = &hello,
                                      .below = 1u << HELLO_ITEM_BYTES,
                                      .pushes = 2,
                                      .bytes = 130,
                                      .rtt_us = 12034,
                                      .canary_us = 420,
                                      .clients = 118,
                                      .error = "the gateway is silent",
                                      .error_age_ms = 12999};

    (void)state;
    expect(
        &entry, &link,
        "{\"address\":\"10.0.0.1:7788\",\"id\":\"g1\",\"source\":\"redis\",\"listed\":true,\"state\":\"up\","
        "\"queue\":{\"pushes\":2,\"bytes\":130},\"rttMs\":12.034,\"canary\":{\"state\":\"passing\",\"ms\":0."
        "420},\"clients\":118,\"version\":\"0.2.0\",\"limits\":{\"maxItemBytes\":1024,\"maxJsonDepth\":64,"
        "\"maxRoomNameBytes\":128,\"maxRpcBytes\":8388608},\"limitsBelow\":[\"maxItemBytes\"],"
        "\"lastError\":{\"text\":\"the gateway is silent\",\"secondsAgo\":12}}");
}

static void what_is_not_known_is_null(void **state)
{
    const struct gateway_entry entry = {.source = GATEWAY_FROM_LIST, .clients = -1, .listed = true};

    (void)state;
    expect(&entry, &nothing_known,
           "{\"address\":\"10.0.0.1:7788\",\"id\":null,\"source\":\"static\",\"listed\":true,"
           "\"state\":\"connecting\",\"queue\":{\"pushes\":0,\"bytes\":0},\"rttMs\":null,\"canary\":{"
           "\"state\":\"unknown\",\"ms\":null},\"clients\":null,"
           "\"version\":null,\"limits\":null,\"limitsBelow\":null,\"lastError\":null}");
}

static void the_registry_knows_clients_that_the_link_does_not(void **state)
{
    const struct gateway_entry entry = {
        .source = GATEWAY_FROM_REDIS, .id = "g1", .clients = 3, .listed = false, .draining = true};
    struct link_details link = nothing_known;

    (void)state;
    link.up = true;
    link.rtt_us = 5;
    link.canary_failing = true;
    expect(&entry, &link,
           "{\"address\":\"10.0.0.1:7788\",\"id\":\"g1\",\"source\":\"redis\",\"listed\":false,"
           "\"state\":\"draining\",\"queue\":{\"pushes\":0,\"bytes\":0},\"rttMs\":0.005,\"canary\":{"
           "\"state\":\"failing\",\"ms\":null},\"clients\":3,"
           "\"version\":null,\"limits\":null,\"limitsBelow\":null,\"lastError\":null}");
}

static void texts_are_escaped(void **state)
{
    const struct gateway_entry entry = {
        .source = GATEWAY_FROM_DNS, .clients = -1, .version = "\"\\\x01", .listed = true};
    struct link_details link = nothing_known;

    (void)state;
    link.given_up = true;
    link.error = "a\nb\"";
    expect(&entry, &link,
           "{\"address\":\"10.0.0.1:7788\",\"id\":null,\"source\":\"dns\",\"listed\":true,\"state\":\"down\","
           "\"queue\":{\"pushes\":0,\"bytes\":0},\"rttMs\":null,\"canary\":{\"state\":\"unknown\",\"ms\":"
           "null},\"clients\":null,"
           "\"version\":\"\\\"\\\\\\u0001\",\"limits\":null,\"limitsBelow\":null,\"lastError\":{\"text\":"
           "\"a\\nb\\\"\",\"secondsAgo\":0}}");
}

/* A draining gateway whose link is not up can be pushed to no more than any other that is not. */
static void draining_needs_a_link(void **state)
{
    const struct gateway_entry entry = {.source = GATEWAY_FROM_REDIS, .draining = true, .clients = -1};
    struct link_details link = nothing_known;

    (void)state;
    link.given_up = true;
    expect(
        &entry, &link,
        "{\"address\":\"10.0.0.1:7788\",\"id\":null,\"source\":\"redis\",\"listed\":false,\"state\":\"down\","
        "\"queue\":{\"pushes\":0,\"bytes\":0},\"rttMs\":null,\"canary\":{\"state\":\"unknown\",\"ms\":null},"
        "\"clients\":null,\"version\":null,"
        "\"limits\":null,\"limitsBelow\":null,\"lastError\":null}");
}

static void past_its_bound_it_fails(void **state)
{
    const struct gateway_entry entry = {.source = GATEWAY_FROM_LIST, .clients = -1};
    struct buf out;

    (void)state;
    for (size_t max = 0; max < 180; max += 7) {
        buf_init(&out, max);
        assert_int_equal(gateways_answer_append_one(&out, "10.0.0.1:7788", &entry, &nothing_known),
                         STATUS_TOO_LARGE);
        buf_fini(&out);
    }
}

static void no_gateway(void **state)
{
    struct gateway_set set;
    struct buf out;

    (void)state;
    gateway_set_init(&set, NULL);
    buf_init(&out, 100);
    assert_int_equal(gateways_answer_append(&out, &set, 0), STATUS_OK);
    assert_int_equal(out.len, strlen("{\"gateways\":[]}"));
    assert_memory_equal(out.data, "{\"gateways\":[]}", out.len);
    buf_fini(&out);
}

static void a_probe_reads_clients_strictly(void **state)
{
    static const struct {
        const char *body;
        int64_t clients;
    } cases[] = {
        {"{\"onlineConnections\":118,\"roomCount\":2}", 118},
        {" {\"a\":[1,{\"onlineConnections\":3}],\"onlineConnections\" : 0 } ", 0},
        {"{\"onlineConnections\":999999999999999}", INT64_C(999999999999999)},
        {"{\"onlineConnections\":9999999999999999}", -1},
        {"{\"onlineConnections\":-1}", -1},
        {"{\"onlineConnections\":1.5}", -1},
        {"{\"onlineConnections\":1e3}", -1},
        {"{\"onlineConnections\":\"1\"}", -1},
        {"{\"onlineConnections\":null}", -1},
        {"{\"onlineConnections\":01}", -1},
        {"{\"OnlineConnections\":1}", -1},
        {"{\"onlineConnections\":1", -1},
        {"[1]", -1},
        {"<html>", -1},
        {"", -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(link_probe_read(slice_str(cases[i].body)), cases[i].clients);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_known),
        cmocka_unit_test(what_is_not_known_is_null),
        cmocka_unit_test(the_registry_knows_clients_that_the_link_does_not),
        cmocka_unit_test(texts_are_escaped),
        cmocka_unit_test(draining_needs_a_link),
        cmocka_unit_test(past_its_bound_it_fails),
        cmocka_unit_test(no_gateway),
        cmocka_unit_test(a_probe_reads_clients_strictly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
