/* SPDX-License-Identifier: Apache-2.0 */
/* The fan-out against a wire and a clock that the test plays. A transcript is a line of writes, "a1 b1 " in
 * one slice and "| " at its end: the client's letter and the item of the frame. */
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

enum { MAX_CLIENTS = 300, MAX_ROOMS = 3, TRANSCRIPT = 8192 };

/* What the test does while a slice is written. */
struct bench;
typedef void (*on_write)(struct bench *bench);

struct bench {
    struct directory *directory;
    struct rooms rooms;
    struct rounds rounds;
    struct rounds_edge edge;
    struct client clients[MAX_CLIENTS];
    struct membership memberships[MAX_CLIENTS][MAX_ROOMS];
    int32_t result[MAX_CLIENTS]; /* of the next write to a client; 0: all of it */
    char text[TRANSCRIPT];
    size_t finished;
    size_t commanded; /* members that a command still has to look at */
    bool emptying;    /* a command takes everybody out of its room */
    on_write during;
    int64_t now_us;
};

/* The edge's calls to clients have no argument but the client. */
static struct bench *the_bench;

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    size_t len = strlen(the_bench->text);
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(the_bench->text + len, sizeof the_bench->text - len, format, arguments);
    va_end(arguments);
}

static char letter(const struct client *client)
{
    return (char)('a' + (client - the_bench->clients) % 26);
}

/* The items of a version 1 frame: what stands between its brackets. */
static void say_items(const uint8_t *data, uint32_t len)
{
    const char *from = memchr(data, '[', len);
    const char *to = memchr(data, ']', len);

    say("%.*s ", (int)(to - from - 1), from + 1);
}

static void play_write(void *arg, struct wire_op *ops, size_t count)
{
    struct bench *bench = arg;

    for (size_t i = 0; i < count; i++) {
        say("%c", letter(&bench->clients[ops[i].fd]));
        say_items(ops[i].data, ops[i].len);
        for (size_t other = 0; other < i; other++)
            assert_int_not_equal(ops[other].fd, ops[i].fd);
        ops[i].result = bench->result[ops[i].fd] != 0 ? bench->result[ops[i].fd] : (int32_t)ops[i].len;
    }
    say("| ");
    if (bench->during != NULL)
        bench->during(bench);
}

static void play_send(struct client *client, struct frame *frame)
{
    say("send %c", letter(client));
    say_items(frame->bytes, frame->len);
}

static void play_queue(struct client *client, struct frame *frame, uint32_t sent)
{
    say("queue %c+%u:", letter(client), sent);
    if (frame->expires_us != 0)
        say("!%d:", (int)frame->expires_us);
    say_items(frame->bytes, frame->len);
}

static void close_unused(void *arg, struct room *room);

static void leave(struct bench *bench, struct client *client, uint32_t slot)
{
    const struct membership left = client->rooms[slot];
    const struct room_member *moved = room_leave(left.room, left.index, client->encoding);

    client->rooms[slot] = client->rooms[--client->room_count];
    if (slot < client->room_count)
        client->rooms[slot].room->members[client->rooms[slot].index].slot = slot;
    if (moved != NULL)
        moved->client->rooms[moved->slot].index = left.index;
    close_unused(bench, left.room);
}

static void close_unused(void *arg, struct room *room)
{
    struct bench *bench = arg;

    if (!room_is_unused(room))
        return;
    for (struct job *job = rooms_close(&bench->rooms, room), *next; job != NULL; job = next) {
        next = job->next;
        rounds_drop(&bench->rounds, job);
    }
}

/* As client_lost: the client leaves its rooms. */
static void play_lost(struct client *client)
{
    say("lost %c ", letter(client));
    client->phase = CLIENT_CLOSING;
    while (client->room_count > 0)
        leave(the_bench, client, 0);
}

static size_t play_command(void *arg, struct room *room, struct job *job, size_t most, bool *through)
{
    struct bench *bench = arg;
    size_t visits = bench->commanded < most ? bench->commanded : most;

    assert_int_equal(bench->rounds.count, 0);
    assert_ptr_equal(job, room->first);
    say("command ");
    while (bench->emptying && room->count > 0)
        leave(bench, room->members[0].client, room->members[0].slot);
    bench->commanded -= visits;
    *through = bench->commanded == 0;
    return visits;
}

static int64_t play_now(void *arg)
{
    return ((struct bench *)arg)->now_us;
}

/* An id is the client's number. */
static struct client *play_connection(void *arg, struct slice id)
{
    struct bench *bench = arg;
    char text[16];

    (void)snprintf(text, sizeof text, "%.*s", (int)id.len, (const char *)id.data);
    struct client *client = &bench->clients[atoi(text)];
    return client->phase == CLIENT_OPEN && client->room_count > 0 ? client : NULL;
}

static void count_finished(void *arg, size_t count)
{
    ((struct bench *)arg)->finished += count;
}

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);

    gateway_metrics_setup();
    assert_int_equal(directory_new(&bench->directory), STATUS_OK);
    assert_int_equal(rooms_init(&bench->rooms, bench->directory, 0), STATUS_OK);
    bench->edge = (struct rounds_edge){.now_us = play_now,
                                       .write = play_write,
                                       .send = play_send,
                                       .queue = play_queue,
                                       .lost = play_lost,
                                       .connection = play_connection,
                                       .command = play_command,
                                       .unused = close_unused,
                                       .finished = count_finished,
                                       .arg = bench};
    bench->now_us = 1;
    rounds_init(&bench->rounds, &bench->edge);
    for (int i = 0; i < MAX_CLIENTS; i++) {
        bench->clients[i].fd = i;
        bench->clients[i].phase = CLIENT_OPEN;
        bench->clients[i].encoding = ENCODING_WS_V1;
        bench->clients[i].rooms = bench->memberships[i];
    }
    the_bench = bench;
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;

    for (int i = 0; i < MAX_CLIENTS; i++)
        while (bench->clients[i].room_count > 0)
            leave(bench, &bench->clients[i], 0);
    rounds_reap(&bench->rounds);
    rooms_fini(&bench->rooms);
    directory_free(bench->directory);
    free(bench);
    return 0;
}

/* Clients `first` to `last` by letter, or by number when the test needs more than the alphabet. */
static void join_many(struct bench *bench, const char *room, int first, int last)
{
    for (int i = first; i <= last; i++) {
        struct client *client = &bench->clients[i];
        struct membership *place = &client->rooms[client->room_count];

        assert_int_equal(room_join(&bench->rooms, slice_str(room), client, client->encoding,
                                   client->room_count, &place->room, &place->index),
                         STATUS_OK);
        client->room_count++;
    }
}

static void join(struct bench *bench, const char *room, const char *letters)
{
    for (; *letters != '\0'; letters++)
        join_many(bench, room, *letters - 'a', *letters - 'a');
}

static struct delivery *push(struct bench *bench, const char *room, const char *item)
{
    const uint32_t members[ENCODING_COUNT] = {[ENCODING_WS_V1] = 1};
    struct slice key = slice_str(room);
    struct job *job = calloc(1, sizeof *job);
    struct delivery *delivery = delivery_new(key, hashmap_hash(key), slice_str(item), 1, members);

    assert_non_null(delivery);
    job->delivery = delivery;
    rounds_add(&bench->rounds, rooms_find(&bench->rooms, key, hashmap_hash(key)), job);
    return delivery;
}

/* Items of one digit, "1,2,3"; the one at place `at`, from 0 on, does not reach whom the line names. */
static void exclude(struct delivery *delivery, const char *items, unsigned at, const char *line)
{
    struct terms_script script;
    struct slice rest = terms_script_read(&script, line)->exclusions;
    struct push_exclusion who;

    if (delivery->exclusions == NULL)
        delivery->exclusions = exclusions_new(slice_str(items));
    while (push_next_exclusion(&rest, &who))
        assert_int_equal(exclusions_add(delivery->exclusions, 2 * at, 1, &who), STATUS_OK);
    (void)exclusions_sort(delivery->exclusions);
}

/* A kick of the room. */
static void command(struct bench *bench, const char *room)
{
    const struct command kick = {.kind = COMMAND_KICK, .code = 4003};
    struct slice key = slice_str(room);
    struct job *job = calloc(1, sizeof *job);

    job->delivery = delivery_new_command(key, hashmap_hash(key), key_command_new_kick(&kick));
    assert_non_null(job->delivery);
    rounds_add(&bench->rounds, rooms_find(&bench->rooms, key, hashmap_hash(key)), job);
}

static void run(struct bench *bench)
{
    while (rounds_run(&bench->rounds))
        continue;
}

static void expect(struct bench *bench, const char *text)
{
    assert_string_equal(bench->text, text);
    bench->text[0] = '\0';
}

static void small_rooms_share_a_slice(void **state)
{
    struct bench *bench = *state;

    join(bench, "r", "ab");
    join(bench, "s", "c");
    push(bench, "r", "1");
    push(bench, "s", "2");
    run(bench);
    expect(bench, "b1 a1 c2 | ");
    assert_int_equal(bench->finished, 2);
}

static void the_jobs_of_a_room_keep_their_order(void **state)
{
    struct bench *bench = *state;

    join(bench, "r", "ab");
    push(bench, "r", "1");
    push(bench, "r", "2");
    push(bench, "r", "3");
    run(bench);
    expect(bench, "b1 a1 | b2 a2 | b3 a3 | ");
}

static void no_slice_names_a_client_twice(void **state)
{
    struct bench *bench = *state;

    join(bench, "r", "ab");
    join(bench, "s", "bc");
    push(bench, "r", "1");
    push(bench, "s", "2");
    run(bench);
    expect(bench, "b1 a1 | c2 b2 | ");
}

static void push_small(struct bench *bench)
{
    bench->during = NULL;
    push(bench, "small", "9");
}

static void who_comes_during_a_slice_goes_before_the_next(void **state)
{
    struct bench *bench = *state;

    join_many(bench, "large", 0, 2 * ROUNDS_SLICE - 1);
    join_many(bench, "small", MAX_CLIENTS - 1, MAX_CLIENTS - 1);
    push(bench, "large", "1");
    bench->during = push_small;
    assert_true(rounds_run(&bench->rounds));
    bench->text[0] = '\0';
    assert_true(rounds_run(&bench->rounds));
    assert_memory_equal(bench->text, "n9 | ", 5); /* 299 is the letter n */
    run(bench);
    assert_int_equal(bench->finished, 2);
}

static void a_large_room_has_its_slices_for_itself(void **state)
{
    struct bench *bench = *state;

    join(bench, "small", "a");
    join_many(bench, "large", 1, ROUNDS_SLICE + 1);
    push(bench, "small", "9");
    push(bench, "large", "1");
    assert_true(rounds_run(&bench->rounds));
    assert_memory_equal(bench->text, "a9 | ", 5);
}

static void a_round_ends_after_a_slice(void **state)
{
    struct bench *bench = *state;
    size_t writes = 0;

    join_many(bench, "large", 0, 2 * ROUNDS_SLICE - 1);
    push(bench, "large", "1");
    assert_true(rounds_run(&bench->rounds));
    for (const char *at = bench->text; *at != '\0'; at++)
        writes += *at == '1';
    assert_int_equal(writes, ROUNDS_SLICE);
}

static void what_the_socket_does_not_take_is_queued(void **state)
{
    struct bench *bench = *state;

    join(bench, "r", "abc");
    bench->result[0] = 7;
    bench->result[1] = -EAGAIN;
    bench->result[2] = -ENOBUFS;
    push(bench, "r", "1");
    run(bench);
    expect(bench, "c1 b1 a1 | queue c+0:1 queue b+0:1 queue a+7:1 ");
}

static void a_broken_socket_is_lost_and_nobody_else(void **state)
{
    struct bench *bench = *state;

    join(bench, "r", "abc");
    bench->result[1] = -EPIPE;
    push(bench, "r", "1");
    push(bench, "r", "2");
    run(bench);
    expect(bench, "c1 b1 a1 | lost b c2 a2 | ");
}

static void the_last_member_takes_the_jobs_along(void **state)
{
    struct bench *bench = *state;

    join(bench, "r", "a");
    bench->result[0] = -ECONNRESET;
    push(bench, "r", "1");
    push(bench, "r", "2");
    run(bench);
    expect(bench, "a1 | lost a ");
    assert_int_equal(bench->finished, 2);
}

static void who_is_behind_or_speaks_tls_is_not_written_to(void **state)
{
    struct bench *bench = *state;
    struct outbox_entry waiting = {0};

    join(bench, "r", "abc");
    bench->clients[0].tls = true;
    bench->clients[1].outbox.head = &waiting;
    push(bench, "r", "1");
    run(bench);
    expect(bench, "send b1 send a1 c1 | ");
    bench->clients[1].outbox.head = NULL;
}

static void who_is_not_open_is_passed_over(void **state)
{
    struct bench *bench = *state;

    join(bench, "r", "ab");
    bench->clients[0].phase = CLIENT_CLOSING;
    push(bench, "r", "1");
    run(bench);
    expect(bench, "b1 | ");
}

static void a_push_to_nobody_is_dropped(void **state)
{
    struct bench *bench = *state;

    push(bench, "empty", "1");
    assert_int_equal(bench->finished, 0);
    assert_false(rounds_run(&bench->rounds));
    assert_int_equal(bench->finished, 1);
}

static void a_client_is_owed_until_each_of_its_rooms_has_served_it(void **state)
{
    struct bench *bench = *state;
    const struct client *first = &bench->clients[0];
    const struct client *last = &bench->clients[2 * ROUNDS_SLICE - 1];

    join_many(bench, "large", 0, 2 * ROUNDS_SLICE - 1);
    join(bench, "small", "a");
    assert_false(rounds_owe(first));
    push(bench, "large", "1");
    assert_true(rounds_owe(first));
    assert_true(rounds_run(&bench->rounds)); /* from the last member down: half of them */
    assert_false(rounds_owe(last));
    assert_true(rounds_owe(first));
    run(bench);
    assert_false(rounds_owe(first));
    push(bench, "small", "2"); /* not its first room */
    assert_true(rounds_owe(first));
    assert_false(rounds_owe(last));
    run(bench);
    assert_false(rounds_owe(first));
}

/* The rooms of users: what a client cannot name. */
#define USER(name) "\x02" name

static void who_is_excluded_gets_a_frame_of_its_own(void **state)
{
    struct bench *bench = *state;

    join(bench, "r", "abc");
    join(bench, USER("u"), "b");
    join(bench, USER("v"), "c");
    exclude(push(bench, "r", "1,2,3"), "1,2,3", 1, "-u");
    run(bench);
    expect(bench, "c1,2,3 b1,3 a1,2,3 | ");
}

static void whom_nothing_is_left_for_gets_no_frame(void **state)
{
    struct bench *bench = *state;
    uint64_t addressed = metrics_get(M_FRAMES_ADDRESSED);

    join(bench, "r", "abc");
    join(bench, USER("u"), "ac");
    exclude(push(bench, "r", "1"), "1", 0, "-u");
    push(bench, "r", "2");
    run(bench);
    expect(bench, "b1 | c2 b2 a2 | ");
    assert_int_equal(metrics_get(M_FRAMES_ADDRESSED) - addressed, 4);
    assert_int_equal(bench->finished, 2);
}

static void a_connection_is_excluded_and_no_other_of_its_user(void **state)
{
    struct bench *bench = *state;

    join(bench, "r", "abc");
    join(bench, USER("u"), "abc");
    struct delivery *delivery = push(bench, "r", "1,2");
    exclude(delivery, "1,2", 0, "-#1 -#99");
    exclude(delivery, "1,2", 1, "-#2");
    run(bench);
    expect(bench, "c1 b2 a1,2 | ");
    for (int i = 0; i < 3; i++)
        assert_int_equal(bench->clients[i].excluded, 0);
}

static void a_user_and_a_connection_add_up(void **state)
{
    struct bench *bench = *state;

    join(bench, "r", "ab");
    join(bench, USER("u"), "b");
    struct delivery *delivery = push(bench, "r", "1,2,3,4");
    exclude(delivery, "1,2,3,4", 0, "-#1");
    exclude(delivery, "1,2,3,4", 2, "-#1 -u");
    exclude(delivery, "1,2,3,4", 3, "-u");
    run(bench);
    expect(bench, "b2 a1,2,3,4 | ");
}

/* Marks are of the job that is walked: the next one's are others. */
static void jobs_do_not_mix_up_whom_they_exclude(void **state)
{
    struct bench *bench = *state;

    join(bench, "r", "ab");
    join(bench, "s", "c");
    exclude(push(bench, "r", "1"), "1", 0, "-#0");
    push(bench, "r", "2");
    exclude(push(bench, "r", "3"), "3", 0, "-#1");
    exclude(push(bench, "s", "4"), "4", 0, "-#1");
    run(bench);
    expect(bench, "b1 c4 | b2 a2 | a3 | ");
}

static void who_is_excluded_and_behind_gets_it_behind_what_waits(void **state)
{
    struct bench *bench = *state;
    struct outbox_entry waiting = {0};

    join(bench, "r", "abcd");
    join(bench, USER("u"), "abc");
    bench->clients[0].tls = true;
    bench->clients[1].outbox.head = &waiting;
    bench->result[2] = 7;
    exclude(push(bench, "r", "1,2"), "1,2", 0, "-u");
    run(bench);
    expect(bench, "send b2 send a2 d1,2 c2 | queue c+7:2 ");
    bench->clients[1].outbox.head = NULL;
    assert_int_equal(bench->rounds.own_count, 0);
}

static void a_frame_of_its_own_has_the_deadline_too(void **state)
{
    struct bench *bench = *state;

    join(bench, "r", "a");
    join(bench, USER("u"), "a");
    bench->result[0] = -EAGAIN;
    struct delivery *delivery = push(bench, "r", "1,2");
    delivery_expire(delivery, 10);
    exclude(delivery, "1,2", 0, "-u");
    run(bench);
    expect(bench, "a2 | queue a+0:!10:2 ");
}

/* 255 of 256 are excluded: their visits fill no slice, and still a round ends. */
static void excluded_members_do_not_lengthen_a_round(void **state)
{
    struct bench *bench = *state;
    int rounds = 1;

    join_many(bench, "large", 0, 2 * ROUNDS_SLICE - 1);
    join_many(bench, USER("u"), 1, 2 * ROUNDS_SLICE - 1);
    exclude(push(bench, "large", "1"), "1", 0, "-u");
    while (rounds_run(&bench->rounds))
        rounds++;
    assert_true(rounds >= 2);
    expect(bench, "a1 | ");
}

static void lose_a_member(struct bench *bench)
{
    bench->during = NULL;
    play_lost(&bench->clients[3]);
    bench->text[0] = '\0';
    join_many(bench, "large", MAX_CLIENTS - 1, MAX_CLIENTS - 1);
    join_many(bench, USER("u"), 4, 4);
}

/* Members leave and come, and get a user, between two slices. */
static void exclusion_is_judged_at_the_visit(void **state)
{
    struct bench *bench = *state;

    join_many(bench, "large", 0, 2 * ROUNDS_SLICE - 1);
    join_many(bench, USER("u"), 3, 3);
    join_many(bench, USER("u"), 5, 5);
    bench->during = lose_a_member;
    exclude(push(bench, "large", "1"), "1", 0, "-u");
    run(bench);
    size_t writes = 0;
    for (const char *at = bench->text; *at != '\0'; at++)
        writes += *at == '1';
    assert_int_equal(writes, ROUNDS_SLICE - 3); /* the gone, 4 and 5; who came is owed nothing */
}

static uint64_t expired(void)
{
    return metrics_get(M_FRAMES_DROPPED_EXPIRED);
}

static void what_is_late_is_written_to_nobody(void **state)
{
    struct bench *bench = *state;
    uint64_t before = expired();

    join(bench, "r", "ab");
    push(bench, "r", "1")->expires_us = 10;
    push(bench, "r", "2")->expires_us = 11;
    push(bench, "r", "3");
    bench->now_us = 10;
    run(bench);
    expect(bench, "b2 a2 | b3 a3 | ");
    assert_int_equal(expired() - before, 2);
    assert_int_equal(bench->finished, 3);
}

static void time_passes(struct bench *bench)
{
    bench->now_us = 20;
}

/* Late after the first slice: the rest are told nothing, and counted. */
static void what_becomes_late_meanwhile_ends_there(void **state)
{
    struct bench *bench = *state;
    uint64_t before = expired();
    uint64_t addressed = metrics_get(M_FRAMES_ADDRESSED);

    join_many(bench, "large", 0, 2 * ROUNDS_SLICE - 1);
    push(bench, "large", "1")->expires_us = 20;
    bench->during = time_passes;
    run(bench);
    assert_int_equal(expired() - before, ROUNDS_SLICE);
    assert_int_equal(metrics_get(M_FRAMES_ADDRESSED) - addressed, 2 * ROUNDS_SLICE);
    assert_int_equal(bench->finished, 1);
    bench->text[0] = '\0';
}

/* A frame of one's own that nobody writes would be kept by no slice. */
static void no_frame_of_its_own_is_made_late(void **state)
{
    struct bench *bench = *state;

    join_many(bench, "large", 0, 2 * ROUNDS_SLICE - 1);
    join_many(bench, USER("u"), 0, ROUNDS_SLICE - 1); /* those of the second slice */
    struct delivery *delivery = push(bench, "large", "1,2");
    exclude(delivery, "1,2", 0, "-u");
    delivery->expires_us = 20;
    bench->during = time_passes;
    run(bench);
    assert_int_equal(bench->rounds.own_count, 0);
    bench->text[0] = '\0';
}

/* A bucket that stalled has many such jobs, for large rooms. */
static void a_backlog_of_late_jobs_is_not_walked(void **state)
{
    struct bench *bench = *state;
    uint64_t before = expired();

    join_many(bench, "large", 0, MAX_CLIENTS - 1);
    for (int i = 0; i < 100; i++)
        push(bench, "large", "1")->expires_us = 10;
    bench->now_us = 10;
    assert_false(rounds_run(&bench->rounds));
    assert_int_equal(expired() - before, 100 * MAX_CLIENTS);
    assert_int_equal(bench->finished, 100);
    expect(bench, "");
}

static void a_command_keeps_its_place_among_the_batches(void **state)
{
    struct bench *bench = *state;

    join(bench, "r", "a");
    join(bench, "s", "b");
    push(bench, "s", "8");
    push(bench, "r", "1");
    command(bench, "r");
    push(bench, "r", "2");
    run(bench);
    expect(bench, "b8 a1 | command a2 | ");
    assert_int_equal(bench->finished, 4);
}

static void what_is_gathered_is_written_before_a_command(void **state)
{
    struct bench *bench = *state;

    join(bench, "r", "a");
    join(bench, "s", "b");
    push(bench, "s", "8");
    command(bench, "r");
    run(bench);
    expect(bench, "b8 | command ");
}

static void a_room_stays_until_its_command_is_through(void **state)
{
    struct bench *bench = *state;

    join(bench, "r", "ab");
    push(bench, "r", "1");
    command(bench, "r");
    command(bench, "r");
    push(bench, "r", "2");
    bench->emptying = true;
    run(bench);
    expect(bench, "b1 a1 | command command ");
    assert_int_equal(bench->finished, 4);
    assert_null(rooms_find(&bench->rooms, slice_str("r"), hashmap_hash(slice_str("r"))));
}

static void who_leaves_last_leaves_a_command_behind(void **state)
{
    struct bench *bench = *state;

    join(bench, "r", "a");
    bench->result[0] = -EPIPE;
    push(bench, "r", "1");
    command(bench, "r");
    push(bench, "r", "2");
    run(bench);
    expect(bench, "a1 | lost a command ");
    assert_int_equal(bench->finished, 3);
}

static void a_long_command_lets_other_rooms_have_their_turn(void **state)
{
    struct bench *bench = *state;

    join(bench, "r", "a");
    join(bench, "s", "b");
    command(bench, "r");
    push(bench, "s", "8");
    bench->commanded = 2 * ROUNDS_SLICE + 1;
    run(bench);
    expect(bench, "command b8 | command command ");
}

static void a_command_to_nobody_is_dropped(void **state)
{
    struct bench *bench = *state;

    command(bench, "empty");
    assert_false(rounds_run(&bench->rounds));
    expect(bench, "");
    assert_int_equal(bench->finished, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(small_rooms_share_a_slice, setup, teardown),
        cmocka_unit_test_setup_teardown(the_jobs_of_a_room_keep_their_order, setup, teardown),
        cmocka_unit_test_setup_teardown(no_slice_names_a_client_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(who_comes_during_a_slice_goes_before_the_next, setup, teardown),
        cmocka_unit_test_setup_teardown(a_large_room_has_its_slices_for_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(a_round_ends_after_a_slice, setup, teardown),
        cmocka_unit_test_setup_teardown(what_the_socket_does_not_take_is_queued, setup, teardown),
        cmocka_unit_test_setup_teardown(a_broken_socket_is_lost_and_nobody_else, setup, teardown),
        cmocka_unit_test_setup_teardown(the_last_member_takes_the_jobs_along, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_behind_or_speaks_tls_is_not_written_to, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_not_open_is_passed_over, setup, teardown),
        cmocka_unit_test_setup_teardown(a_push_to_nobody_is_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(a_command_keeps_its_place_among_the_batches, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_gathered_is_written_before_a_command, setup, teardown),
        cmocka_unit_test_setup_teardown(a_room_stays_until_its_command_is_through, setup, teardown),
        cmocka_unit_test_setup_teardown(who_leaves_last_leaves_a_command_behind, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_command_lets_other_rooms_have_their_turn, setup, teardown),
        cmocka_unit_test_setup_teardown(a_command_to_nobody_is_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(a_client_is_owed_until_each_of_its_rooms_has_served_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(who_is_excluded_gets_a_frame_of_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(whom_nothing_is_left_for_gets_no_frame, setup, teardown),
        cmocka_unit_test_setup_teardown(a_connection_is_excluded_and_no_other_of_its_user, setup, teardown),
        cmocka_unit_test_setup_teardown(a_user_and_a_connection_add_up, setup, teardown),
        cmocka_unit_test_setup_teardown(jobs_do_not_mix_up_whom_they_exclude, setup, teardown),
        cmocka_unit_test_setup_teardown(who_is_excluded_and_behind_gets_it_behind_what_waits, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_frame_of_its_own_has_the_deadline_too, setup, teardown),
        cmocka_unit_test_setup_teardown(excluded_members_do_not_lengthen_a_round, setup, teardown),
        cmocka_unit_test_setup_teardown(exclusion_is_judged_at_the_visit, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_late_is_written_to_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(what_becomes_late_meanwhile_ends_there, setup, teardown),
        cmocka_unit_test_setup_teardown(no_frame_of_its_own_is_made_late, setup, teardown),
        cmocka_unit_test_setup_teardown(a_backlog_of_late_jobs_is_not_walked, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
