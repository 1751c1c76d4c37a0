/* SPDX-License-Identifier: Apache-2.0 */
/* Who is asked, how long is waited, and what is told when not everybody answers. The links are played. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "logic/link/gateway_link.h"
#include "logic/metrics/logic_metrics.h"
#include "logic/query/query.h"
#include "shared/net/loop_event.h"

enum { GATEWAYS = 3, TIMEOUT_MS = 1234 };

#define GOOD "{\"n\":1}"

static const struct query_member members[] = {{"n", QUERY_TYPE(JSON_NUMBER)}};
static const struct query_kind kind = {members, 1, NULL};

struct gateway_link {
    const char *name;
    bool knows; /* it is up, and answers queries */
    struct hello hello;
    bool greeted;
    enum status status; /* of asking it */
    char asked[64];
    link_query_done *done;
    void *arg;
    int cancelled;
};

static struct gateway_link links[GATEWAYS];
static struct gateway_entry entries[GATEWAYS];
static struct gateway_set set;
static struct queries queries;
static struct event_base *base;
static struct event *timer; /* of the last query */
static int64_t timer_ms;
static struct told {
    int calls;
    size_t count;
    enum query_state states[GATEWAYS];
    char bodies[GATEWAYS][64];
} told;
static struct query *again; /* what `done` asks, when it shall */
static bool ask_again;

const char *gateway_link_name(const struct gateway_link *link)
{
    return link->name;
}

const struct hello *gateway_link_hello(const struct gateway_link *link)
{
    return link->greeted ? &link->hello : NULL;
}

bool gateway_link_knows_queries(const struct gateway_link *link)
{
    return link->knows;
}

enum status gateway_link_ask(struct gateway_link *link, struct slice text, link_query_done *done, void *arg,
                             struct link_query **out)
{
    memcpy(link->asked, text.data, text.len);
    link->done = done;
    link->arg = arg;
    *out = (struct link_query *)(void *)link;
    return link->status;
}

void link_query_cancel(struct link_query *query)
{
    ((struct gateway_link *)(void *)query)->cancelled++;
}

enum status loop_event_after_ms(struct event *event, int64_t delay)
{
    timer = event;
    timer_ms = delay;
    return STATUS_OK;
}

static void on_done(const struct query_part *parts, size_t count, void *arg)
{
    struct told *tell = arg;

    tell->calls++;
    tell->count = count;
    for (size_t i = 0; i < count; i++) {
        tell->states[i] = parts[i].state;
        assert_string_equal(parts[i].gateway, links[i].name);
        if (parts[i].state == QUERY_ANSWERED)
            memcpy(tell->bodies[i], parts[i].body.data, parts[i].body.len);
    }
    if (ask_again)
        assert_int_equal(
            query_ask(&queries, &kind, slice_str("{}"), slice_of(NULL, 0), on_done, &told, &again),
            STATUS_OK);
    ask_again = false;
}

static int set_up(void **state)
{
    (void)state;
    logic_metrics_setup();
    base = event_base_new();
    told = (struct told){0};
    ask_again = false;
    timer = NULL;
    for (size_t i = 0; i < GATEWAYS; i++) {
        links[i] = (struct gateway_link){.name = i == 0 ? "a:1" : i == 1 ? "b:2" : "c:3", .knows = true};
        links[i].greeted = true;
        memset(links[i].hello.instance, '0' + (int)i, HELLO_INSTANCE_LEN);
        entries[i].link = &links[i];
    }
    set = (struct gateway_set){.entries = entries, .count = GATEWAYS};
    queries_init(&queries, base, &set, TIMEOUT_MS);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(queries.count, 0);
    assert_int_equal(queries.bytes, 0);
    assert_int_equal(metrics_get(LM_QUERIES), 0);
    assert_int_equal(metrics_get(LM_QUERY_QUESTIONS), metrics_get(LM_QUERY_ANSWERS_TAKEN) +
                                                          metrics_get(LM_QUERY_ANSWERS_LATE) +
                                                          metrics_get(LM_QUERY_ANSWERS_FAILED));
    event_base_free(base);
    return 0;
}

static struct query *ask_of(const char *instance)
{
    struct query *query;

    assert_int_equal(
        query_ask(&queries, &kind, slice_str("{\"op\":\"x\"}"), slice_str(instance), on_done, &told, &query),
        STATUS_OK);
    assert_int_equal(told.calls, 0);
    return query;
}

static void turn(void)
{
    event_base_loop(base, EVLOOP_NONBLOCK);
}

static void answer(size_t gateway, int status, const char *body)
{
    links[gateway].done(links[gateway].arg, status, slice_str(body));
}

static void end_time(void)
{
    event_active(timer, EV_TIMEOUT, 0);
    turn();
}

static void expect_states(enum query_state a, enum query_state b, enum query_state c)
{
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.count, GATEWAYS);
    assert_int_equal(told.states[0], a);
    assert_int_equal(told.states[1], b);
    assert_int_equal(told.states[2], c);
}

static void everybody_is_asked_and_the_last_answer_ends_it(void **state)
{
    (void)state;
    ask_of("");
    for (size_t i = 0; i < GATEWAYS; i++)
        assert_string_equal(links[i].asked, "{\"op\":\"x\"}");
    assert_int_equal(timer_ms, TIMEOUT_MS);
    answer(2, 200, "{\"n\":3}");
    answer(0, 200, "{\"n\":1}");
    turn();
    assert_int_equal(told.calls, 0);
    answer(1, 200, "{\"n\":2}");
    turn();
    expect_states(QUERY_ANSWERED, QUERY_ANSWERED, QUERY_ANSWERED);
    assert_string_equal(told.bodies[2], "{\"n\":3}");
    assert_int_equal(metrics_get(LM_QUERY_ANSWERS_TAKEN), GATEWAYS);
}

static void who_is_late_is_named_and_not_waited_for(void **state)
{
    (void)state;
    ask_of("");
    answer(0, 200, GOOD);
    answer(2, 200, GOOD);
    end_time();
    expect_states(QUERY_ANSWERED, QUERY_LATE, QUERY_ANSWERED);
    assert_int_equal(links[1].cancelled, 1);
    assert_int_equal(links[0].cancelled, 0);
    assert_int_equal(metrics_get(LM_QUERY_ANSWERS_LATE), 1);
}

static void a_link_that_breaks_is_late_at_once(void **state)
{
    (void)state;
    ask_of("");
    answer(0, 200, GOOD);
    answer(1, 0, "");
    answer(2, 200, GOOD);
    turn();
    expect_states(QUERY_ANSWERED, QUERY_LATE, QUERY_ANSWERED);
}

static void errors_and_other_texts_have_failed(void **state)
{
    (void)state;
    ask_of("");
    answer(0, 503, GOOD);
    answer(1, 200, "{\"m\":1}");
    links[2].done(links[2].arg, 200, slice_of(NULL, 0));
    turn();
    expect_states(QUERY_FAILED, QUERY_FAILED, QUERY_FAILED);
    assert_int_equal(metrics_get(LM_QUERY_ANSWERS_FAILED), GATEWAYS);
}

static void who_cannot_be_asked_is_not(void **state)
{
    (void)state;
    links[0].knows = false;
    links[1].status = STATUS_FULL;
    links[2].status = STATUS_NO_MEMORY;
    ask_of("");
    turn();
    expect_states(QUERY_NOT_ASKED, QUERY_LATE, QUERY_FAILED);
    assert_string_equal(links[0].asked, "");
}

static void without_a_gateway_there_is_an_answer_all_the_same(void **state)
{
    (void)state;
    set.count = 0;
    ask_of("");
    turn();
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.count, 0);
}

static void one_gateway_is_asked_by_its_instance(void **state)
{
    (void)state;
    ask_of("1111111111111111");
    assert_string_equal(links[1].asked, "{\"op\":\"x\"}");
    assert_string_equal(links[0].asked, "");
    answer(1, 200, GOOD);
    turn();
    expect_states(QUERY_ELSEWHERE, QUERY_ANSWERED, QUERY_ELSEWHERE);
}

static void who_could_have_it_and_is_away_is_named(void **state)
{
    (void)state;
    links[2].greeted = links[2].knows = false;
    ask_of("9999999999999999");
    turn();
    expect_states(QUERY_ELSEWHERE, QUERY_ELSEWHERE, QUERY_NOT_ASKED);
    told = (struct told){0};
    ask_of("1111111111111111"); /* found: nobody else could */
    answer(1, 200, GOOD);
    turn();
    expect_states(QUERY_ELSEWHERE, QUERY_ANSWERED, QUERY_ELSEWHERE);
}

static void a_cancelled_one_is_told_nobody(void **state)
{
    (void)state;
    struct query *query = ask_of("");
    answer(0, 200, GOOD);
    query_cancel(query);
    assert_int_equal(links[1].cancelled + links[2].cancelled, 2);
    turn();
    assert_int_equal(told.calls, 0);
    query_cancel(NULL);
}

static void at_most_so_many_are_under_way(void **state)
{
    struct query *all[QUERIES_AT_ONCE], *more;

    (void)state;
    for (size_t i = 0; i < QUERIES_AT_ONCE; i++)
        all[i] = ask_of("");
    assert_int_equal(query_ask(&queries, &kind, slice_str("{}"), slice_of(NULL, 0), on_done, &told, &more),
                     STATUS_FULL);
    assert_int_equal(metrics_get(LM_QUERIES_REFUSED), 1);
    assert_int_equal(metrics_get(LM_QUERIES), QUERIES_AT_ONCE);
    query_cancel(all[0]);
    all[0] = ask_of("");
    for (size_t i = 0; i < QUERIES_AT_ONCE; i++)
        query_cancel(all[i]);
}

static void answers_past_the_bytes_of_all_are_not_kept(void **state)
{
    (void)state;
    ask_of("");
    queries.bytes = QUERIES_BYTES - 7;
    answer(0, 200, GOOD);
    answer(1, 200, GOOD);
    answer(2, 200, GOOD);
    queries.bytes -= QUERIES_BYTES - 7;
    turn();
    expect_states(QUERY_ANSWERED, QUERY_FAILED, QUERY_FAILED);
}

static void the_next_may_be_asked_when_one_is_told(void **state)
{
    (void)state;
    ask_of("");
    ask_again = true;
    end_time();
    assert_int_equal(told.calls, 1);
    assert_int_equal(queries.count, 1);
    query_cancel(again);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(everybody_is_asked_and_the_last_answer_ends_it),
        TEST(who_is_late_is_named_and_not_waited_for),
        TEST(a_link_that_breaks_is_late_at_once),
        TEST(errors_and_other_texts_have_failed),
        TEST(who_cannot_be_asked_is_not),
        TEST(without_a_gateway_there_is_an_answer_all_the_same),
        TEST(one_gateway_is_asked_by_its_instance),
        TEST(who_could_have_it_and_is_away_is_named),
        TEST(a_cancelled_one_is_told_nobody),
        TEST(at_most_so_many_are_under_way),
        TEST(answers_past_the_bytes_of_all_are_not_kept),
        TEST(the_next_may_be_asked_when_one_is_told),
    };

    return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
