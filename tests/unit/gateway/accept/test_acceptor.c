/* SPDX-License-Identifier: Apache-2.0 */
/* Who is let in, who is told 503, who is closed, with a listener and buckets that the test plays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
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
    struct control_box *box;
    struct acceptor *acceptor;
    struct bucket *buckets[BUCKETS];
};

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    struct acceptor_conf conf = {
        NULL,
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
    assert_int_equal(control_box_new(bench->base, &bench->box), STATUS_OK);
    conf.box = bench->box;
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
    assert_int_equal(control_post(control_box_mailbox(bench->box), &ticket->back, CONTROL_TICKET), STATUS_OK);
}

static int teardown(void **state)
{
    struct bench *bench = *state;

    for (int i = 0; i < BUCKETS; i++)
        for (size_t t = 0; t < bucket_of[i].count; t++)
            if (bucket_of[i].tickets[t] != NULL)
                give_back(bench, bucket_of[i].tickets[t]);
    acceptor_free(bench->acceptor);
    control_box_free(bench->box);
    event_base_free(bench->base);
    free(bench);
    return 0;
}

static void connect_with(struct bench *bench, const char *address, int fd)
{
    struct sockaddr_in peer = {.sin_family = AF_INET};

    assert_int_equal(inet_pton(AF_INET, address, &peer.sin_addr), 1);
    the_listener.on_accept(fd, (struct sockaddr *)&peer, sizeof peer, the_listener.arg);
    turn(bench);
}

static void connect_from(struct bench *bench, const char *address)
{
    connect_with(bench, address, eventfd(0, EFD_CLOEXEC));
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
    assert_int_equal(control_post(control_box_mailbox(bench->box), &note->head, CONTROL_PROBE), STATUS_OK);
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

    uint64_t before = metrics_get(M_REFUSED_FULL);

    bucket_of[0].answer = STATUS_NO_MEMORY;
    connect_many(bench, 1);
    assert_int_equal(acceptor_live(bench->acceptor), 0);
    assert_int_equal(metrics_get(M_REFUSED_FULL) - before, 1);
    bucket_of[0].answer = STATUS_OK;
    connect_many(bench, 1);
    assert_int_equal(acceptor_live(bench->acceptor), 1);
}

/* 10.0.0.0/8 is trusted from here on. */
static void trust(struct bench *bench, bool headers)
{
    char *const networks[] = {"10.0.0.0/8"};
    struct cidr_list *proxies;

    assert_int_equal(cidr_list_new("trustedProxies", networks, 1, &proxies, NULL), STATUS_OK);
    acceptor_set_proxies(bench->acceptor, proxies, headers);
    cidr_list_unref(proxies);
}

/* The proxy's end of a connection whose first bytes are these. */
static int connect_saying(struct bench *bench, const char *address, const char *text)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(write(ends[0], text, strlen(text)), strlen(text));
    connect_with(bench, address, ends[1]);
    return ends[0];
}

/* All of it, and the proxy's end is closed: the ticket is enough. */
static void proxied(struct bench *bench, const char *client)
{
    char line[128];

    snprintf(line, sizeof line, "PROXY TCP4 %s 198.51.100.1 56224 443\r\n", client);
    close(connect_saying(bench, "10.0.0.1", line));
}

/* The ticket that came last, into whichever bucket. */
static const struct ticket *expect_ticket(size_t count)
{
    const struct ticket *last = NULL;

    assert_int_equal(tickets(), count);
    for (int i = 0; i < BUCKETS; i++)
        for (size_t t = 0; t < bucket_of[i].count; t++)
            if (last == NULL || bucket_of[i].tickets[t]->accepted_us > last->accepted_us)
                last = bucket_of[i].tickets[t];
    now_us += 1000;
    return last;
}

static void expect_peer(const struct ticket *ticket, const char *address, bool trusted)
{
    char text[INET6_ADDRSTRLEN];

    cidr_address_print(ticket->peer, text);
    assert_string_equal(text, address);
    assert_int_equal(ticket->trusted, trusted);
}

static void without_trusted_proxies_a_peer_is_what_it_is(void **state)
{
    struct bench *bench = *state;

    close(connect_saying(bench, "10.0.0.1", "PROXY TCP4 192.0.2.7 198.51.100.1 56224 443\r\n"));
    expect_peer(expect_ticket(1), "10.0.0.1", false);
    assert_non_null(expect_ticket(1)->address);
}

static void a_trusted_proxy_has_no_share_of_its_own(void **state)
{
    struct bench *bench = *state;
    const struct acceptor_limits limits = {.max_clients = 10, .max_refused = 10, .max_per_address = 1};

    trust(bench, false);
    acceptor_set_limits(bench->acceptor, &limits);
    for (size_t i = 1; i <= 3; i++) {
        connect_from(bench, "10.0.0.1");
        expect_peer(expect_ticket(i), "10.0.0.1", true);
    }
    assert_int_equal(refused(REFUSAL_NONE), 3);
    assert_int_equal(address_table_count(acceptor_addresses(bench->acceptor)), 0);
    connect_many(bench, 2); /* others have */
    assert_int_equal(refused(REFUSAL_MAX_CLIENTS_PER_ADDRESS), 1);
}

static void a_header_names_the_client(void **state)
{
    struct bench *bench = *state;

    trust(bench, true);
    proxied(bench, "192.0.2.7");
    expect_peer(expect_ticket(1), "192.0.2.7", false);
}

static void limits_hold_for_whom_the_header_names(void **state)
{
    struct bench *bench = *state;
    const struct acceptor_limits limits = {.max_clients = 10, .max_refused = 10, .max_per_address = 2};

    trust(bench, true);
    acceptor_set_limits(bench->acceptor, &limits);
    for (int i = 0; i < 3; i++)
        proxied(bench, "192.0.2.7");
    proxied(bench, "192.0.2.8");
    assert_int_equal(refused(REFUSAL_MAX_CLIENTS_PER_ADDRESS), 1);
    assert_int_equal(refused(REFUSAL_NONE), 3);
    connect_from(bench, "192.0.2.8");
    connect_from(bench, "192.0.2.8"); /* with or without a proxy, it is the same address */
    assert_int_equal(refused(REFUSAL_MAX_CLIENTS_PER_ADDRESS), 2);
}

static void nobody_elses_header_is_read(void **state)
{
    struct bench *bench = *state;

    trust(bench, true);
    int fd = connect_saying(bench, "192.0.2.1", "PROXY TCP4 192.0.2.7 198.51.100.1 56224 443\r\n");
    const struct ticket *ticket = expect_ticket(1);
    char byte;

    expect_peer(ticket, "192.0.2.1", false);
    assert_int_equal(recv(ticket->fd, &byte, 1, MSG_PEEK), 1);
    assert_int_equal(byte, 'P');
    close(fd);
}

static void a_proxy_behind_a_proxy_is_trusted_as_such(void **state)
{
    struct bench *bench = *state;

    trust(bench, true);
    proxied(bench, "10.0.0.2");
    expect_peer(expect_ticket(1), "10.0.0.2", true);
    assert_null(expect_ticket(1)->address);
}

/* Of UNKNOWN the request is a stranger's: what it says of itself is not the proxy's word. */
static void who_is_not_named_has_the_proxys_address_and_not_its_trust(void **state)
{
    struct bench *bench = *state;

    trust(bench, true);
    close(connect_saying(bench, "10.0.0.1", "PROXY UNKNOWN\r\n"));
    expect_peer(expect_ticket(1), "10.0.0.1", false);
    assert_null(expect_ticket(1)->address);
}

static void the_proxy_itself_is_trusted(void **state)
{
    const char local[] = "\r\n\r\n\0\r\nQUIT\n\x20\0\0";
    struct bench *bench = *state;
    int ends[2];

    trust(bench, true);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(write(ends[0], local, sizeof local), 16);
    connect_with(bench, "10.0.0.1", ends[1]);
    expect_peer(expect_ticket(1), "10.0.0.1", true);
    close(ends[0]);
}

static void who_has_no_header_yet_is_in_no_bucket_but_has_a_place(void **state)
{
    struct bench *bench = *state;

    trust(bench, true);
    int fd = connect_saying(bench, "10.0.0.1", "PROXY ");
    assert_int_equal(tickets(), 0);
    connect_many(bench, 3);
    assert_int_equal(refused(REFUSAL_NONE), 2);
    assert_int_equal(refused(REFUSAL_MAX_CLIENTS), 1);
    assert_int_equal(write(fd, "TCP4 192.0.2.7 198.51.100.1 56224 443\r\n", 39), 39);
    turn(bench);
    assert_int_equal(refused(REFUSAL_NONE), 3);
    assert_int_equal(acceptor_live(bench->acceptor), 3);
    close(fd);
}

static bool is_closed(int fd)
{
    char byte;

    return read(fd, &byte, 1) == 0;
}

/* Three clients and one that is told 503: no descriptor is left for one that says nothing. */
static void those_who_wait_give_way_when_descriptors_end(void **state)
{
    struct bench *bench = *state;
    const struct acceptor_limits limits = {.max_clients = 3, .max_refused = 1};

    trust(bench, true);
    acceptor_set_limits(bench->acceptor, &limits);
    int first = connect_saying(bench, "10.0.0.1", "");
    int second = connect_saying(bench, "10.0.0.1", "");
    connect_many(bench, 2);
    assert_false(is_closed(first));
    connect_many(bench, 1);
    assert_true(is_closed(first));
    assert_false(is_closed(second));
    close(first);
    close(second);
}

static void another_list_holds_for_those_who_come(void **state)
{
    struct bench *bench = *state;

    trust(bench, false);
    connect_from(bench, "10.0.0.1");
    expect_peer(expect_ticket(1), "10.0.0.1", true);
    acceptor_set_proxies(bench->acceptor, NULL, false);
    connect_from(bench, "10.0.0.1");
    expect_peer(expect_ticket(2), "10.0.0.1", false);
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
        cmocka_unit_test_setup_teardown(without_trusted_proxies_a_peer_is_what_it_is, setup, teardown),
        cmocka_unit_test_setup_teardown(a_trusted_proxy_has_no_share_of_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(a_header_names_the_client, setup, teardown),
        cmocka_unit_test_setup_teardown(limits_hold_for_whom_the_header_names, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_elses_header_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(a_proxy_behind_a_proxy_is_trusted_as_such, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_not_named_has_the_proxys_address_and_not_its_trust, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_proxy_itself_is_trusted, setup, teardown),
        cmocka_unit_test_setup_teardown(who_has_no_header_yet_is_in_no_bucket_but_has_a_place, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(those_who_wait_give_way_when_descriptors_end, setup, teardown),
        cmocka_unit_test_setup_teardown(another_list_holds_for_those_who_come, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
