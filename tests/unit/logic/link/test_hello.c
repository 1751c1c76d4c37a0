/* SPDX-License-Identifier: Apache-2.0 */
/* The hello's text there and back, what is refused, and what a push takes of each limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "logic/link/link_limits.h"
#include "shared/contract/hello.h"

#define INSTANCE "00112233445566778899aabbccddeeff"
#define LIMITS   "{\"maxItemBytes\":1,\"maxJsonDepth\":2,\"maxRoomNameBytes\":3,\"maxRpcBytes\":4}"

static void there_and_back(void **state)
{
    struct hello hello = {
        .version = "0.2.0-1~deb \"x\"", .limits = {1, 2, 3, 999999999999999}, .capabilities = 0x3f};
    const uint8_t bytes[16] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                               0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
    struct hello back;
    struct fault fault;
    struct buf text;

    (void)state;
    buf_init(&text, HELLO_MAX_BYTES);
    hello_set_instance(&hello, bytes);
    assert_string_equal(hello.instance, INSTANCE);
    assert_int_equal(hello_print(&hello, &text), STATUS_OK);
    assert_int_equal(hello_parse(slice_of(text.data, text.len), &back, &fault), STATUS_OK);
    assert_string_equal(back.version, hello.version);
    assert_string_equal(back.instance, INSTANCE);
    assert_memory_equal(back.limits, hello.limits, sizeof back.limits);
    assert_int_equal(back.capabilities, hello.capabilities);
    assert_string_equal(back.bans, "");
    hello_set_bans(&hello, 0xfeed0000000000a1);
    buf_clear(&text);
    assert_int_equal(hello_print(&hello, &text), STATUS_OK);
    assert_int_equal(hello_parse(slice_of(text.data, text.len), &back, &fault), STATUS_OK);
    assert_string_equal(back.bans, "feed0000000000a1");
    buf_fini(&text);
}

/* Each capability is said and heard by itself. */
static void capabilities_are_told_apart(void **state)
{
    (void)state;
    for (unsigned set = 0; set < 1u << HELLO_CAPABILITY_COUNT; set++) {
        struct hello hello = {
            .version = "1", .instance = INSTANCE, .limits = {1, 1, 1, 1}, .capabilities = set};
        struct hello back;
        struct fault fault;
        struct buf text;

        buf_init(&text, HELLO_MAX_BYTES);
        assert_int_equal(hello_print(&hello, &text), STATUS_OK);
        assert_int_equal(hello_parse(slice_of(text.data, text.len), &back, &fault), STATUS_OK);
        assert_int_equal(back.capabilities, set);
        for (unsigned i = 0; i < HELLO_CAPABILITY_COUNT; i++)
            assert_int_equal(hello_can(&back, (enum hello_capability)i), (set & 1u << i) != 0);
        buf_fini(&text);
    }
}

static void what_a_later_version_adds_is_passed_over(void **state)
{
    struct hello hello;
    struct fault fault;

    (void)state;
    assert_int_equal(
        hello_parse(
            slice_str(
                " {\"kicks\":[{\"version\":1}],\"capabilities\":[\"history\"],\"limits\":{\"maxRpcBytes\":4,"
                "\"maxWishes\":\"3\",\"maxRoomNameBytes\":3,\"maxJsonDepth\":2,\"maxItemBytes\":1},"
                "\"instance\":\"" INSTANCE "\",\"Version\":7,\"version\":\"9\"} "),
            &hello, &fault),
        STATUS_OK);
    assert_string_equal(hello.version, "9");
    assert_int_equal(hello.limits[HELLO_RPC_BYTES], 4);
    assert_int_equal(hello.capabilities, 0);
}

static void expect_refused(const char *text, const char *says)
{
    struct hello hello;
    struct fault fault;

    assert_int_equal(hello_parse(slice_str(text), &hello, &fault), STATUS_INVALID);
    if (strstr(fault.text, says) == NULL)
        fail_msg("%s: %s", text, fault.text);
}

#define HELLO(version, instance, limits, capabilities)                                                       \
    "{\"version\":" version ",\"instance\":" instance ",\"limits\":" limits                                  \
    ",\"capabilities\":" capabilities "}"
#define GOOD "\"" INSTANCE "\""

static void refuses_what_is_no_hello(void **state)
{
    static char long_text[HELLO_MAX_BYTES + 2];

    (void)state;
    memset(long_text, ' ', HELLO_MAX_BYTES + 1);
    expect_refused(long_text, "longer than 16384");
    expect_refused("", "at byte 0");
    expect_refused("[]", "not a JSON object");
    expect_refused("{}", "version: is missing");
    expect_refused(HELLO("1", GOOD, LIMITS, "[]"), "version: must be a string");
    expect_refused(HELLO("\"\"", GOOD, LIMITS, "[]"), "version: must be a string");
    expect_refused(HELLO("\"a\\u0000b\"", GOOD, LIMITS, "[]"), "version: must be a string");
    expect_refused(HELLO("\"1\",\"version\":\"2\"", GOOD, LIMITS, "[]"), "version: stands twice");
    expect_refused(HELLO("\"1\",\"\\u0076ersion\":\"2\"", GOOD, LIMITS, "[]"), "version: stands twice");
    expect_refused(HELLO("\"1\"", "\"00112233445566778899AABBCCDDEEFF\"", LIMITS, "[]"), "instance: must be");
    expect_refused(HELLO("\"1\"", "\"0011\"", LIMITS, "[]"), "instance: must be");
    expect_refused(HELLO("\"1\"", "\"" INSTANCE "0\"", LIMITS, "[]"), "instance: must be");
    expect_refused(HELLO("\"1\"", GOOD, "[]", "[]"), "limits: must be an object");
    expect_refused(HELLO("\"1\"", GOOD, "{\"maxItemBytes\":1}", "[]"), "maxJsonDepth: is missing");
    expect_refused(HELLO("\"1\"", GOOD,
                         "{\"maxItemBytes\":0,\"maxJsonDepth\":2,\"maxRoomNameBytes\":3,\"maxRpcBytes\":4}",
                         "[]"),
                   "maxItemBytes: must be");
    expect_refused(HELLO("\"1\"", GOOD,
                         "{\"maxItemBytes\":1e3,\"maxJsonDepth\":2,\"maxRoomNameBytes\":3,\"maxRpcBytes\":4}",
                         "[]"),
                   "maxItemBytes: must be");
    expect_refused(HELLO("\"1\"", GOOD,
                         "{\"maxItemBytes\":1,\"maxJsonDepth\":-2,\"maxRoomNameBytes\":3,\"maxRpcBytes\":4}",
                         "[]"),
                   "maxJsonDepth: must be");
    expect_refused(
        HELLO("\"1\"", GOOD,
              "{\"maxItemBytes\":1,\"maxJsonDepth\":2,\"maxRoomNameBytes\":\"3\",\"maxRpcBytes\":4}", "[]"),
        "maxRoomNameBytes: must be");
    expect_refused(
        HELLO(
            "\"1\"", GOOD,
            "{\"maxItemBytes\":1,\"maxJsonDepth\":2,\"maxRoomNameBytes\":3,\"maxRpcBytes\":1000000000000000}",
            "[]"),
        "maxRpcBytes: must be");
    expect_refused(HELLO("\"1\"", GOOD,
                         "{\"maxItemBytes\":1,\"maxItemBytes\":1,\"maxJsonDepth\":2,\"maxRoomNameBytes\":3,"
                         "\"maxRpcBytes\":4}",
                         "[]"),
                   "maxItemBytes: stands twice");
    expect_refused(HELLO("\"1\"", GOOD, LIMITS, "[],\"bans\":0"), "bans: must be");
    expect_refused(HELLO("\"1\"", GOOD, LIMITS, "[],\"bans\":\"feed\""), "bans: must be");
    expect_refused(HELLO("\"1\"", GOOD, LIMITS, "[],\"bans\":\"FEED0000000000a1\""), "bans: must be");
    expect_refused(HELLO("\"1\"", GOOD, LIMITS, "{}"), "capabilities: must be an array");
    expect_refused(HELLO("\"1\"", GOOD, LIMITS, "[1]"), "capabilities: must be at most");
}

static void what_a_push_takes(void **state)
{
    const struct slice rooms[] = {slice_str("ab"), slice_str("abcde")};
    const struct slice items[] = {slice_str("\"[[[[[\\\"[\""), slice_str("[{\"a\":[1]},{}]"), slice_str("7")};
    const struct push push = {
        .target = AUDIENCE_ROOM, .rooms = rooms, .room_count = 2, .items = items, .item_count = 3};
    struct push_measure measure;

    (void)state;
    push_measure_init(&measure, &push);
    assert_int_equal(push_measure_of(&measure, HELLO_RPC_BYTES),
                     push_record_size(&push) + PUSH_BATCH_HEADER_LEN);
    assert_int_equal(push_measure_of(&measure, HELLO_ITEM_BYTES), 14);
    assert_int_equal(push_measure_of(&measure, HELLO_JSON_DEPTH), 3);
    assert_int_equal(push_measure_of(&measure, HELLO_ROOM_NAME_BYTES), 5);
}

/* A gateway holds the names in options to the same bound; an id is no name. */
static void names_in_options_are_measured_too(void **state)
{
    const struct slice item = slice_str("1");
    uint8_t excluded[128];
    struct push push = {.target = AUDIENCE_EVERYONE, .items = &item, .item_count = 1, .terms.urgent = true};
    struct push_measure measure;

    (void)state;
    push_measure_init(&measure, &push);
    assert_int_equal(push_measure_of(&measure, HELLO_ROOM_NAME_BYTES), 0);
    push.terms.key = slice_str("EUR/USD");
    push_measure_init(&measure, &push);
    assert_int_equal(push_measure_of(&measure, HELLO_ROOM_NAME_BYTES), 7);
    push_exclusion_head(false, 9, excluded);
    memcpy(excluded + PUSH_OPTION_HEAD_LEN, "user name", 9);
    push_exclusion_head(true, 23, excluded + PUSH_OPTION_HEAD_LEN + 9);
    memcpy(excluded + 2 * PUSH_OPTION_HEAD_LEN + 9, "9f86d081884c7d65-1f-2c0", 23);
    push.terms.exclusions = slice_of(excluded, 2 * PUSH_OPTION_HEAD_LEN + 9 + 23);
    push_measure_init(&measure, &push);
    assert_int_equal(push_measure_of(&measure, HELLO_ROOM_NAME_BYTES), 9);
    assert_int_equal(push_measure_of(&measure, HELLO_RPC_BYTES),
                     push_record_size(&push) + PUSH_BATCH_HEADER_LEN);
}

static void what_a_push_needs(void **state)
{
    const struct slice item = slice_str("1"), name = slice_str("n");
    const struct push plain = {
        .target = AUDIENCE_ROOM, .rooms = &name, .room_count = 1, .items = &item, .item_count = 1};
    struct push push = plain;

    (void)state;
    assert_int_equal(push_needs(&push), 0);
    push.target = AUDIENCE_USER;
    assert_int_equal(push_needs(&push), 1u << HELLO_USERS);
    push.terms.has_ttl = true;
    assert_int_equal(push_needs(&push), 1u << HELLO_USERS | 1u << HELLO_OPTIONS);
    push = plain;
    push.terms.urgent = true;
    assert_int_equal(push_needs(&push), 1u << HELLO_OPTIONS);
    push = plain;
    push.terms.key = name;
    assert_int_equal(push_needs(&push), 1u << HELLO_OPTIONS);
    push = plain;
    push.terms.exclusions = name;
    assert_int_equal(push_needs(&push), 1u << HELLO_OPTIONS);
    push = plain;
    push.command = true;
    assert_int_equal(push_needs(&push), 1u << HELLO_COMMANDS);
}

static void which_limit_a_push_is_past(void **state)
{
    const struct slice items[] = {slice_str("[[1]]")};
    const struct push push = {.target = AUDIENCE_EVERYONE, .items = items, .item_count = 1};
    const int64_t own[HELLO_LIMIT_COUNT] = {10, 10, 10, 10000};
    const struct {
        int64_t gateway[HELLO_LIMIT_COUNT];
        enum hello_limit passed;
        const char *says;
    } cases[] = {
        {{10, 10, 10, 10000}, HELLO_LIMIT_COUNT, ""},
        {{5, 10, 10, 10000}, HELLO_LIMIT_COUNT, "maxItemBytes 5 (10 here)"},
        {{4, 10, 10, 10000}, HELLO_ITEM_BYTES, "maxItemBytes 4 (10 here)"},
        {{10, 2, 1, 10000}, HELLO_LIMIT_COUNT, "maxJsonDepth 2 (10 here), maxRoomNameBytes 1 (10 here)"},
        {{10, 1, 10, 10000}, HELLO_JSON_DEPTH, "maxJsonDepth 1 (10 here)"},
        {{10, 10, 10, 65}, HELLO_LIMIT_COUNT, "maxRpcBytes 65 (10000 here)"},
        {{10, 10, 10, 64}, HELLO_RPC_BYTES, "maxRpcBytes 64 (10000 here)"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        limit_set below = link_limits_below(cases[i].gateway, own);
        struct push_measure measure;
        struct buf text;

        push_measure_init(&measure, &push);
        assert_int_equal(link_limits_passed(cases[i].gateway, below, &measure), cases[i].passed);
        buf_init(&text, 512);
        assert_int_equal(link_limits_print(below, cases[i].gateway, own, &text), STATUS_OK);
        assert_int_equal(buf_append(&text, "", 1), STATUS_OK);
        assert_string_equal((const char *)text.data, cases[i].says);
        buf_fini(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(capabilities_are_told_apart),
        cmocka_unit_test(what_a_later_version_adds_is_passed_over),
        cmocka_unit_test(refuses_what_is_no_hello),
        cmocka_unit_test(what_a_push_takes),
        cmocka_unit_test(names_in_options_are_measured_too),
        cmocka_unit_test(what_a_push_needs),
        cmocka_unit_test(which_limit_a_push_is_past),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
