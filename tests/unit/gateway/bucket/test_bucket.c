/* SPDX-License-Identifier: Apache-2.0 */
/* A real bucket thread on real sockets: the test is the acceptor and the client. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/bucket/bucket.h"
#include "gateway/bucket/query_part.h"
#include "gateway/metrics/gateway_metrics.h"

enum { MAX_TEXT = 65536, SOCKET_SECONDS = 20 };

struct bench {
    struct directory *directory;
    struct mailbox *returns;
    sem_t returned;
    struct bucket_conf conf;
    struct bucket *bucket;
};

static void on_return(void *arg)
{
    struct bench *bench = arg;

    sem_post(&bench->returned);
}

static void open_bench(struct bench *bench, enum wire_kind wire)
{
    struct fault fault = {""};

    sem_init(&bench->returned, 0, 0);
    assert_int_equal(directory_new(&bench->directory), STATUS_OK);
    assert_int_equal(mailbox_new(SIZE_MAX, on_return, bench, &bench->returns), STATUS_OK);
    bench->conf = (struct bucket_conf){
        .directory = bench->directory,
        .returns = bench->returns,
        .wire = wire,
        .limits = {.queue_bytes = 1 << 20,
                   .queue_frames = 1000,
                   .max_message = 4096,
                   .max_room_name = 128,
                   .max_rooms = 5,
                   .max_header = 16384,
                   .handshake_ms = 10000,
                   .heartbeat_ms = 60000},
    };
    assert_int_equal(bucket_new(0, &bench->conf, &bench->bucket, &fault), STATUS_OK);
}

static int take_returned(struct bench *bench)
{
    struct mail *next;
    int count = 0;

    for (struct mail *mail = mailbox_take(bench->returns); mail != NULL; mail = next) {
        next = mail->next;
        free(mail);
        count++;
    }
    return count;
}

/* Waits until so many clients are gone. */
static void await_returned(struct bench *bench, int count)
{
    while (count > 0) {
        sem_wait(&bench->returned);
        count -= take_returned(bench);
    }
}

static void close_bench(struct bench *bench)
{
    /* Whoever has read everything is ahead of the bucket, which counts a job out after it. */
    for (int i = 0; i < 2000 && bucket_jobs(bench->bucket) > 0; i++)
        usleep(1000);
    assert_int_equal(bucket_jobs(bench->bucket), 0);
    bucket_free(bench->bucket);
    assert_int_equal(metrics_get(M_JOBS_PENDING), 0);
    (void)take_returned(bench);
    mailbox_free(bench->returns);
    directory_free(bench->directory);
}

/* A connected pair of TCP sockets; the bucket gets one, the test keeps the other. */
static int dial(struct bench *bench)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int ours = socket(AF_INET, SOCK_STREAM, 0);
    const struct timeval patience = {SOCKET_SECONDS, 0};
    struct ticket *ticket = calloc(1, sizeof *ticket);

    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(connect(ours, (struct sockaddr *)&address, sizeof address), 0);
    setsockopt(ours, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_non_null(ticket);
    ticket->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(ticket->fd >= 0);
    close(listener);
    assert_int_equal(bucket_post_ticket(bench->bucket, ticket), STATUS_OK);
    return ours;
}

static void say(int fd, const char *text)
{
    uint8_t frame[MAX_TEXT] = {0x81};
    size_t len = strlen(text);

    assert_true(len < 126);
    frame[1] = (uint8_t)(0x80 | len);
    memcpy(frame + 6, text, len);
    assert_int_equal(send(fd, frame, len + 6, MSG_NOSIGNAL), len + 6);
}

static void read_exactly(int fd, void *out, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = recv(fd, (uint8_t *)out + at, len - at, 0);

        assert_true(n > 0);
        at += (size_t)n;
    }
}

/* The next frame's payload; returns its opcode. */
static int hear(int fd, char *out, size_t cap)
{
    uint8_t header[4];
    size_t len;

    read_exactly(fd, header, 2);
    len = header[1];
    if (len == 126) {
        read_exactly(fd, header + 2, 2);
        len = (size_t)header[2] << 8 | header[3];
    }
    assert_true(len < cap);
    read_exactly(fd, out, len);
    out[len] = '\0';
    return header[0] & 0x0F;
}

static void expect_text(int fd, const char *text)
{
    char seen[MAX_TEXT];

    assert_int_equal(hear(fd, seen, sizeof seen), 1);
    assert_string_equal(seen, text);
}

static void expect_close(int fd, int code)
{
    char seen[MAX_TEXT];

    assert_int_equal(hear(fd, seen, sizeof seen), 8);
    assert_int_equal((uint8_t)seen[0] << 8 | (uint8_t)seen[1], code);
}

static int connect_client(struct bench *bench, const char *target)
{
    char text[512];
    char byte;
    int fd = dial(bench);
    int len = snprintf(text, sizeof text,
                       "GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                       target);

    assert_int_equal(send(fd, text, (size_t)len, MSG_NOSIGNAL), len);
    for (len = 0; len < 4 || memcmp(text + len - 4, "\r\n\r\n", 4) != 0; len++) {
        assert_true((size_t)len < sizeof text - 1);
        read_exactly(fd, &byte, 1);
        text[len] = byte;
    }
    text[len] = '\0';
    assert_non_null(strstr(text, "101 Switching"));
    assert_non_null(strstr(text, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    return fd;
}

static int join(struct bench *bench, const char *target, const char *room)
{
    char text[128];
    int fd = connect_client(bench, target);

    (void)snprintf(text, sizeof text, "{\"type\":\"JOIN\",\"id\":1,\"data\":{\"room\":\"%s\"}}", room);
    say(fd, text);
    expect_text(fd, "{\"type\":\"ACK\",\"id\":1}");
    return fd;
}

static void push(struct bench *bench, const char *room, const char *items)
{
    struct slice key = slice_str(room);
    uint64_t hash = hashmap_hash(key);
    struct subscribers here = directory_find(bench->directory, key, hash);
    struct delivery *delivery = delivery_new(key, hash, slice_str(items), 1, here.members);

    assert_non_null(delivery);
    assert_int_equal(bucket_post_delivery(bench->bucket, delivery), STATUS_OK);
    delivery_unref(delivery);
}

static void rooms_and_everyone(void **state)
{
    struct bench bench;

    open_bench(&bench, *(const enum wire_kind *)*state);
    int a = join(&bench, "/connect", "a");
    int b = join(&bench, "/connect?v=2", "b");
    push(&bench, "a", "1");
    push(&bench, "b", "2");
    push(&bench, "", "3");
    expect_text(a, "{\"type\":\"PUSH\",\"data\":{\"items\":[1]}}");
    expect_text(a, "{\"type\":\"PUSH\",\"data\":{\"items\":[3]}}");
    expect_text(b, "{\"type\":\"PUSH\",\"data\":{\"room\":\"b\",\"items\":[2]}}");
    expect_text(b, "{\"type\":\"PUSH\",\"data\":{\"room\":null,\"items\":[3]}}");
    say(a, "{\"type\":\"LEAVE\",\"data\":{\"room\":\"a\"}}");
    say(a, "{\"type\":\"PING\",\"data\":{}}");
    expect_text(a, "{\"type\":\"PONG\",\"data\":{}}");
    assert_int_equal(metrics_get(M_ROOMS), 1);
    close(a);
    close(b);
    close_bench(&bench);
}

static void many_clients_in_order(void **state)
{
    enum { CLIENTS = 600, PUSHES = 40 };
    struct bench bench;
    static int fds[CLIENTS];
    char text[64];

    open_bench(&bench, *(const enum wire_kind *)*state);
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = join(&bench, "/connect", i % 2 == 0 ? "even" : "odd");
    for (int i = 0; i < PUSHES; i++) {
        (void)snprintf(text, sizeof text, "%d", i);
        push(&bench, "even", text);
        push(&bench, "odd", text);
        push(&bench, "", "-1");
    }
    for (int i = 0; i < CLIENTS; i++) {
        int next = 0;

        for (int frames = 0; frames < 2 * PUSHES; frames++) {
            char seen[256];
            int number;

            assert_int_equal(hear(fds[i], seen, sizeof seen), 1);
            assert_int_equal(sscanf(seen, "{\"type\":\"PUSH\",\"data\":{\"items\":[%d]}}", &number), 1);
            if (number >= 0)
                assert_int_equal(number, next++);
        }
        assert_int_equal(next, PUSHES);
        close(fds[i]);
    }
    await_returned(&bench, CLIENTS);
    close_bench(&bench);
}

static void a_stalled_reader_is_closed_and_others_go_on(void **state)
{
    enum { PUSHES = 400, ITEM = 30000 };
    struct bench bench;
    static char item[ITEM + 3];

    open_bench(&bench, *(const enum wire_kind *)*state);
    int stalled = join(&bench, "/connect", "r");
    int reader = join(&bench, "/connect", "r");
    memset(item, 'x', ITEM);
    item[0] = '"';
    item[ITEM - 1] = '"';
    for (int i = 0; i < PUSHES; i++) {
        char seen[MAX_TEXT];

        push(&bench, "r", item);
        assert_int_equal(hear(reader, seen, sizeof seen), 1);
        assert_int_equal(strlen(seen), ITEM + strlen("{\"type\":\"PUSH\",\"data\":{\"items\":[]}}"));
    }
    for (int opcode = 1; opcode != 8;) {
        char seen[MAX_TEXT];

        opcode = hear(stalled, seen, sizeof seen);
        if (opcode == 8)
            assert_int_equal((uint8_t)seen[0] << 8 | (uint8_t)seen[1], CLOSE_slow_consumer);
    }
    close(stalled);
    close(reader);
    close_bench(&bench);
}

/* Jobs of a room that dies with its last client are counted out, or the answers to logic would
 * stay held back for ever. */
static void jobs_end_with_their_room(void **state)
{
    enum { PUSHES = 2000, ITEM = 30000 };
    struct bench bench;
    static char item[ITEM + 1];

    open_bench(&bench, *(const enum wire_kind *)*state);
    int fd = join(&bench, "/connect", "r");
    memset(item, '1', ITEM);
    for (int i = 0; i < PUSHES; i++) {
        push(&bench, "r", item);
        if (i == PUSHES / 2)
            close(fd);
    }
    await_returned(&bench, 1);
    while (bucket_jobs(bench.bucket) > 0)
        usleep(1000);
    close_bench(&bench);
}

static void a_drain_says_goodbye_to_all(void **state)
{
    struct bench bench;
    int fds[20];

    open_bench(&bench, *(const enum wire_kind *)*state);
    for (int i = 0; i < 20; i++)
        fds[i] = join(&bench, "/connect", "r");
    push(&bench, "r", "1");
    assert_int_equal(bucket_post_drain(bench.bucket, 300, 300), STATUS_OK);
    for (int i = 0; i < 20; i++) {
        expect_text(fds[i], "{\"type\":\"PUSH\",\"data\":{\"items\":[1]}}");
        expect_close(fds[i], CLOSE_going_away);
        close(fds[i]);
    }
    await_returned(&bench, 20);
    close_bench(&bench);
}

static int setup(void **state)
{
    (void)state;
    gateway_metrics_setup();
    return 0;
}

/* The push behind it comes when the limits have been taken. */
static void set_limits(struct bench *bench, int fd, const struct bucket_limits *limits)
{
    assert_int_equal(bucket_post_limits(bench->bucket, limits), STATUS_OK);
    push(bench, "", "0");
    expect_text(fd, "{\"type\":\"PUSH\",\"data\":{\"items\":[0]}}");
}

static void other_limits_hold_at_once(void **state)
{
    struct bench bench;
    struct bucket_limits limits;

    open_bench(&bench, *(const enum wire_kind *)*state);
    int fd = join(&bench, "/connect", "a");
    limits = bench.conf.limits;
    limits.max_rooms = 1;
    set_limits(&bench, fd, &limits);
    say(fd, "{\"type\":\"JOIN\",\"id\":2,\"data\":{\"room\":\"b\"}}");
    expect_text(fd, "{\"type\":\"ERROR\",\"id\":2,\"data\":{\"code\":\"too_many_rooms\",\"message\":\"the "
                    "client is in as many rooms as maxJoinRoom allows\"}}");
    limits.max_rooms = 2;
    set_limits(&bench, fd, &limits);
    say(fd, "{\"type\":\"JOIN\",\"id\":3,\"data\":{\"room\":\"b\"}}");
    expect_text(fd, "{\"type\":\"ACK\",\"id\":3}");
    close(fd);
    close_bench(&bench);
}

static void ask(struct bench *bench, struct query_part *part, const struct query *query)
{
    *part = (struct query_part){.query = query};
    query_page_init(&part->found.page, query->limit);
    assert_int_equal(bucket_post_query(bench->bucket, part), STATUS_OK);
}

/* Takes what came back: how many parts. Tickets are freed. */
static int take_parts(struct bench *bench)
{
    struct mail *next;
    int count = 0;

    for (struct mail *mail = mailbox_take(bench->returns); mail != NULL; mail = next) {
        struct control_mail *head = container_of(mail, struct control_mail, mail);

        next = mail->next;
        if (head->kind == CONTROL_QUERY)
            count++;
        else
            free(head);
    }
    return count;
}

static void parts_of_queries_come_back_at_the_end_too(void **state)
{
    enum { CLIENTS = 300, PARTS = 16 };
    static int fds[CLIENTS];
    static struct query_part parts[PARTS];
    static const struct query query = {.op = QUERY_ROOM, .limit = 10, .name = "r", .name_len = 1};
    struct bench bench;
    int back = 0;

    open_bench(&bench, *(const enum wire_kind *)*state);
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = join(&bench, "/connect", "r");
    ask(&bench, &parts[0], &query);
    while (back == 0) {
        sem_wait(&bench.returned);
        back += take_parts(&bench);
    }
    assert_int_equal(parts[0].found.count, CLIENTS);
    for (int i = 0; i < PARTS; i++)
        ask(&bench, &parts[i], &query);
    bucket_free(bench.bucket);
    assert_int_equal(take_parts(&bench), PARTS);
    for (int i = 0; i < CLIENTS; i++)
        close(fds[i]);
    mailbox_free(bench.returns);
    directory_free(bench.directory);
}

int main(void)
{
    static enum wire_kind kinds[] = {WIRE_SEND, WIRE_AUTO};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(rooms_and_everyone, &kinds[0]),
        cmocka_unit_test_prestate(rooms_and_everyone, &kinds[1]),
        cmocka_unit_test_prestate(many_clients_in_order, &kinds[0]),
        cmocka_unit_test_prestate(many_clients_in_order, &kinds[1]),
        cmocka_unit_test_prestate(a_stalled_reader_is_closed_and_others_go_on, &kinds[0]),
        cmocka_unit_test_prestate(a_stalled_reader_is_closed_and_others_go_on, &kinds[1]),
        cmocka_unit_test_prestate(jobs_end_with_their_room, &kinds[0]),
        cmocka_unit_test_prestate(jobs_end_with_their_room, &kinds[1]),
        cmocka_unit_test_prestate(other_limits_hold_at_once, &kinds[0]),
        cmocka_unit_test_prestate(parts_of_queries_come_back_at_the_end_too, &kinds[0]),
        cmocka_unit_test_prestate(a_drain_says_goodbye_to_all, &kinds[0]),
        cmocka_unit_test_prestate(a_drain_says_goodbye_to_all, &kinds[1]),
    };

    return cmocka_run_group_tests_name("bucket", tests, setup, NULL);
}
