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
    on_write during;
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
    say_items(frame->bytes, frame->len);
}

static void leave(struct bench *bench, struct client *client, uint32_t slot)
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

/* As client_lost: the client leaves its rooms. */
static void play_lost(struct client *client)
{
    say("lost %c ", letter(client));
    client->phase = CLIENT_CLOSING;
    while (client->room_count > 0)
        leave(the_bench, client, 0);
}

static int64_t play_now(void *arg)
{
    (void)arg;
    return 1;
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
    bench->edge =
        (struct rounds_edge){play_now, play_write, play_send, play_queue, play_lost, count_finished, bench};
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

static void push(struct bench *bench, const char *room, const char *item)
{
    const uint32_t members[ENCODING_COUNT] = {[ENCODING_WS_V1] = 1};
    struct slice key = slice_str(room);
    struct job *job = calloc(1, sizeof *job);

    job->delivery = delivery_new(key, hashmap_hash(key), slice_str(item), 1, members);
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
        cmocka_unit_test_setup_teardown(a_client_is_owed_until_each_of_its_rooms_has_served_it, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
