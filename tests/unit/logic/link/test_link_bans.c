/* SPDX-License-Identifier: Apache-2.0 */
/* When a logic exchanges its bans with a gateway, what it says, and what ends it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/base/wall_clock.h"
#include "tests/unit/logic/link/link_bench.h"

enum { NOW = 1000000 };

int64_t wall_clock_s(void)
{
    return NOW + (now_us - 1000000000) / 1000000;
}

static struct ban_list *list;

static int bans_set_up(void **state)
{
    set_up(state);
    struct bench *bench = *state;

    assert_int_equal(ban_list_new(&list), STATUS_OK);
    bench->env.bans = list;
    return 0;
}

static int bans_tear_down(void **state)
{
    tear_down(state);
    ban_list_free(list);
    return 0;
}

static void learn(const char *user)
{
    const struct ban ban = {slice_str(user), NOW + 600, NOW * INT64_C(1000), NOW + 600};

    assert_int_equal(ban_list_merge(list, &ban, wall_clock_s()), STATUS_OK);
}

#define BAN(user) "{\"user\":\"" user "\",\"until\":1000600,\"at\":1000000000,\"keep\":1000600}"
#define NONE      "0000000000000000"

static const char *hello_with(const char *bans)
{
    static char text[512];

    snprintf(
        text, sizeof text,
        "{\"version\":\"9\",\"instance\":\"00112233445566778899aabbccddeeff\",\"limits\":{\"maxItemBytes\":"
        "100000,\"maxJsonDepth\":64,\"maxRoomNameBytes\":1000,\"maxRpcBytes\":4194304},\"capabilities\":"
        "[\"bans\"],\"bans\":\"%s\"}",
        bans);
    return text;
}

static void be_up(struct bench *bench, const char *bans)
{
    make_link(bench, "192.0.2.9");
    be_ready(bench);
    answer(bench, expect_request("/rpc/hello"), 200, hello_with(bans));
    (void)expect_request("/stats");
}

static const struct bench_request *expect_part(const char *text)
{
    const struct bench_request *request = expect_request("/rpc/bans");

    if (request->len != strlen(text) || memcmp(request->body, text, request->len) != 0)
        fail_msg("%.*s, not %s", (int)request->len, (const char *)request->body, text);
    return request;
}

static void equal_lists_are_left_alone(void **state)
{
    struct bench *bench = *state;

    be_up(bench, NONE);
    expect_no_request();
    assert_true(memmem(the_conn.requests[0].body, the_conn.requests[0].len, "\"bans\":\"" NONE "\"", 25) !=
                NULL);
}

static void first_it_hears_then_it_tells(void **state)
{
    struct bench *bench = *state;
    uint64_t done = metrics_get(LM_BAN_EXCHANGES_OK);

    learn("own");
    be_up(bench, NONE);
    answer(bench, expect_part("{\"from\":0,\"last\":false,\"bans\":[]}"), 200,
           "{\"from\":1,\"last\":false,\"bans\":[" BAN("u") "]}");
    answer(bench, expect_part("{\"from\":1,\"last\":false,\"bans\":[]}"), 200,
           "{\"from\":2,\"last\":true,\"bans\":[" BAN("v") "]}");
    assert_int_equal(ban_list_count(list), 3);
    /* only what it had at the beginning */
    answer(bench, expect_part("{\"from\":10000,\"last\":true,\"bans\":[" BAN("own") "]}"), 200,
           "{\"from\":10000,\"last\":true,\"bans\":[]}");
    expect_no_request();
    assert_int_equal(metrics_get(LM_BAN_EXCHANGES_OK), done + 1);
}

/* Else a gateway that has just started would wait for its last part. */
static void it_says_so_when_it_has_none(void **state)
{
    struct bench *bench = *state;

    be_up(bench, "00000000000000aa");
    answer(bench, expect_part("{\"from\":0,\"last\":false,\"bans\":[]}"), 200,
           "{\"from\":1,\"last\":true,\"bans\":[" BAN("u") "]}");
    answer(bench, expect_part("{\"from\":10000,\"last\":true,\"bans\":[]}"), 200,
           "{\"from\":10000,\"last\":true,\"bans\":[]}");
    expect_no_request();
}

static void a_gateway_without_the_capability_is_not_asked(void **state)
{
    struct bench *bench = *state;

    learn("own");
    make_link(bench, "192.0.2.9");
    be_ready(bench);
    answer(bench, expect_request("/rpc/hello"), 200, HELLO);
    (void)expect_request("/stats");
    expect_no_request();
    tick_after(bench, 500);
    expect_no_request(); /* nor told at once of what is new */
}

/* A gateway that was told an empty digest would believe that nobody is banned. */
static void while_redis_may_know_more_nothing_is_said(void **state)
{
    struct bench *bench = *state;

    bench->env.bans_awaited = true;
    be_up(bench, "00000000000000aa");
    assert_null(memmem(the_conn.requests[0].body, the_conn.requests[0].len, "\"bans\"", 6));
    expect_no_request();
    tick_after(bench, 500);
    expect_no_request();
    bench->env.bans_awaited = false;
    tick_after(bench, 500);
    answer(bench, expect_request("/rpc/hello"), 200, hello_with("00000000000000aa"));
    (void)expect_part("{\"from\":0,\"last\":false,\"bans\":[]}");
}

/* What one gateway has told goes to the others at once, not with the hello of five seconds later. */
static void what_is_new_is_said_soon(void **state)
{
    struct bench *bench = *state;
    char digest[HELLO_BANS_LEN + 1];

    be_up(bench, NONE);
    tick_after(bench, 500);
    expect_no_request();
    learn("u");
    tick_after(bench, 500);
    snprintf(digest, sizeof digest, "%016llx", (unsigned long long)ban_list_digest(list));
    answer(bench, expect_request("/rpc/hello"), 200, hello_with(digest)); /* a command was there first */
    expect_no_request();
    tick_after(bench, 500);
    expect_no_request();
    learn("v");
    tick_after(bench, 500);
    answer(bench, expect_request("/rpc/hello"), 200, hello_with(digest));
    (void)expect_part("{\"from\":0,\"last\":false,\"bans\":[]}");
}

static void a_gateway_that_differs_is_not_asked_all_the_time(void **state)
{
    struct bench *bench = *state;
    uint64_t failed = metrics_get(LM_BAN_EXCHANGES_FAILED);

    learn("own");
    be_up(bench, NONE);
    answer(bench, expect_request("/rpc/bans"), 500, "");
    expect_no_request();
    assert_int_equal(metrics_get(LM_BAN_EXCHANGES_FAILED), failed + 1);
    learn("more");
    tick_after(bench, 500);
    answer(bench, expect_request("/rpc/hello"), 200, hello_with(NONE));
    expect_no_request();
    tick_after(bench, 5000);
    answer(bench, expect_request("/rpc/hello"), 200, hello_with(NONE));
    (void)expect_request("/rpc/bans");
}

static void an_answer_that_is_none_ends_it(void **state)
{
    static const char *const answers[] = {"", "{}", "{\"from\":0,\"last\":false,\"bans\":[]}",
                                          "{\"from\":1,\"last\":true,\"bans\":[{}]}"};
    struct bench *bench = *state;
    uint64_t failed = metrics_get(LM_BAN_EXCHANGES_FAILED);

    learn("own");
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        be_up(bench, NONE);
        answer(bench, expect_request("/rpc/bans"), 200, answers[i]);
        expect_no_request();
        assert_true(gateway_link_is_up(bench->link));
        assert_int_equal(metrics_get(LM_BAN_EXCHANGES_FAILED), failed + i + 1);
        gateway_link_free(bench->link);
        bench->link = NULL;
    }
    be_up(bench, NONE);
}

static void a_new_connection_begins_anew(void **state)
{
    struct bench *bench = *state;

    learn("own");
    be_up(bench, NONE);
    (void)expect_request("/rpc/bans");
    lose_connection(bench, "gone");
    end_pause(bench);
    be_ready(bench);
    answer(bench, expect_request("/rpc/hello"), 200, hello_with(NONE));
    (void)expect_request("/stats");
    (void)expect_part("{\"from\":0,\"last\":false,\"bans\":[]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(equal_lists_are_left_alone, bans_set_up, bans_tear_down),
        cmocka_unit_test_setup_teardown(first_it_hears_then_it_tells, bans_set_up, bans_tear_down),
        cmocka_unit_test_setup_teardown(it_says_so_when_it_has_none, bans_set_up, bans_tear_down),
        cmocka_unit_test_setup_teardown(a_gateway_without_the_capability_is_not_asked, bans_set_up,
                                        bans_tear_down),
        cmocka_unit_test_setup_teardown(while_redis_may_know_more_nothing_is_said, bans_set_up,
                                        bans_tear_down),
        cmocka_unit_test_setup_teardown(what_is_new_is_said_soon, bans_set_up, bans_tear_down),
        cmocka_unit_test_setup_teardown(a_gateway_that_differs_is_not_asked_all_the_time, bans_set_up,
                                        bans_tear_down),
        cmocka_unit_test_setup_teardown(an_answer_that_is_none_ends_it, bans_set_up, bans_tear_down),
        cmocka_unit_test_setup_teardown(a_new_connection_begins_anew, bans_set_up, bans_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
