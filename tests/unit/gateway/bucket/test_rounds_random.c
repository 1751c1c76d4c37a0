/* SPDX-License-Identifier: Apache-2.0 */
/* The fan-out with exclusions and deadlines against a naive reference: rooms above and below a slice, users
 * with many connections, members that join and leave between slices, sockets that take nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/bucket/rounds.h"
#include "gateway/metrics/gateway_metrics.h"
#include "tests/unit/terms_script.h"

enum { CLIENTS = 300, ROOMS = 3, USERS = 7, MAX_JOBS = 400, ITEMS = 4, SEEDS = 6, STEPS = 150 };

/* One push, and who has it. */
struct sent {
    int room;
    int items;
    char excluded[ITEMS][64]; /* the words of a line for each item */
    bool deadline;
    bool owed[CLIENTS]; /* a member since it was pushed, without a break */
    bool got[CLIENTS];
};

struct bench {
    struct directory *directory;
    struct rooms rooms;
    struct rounds rounds;
    struct rounds_edge edge;
    struct client clients[CLIENTS];
    struct membership memberships[CLIENTS][ROOMS + 1];
    struct sent sent[MAX_JOBS];
    int jobs;
    int last[CLIENTS][ROOMS]; /* the job that came last; -1: none */
    uint64_t frames;
    int64_t now_us;
};

static struct bench *bench;

static int dice(int sides)
{
    return (int)(random() % sides);
}

static struct slice room_name(int room)
{
    return slice_of("abc" + room, 1);
}

static int user_of(int client)
{
    return client % (USERS + 2); /* some have none */
}

static bool excludes(const struct sent *sent, int item, int client)
{
    char word[32];

    snprintf(word, sizeof word, "-u%d ", user_of(client));
    if (strstr(sent->excluded[item], word) != NULL && user_of(client) < USERS)
        return true;
    snprintf(word, sizeof word, "-#%d ", client);
    return strstr(sent->excluded[item], word) != NULL;
}

/* What is left of a push for a client: "12.0,12.3". */
static void left_for(int job, int client, char *out)
{
    const struct sent *sent = &bench->sent[job];

    out[0] = '\0';
    for (int i = 0; i < sent->items; i++)
        if (!excludes(sent, i, client))
            sprintf(out + strlen(out), "%s%d.%d", out[0] != '\0' ? "," : "", job, i);
}

static void note(const struct client *client, const struct frame *frame, const uint8_t *bytes, size_t len)
{
    int who = (int)(client - bench->clients);
    const char *from = memmem(bytes, len, ":[", 2);
    const char *to = memrchr(bytes, ']', len);
    int job = atoi(from + 2);
    struct sent *sent = &bench->sent[job];
    char expected[128];

    (void)frame;
    left_for(job, who, expected);
    assert_string_not_equal(expected, "");
    assert_int_equal(strlen(expected), to - from - 2);
    assert_memory_equal(from + 2, expected, strlen(expected));
    assert_false(sent->got[who]);
    assert_true(bench->last[who][sent->room] < job);
    sent->got[who] = true;
    bench->last[who][sent->room] = job;
    bench->frames++;
}

static void join(int who, int room)
{
    struct client *client = &bench->clients[who];
    struct membership *place = &client->rooms[client->room_count];
    char key[16];

    if (room == ROOMS)
        snprintf(key, sizeof key, "\x02u%d", user_of(who));
    assert_int_equal(room_join(&bench->rooms, room == ROOMS ? slice_str(key) : room_name(room), client,
                               client->encoding, client->room_count, &place->room, &place->index),
                     STATUS_OK);
    client->room_count++;
}

static int slot_of(int who, int room)
{
    const struct client *client = &bench->clients[who];

    for (uint32_t slot = 0; slot < client->room_count; slot++)
        if (slice_equal(client->rooms[slot].room->node.key, room_name(room)))
            return (int)slot;
    return -1;
}

static void leave_slot(struct client *client, uint32_t slot)
{
    const struct membership left = client->rooms[slot];
    const struct room_member *moved = room_leave(left.room, left.index, client->encoding);

    client->rooms[slot] = client->rooms[--client->room_count];
    if (slot < client->room_count)
        client->rooms[slot].room->members[client->rooms[slot].index].slot = slot;
    if (moved != NULL)
        moved->client->rooms[moved->slot].index = left.index;
    if (left.room->count > 0)
        return;
    for (struct job *job = rooms_close(&bench->rooms, left.room), *next; job != NULL; job = next) {
        next = job->next;
        rounds_drop(&bench->rounds, job);
    }
}

/* It comes or goes. */
static void toggle(int who, int room)
{
    int slot = slot_of(who, room);

    if (slot < 0) {
        join(who, room);
        return;
    }
    leave_slot(&bench->clients[who], (uint32_t)slot);
    for (int job = 0; job < bench->jobs; job++)
        if (bench->sent[job].room == room)
            bench->sent[job].owed[who] = false;
}

static void play_write(void *arg, struct wire_op *ops, size_t count)
{
    (void)arg;
    for (size_t i = 0; i < count; i++) {
        bool full = dice(10) == 0;

        ops[i].result = full ? -EAGAIN : (int32_t)ops[i].len;
        if (!full)
            note(&bench->clients[ops[i].fd], NULL, ops[i].data, ops[i].len);
    }
    bench->now_us += dice(3);
    for (int i = dice(4); i > 0; i--)
        toggle(dice(CLIENTS), dice(ROOMS));
}

static void play_send(struct client *client, struct frame *frame)
{
    note(client, frame, frame->bytes, frame->len);
}

static void play_queue(struct client *client, struct frame *frame, uint32_t sent)
{
    assert_int_equal(sent, 0);
    note(client, frame, frame->bytes, frame->len);
}

static void play_lost(struct client *client)
{
    (void)client;
    fail();
}

static struct client *play_connection(void *arg, struct slice id)
{
    char text[16];

    (void)arg;
    snprintf(text, sizeof text, "%.*s", (int)id.len, (const char *)id.data);
    return &bench->clients[atoi(text)];
}

static int64_t play_now(void *arg)
{
    (void)arg;
    return bench->now_us;
}

static void play_finished(void *arg, size_t count)
{
    (void)arg;
    (void)count;
}

static void exclude(struct delivery *delivery, const char *items, const struct sent *sent)
{
    uint32_t at = 0;

    delivery->exclusions = exclusions_new(slice_str(items));
    for (int i = 0; i < sent->items; i++) {
        uint32_t len = (uint32_t)strcspn(items + at, ",");
        struct terms_script script;
        struct slice rest = terms_script_read(&script, sent->excluded[i])->exclusions;
        struct push_exclusion who;

        while (push_next_exclusion(&rest, &who))
            assert_int_equal(exclusions_add(delivery->exclusions, at, len, &who), STATUS_OK);
        at += len + 1;
    }
    (void)exclusions_sort(delivery->exclusions);
}

static void roll_exclusions(struct sent *sent)
{
    for (int i = 0; i < sent->items; i++) {
        if (dice(2) == 0)
            sprintf(sent->excluded[i], "-u%d ", dice(USERS));
        for (int more = dice(3); more > 0; more--)
            sprintf(sent->excluded[i] + strlen(sent->excluded[i]), "-#%d ", dice(CLIENTS));
    }
}

static void push(void)
{
    static const uint32_t members[ENCODING_COUNT] = {1, 1};
    int number = bench->jobs++;
    struct sent *sent = &bench->sent[number];
    struct job *job = calloc(1, sizeof *job);
    char items[128] = "";

    sent->room = dice(ROOMS);
    sent->items = 1 + dice(ITEMS);
    for (int i = 0; i < sent->items; i++)
        sprintf(items + strlen(items), "%s%d.%d", i > 0 ? "," : "", number, i);
    for (int who = 0; who < CLIENTS; who++)
        sent->owed[who] = slot_of(who, sent->room) >= 0;
    struct slice key = room_name(sent->room);
    struct delivery *delivery = delivery_new(key, hashmap_hash(key), slice_str(items), 1, members);
    if (dice(3) > 0) {
        roll_exclusions(sent);
        exclude(delivery, items, sent);
    }
    if (dice(4) == 0) {
        sent->deadline = true;
        delivery_expire(delivery, bench->now_us + dice(8));
    }
    job->delivery = delivery;
    rounds_add(&bench->rounds, rooms_find(&bench->rooms, key, hashmap_hash(key)), job);
}

static void expect_all(void)
{
    char expected[128];

    for (int job = 0; job < bench->jobs; job++)
        for (int who = 0; who < CLIENTS; who++) {
            left_for(job, who, expected);
            if (bench->sent[job].owed[who] && !bench->sent[job].deadline && expected[0] != '\0')
                assert_true(bench->sent[job].got[who]);
        }
    for (int who = 0; who < CLIENTS; who++)
        assert_int_equal(bench->clients[who].excluded, 0);
}

static void populate(void)
{
    for (int who = 0; who < CLIENTS; who++) {
        struct client *client = &bench->clients[who];

        client->fd = who;
        client->phase = CLIENT_OPEN;
        client->encoding = (uint8_t)dice(ENCODING_COUNT);
        client->tls = dice(8) == 0;
        client->rooms = bench->memberships[who];
        if (user_of(who) < USERS)
            join(who, ROOMS);
        for (int room = 0; room < ROOMS; room++)
            if (dice(100) < (room == 2 ? 5 : 70))
                join(who, room);
        memset(bench->last[who], 0xff, sizeof bench->last[who]);
    }
}

static void run(unsigned seed)
{
    uint64_t addressed = metrics_get(M_FRAMES_ADDRESSED);
    uint64_t expired = metrics_get(M_FRAMES_DROPPED_EXPIRED);

    srandom(seed);
    bench = calloc(1, sizeof *bench);
    assert_int_equal(directory_new(&bench->directory), STATUS_OK);
    assert_int_equal(rooms_init(&bench->rooms, bench->directory, 0), STATUS_OK);
    bench->edge = (struct rounds_edge){.now_us = play_now,
                                       .write = play_write,
                                       .send = play_send,
                                       .queue = play_queue,
                                       .lost = play_lost,
                                       .connection = play_connection,
                                       .finished = play_finished};
    rounds_init(&bench->rounds, &bench->edge);
    bench->now_us = 1;
    populate();
    for (int step = 0; step < STEPS; step++) {
        for (int pushes = dice(4); pushes > 0 && bench->jobs < MAX_JOBS; pushes--)
            push();
        (void)rounds_run(&bench->rounds);
        toggle(dice(CLIENTS), dice(ROOMS));
    }
    while (rounds_run(&bench->rounds))
        continue;
    expect_all();
    assert_int_equal(bench->rounds.own_count, 0);
    assert_int_equal(metrics_get(M_FRAMES_ADDRESSED) - addressed,
                     bench->frames + metrics_get(M_FRAMES_DROPPED_EXPIRED) - expired);
    for (int who = 0; who < CLIENTS; who++)
        while (bench->clients[who].room_count > 0)
            leave_slot(&bench->clients[who], 0);
    rounds_reap(&bench->rounds);
    rooms_fini(&bench->rooms);
    directory_free(bench->directory);
    free(bench);
}

static void everyone_gets_what_the_reference_says(void **state)
{
    (void)state;
    gateway_metrics_setup();
    for (unsigned seed = 1; seed <= SEEDS; seed++)
        run(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everyone_gets_what_the_reference_says),
    };

    return cmocka_run_group_tests_name("rounds random", tests, NULL, NULL);
}
