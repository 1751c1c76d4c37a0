/* SPDX-License-Identifier: Apache-2.0 */
/* Members that come and go while a job walks the room: who stays is visited exactly once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "gateway/bucket/client.h"
#include "gateway/bucket/room.h"
#include "gateway/metrics/gateway_metrics.h"

enum { CLIENTS = 200, ROUNDS = 300 };

struct member {
    struct client client; /* first: what the room knows of it */
    struct membership membership;
    int visits;
    bool in;
    bool stayed; /* in since before the job began */
};

struct bench {
    struct directory *directory;
    struct rooms rooms;
    struct room *room;
    struct member members[CLIENTS];
};

static void join(struct bench *bench, struct member *member)
{
    member->client.rooms = &member->membership;
    assert_int_equal(room_join(&bench->rooms, slice_str("r"), &member->client, ENCODING_WS_V1, 0,
                               &bench->room, &member->membership.index),
                     STATUS_OK);
    member->in = true;
    member->stayed = false;
}

static void leave(struct bench *bench, struct member *member)
{
    const struct room_member *moved = room_leave(bench->room, member->membership.index, ENCODING_WS_V1);

    if (moved != NULL)
        moved->client->rooms[moved->slot].index = member->membership.index;
    if (bench->room->count == 0)
        assert_null(rooms_close(&bench->rooms, bench->room));
    member->in = false;
}

static void stir(struct bench *bench)
{
    struct member *member = &bench->members[1 + rand() % (CLIENTS - 1)]; /* the first keeps the room alive */

    if (member->in)
        leave(bench, member);
    else
        join(bench, member);
}

static void walk(struct bench *bench)
{
    struct client *client;

    for (int i = 0; i < CLIENTS; i++) {
        bench->members[i].visits = 0;
        bench->members[i].stayed = bench->members[i].in;
    }
    while ((client = room_visit(bench->room)) != NULL) {
        ((struct member *)(void *)client)->visits++;
        for (int i = rand() % 3; i > 0; i--)
            stir(bench);
    }
    bench->room->visiting = false;
    for (int i = 0; i < CLIENTS; i++) {
        assert_true(bench->members[i].visits <= 2);
        if (bench->members[i].in && bench->members[i].stayed)
            assert_int_equal(bench->members[i].visits, 1);
    }
}

static void who_stays_is_visited_exactly_once(void **state)
{
    static struct bench bench;

    (void)state;
    srand(1);
    assert_int_equal(directory_new(&bench.directory), STATUS_OK);
    assert_int_equal(rooms_init(&bench.rooms, bench.directory, 0), STATUS_OK);
    for (int i = 0; i < CLIENTS; i++)
        join(&bench, &bench.members[i]);
    for (int round = 0; round < ROUNDS; round++)
        walk(&bench);
    for (int i = 0; i < CLIENTS; i++)
        if (bench.members[i].in)
            leave(&bench, &bench.members[i]);
    assert_null(rooms_find(&bench.rooms, slice_str("r"), hashmap_hash(slice_str("r"))));
    rooms_fini(&bench.rooms);
    directory_free(bench.directory);
}

/* A drain closes nobody whom a job has still to come by. */
static void a_job_is_owed_until_it_has_come_by(void **state)
{
    static struct bench bench;
    struct job first = {.next = NULL};
    struct job second = {.next = NULL};

    (void)state;
    assert_int_equal(directory_new(&bench.directory), STATUS_OK);
    assert_int_equal(rooms_init(&bench.rooms, bench.directory, 0), STATUS_OK);
    join(&bench, &bench.members[0]);
    join(&bench, &bench.members[1]);
    assert_false(room_owes(bench.room, 0));
    bench.room->first = bench.room->last = &first;
    assert_true(room_owes(bench.room, 0));
    assert_true(room_owes(bench.room, 1));
    struct client *visited = room_visit(bench.room);
    uint32_t at = ((struct member *)(void *)visited)->membership.index;
    assert_false(room_owes(bench.room, at));
    assert_true(room_owes(bench.room, 1 - at));
    first.next = bench.room->last = &second;
    assert_true(room_owes(bench.room, at));
    bench.room->first = bench.room->last = NULL;
    bench.room->visiting = false;
    leave(&bench, &bench.members[0]);
    leave(&bench, &bench.members[1]);
    rooms_fini(&bench.rooms);
    directory_free(bench.directory);
}

static int setup(void **state)
{
    (void)state;
    gateway_metrics_setup();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(who_stays_is_visited_exactly_once),
                                       cmocka_unit_test(a_job_is_owed_until_it_has_come_by)};

    return cmocka_run_group_tests_name("room", tests, setup, NULL);
}
