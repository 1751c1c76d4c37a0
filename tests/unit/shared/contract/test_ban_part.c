/* SPDX-License-Identifier: Apache-2.0 */
/* Bans there and back, a list in parts, and every text that is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "shared/contract/ban_part.h"

enum { NOW = 1000000 };

#define BAN "{\"user\":\"u\",\"until\":1000060,\"at\":1000000123,\"keep\":1000061}"

static void one_there_and_back(void **state)
{
    const struct ban ban = {slice_str("a \"\\\xc3\xa4"), 1000060, 1000000123, 1000061};
    char name[BAN_USER_MAX];
    struct ban back;
    struct fault fault;
    struct buf text;

    (void)state;
    buf_init(&text, BAN_TEXT_MAX);
    assert_int_equal(ban_print(&ban, &text), STATUS_OK);
    assert_int_equal(ban_parse(slice_of(text.data, text.len), name, &back, &fault), STATUS_OK);
    assert_true(slice_equal(back.user, ban.user));
    assert_int_equal(back.until_s, ban.until_s);
    assert_int_equal(back.at_ms, ban.at_ms);
    assert_int_equal(back.keep_s, ban.keep_s);
    buf_fini(&text);
}

static void fill(struct ban_list *list, size_t count, size_t len)
{
    char name[BAN_USER_MAX];

    for (size_t i = 0; i < count; i++) {
        memset(name, '"', sizeof name); /* each takes two bytes */
        snprintf(name, sizeof name, "%05zu", i);
        name[5] = '"';
        const struct ban ban = {slice_of(name, len), NOW + 60, NOW * INT64_C(1000), NOW + 60};
        assert_int_equal(ban_list_merge(list, &ban, NOW), STATUS_OK);
    }
}

/* Tells `from` to `to` as it goes over a wire; the number of parts. */
static int tell_all(const struct ban_list *from, struct ban_list *to, size_t max)
{
    struct ban_range range = {.end = SIZE_MAX, .max = max};
    struct ban_part part = {.last = false};
    char name[BAN_USER_MAX];
    struct fault fault;
    struct buf text;
    struct ban ban;
    int parts = 0;

    buf_init(&text, BAN_PART_MAX);
    for (; !part.last; parts++) {
        buf_clear(&text);
        assert_int_equal(ban_part_print(from, &range, NULL, &text), STATUS_OK);
        assert_true(text.len <= max);
        assert_int_equal(ban_part_parse(slice_of(text.data, text.len), &part, &fault), STATUS_OK);
        assert_int_equal(part.from, range.at);
        while (ban_part_next(&part, name, &ban))
            assert_int_equal(ban_list_merge(to, &ban, NOW), STATUS_OK);
    }
    buf_fini(&text);
    return parts;
}

static void lists_go_in_parts(void **state)
{
    static const struct {
        size_t count, len, max;
        int parts;
    } cases[] = {{0, 5, BAN_PART_MAX, 1},
                 {1, 5, BAN_PART_MAX, 1},
                 {BAN_LIST_MAX, 100, BAN_PART_MAX, 39},
                 {1000, 1024, BAN_PART_MAX, 33},
                 {3, 1024, 4096, 3}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ban_list *from, *to;

        assert_int_equal(ban_list_new(&from), STATUS_OK);
        assert_int_equal(ban_list_new(&to), STATUS_OK);
        fill(from, cases[i].count, cases[i].len);
        assert_int_equal(tell_all(from, to, cases[i].max), cases[i].parts);
        assert_int_equal(ban_list_count(to), cases[i].count);
        assert_int_equal(ban_list_digest(to), ban_list_digest(from));
        ban_list_free(from);
        ban_list_free(to);
    }
}

static void a_range_ends_where_it_is_said(void **state)
{
    const size_t from = 7;
    struct ban_range range = {.at = 1, .end = 3, .max = BAN_PART_MAX};
    struct ban_part part;
    struct ban_list *list;
    char name[BAN_USER_MAX];
    struct fault fault;
    struct buf text;
    struct ban ban;
    int count = 0;

    (void)state;
    buf_init(&text, BAN_PART_MAX);
    assert_int_equal(ban_list_new(&list), STATUS_OK);
    fill(list, 5, 5);
    assert_int_equal(ban_part_print(list, &range, &from, &text), STATUS_OK);
    assert_int_equal(ban_part_parse(slice_of(text.data, text.len), &part, &fault), STATUS_OK);
    assert_true(part.last && part.from == 7);
    while (ban_part_next(&part, name, &ban))
        count++;
    assert_int_equal(count, 2);
    range = (struct ban_range){.at = BAN_LIST_MAX, .end = SIZE_MAX, .max = BAN_PART_MAX}; /* behind all */
    buf_clear(&text);
    assert_int_equal(ban_part_print(list, &range, NULL, &text), STATUS_OK);
    assert_int_equal(buf_append(&text, "", 1), STATUS_OK);
    assert_string_equal((const char *)text.data, "{\"from\":10000,\"last\":true,\"bans\":[]}");
    ban_list_free(list);
    buf_fini(&text);
}

static void what_has_no_room_is_not_told(void **state)
{
    struct ban_range range = {.end = SIZE_MAX, .max = 100};
    struct ban_list *list;
    struct buf text;

    (void)state;
    buf_init(&text, BAN_PART_MAX);
    assert_int_equal(ban_list_new(&list), STATUS_OK);
    fill(list, 1, 5);
    assert_int_equal(ban_part_print(list, &range, NULL, &text), STATUS_TOO_LARGE);
    range.max = 1;
    assert_int_equal(ban_part_print(list, &range, NULL, &text), STATUS_TOO_LARGE);
    assert_int_equal(text.len, 0);
    ban_list_free(list);
    buf_fini(&text);
}

static void expect_refused(const char *text, const char *says)
{
    struct ban_part part;
    struct fault fault = {""};

    assert_int_equal(ban_part_parse(slice_str(text), &part, &fault), STATUS_INVALID);
    if (strstr(fault.text, says) == NULL)
        fail_msg("%s: %s", text, fault.text);
}

#define PART(from, last, bans) "{\"from\":" from ",\"last\":" last ",\"bans\":" bans "}"
#define USER(name)             "{\"user\":" name ",\"until\":1000060,\"at\":1000000123,\"keep\":1000061}"
#define TIMES(until, at, keep) "{\"user\":\"u\",\"until\":" until ",\"at\":" at ",\"keep\":" keep "}"

static void what_is_no_part_is_refused_whole(void **state)
{
    static char long_text[BAN_PART_MAX + 2];

    (void)state;
    memset(long_text, ' ', BAN_PART_MAX + 1);
    expect_refused(long_text, "too long");
    expect_refused("", "at byte 0");
    expect_refused("[]", "not a JSON object");
    expect_refused("{}", "from: is missing");
    expect_refused("{\"from\":0,\"last\":true}", "bans: is missing");
    expect_refused("{\"from\":0,\"from\":0,\"last\":true,\"bans\":[]}", "from: stands twice");
    expect_refused("{\"from\":0,\"\\u0066rom\":0,\"last\":true,\"bans\":[]}", "from: stands twice");
    expect_refused(PART("-1", "true", "[]"), "0 to 10000");
    expect_refused(PART("10001", "true", "[]"), "0 to 10000");
    expect_refused(PART("1.0", "true", "[]"), "0 to 10000");
    expect_refused(PART("\"1\"", "true", "[]"), "0 to 10000");
    expect_refused(PART("0", "1", "[]"), "true or false");
    expect_refused(PART("0", "true", "{}"), "must be an array");
    expect_refused(PART("0", "true", "[1]"), "must be an object");
    expect_refused(PART("0", "true", "[" BAN ",{}]"), "user: is missing");
    expect_refused(PART("0", "true", "[" BAN "," USER("1") "]"), "user: must be a string");
    expect_refused(PART("0", "true", "[" USER("\"\"") "]"), "empty");
    expect_refused(PART("0", "true", "[" USER("\"a\\u0000\"") "]"), "control character");
    expect_refused(PART("0", "true", "[" TIMES("-1", "1", "1") "]"), "until: must be a whole number");
    expect_refused(PART("0", "true", "[" TIMES("1", "1e3", "1") "]"), "at: must be a whole number");
    expect_refused(PART("0", "true", "[" TIMES("1", "1", "null") "]"), "keep: must be a whole number");
    expect_refused(PART("0", "true", "[" TIMES("1", "1000000000000000", "1") "]"), "15 digits");
    expect_refused(PART("0", "true", "[" TIMES("2", "1", "1") "]"), "forgotten before");
    expect_refused(PART("0", "true", "[" TIMES("2592001", "0", "2592001") "]"), "longer than 30 days");
}

static void a_name_may_have_1024_bytes(void **state)
{
    char text[2048], name[BAN_USER_MAX];
    char user[BAN_USER_MAX + 2];
    struct fault fault;
    struct ban ban;

    (void)state;
    for (int more = 0; more < 2; more++) {
        memset(user, 'x', sizeof user);
        user[BAN_USER_MAX + more] = '\0';
        snprintf(text, sizeof text, "{\"user\":\"%s\",\"until\":1,\"at\":1,\"keep\":1}", user);
        assert_int_equal(ban_parse(slice_str(text), name, &ban, &fault), more ? STATUS_INVALID : STATUS_OK);
    }
}

static void what_a_later_version_adds_is_passed_over(void **state)
{
    struct ban_part part;
    char name[BAN_USER_MAX];
    struct fault fault;
    struct ban ban;

    (void)state;
    assert_int_equal(
        ban_part_parse(slice_str(" {\"new\":[{}],\"bans\":[{\"by\":\"x\",\"keep\":1,\"at\":0,\"until\":1,"
                                 "\"user\":\"u\"}],\"last\":false,\"from\":10000} "),
                       &part, &fault),
        STATUS_OK);
    assert_true(!part.last && part.from == 10000);
    assert_true(ban_part_next(&part, name, &ban));
    assert_int_equal(ban.until_s, 1);
    assert_false(ban_part_next(&part, name, &ban));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_there_and_back),
        cmocka_unit_test(lists_go_in_parts),
        cmocka_unit_test(a_range_ends_where_it_is_said),
        cmocka_unit_test(what_has_no_room_is_not_told),
        cmocka_unit_test(what_is_no_part_is_refused_whole),
        cmocka_unit_test(a_name_may_have_1024_bytes),
        cmocka_unit_test(what_a_later_version_adds_is_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
