/* SPDX-License-Identifier: Apache-2.0 */
/* A walk in pieces while members come and go: after it, each client that was there all the time has been
 * visited once, and nobody more than once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/bucket/client.h"
#include "gateway/bucket/room_scan.h"
#include "gateway/metrics/gateway_metrics.h"

enum { CLIENTS = 300 };

static struct directory *directory;
static struct rooms rooms;
static struct list scans;
static struct client clients[CLIENTS];
static struct membership memberships[CLIENTS];
static int visits[CLIENTS]; /* less those that were taken back */
static size_t cost;

static size_t visit(struct room_scan *scan, const struct client *client)
{
    (void)scan;
    visits[client - clients]++;
    return cost;
}

static void take_back(struct room_scan *scan, const struct client *client)
{
    (void)scan;
    visits[client - clients]--;
}

static const struct room_visitor visitor = {visit, take_back};

static int setup(void **state)
{
    (void)state;
    gateway_metrics_setup();
    assert_int_equal(directory_new(&directory), STATUS_OK);
    assert_int_equal(rooms_init(&rooms, directory, 0), STATUS_OK);
    list_init(&scans);
    memset(clients, 0, sizeof clients);
    memset(memberships, 0, sizeof memberships);
    memset(visits, 0, sizeof visits);
    cost = 1;
    return 0;
}

static bool is_in(int number)
{
    return memberships[number].room != NULL;
}

static void join(int number, const char *room)
{
    clients[number].rooms = &memberships[number];
    assert_int_equal(room_join(&rooms, slice_str(room), &clients[number], ENCODING_WS_V1, 0,
                               &memberships[number].room, &memberships[number].index),
                     STATUS_OK);
}

/* As client_leave_slot. */
static void leave(int number)
{
    struct membership left = memberships[number];
    const struct room_member *moved = room_leave(left.room, left.index, ENCODING_WS_V1);

    memberships[number].room = NULL;
    if (moved != NULL)
        moved->client->rooms[0].index = left.index;
    room_scan_left(&scans, left.room, left.index);
    if (left.room->count == 0)
        (void)rooms_close(&rooms, left.room);
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < CLIENTS; i++)
        if (is_in(i))
            leave(i);
    rooms_fini(&rooms);
    directory_free(directory);
    return 0;
}

static const struct room *room_r(void)
{
    return rooms_find(&rooms, slice_str("r"), hashmap_hash(slice_str("r")));
}

static void a_walk_is_cut_in_pieces(void **state)
{
    struct room_scan scan;

    (void)state;
    for (int i = 0; i < 100; i++)
        join(i, "r");
    room_scan_begin(&scan, &scans, &visitor, room_r());
    assert_true(room_scan_some(&scan, 60));
    assert_int_equal(visits[99] + visits[40], 2);
    assert_int_equal(visits[39] + visits[0], 0);
    assert_false(room_scan_some(&scan, 60));
    for (int i = 0; i < 100; i++)
        assert_int_equal(visits[i], 1);
    room_scan_end(&scan);
    room_scan_end(&scan);
    assert_true(list_empty(&scans));
}

static void visits_cost_what_they_say(void **state)
{
    struct room_scan scan;

    (void)state;
    for (int i = 0; i < 10; i++)
        join(i, "r");
    cost = 50;
    room_scan_begin(&scan, &scans, &visitor, room_r());
    assert_true(room_scan_some(&scan, 128));
    assert_int_equal(visits[9] + visits[8] + visits[7], 3);
    assert_int_equal(visits[6], 0);
    room_scan_end(&scan);
}

static void nobody_is_there(void **state)
{
    struct room_scan scan;

    (void)state;
    room_scan_begin(&scan, &scans, &visitor, NULL);
    assert_false(room_scan_some(&scan, 10));
    room_scan_end(&scan);
}

static void a_room_that_goes_ends_its_walk_alone(void **state)
{
    struct room_scan scan, other;

    (void)state;
    for (int i = 0; i < 4; i++)
        join(i, i < 2 ? "r" : "s");
    room_scan_begin(&scan, &scans, &visitor, room_r());
    room_scan_begin(&other, &scans, &visitor,
                    rooms_find(&rooms, slice_str("s"), hashmap_hash(slice_str("s"))));
    assert_true(room_scan_some(&scan, 1));
    assert_true(room_scan_some(&other, 1));
    leave(0);
    leave(1);
    join(0, "r"); /* perhaps where the other one stood */
    assert_false(room_scan_some(&scan, 10));
    assert_false(room_scan_some(&other, 10));
    assert_int_equal(visits[2] + visits[3], 2);
    room_scan_end(&scan);
    room_scan_end(&other);
}

static void who_fills_a_place_is_not_visited_twice(void **state)
{
    struct room_scan scan;

    (void)state;
    for (int i = 0; i < 4; i++)
        join(i, "r");
    room_scan_begin(&scan, &scans, &visitor, room_r());
    (void)room_scan_some(&scan, 2); /* 3 and 2 */
    leave(0);                       /* 3 stands there now */
    assert_int_equal(visits[3], 0);
    (void)room_scan_some(&scan, 9);
    assert_int_equal(visits[1], 1);
    assert_int_equal(visits[2], 1);
    assert_int_equal(visits[3], 1);
    room_scan_end(&scan);
}

static void who_comes_later_confuses_nobody(void **state)
{
    struct room_scan scan;

    (void)state;
    for (int i = 0; i < 4; i++)
        join(i, "r");
    room_scan_begin(&scan, &scans, &visitor, room_r());
    (void)room_scan_some(&scan, 2); /* 3 and 2 */
    join(4, "r");
    leave(3); /* 4 stands among those that were visited: it is */
    assert_int_equal(visits[4], 1);
    leave(0); /* 4 stands among those to visit */
    assert_int_equal(visits[4], 0);
    (void)room_scan_some(&scan, 9);
    assert_int_equal(visits[1], 1);
    assert_int_equal(visits[2], 1);
    assert_int_equal(visits[4], 1);
    room_scan_end(&scan);
}

/* Who was there from the first piece to the last has been visited once; who came and went, once or not. */
static void play(unsigned seed)
{
    struct room_scan scan;
    bool stays[CLIENTS];
    bool more = true;

    srandom(seed);
    memset(visits, 0, sizeof visits);
    for (int i = 0; i < CLIENTS; i++)
        if (random() % 2 == 0 && !is_in(i))
            join(i, "r");
    for (int i = 0; i < CLIENTS; i++)
        stays[i] = is_in(i);
    room_scan_begin(&scan, &scans, &visitor, room_r());
    while (more) {
        more = room_scan_some(&scan, 1 + (size_t)random() % 9);
        for (int i = 0; i < 12; i++) {
            int number = (int)(random() % CLIENTS);

            if (is_in(number)) {
                leave(number);
                stays[number] = false;
            } else if (random() % 3 > 0) {
                join(number, "r");
                visits[number] = 0; /* as another client */
            }
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        if (stays[i] && visits[i] != 1)
            fail_msg("seed %u: %d was visited %d times", seed, i, visits[i]);
        if (is_in(i) && (visits[i] < 0 || visits[i] > 1))
            fail_msg("seed %u: %d, who came, was visited %d times", seed, i, visits[i]);
    }
    room_scan_end(&scan);
}

static void who_stays_is_visited_once_whoever_comes_and_goes(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 300; seed++)
        play(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_walk_is_cut_in_pieces, setup, teardown),
        cmocka_unit_test_setup_teardown(visits_cost_what_they_say, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_is_there, setup, teardown),
        cmocka_unit_test_setup_teardown(a_room_that_goes_ends_its_walk_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(who_fills_a_place_is_not_visited_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(who_comes_later_confuses_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(who_stays_is_visited_once_whoever_comes_and_goes, setup, teardown),
    };

    return cmocka_run_group_tests_name("room_scan", tests, NULL, NULL);
}
