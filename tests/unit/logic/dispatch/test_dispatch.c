/* SPDX-License-Identifier: Apache-2.0 */
/* Who gets a push, who is named in its answer, and the accounts, with links and a bus that the test plays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "logic/dispatch/dispatch.h"
#include "logic/metrics/logic_metrics.h"

enum { LINKS = 3, ITEMS = 2 };

struct gateway_link {
    enum link_offer offer;
    bool not_up;
    capability_set lacks; /* why it refuses; 0: a limit */
    const char *name;
    size_t added;
    uint64_t sequence; /* of the last one that was added */
};

static struct gateway_link links[LINKS];

static struct bus {
    bool only;
    bool is_down;
    enum link_offer offer;
    size_t added;
} the_bus;

enum link_offer gateway_link_offer(struct gateway_link *link, struct push_measure *measure, int64_t now_ms)
{
    (void)measure;
    (void)now_ms;
    return link->offer;
}

void gateway_link_add(struct gateway_link *link, struct encoded_push *push)
{
    link->added++;
    link->sequence = push->sequence;
}

const char *gateway_link_name(const struct gateway_link *link)
{
    return link->name;
}

bool gateway_link_is_up(const struct gateway_link *link)
{
    return !link->not_up;
}

enum hello_limit gateway_link_passed(const struct gateway_link *link, struct push_measure *measure,
                                     int64_t *allowed)
{
    (void)link;
    (void)measure;
    *allowed = 1;
    return HELLO_RPC_BYTES;
}

capability_set gateway_link_lacks(const struct gateway_link *link, const struct push_measure *measure)
{
    (void)measure;
    return link->lacks;
}

void gateway_set_apply(struct gateway_set *set)
{
    (void)set;
}

size_t gateway_set_up(const struct gateway_set *set)
{
    size_t up = 0;

    for (size_t i = 0; i < set->count; i++)
        up += !links[i].not_up;
    return up;
}

size_t gateway_set_passing(const struct gateway_set *set)
{
    (void)set;
    return 0;
}

size_t gateway_set_queued(const struct gateway_set *set)
{
    (void)set;
    return 5;
}

void bus_publisher_apply(struct bus_publisher *bus)
{
    (void)bus;
}

bool bus_publisher_is_only(const struct bus_publisher *bus)
{
    return bus != NULL && the_bus.only;
}

bool bus_publisher_is_up(const struct bus_publisher *bus)
{
    return bus != NULL && !the_bus.is_down;
}

size_t bus_publisher_owes(const struct bus_publisher *bus)
{
    return bus != NULL ? 3 : 0;
}

enum link_offer bus_publisher_offer(struct bus_publisher *bus, size_t bytes, int64_t now_ms)
{
    (void)bus;
    (void)bytes;
    (void)now_ms;
    return the_bus.offer;
}

void bus_publisher_add(struct bus_publisher *bus, struct encoded_push *push, int64_t now_ms)
{
    (void)push;
    (void)now_ms;
    the_bus.added += bus != NULL;
}

struct bench {
    struct event_base *base;
    struct gateway_entry entries[LINKS];
    struct gateway_set set;
    struct dispatch dispatch;
    uint8_t logic_id[LOGIC_ID_LEN];
    int told;
    struct push_outcome outcome; /* without its names */
    char names[PUSH_NAMES_COUNT][32];
};

static int setup(void **state)
{
    static const char *const names[LINKS] = {"a:1", "b:2", "c:3"};
    struct bench *bench = calloc(1, sizeof *bench);

    logic_metrics_setup();
    the_bus = (struct bus){.offer = LINK_TAKES};
    for (int i = 0; i < LINKS; i++) {
        links[i] = (struct gateway_link){.offer = LINK_TAKES, .name = names[i]};
        bench->entries[i].link = &links[i];
    }
    bench->set = (struct gateway_set){.entries = bench->entries, .count = LINKS};
    bench->base = event_base_new();
    dispatch_init(&bench->dispatch, bench->base, &bench->set, 5000);
    bench->dispatch.logic_id = bench->logic_id;
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;

    event_base_free(bench->base);
    free(bench);
    return 0;
}

static void on_done(const struct push_outcome *outcome, void *arg)
{
    struct bench *bench = arg;

    bench->told++;
    bench->outcome = *outcome;
    for (int i = 0; i < PUSH_NAMES_COUNT; i++)
        snprintf(bench->names[i], sizeof bench->names[i], "%s",
                 outcome->names[i].len > 0 ? (const char *)outcome->names[i].data : "");
}

static void push(struct bench *bench, bool wait)
{
    const struct slice rooms[] = {slice_str("r")};
    const struct slice items[ITEMS] = {slice_str("1"), slice_str("2")};
    const struct push push = {.target = AUDIENCE_ROOM,
                              .rooms = rooms,
                              .room_count = 1,
                              .items = items,
                              .item_count = ITEMS,
                              .wait = wait};

    bench->told = 0;
    dispatch_push(&bench->dispatch, &push, on_done, bench);
}

/* Pushes the push, and expects that it was judged so and is in `added` links' queues. */
static void expect(struct bench *bench, enum push_verdict verdict, size_t added)
{
    size_t before = links[0].added + links[1].added + links[2].added;

    push(bench, false);
    assert_int_equal(bench->told, 1);
    assert_int_equal(bench->outcome.verdict, verdict);
    assert_int_equal(links[0].added + links[1].added + links[2].added - before, added);
}

/* Every push and every item that came was accepted or refused. */
static void expect_balance(void)
{
    assert_int_equal(metrics_get(LM_PUSHES_RECEIVED),
                     metrics_get(LM_PUSHES_ACCEPTED) + metrics_get(LM_PUSHES_REFUSED_INVALID) +
                         metrics_get(LM_PUSHES_REFUSED_FULL) + metrics_get(LM_PUSHES_REFUSED_NO_GATEWAY) +
                         metrics_get(LM_PUSHES_REFUSED_MEMORY) + metrics_get(LM_PUSHES_REFUSED_LIMITS));
    assert_int_equal(metrics_get(LM_ITEMS_RECEIVED),
                     metrics_get(LM_ITEMS_ACCEPTED) + metrics_get(LM_ITEMS_REFUSED_FULL) +
                         metrics_get(LM_ITEMS_REFUSED_NO_GATEWAY) + metrics_get(LM_ITEMS_REFUSED_MEMORY) +
                         metrics_get(LM_ITEMS_REFUSED_LIMITS));
}

static void every_link_gets_the_push_under_one_number(void **state)
{
    struct bench *bench = *state;

    expect(bench, PUSH_TAKEN, 3);
    expect(bench, PUSH_TAKEN, 3);
    for (int i = 0; i < LINKS; i++)
        assert_int_equal(links[i].sequence, 2);
    assert_int_equal(bench->outcome.sequence, 2);
    assert_int_equal(bench->outcome.known, 3);
    assert_int_equal(bench->outcome.queued, 3);
    assert_int_equal(metrics_get(LM_PUSHES_ACCEPTED), 2);
    assert_int_equal(metrics_get(LM_ITEMS_ACCEPTED), 2 * ITEMS);
    expect_balance();
}

static void one_full_link_refuses_the_push_everywhere(void **state)
{
    struct bench *bench = *state;

    links[2].offer = LINK_FULL;
    bench->dispatch.bus = (struct bus_publisher *)&the_bus;
    expect(bench, PUSH_QUEUE_FULL, 0);
    assert_string_equal(bench->names[PUSH_NAMES_FULL], "c:3");
    assert_int_equal(the_bus.added, 0);
    assert_int_equal(metrics_get(LM_PUSHES_REFUSED_FULL), 1);
    assert_int_equal(metrics_get(LM_ITEMS_REFUSED_FULL), ITEMS);
    assert_int_equal(metrics_get(LM_LINK_PUSHES_ACCEPTED), 0);
    expect_balance();
    links[2].offer = LINK_TAKES;
    expect(bench, PUSH_TAKEN, 3);
    assert_int_equal(bench->outcome.sequence, 1); /* what was refused had no number */
}

static void who_is_down_for_long_does_not_get_it_and_is_named(void **state)
{
    struct bench *bench = *state;

    links[1] = (struct gateway_link){.offer = LINK_DROPS, .not_up = true, .name = "b:2"};
    expect(bench, PUSH_TAKEN, 2);
    assert_int_equal(bench->outcome.queued, 2);
    assert_string_equal(bench->names[PUSH_NAMES_DOWN], "b:2");
    assert_int_equal(metrics_get(LM_LINK_PUSHES_DOWN), 1);
    assert_int_equal(metrics_get(LM_LINK_ITEMS_DOWN), ITEMS);
    assert_int_equal(metrics_get(LM_LINK_PUSHES_ACCEPTED),
                     1); /* the two others' would count in their queues */
    expect_balance();
}

static void who_is_connecting_gets_it_and_is_named(void **state)
{
    struct bench *bench = *state;

    links[0].not_up = true;
    expect(bench, PUSH_TAKEN, 3);
    assert_string_equal(bench->names[PUSH_NAMES_CONNECTING], "a:1");
    assert_string_equal(bench->names[PUSH_NAMES_DOWN], "");
}

static void a_limit_refuses_for_its_gateway_alone(void **state)
{
    struct bench *bench = *state;

    links[0].offer = LINK_REFUSES;
    expect(bench, PUSH_TAKEN, 2);
    assert_int_equal(bench->outcome.refused, 1);
    assert_string_equal(bench->names[PUSH_NAMES_REFUSED], "a:1");
    assert_int_equal(metrics_get(LM_LINK_PUSHES_REFUSED), 1);
    assert_int_equal(metrics_get(LM_LINK_ITEMS_REFUSED), ITEMS);
    expect_balance();
}

static void a_limit_that_every_gateway_has_refuses_the_push(void **state)
{
    struct bench *bench = *state;

    links[0].offer = links[1].offer = LINK_REFUSES;
    links[2].offer = LINK_DROPS;
    expect(bench, PUSH_PAST_LIMITS, 0);
    assert_int_equal(bench->outcome.passed.limit, HELLO_RPC_BYTES);
    assert_int_equal(bench->outcome.passed.allowed, 1);
    assert_int_equal(metrics_get(LM_PUSHES_REFUSED_LIMITS), 1);
    assert_int_equal(metrics_get(LM_LINK_PUSHES_REFUSED), 0);
    expect_balance();
}

static void who_knows_no_users_is_named_as_the_reason(void **state)
{
    struct bench *bench = *state;

    links[1].offer = LINK_REFUSES;
    links[1].lacks = 1u << HELLO_USERS;
    expect(bench, PUSH_TAKEN, 2);
    assert_int_equal(bench->outcome.lacks, 1u << HELLO_USERS);
    assert_string_equal(bench->names[PUSH_NAMES_REFUSED], "b:2");
    assert_int_equal(metrics_get(LM_LINK_PUSHES_REFUSED), 1);
    links[0].offer = links[2].offer = LINK_REFUSES;
    expect(bench, PUSH_PAST_LIMITS, 0);
    assert_int_equal(bench->outcome.lacks, 0); /* the first one's reason is a limit */
    assert_int_equal(bench->outcome.passed.limit, HELLO_RPC_BYTES);
    expect_balance();
}

static void without_any_gateway_a_push_is_refused(void **state)
{
    struct bench *bench = *state;

    links[0].offer = links[1].offer = links[2].offer = LINK_DROPS;
    expect(bench, PUSH_NO_GATEWAY, 0);
    bench->set.count = 0;
    expect(bench, PUSH_NO_GATEWAY, 0);
    assert_int_equal(metrics_get(LM_PUSHES_REFUSED_NO_GATEWAY), 2);
    expect_balance();
}

static void a_queue_that_cannot_grow_refuses_the_push(void **state)
{
    struct bench *bench = *state;

    links[1].offer = LINK_NO_MEMORY;
    links[2].offer = LINK_FULL;
    expect(bench, PUSH_NO_MEMORY, 0);
    assert_int_equal(metrics_get(LM_PUSHES_REFUSED_MEMORY), 1);
    expect_balance();
}

static void who_waits_is_not_told_before_the_links_answer(void **state)
{
    struct bench *bench = *state;

    push(bench, true);
    assert_int_equal(links[0].added, 1);
    assert_int_equal(metrics_get(LM_PUSHES_ACCEPTED), 1);
    links[0].offer = LINK_FULL;
    push(bench, true);
    assert_int_equal(bench->told, 1); /* of a refusal at once */
}

static void the_mirror_refuses_nothing(void **state)
{
    struct bench *bench = *state;

    bench->dispatch.bus = (struct bus_publisher *)&the_bus;
    the_bus.offer = LINK_FULL;
    expect(bench, PUSH_TAKEN, 3);
    assert_int_equal(the_bus.added, 1);
    assert_false(bench->outcome.bus_only);
}

static void a_bus_that_is_the_only_way_can_be_full(void **state)
{
    struct bench *bench = *state;

    bench->set.count = 0;
    bench->dispatch.bus = (struct bus_publisher *)&the_bus;
    the_bus.only = true;
    expect(bench, PUSH_TAKEN, 0);
    assert_int_equal(the_bus.added, 1);
    assert_int_equal(bench->outcome.queued, 0);
    the_bus.offer = LINK_FULL;
    expect(bench, PUSH_QUEUE_FULL, 0);
    assert_string_equal(bench->names[PUSH_NAMES_FULL], "the bus");
    the_bus.offer = LINK_DROPS;
    expect(bench, PUSH_NO_GATEWAY, 0);
    assert_int_equal(the_bus.added, 1);
    expect_balance();
}

static void nobody_can_wait_on_the_bus(void **state)
{
    struct bench *bench = *state;

    bench->dispatch.bus = (struct bus_publisher *)&the_bus;
    the_bus.only = true;
    push(bench, true);
    assert_int_equal(bench->told, 1);
    assert_int_equal(bench->outcome.verdict, PUSH_NO_WAIT);
    assert_int_equal(the_bus.added, 0);
    assert_int_equal(metrics_get(LM_PUSHES_REFUSED_INVALID), 1);
    expect_balance();
}

static void readiness_names_the_way_that_is_missing(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(dispatch_why_not_ready(&bench->dispatch), "no gateway passes the canaries");
    for (int i = 0; i < LINKS; i++)
        links[i].not_up = true;
    assert_string_equal(dispatch_why_not_ready(&bench->dispatch), "no gateway is connected");
    bench->dispatch.bus = (struct bus_publisher *)&the_bus;
    the_bus.only = true;
    assert_null(dispatch_why_not_ready(&bench->dispatch));
    the_bus.is_down = true;
    assert_non_null(dispatch_why_not_ready(&bench->dispatch));
    assert_int_equal(dispatch_queued(&bench->dispatch), 5 + 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_link_gets_the_push_under_one_number),
        TEST(one_full_link_refuses_the_push_everywhere),
        TEST(who_is_down_for_long_does_not_get_it_and_is_named),
        TEST(who_is_connecting_gets_it_and_is_named),
        TEST(a_limit_refuses_for_its_gateway_alone),
        TEST(a_limit_that_every_gateway_has_refuses_the_push),
        TEST(who_knows_no_users_is_named_as_the_reason),
        TEST(without_any_gateway_a_push_is_refused),
        TEST(a_queue_that_cannot_grow_refuses_the_push),
        TEST(who_waits_is_not_told_before_the_links_answer),
        TEST(the_mirror_refuses_nothing),
        TEST(a_bus_that_is_the_only_way_can_be_full),
        TEST(nobody_can_wait_on_the_bus),
        TEST(readiness_names_the_way_that_is_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
