/* SPDX-License-Identifier: Apache-2.0 */
/* Who is in a room, of what several gateways say: sums, pages, and what is no answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "logic/query/query_cursor.h"
#include "logic/query/room_answer.h"
#include "shared/jose/base64url.h"
#include "tests/unit/logic/query/query_bench.h"

/* base64url of the hashes 1, 2 and of 2, 3 */
#define HASHES_1_2 "AAAAAAAAAAEAAAAAAAAAAg"
#define HASHES_2_3 "AAAAAAAAAAIAAAAAAAAAAw"

enum { LIMIT = 3, USERS = 100, GATEWAYS = 3, MOST_PAGES = 200 };

static struct query_room ask;
static struct buf last;
static enum room_page page;

static int set_up(void **state)
{
    ask = (struct query_room){.room = slice_str("r"), .users = true, .limit = LIMIT};
    buf_init(&last, SIZE_MAX);
    return forget_parts(state);
}

static int tear_down(void **state)
{
    buf_fini(&last);
    return free_out(state);
}

static bool say_room(const char *text)
{
    return say("g", text, &room_answer_kind);
}

static bool say_page_and(const char *list, const char *more)
{
    static char texts[BENCH_PARTS][4096];
    char *text = texts[part_count];

    snprintf(text, sizeof texts[0], "{\"connections\":1,\"hashes\":\"\",\"page\":%s,\"more\":%s}", list,
             more);
    return say("g", text, &room_answer_kind_users);
}

static bool say_page(const char *list)
{
    return say_page_and(list, "false");
}

static void answer_to(const struct room_patterns *users)
{
    assert_int_equal(room_answer_append(&out, &ask, LIMIT, users, parts, part_count, &page, &last),
                     STATUS_OK);
}

static void counts_are_summed_and_users_counted_once(void **state)
{
    (void)state;
    ask.users = false;
    assert_true(say_room("{\"connections\":3,\"hashes\":\"" HASHES_1_2 "\"}"));
    assert_true(say_room("{\"hashes\":\"" HASHES_2_3 "\",\"connections\":4,\"later\":{}}"));
    answer_to(NULL);
    expect_text("{\"room\":\"r\",\"connections\":7,\"users\":3,\"usersExact\":true,"
                "\"gateways\":{\"known\":2,\"asked\":2,\"answered\":2}}");
}

static void who_did_not_answer_is_named_and_counts_nothing(void **state)
{
    (void)state;
    ask.users = false;
    assert_true(say_room("{\"connections\":3,\"hashes\":\"\"}"));
    be("late:1", QUERY_LATE);
    be("late:2", QUERY_LATE);
    be("failed:1", QUERY_FAILED);
    be("old:1", QUERY_NOT_ASKED);
    answer_to(NULL);
    expect_text("{\"room\":\"r\",\"connections\":3,\"users\":0,\"usersExact\":true,"
                "\"gateways\":{\"known\":5,\"asked\":4,\"answered\":1,\"late\":[\"late:1\",\"late:2\"],"
                "\"failed\":[\"failed:1\"],\"notAsked\":[\"old:1\"]}}");
}

static void one_user_at_two_gateways_is_one_entry(void **state)
{
    (void)state;
    assert_true(say_page("[{\"user\":\"a\",\"connections\":1,\"info\":null},"
                         "{\"user\":\"c\",\"connections\":2,\"info\":{\"n\":1}}]"));
    assert_true(say_page("[{\"user\":\"a\",\"connections\":2,\"info\":{\"name\":\"A\"}},"
                         "{\"user\":\"b\",\"connections\":1,\"info\":null}]"));
    answer_to(NULL);
    assert_int_equal(page, ROOM_PAGE_DONE);
    expect_text("{\"room\":\"r\",\"connections\":2,\"users\":0,\"usersExact\":true,\"page\":["
                "{\"user\":\"a\",\"connections\":3,\"info\":{\"name\":\"A\"}},"
                "{\"user\":\"b\",\"connections\":1,\"info\":null},"
                "{\"user\":\"c\",\"connections\":2,\"info\":{\"n\":1}}],\"next\":null,"
                "\"gateways\":{\"known\":2,\"asked\":2,\"answered\":2}}");
}

static bool is_next_null(void)
{
    return memmem(out.data, out.len, "\"next\":null", 11) != NULL;
}

#define THREE(a, b, c)                                                                                       \
    "[{\"user\":\"" a "\",\"connections\":1,\"info\":1},{\"user\":\"" b                                      \
    "\",\"connections\":1,\"info\":1},{\"user\":\"" c "\",\"connections\":1,\"info\":1}]"

static void there_is_a_next_page_while_somebody_has_more(void **state)
{
    (void)state;
    assert_true(say_page(THREE("a", "b", "c")));
    answer_to(NULL);
    assert_true(is_next_null());
    buf_clear(&out);
    assert_true(say_page(THREE("a", "b", "d"))); /* whom this page has no room for */
    answer_to(NULL);
    assert_false(is_next_null());
    buf_clear(&out);
    part_count = 0;
    assert_true(say_page_and(THREE("a", "b", "c"), "true"));
    answer_to(NULL);
    assert_false(is_next_null());
}

/* A gateway may give fewer than it was asked for, and have more. */
static void nothing_is_shown_past_a_page_with_more(void **state)
{
    (void)state;
    assert_true(say_page_and("[{\"user\":\"b\",\"connections\":1,\"info\":1}]", "true"));
    assert_true(say_page(THREE("a", "c", "z")));
    answer_to(NULL);
    assert_int_equal(page, ROOM_PAGE_DONE);
    assert_null(memmem(out.data, out.len, "\"c\"", 3));
    assert_non_null(memmem(out.data, out.len, "\"b\"", 3));
    assert_false(is_next_null());
}

/* Names whose order by bytes is not that of their numbers. */
static void name_of(size_t user, char name[16])
{
    snprintf(name, 16, "%zu", (user * 37) % USERS);
}

static bool is_at(size_t user, size_t gateway)
{
    return user % GATEWAYS == gateway || user % 7 == gateway; /* some at two */
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What gateway `gateway` answers behind `after`. */
static char *page_of(size_t gateway, const char *after)
{
    static char names[USERS][16];
    char *sorted[USERS];
    size_t count = 0, shown = 0;
    bool more = false;
    char *text = NULL;
    size_t len;
    FILE *file = open_memstream(&text, &len);

    for (size_t user = 0; user < USERS; user++)
        if (is_at(user, gateway)) {
            name_of(user, names[count]);
            sorted[count] = names[count];
            count++;
        }
    qsort(sorted, count, sizeof *sorted, by_bytes);
    fprintf(file, "{\"connections\":%zu,\"hashes\":\"\",\"page\":[", count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(sorted[i], after) <= 0)
            continue;
        more = shown == LIMIT;
        if (more)
            break;
        fprintf(file, "%s{\"user\":\"%s\",\"connections\":1,\"info\":null}", shown++ ? "," : "", sorted[i]);
    }
    fprintf(file, "],\"more\":%s}", more ? "true" : "false");
    fclose(file);
    return text;
}

static void note_names(const char *json, char seen[USERS], char *before)
{
    const char *at = strstr(json, "\"page\":[");

    while ((at = strstr(at, "{\"user\":\"")) != NULL) {
        char name[16];
        assert_int_equal(sscanf(at, "{\"user\":\"%15[0-9]\"", name), 1);
        assert_true(strcmp(before, name) < 0);
        strcpy(before, name);
        seen[atoi(name)]++;
        at++;
    }
}

/* Makes one page behind `after`, and reads the cursor that it ends with; false: there is none. */
static bool turn_page(char after[16], char seen[USERS])
{
    char *texts[GATEWAYS];
    char before[16];

    part_count = 0;
    strcpy(before, after);
    for (size_t gateway = 0; gateway < GATEWAYS; gateway++) {
        texts[gateway] = page_of(gateway, after);
        assert_true(say("g", texts[gateway], &room_answer_kind_users));
    }
    answer_to(NULL);
    assert_int_equal(buf_append(&out, "", 1), STATUS_OK);
    note_names((const char *)out.data, seen, before);
    const char *next = strstr((const char *)out.data, "\"next\":\"");
    if (next != NULL) {
        struct slice cursor = slice_of(next + 8, strcspn(next + 8, "\""));
        buf_clear(&last);
        assert_int_equal(query_cursor_read(cursor, ask.room, 128, &last), STATUS_OK);
        snprintf(after, 16, "%.*s", (int)last.len, (const char *)last.data);
        assert_string_equal(after, before); /* the last that was shown */
    }
    buf_clear(&out);
    for (size_t gateway = 0; gateway < GATEWAYS; gateway++)
        free(texts[gateway]);
    return next != NULL;
}

static void pages_lead_through_everybody_once_and_in_order(void **state)
{
    char seen[USERS] = {0};
    char after[16] = "";
    size_t pages = 1;

    (void)state;
    while (turn_page(after, seen))
        assert_true(++pages < MOST_PAGES);
    for (size_t user = 0; user < USERS; user++)
        assert_int_equal(seen[user], 1);
    assert_true(pages >= USERS / LIMIT);
}

static const struct room_patterns *patterns(const char *first)
{
    static struct room_patterns list;

    room_patterns_fini(&list);
    list = (struct room_patterns){0};
    if (first != NULL)
        assert_int_equal(room_patterns_add(&list, slice_str(first)), STATUS_OK);
    return &list;
}

static void only_users_that_the_caller_may_see_are_shown(void **state)
{
    (void)state;
    assert_true(say_page("[{\"user\":\"a1\",\"connections\":1,\"info\":1},"
                         "{\"user\":\"b\",\"connections\":1,\"info\":1}]"));
    answer_to(patterns("a*"));
    assert_int_equal(page, ROOM_PAGE_DONE);
    assert_non_null(memmem(out.data, out.len, "\"a1\"", 4));
    assert_null(memmem(out.data, out.len, "\"b\"", 3));
    (void)patterns(NULL);
}

/* Its cursor would say who the others are. */
static void a_page_of_hidden_users_is_passed_over(void **state)
{
    (void)state;
    assert_true(say_page_and(THREE("b", "c", "d"), "true"));
    assert_true(say_page("[{\"user\":\"z\",\"connections\":1,\"info\":1}]"));
    answer_to(patterns("z*"));
    assert_int_equal(page, ROOM_PAGE_HIDDEN);
    assert_int_equal(out.len, 0);
    assert_true(slice_equal(slice_of(last.data, last.len), slice_str("d")));
    part_count = 0;
    assert_true(say_page(THREE("b", "c", "d"))); /* that was all */
    answer_to(patterns("z*"));
    assert_int_equal(page, ROOM_PAGE_DONE);
    assert_true(is_next_null());
    (void)patterns(NULL);
}

static void the_cursor_names_nobody_who_is_hidden(void **state)
{
    (void)state;
    assert_true(say_page_and(THREE("a", "b", "c"), "true"));
    answer_to(patterns("a*"));
    assert_int_equal(buf_append(&out, "", 1), STATUS_OK);
    const char *next = strstr((const char *)out.data, "\"next\":\"");
    assert_non_null(next);
    assert_int_equal(query_cursor_read(slice_of(next + 8, strcspn(next + 8, "\"")), ask.room, 9, &last),
                     STATUS_OK);
    assert_true(slice_equal(slice_of(last.data, last.len), slice_str("a")));
    (void)patterns(NULL);
}

static void what_is_no_answer_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "[]",
                                      "{}",
                                      "{\"connections\":1,\"connections\":1}",
                                      "{\"connections\":1}",
                                      "{\"connections\":-1,\"hashes\":\"\"}",
                                      "{\"connections\":1.5,\"hashes\":\"\"}",
                                      "{\"connections\":\"1\",\"hashes\":\"\"}",
                                      "{\"connections\":1,\"hashes\":\"AAAA\"}",
                                      "{\"connections\":1,\"connections\":1,\"hashes\":\"\"}",
                                      "{\"connections\":1,\"hashes\":\"\"} x",
                                      "{\"connections\":1e3,\"hashes\":\"\"}",
                                      "{\"connections\":1,\"hashes\":\"" HASHES_2_3 HASHES_1_2 "\"}"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        part_count = 0;
        assert_false(say_room(bad[i]));
    }
}

static void what_is_no_page_is_refused(void **state)
{
    static const char *const bad[] = {"{}",
                                      "[1]",
                                      "[{\"user\":\"a\",\"connections\":1}]",
                                      "[{\"user\":\"\",\"connections\":1,\"info\":1}]",
                                      "[{\"user\":\"a\",\"connections\":-1,\"info\":1}]",
                                      "[{\"user\":1,\"connections\":1,\"info\":1}]",
                                      "[{\"user\":\"a\",\"connections\":1,\"info\":1},"
                                      "{\"user\":\"a\",\"connections\":1,\"info\":1}]",
                                      "[{\"user\":\"b\",\"connections\":1,\"info\":1},"
                                      "{\"user\":\"a\",\"connections\":1,\"info\":1}]"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        part_count = 0;
        assert_false(say_page(bad[i]));
    }
    assert_false(say_page_and("[]", "true")); /* then no page would lead on */
    assert_false(say_page_and("[]", "1"));
    assert_true(say_page_and("[]", "false"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(counts_are_summed_and_users_counted_once),
        TEST(who_did_not_answer_is_named_and_counts_nothing),
        TEST(one_user_at_two_gateways_is_one_entry),
        TEST(there_is_a_next_page_while_somebody_has_more),
        TEST(nothing_is_shown_past_a_page_with_more),
        TEST(pages_lead_through_everybody_once_and_in_order),
        TEST(only_users_that_the_caller_may_see_are_shown),
        TEST(a_page_of_hidden_users_is_passed_over),
        TEST(the_cursor_names_nobody_who_is_hidden),
        TEST(what_is_no_answer_is_refused),
        TEST(what_is_no_page_is_refused),
    };

    return cmocka_run_group_tests_name("room_answer", tests, NULL, NULL);
}
