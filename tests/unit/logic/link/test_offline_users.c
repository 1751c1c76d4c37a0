/* SPDX-License-Identifier: Apache-2.0 */
/* Who is away everywhere: what gateways say in their answers, and what the caller is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "logic/link/link_ledger.h"
#include "logic/push/push_wait.h"

enum { MAX_USERS = 1000 };

struct bench {
    struct event_base *base;
    struct link_ledger links[2];
    char answer[8192]; /* what the caller was told */
    int told;
};

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);

    assert_non_null(bench);
    bench->base = event_base_new();
    link_ledger_init(&bench->links[0], "a:1", 10, 1u << 20);
    link_ledger_init(&bench->links[1], "b:2", 10, 1u << 20);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;

    link_ledger_fini(&bench->links[0]);
    link_ledger_fini(&bench->links[1]);
    event_base_free(bench->base);
    free(bench);
    return 0;
}

static void on_done(const struct push_outcome *outcome, void *arg)
{
    struct bench *bench = arg;
    struct buf out;
    int status;

    buf_init(&out, sizeof bench->answer - 1);
    assert_int_equal(push_answer_append(&out, "0", outcome, &status), STATUS_OK);
    memcpy(bench->answer, out.data, out.len);
    bench->answer[out.len] = '\0';
    buf_fini(&out);
    bench->told++;
}

/* A push to users "u0", "u1", ... under number 9, in the queues of the first `links`, of `known` gateways. */
static void push(struct bench *bench, enum audience target, size_t users, size_t known, size_t links)
{
    static char texts[MAX_USERS][24];
    static struct slice names[MAX_USERS];
    const struct slice item = slice_str("1");
    struct push_outcome outcome = {.sequence = 9, .items = 1, .known = known, .queued = links};
    struct encoded_push *encoded;

    for (size_t i = 0; i < users; i++) {
        snprintf(texts[i], sizeof texts[i], "u%zu", i);
        names[i] = slice_str(texts[i]);
    }
    const struct push push = {target, names, users, &item, 1, .wait = true};
    assert_int_equal(encoded_push_new(&push, 9, &encoded), STATUS_OK);
    assert_int_equal(push_wait_new(bench->base, 5000, on_done, bench, &encoded->wait), STATUS_OK);
    if (target == AUDIENCE_USER)
        assert_int_equal(push_wait_for_users(encoded->wait, users,
                                             slice_of(encoded->bytes + PUSH_RECORD_HEAD_LEN,
                                                      encoded->len - PUSH_RECORD_HEAD_LEN)),
                         STATUS_OK);
    for (size_t i = 0; i < links; i++) {
        assert_int_equal(link_queue_reserve(&bench->links[i].queue), STATUS_OK);
        link_ledger_add(&bench->links[i], encoded);
    }
    push_wait_start(encoded->wait, &outcome);
    encoded_push_unref(encoded);
}

/* A gateway answers; `reached` as it stands there. */
static void ack(struct bench *bench, size_t link, const char *reached)
{
    char body[8192];
    struct batch_answer answer;

    snprintf(body, sizeof body, "{\"applied\":9,\"reached\":%s}", reached);
    assert_int_equal(batch_answer_parse(slice_str(body), &answer), STATUS_OK);
    link_ledger_ack(&bench->links[link], 1, &answer);
}

static void expect_told(struct bench *bench, const char *end)
{
    size_t len = strlen(bench->answer);

    assert_int_equal(bench->told, 1);
    if (len < strlen(end) || strcmp(bench->answer + len - strlen(end), end) != 0)
        fail_msg("%s", bench->answer);
}

static void expect_nothing_said(struct bench *bench)
{
    assert_int_equal(bench->told, 1);
    if (strstr(bench->answer, "offline") != NULL)
        fail_msg("%s", bench->answer);
}

static void offline_is_who_is_away_everywhere(void **state)
{
    struct bench *bench = *state;
    uint64_t before = metrics_get(LM_USERS_OFFLINE);

    push(bench, AUDIENCE_USER, 4, 2, 2);
    ack(bench, 0, "[[9,2,[0,1,3]]]");
    assert_int_equal(bench->told, 0);
    ack(bench, 1, "[[9,3,[1,2,3]]]");
    expect_told(bench, "\"acked\":2},\"clients\":5,\"offline\":[\"u1\",\"u3\"],\"offlineCount\":2}");
    assert_int_equal(metrics_get(LM_USERS_OFFLINE) - before, 2);
}

static void nobody_is_away(void **state)
{
    struct bench *bench = *state;

    push(bench, AUDIENCE_USER, 65, 2, 2);
    ack(bench, 0, "[[8,1],[9,2,[0,64]]]");
    ack(bench, 1, "[[9,3,[1,63]]]");
    expect_told(bench, ",\"offline\":[],\"offlineCount\":0}");
}

static void a_hundred_are_named_and_all_are_counted(void **state)
{
    struct bench *bench = *state;
    char reached[8192] = "[[9,0,[";
    size_t len = strlen(reached);

    for (int i = 0; i < 1000; i++)
        if (i != 3)
            len += (size_t)snprintf(reached + len, sizeof reached - len, "%s%d", i ? "," : "", i);
    snprintf(reached + len, sizeof reached - len, "]]]");
    push(bench, AUDIENCE_USER, 1000, 1, 1);
    ack(bench, 0, reached);
    expect_told(bench, ",\"u99\",\"u100\"],\"offlineCount\":999}");
    assert_null(strstr(bench->answer, "\"u3\""));
    assert_null(strstr(bench->answer, "\"u101\""));
}

/* One of three known gateways was down, so it was not asked. */
static void nothing_is_said_when_a_gateway_was_not_asked(void **state)
{
    struct bench *bench = *state;

    push(bench, AUDIENCE_USER, 2, 3, 2);
    ack(bench, 0, "[[9,0,[0,1]]]");
    ack(bench, 1, "[[9,0,[0,1]]]");
    expect_nothing_said(bench);
}

static void nothing_is_said_when_a_gateway_drops_it(void **state)
{
    struct bench *bench = *state;

    push(bench, AUDIENCE_USER, 2, 2, 2);
    ack(bench, 0, "[[9,0,[0,1]]]");
    link_ledger_drop(&bench->links[1], 1, LINK_DROP_EXPIRED);
    expect_nothing_said(bench);
}

static void nothing_is_said_when_a_gateway_does_not_know(void **state)
{
    static const char *const odd[] = {"[[9,0]]",         "[]",           "[[9,0,7]]",  "[[9,0,[0,2]]]",
                                      "[[9,0,[\"0\"]]]", "[[9,0,[-1]]]", "[[8,0,[0]]]"};

    (void)state;
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        struct bench *bench = *state;

        bench->told = 0;
        push(bench, AUDIENCE_USER, 2, 2, 2);
        ack(bench, 0, "[[9,0,[0,1]]]");
        ack(bench, 1, odd[i]);
        expect_nothing_said(bench);
    }
}

static void a_room_has_nobody_offline(void **state)
{
    struct bench *bench = *state;

    push(bench, AUDIENCE_ROOM, 2, 1, 1);
    ack(bench, 0, "[[9,0,[0,1]]]");
    expect_nothing_said(bench);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(offline_is_who_is_away_everywhere),
        TEST(nobody_is_away),
        TEST(a_hundred_are_named_and_all_are_counted),
        TEST(nothing_is_said_when_a_gateway_was_not_asked),
        TEST(nothing_is_said_when_a_gateway_drops_it),
        TEST(nothing_is_said_when_a_gateway_does_not_know),
        TEST(a_room_has_nobody_offline),
    };

    logic_metrics_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
