/* SPDX-License-Identifier: Apache-2.0 */
/* Who is let in, who is told 503, who is closed, with a listener and buckets that the test plays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "gateway/accept/acceptor.h"
#include "gateway/metrics/gateway_metrics.h"
#include "shared/base/clock.h"
#include "shared/net/listener.h"

enum { BUCKETS = 2, MAX_TICKETS = 2048, MAX_REFUSED = 1024 };

struct bucket {
    struct ticket *tickets[MAX_TICKETS];
    size_t count;
    size_t open; /* clients */
    enum status answer;
};

struct listener {
    listener_accept *on_accept;
    void *arg;
};

static struct bucket bucket_of[BUCKETS];
static struct listener the_listener;
static int64_t now_us;

int64_t clock_now_us(void)
{
    return now_us;
}

int64_t clock_now_ms(void)
{
    return now_us / 1000;
}

enum status bucket_post_ticket(struct bucket *bucket, struct ticket *ticket)
{
    if (bucket->answer == STATUS_OK)
        bucket->tickets[bucket->count++] = ticket;
    return bucket->answer;
}

size_t bucket_clients(const struct bucket *bucket)
{
    return bucket->open;
}

enum status listener_new(struct event_base *base, const char *what, const char *bind, int port,
                         listener_accept *on_accept, void *arg, struct listener **out, struct fault *fault)
{
    (void)base;
    (void)what;
    (void)bind;
    (void)port;
    (void)fault;
    the_listener = (struct listener){on_accept, arg};
    *out = &the_listener;
    return STATUS_OK;
}

void listener_set_pace(struct listener *listener, int64_t pace_us)
{
    (void)listener;
    (void)pace_us;
}

void listener_count_failures(struct listener *listener, unsigned row)
{
    (void)listener;
    (void)row;
}

void listener_free(struct listener *listener)
{
    (void)listener;
}

struct bench {
    struct event_base *base;
    struct acceptor *acceptor;
    struct bucket *buckets[BUCKETS];
};

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    const struct acceptor_conf conf = {
        "127.0.0.1",
        0,
        {.max_clients = 3, .max_refused = MAX_REFUSED, .per_second = 0, .max_per_address = 0}};
    struct fault fault;

    now_us = 1000000;
    memset(bucket_of, 0, sizeof bucket_of);
    for (int i = 0; i < BUCKETS; i++)
        bench->buckets[i] = &bucket_of[i];
    gateway_metrics_setup();
    bench->base = event_base_new();
    assert_int_equal(acceptor_new(bench->base, &conf, &bench->acceptor, &fault), STATUS_OK);
    assert_int_equal(acceptor_start(bench->acceptor, bench->buckets, BUCKETS, &fault), STATUS_OK);
    *state = bench;
    return 0;
}

static void turn(struct bench *bench)
{
    event_base_loop(bench->base, EVLOOP_NONBLOCK);
}

/* A client that has a ticket is gone. */
static void give_back(struct bench *bench, struct ticket *ticket)
{
    close(ticket->fd);
    assert_int_equal(control_post(acceptor_returns(bench->acceptor), &ticket->back, CONTROL_TICKET),
                     STATUS_OK);
}

static int teardown(void **state)
{
    struct bench *bench = *state;

    for (int i = 0; i < BUCKETS; i++)
        for (size_t t = 0; t < bucket_of[i].count; t++)
            if (bucket_of[i].tickets[t] != NULL)
                give_back(bench, bucket_of[i].tickets[t]);
    acceptor_free(bench->acceptor);
    event_base_free(bench->base);
    free(bench);
    return 0;
}

static void connect_from(struct bench *bench, const char *address)
{
    struct sockaddr_in peer = {.sin_family = AF_INET};

    assert_int_equal(inet_pton(AF_INET, address, &peer.sin_addr), 1);
    the_listener.on_accept(eventfd(0, EFD_CLOEXEC), (struct sockaddr *)&peer, sizeof peer, the_listener.arg);
    turn(bench);
}

static void connect_many(struct bench *bench, int count)
{
    for (int i = 0; i < count; i++)
        connect_from(bench, "192.0.2.1");
}

static size_t tickets(void)
{
    return bucket_of[0].count + bucket_of[1].count;
}

static size_t refused(enum refusal refusal)
{
    size_t count = 0;

    for (int i = 0; i < BUCKETS; i++)
        for (size_t t = 0; t < bucket_of[i].count; t++)
            count += bucket_of[i].tickets[t] != NULL && bucket_of[i].tickets[t]->refusal == refusal;
    return count;
}

static void a_client_goes_to_the_bucket_with_the_fewest(void **state)
{
    struct bench *bench = *state;

    connect_many(bench, 2);
    assert_int_equal(bucket_of[0].count, 1);
    assert_int_equal(bucket_of[1].count, 1);
    give_back(bench, bucket_of[1].tickets[0]);
    bucket_of[1].tickets[0] = NULL;
    turn(bench);
    connect_many(bench, 1);
    assert_int_equal(bucket_of[1].count, 2);
}

static void clients_are_those_that_are_open_in_any_bucket(void **state)
{
    struct bench *bench = *state;

    connect_many(bench, 3);
    assert_int_equal(acceptor_clients(bench->acceptor), 0);
    bucket_of[0].open = 1;
    bucket_of[1].open = 2;
    assert_int_equal(acceptor_clients(bench->acceptor), 3);
}

static void past_max_clients_they_are_told_503(void **state)
{
    struct bench *bench = *state;

    connect_many(bench, 5);
    assert_int_equal(refused(REFUSAL_NONE), 3);
    assert_int_equal(refused(REFUSAL_MAX_CLIENTS), 2);
    assert_int_equal(acceptor_live(bench->acceptor), 3);
}

static void a_place_that_is_free_again_is_given_again(void **state)
{
    struct bench *bench = *state;

    connect_many(bench, 3);
    give_back(bench, bucket_of[0].tickets[0]);
    bucket_of[0].tickets[0] = NULL;
    turn(bench);
    connect_many(bench, 2);
    assert_int_equal(refused(REFUSAL_NONE), 3);
    assert_int_equal(refused(REFUSAL_MAX_CLIENTS), 1);
}

static void those_who_are_told_503_are_bounded(void **state)
{
    struct bench *bench = *state;

    connect_many(bench, 3 + MAX_REFUSED);
    assert_int_equal(tickets(), 3 + MAX_REFUSED);
    connect_many(bench, 1); /* closed without a word */
    assert_int_equal(tickets(), 3 + MAX_REFUSED);
    assert_int_equal(acceptor_live(bench->acceptor), 3);
}

static void an_address_has_its_share(void **state)
{
    struct bench *bench = *state;
    const struct acceptor_limits limits = {.max_clients = 10, .max_refused = 10, .max_per_address = 2};

    acceptor_set_limits(bench->acceptor, &limits);
    connect_many(bench, 3);
    connect_from(bench, "192.0.2.2");
    assert_int_equal(refused(REFUSAL_MAX_CLIENTS_PER_ADDRESS), 1);
    assert_int_equal(refused(REFUSAL_NONE), 3);
}

static void too_many_a_second_are_told_when_to_come(void **state)
{
    struct bench *bench = *state;
    const struct acceptor_limits limits = {.max_clients = 100, .max_refused = 100, .per_second = 10};

    acceptor_set_limits(bench->acceptor, &limits);
    connect_many(bench, 20);
    size_t let_in = refused(REFUSAL_NONE);
    assert_in_range(let_in, 1, 2);
    assert_int_equal(refused(REFUSAL_RATE), 20 - let_in);
    now_us += 1000000;
    connect_many(bench, 1);
    assert_int_equal(refused(REFUSAL_NONE), let_in + 1);
}

static void a_drain_lets_nobody_in(void **state)
{
    struct bench *bench = *state;

    acceptor_drain(bench->acceptor);
    connect_many(bench, 2);
    assert_int_equal(refused(REFUSAL_DRAINING), 2);
    assert_int_equal(acceptor_live(bench->acceptor), 0);
}

static void the_canary_takes_no_place(void **state)
{
    struct bench *bench = *state;

    acceptor_adopt(bench->acceptor, eventfd(0, EFD_CLOEXEC));
    assert_int_equal(acceptor_live(bench->acceptor), 0);
    connect_many(bench, 3);
    assert_int_equal(refused(REFUSAL_MAX_CLIENTS), 0);
    assert_true(bucket_of[0].tickets[0]->canary);
}

/* Bucket 0 has two of the three, and both are open: the newcomer goes where one is not. */
static void a_newcomer_goes_where_one_may_give_way_and_the_counts_stay_right(void **state)
{
    struct bench *bench = *state;

    connect_many(bench, 3);
    bucket_of[0].open = 2;
    connect_many(bench, 1);
    assert_int_equal(bucket_of[1].count, 2);
    struct ticket *silent = bucket_of[1].tickets[0];
    struct ticket *newcomer = bucket_of[1].tickets[1];
    assert_int_equal(newcomer->refusal, REFUSAL_MAX_CLIENTS);
    newcomer->refusal = REFUSAL_NONE;
    silent->gave_way = true;
    give_back(bench, silent);
    bucket_of[1].tickets[0] = NULL;
    turn(bench);
    assert_int_equal(acceptor_live(bench->acceptor), 3);
    give_back(bench, newcomer);
    bucket_of[1].tickets[1] = NULL;
    turn(bench);
    assert_int_equal(acceptor_live(bench->acceptor), 2);
    connect_many(bench, 1);
    assert_int_equal(refused(REFUSAL_MAX_CLIENTS), 0);
}

static void note_probe(struct bench *bench, struct ticket *ticket)
{
    struct probe_note *note = calloc(1, sizeof *note);

    note->ticket = ticket;
    assert_int_equal(control_post(acceptor_returns(bench->acceptor), &note->head, CONTROL_PROBE), STATUS_OK);
    turn(bench);
}

static void a_probe_is_no_client_while_it_is_connected(void **state)
{
    struct bench *bench = *state;

    connect_many(bench, 3);
    note_probe(bench, bucket_of[0].tickets[0]);
    assert_int_equal(acceptor_live(bench->acceptor), 2);
    connect_many(bench, 1);
    assert_int_equal(refused(REFUSAL_MAX_CLIENTS), 0);
    assert_int_equal(acceptor_live(bench->acceptor), 3);
    give_back(bench, bucket_of[0].tickets[0]);
    bucket_of[0].tickets[0] = NULL;
    turn(bench);
    assert_int_equal(acceptor_live(bench->acceptor), 3);
}

static void a_bucket_that_takes_no_ticket_costs_only_its_client(void **state)
{
    struct bench *bench = *state;

    bucket_of[0].answer = STATUS_NO_MEMORY;
    connect_many(bench, 1);
    assert_int_equal(acceptor_live(bench->acceptor), 0);
    bucket_of[0].answer = STATUS_OK;
    connect_many(bench, 1);
    assert_int_equal(acceptor_live(bench->acceptor), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_client_goes_to_the_bucket_with_the_fewest, setup, teardown),
        cmocka_unit_test_setup_teardown(clients_are_those_that_are_open_in_any_bucket, setup, teardown),
        cmocka_unit_test_setup_teardown(past_max_clients_they_are_told_503, setup, teardown),
        cmocka_unit_test_setup_teardown(a_place_that_is_free_again_is_given_again, setup, teardown),
        cmocka_unit_test_setup_teardown(those_who_are_told_503_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(an_address_has_its_share, setup, teardown),
        cmocka_unit_test_setup_teardown(too_many_a_second_are_told_when_to_come, setup, teardown),
        cmocka_unit_test_setup_teardown(a_drain_lets_nobody_in, setup, teardown),
        cmocka_unit_test_setup_teardown(the_canary_takes_no_place, setup, teardown),
        cmocka_unit_test_setup_teardown(a_newcomer_goes_where_one_may_give_way_and_the_counts_stay_right,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_probe_is_no_client_while_it_is_connected, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bucket_that_takes_no_ticket_costs_only_its_client, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
