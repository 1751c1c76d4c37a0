/* SPDX-License-Identifier: Apache-2.0 */
/* What several buckets found, as one answer; and where it ends when it would be too long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/bucket/query_rooms.h"
#include "gateway/query/query_answer.h"
#include "shared/jose/base64url.h"
#include "shared/json/json_scan.h"

static struct query query;
static struct query_found all, one, other;
static struct buf text;

static int setup(void **state)
{
    (void)state;
    query = (struct query){.limit = 3};
    query_found_init(&all, &query);
    query_found_init(&one, &query);
    query_found_init(&other, &query);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    query_found_fini(&all);
    query_found_fini(&one);
    query_found_fini(&other);
    buf_fini(&text);
    return 0;
}

static void found(struct query_found *in, const char *key, const char *payload)
{
    assert_int_equal(query_page_add(&in->page, slice_str(key), slice_str(payload), 1), STATUS_OK);
}

static void put_together(enum query_op op)
{
    query.op = op;
    query_found_merge(&all, &one);
    query_found_merge(&all, &other);
    assert_int_equal(query_answer_print(&query, &all, &text), STATUS_OK);
}

static void expect(const char *expected)
{
    assert_int_equal(buf_append(&text, "", 1), STATUS_OK);
    assert_string_equal((const char *)text.data, expected);
}

static void a_room_of_two_buckets(void **state)
{
    (void)state;
    query.users = true;
    one.count = 3;
    other.count = 4;
    found(&one, "a", "{\"n\":1}");
    found(&one, "c\"", "");
    found(&other, "a", "");
    found(&other, "b", "7");
    assert_int_equal(distinct_add(&one.users, 0x0102030405060708), STATUS_OK);
    assert_int_equal(distinct_add(&other.users, 0x0102030405060708), STATUS_OK);
    assert_int_equal(distinct_add(&other.users, 1), STATUS_OK);
    put_together(QUERY_ROOM);
    expect(
        "{\"connections\":7,\"hashes\":\"AAAAAAAAAAEBAgMEBQYHCA\",\"page\":["
        "{\"user\":\"a\",\"connections\":2,\"info\":{\"n\":1}},{\"user\":\"b\",\"connections\":1,\"info\":7},"
        "{\"user\":\"c\\\"\",\"connections\":1,\"info\":null}],\"more\":false}");
}

static void who_was_taken_back_is_not_there(void **state)
{
    (void)state;
    query.users = true;
    found(&one, "a", "");
    found(&one, "b", "");
    query_page_take_back(&one.page, slice_str("a"));
    put_together(QUERY_ROOM);
    expect("{\"connections\":0,\"hashes\":\"\",\"page\":[{\"user\":\"b\",\"connections\":1,\"info\":null}],"
           "\"more\":false}");
}

static void a_full_page_says_that_there_is_more(void **state)
{
    static const char *const names[] = {"a", "b", "c", "d"};

    (void)state;
    query.users = true;
    for (size_t i = 0; i < 4; i++)
        found(i % 2 == 0 ? &one : &other, names[i], "");
    put_together(QUERY_ROOM);
    assert_non_null(memmem(text.data, text.len, "\"c\"", 3));
    assert_null(memmem(text.data, text.len, "\"d\"", 3));
    assert_non_null(memmem(text.data, text.len, "],\"more\":true}", 14));
}

static void without_users_there_is_no_page(void **state)
{
    (void)state;
    one.count = 1;
    put_together(QUERY_ROOM);
    expect("{\"connections\":1,\"hashes\":\"\"}");
}

static void rooms_users_and_clients(void **state)
{
    const struct query_entry *entry;

    (void)state;
    one.count = 9;
    assert_int_equal(query_page_add(&one.page, slice_of("\xff\xff\xff\xfcroom\"s", 10), slice_of(NULL, 0), 1),
                     STATUS_OK);
    entry = one.page.entries[0];
    assert_int_equal(query_rooms_connections(entry), 3);
    put_together(QUERY_ROOMS);
    expect("{\"rooms\":9,\"top\":[[\"room\\\"s\",3]]}");
}

static void a_users_clients(void **state)
{
    (void)state;
    one.count = other.count = 2;
    found(&one, "id1", "{\"x\":1}");
    found(&other, "id2", "{\"x\":2}");
    put_together(QUERY_USER);
    expect("{\"connections\":[{\"x\":1},{\"x\":2}],\"count\":4}");
}

static void a_client_or_none(void **state)
{
    (void)state;
    put_together(QUERY_CLIENT);
    expect("{\"client\":null}");
    buf_fini(&text);
    found(&one, "id1", "{\"x\":1}");
    put_together(QUERY_CLIENT);
    expect("{\"client\":{\"x\":1}}");
}

static void all_hashes_stand_in_it(void **state)
{
    static uint8_t bytes[DISTINCT_MAX * 8];
    size_t len = 0;

    (void)state;
    for (uint64_t i = 0; i < 3 * DISTINCT_MAX; i++)
        assert_int_equal(distinct_add(i % 2 == 0 ? &one.users : &other.users, i << 8 | 5), STATUS_OK);
    put_together(QUERY_ROOM);
    size_t begin = strlen("{\"connections\":0,\"hashes\":\"");
    struct slice hashes = slice_of(text.data + begin, text.len - begin - 2);
    assert_int_equal(base64url_decode(hashes, bytes, sizeof bytes, &len), STATUS_OK);
    assert_int_equal(len, sizeof bytes);
    for (size_t i = 0; i < DISTINCT_MAX; i++) {
        const uint8_t expected[8] = {0, 0, 0, 0, 0, (uint8_t)(i >> 8), (uint8_t)i, 5};

        assert_memory_equal(bytes + 8 * i, expected, 8);
    }
}

/* Names that are twice as long in JSON. */
static void an_answer_ends_before_it_is_too_long(void **state)
{
    struct json_value root;
    struct json_error error;
    char name[1001];

    (void)state;
    query.users = true;
    query.limit = QUERY_PAGE_ENTRIES;
    query_found_init(&all, &query);
    query_found_init(&one, &query);
    memset(name, '"', sizeof name);
    name[1000] = '\0';
    for (int i = 0; i < 900; i++) {
        name[0] = (char)('0' + i / 100);
        name[1] = (char)('0' + i / 10 % 10);
        name[2] = (char)('0' + i % 10);
        found(&one, name, "");
    }
    assert_null(one.page.ceiling);
    put_together(QUERY_ROOM);
    assert_true(text.len <= QUERY_ANSWER_MAX && text.len > QUERY_ANSWER_MAX - 4000);
    assert_non_null(memmem(text.data, text.len, "],\"more\":true}", 14));
    assert_int_equal(json_scan(slice_of(text.data, text.len), 8, &root, &error), STATUS_OK);
}

static void half_an_answer_is_none(void **state)
{
    (void)state;
    one.status = STATUS_NO_MEMORY;
    query.op = QUERY_USER;
    query_found_merge(&all, &one);
    query_found_merge(&all, &other);
    assert_int_equal(query_answer_print(&query, &all, &text), STATUS_NO_MEMORY);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_room_of_two_buckets),
        EACH(who_was_taken_back_is_not_there),
        EACH(a_full_page_says_that_there_is_more),
        EACH(without_users_there_is_no_page),
        EACH(rooms_users_and_clients),
        EACH(a_users_clients),
        EACH(a_client_or_none),
        EACH(all_hashes_stand_in_it),
        EACH(an_answer_ends_before_it_is_too_long),
        EACH(half_an_answer_is_none),
    };

    return cmocka_run_group_tests_name("query_answer", tests, NULL, NULL);
}
