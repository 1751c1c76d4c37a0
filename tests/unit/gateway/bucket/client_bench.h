/* SPDX-License-Identifier: Apache-2.0 */
/* A bucket without a thread and without sockets: the clients and sessions of the gateway, with ws_server,
 * the wire and the clock played by the test. What is written to a client stands in its `out`, as a
 * transcript: "text:{...} " for a text frame, "close:4200 slow_consumer ", "ping ", "pong:payload ", "end ",
 * "kill ". Include it in one file of a test only: it defines functions that the program would have. */
#ifndef FANFARE_TESTS_CLIENT_BENCH_H
#define FANFARE_TESTS_CLIENT_BENCH_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/bucket/bucket_auth.h"
#include "gateway/bucket/bucket_command.h"
#include "gateway/bucket/bucket_state.h"
#include "gateway/bucket/session.h"
#include "gateway/metrics/gateway_metrics.h"
#include "shared/base/clock.h"
#include "shared/base/wall_clock.h"

enum { BENCH_CLIENTS = 64, BENCH_OUT = 1 << 16, BENCH_UNLIMITED = INT32_MAX, BENCH_UNIX_S = 1700000000 };
#define BENCH_INSTANCE 0xabc0000000000001

/* What a client of version 2 is told first; `id` is the end of its connection's id, "0-40" for the first. */
#define BENCH_WELCOME(id)                                                                                    \
    "text:{\"type\":\"WELCOME\",\"data\":{\"connection\":\"abc0000000000001-" id "\",\"heartbeat\":60}} "

/* One socket. */
struct ws_conn {
    struct client *client;
    struct ticket ticket;
    int32_t takes; /* bytes that it takes from now on; BENCH_UNLIMITED: all */
    int32_t fails; /* or -errno of each write */
    bool want_write;
    bool killed;
    uint8_t raw[BENCH_OUT]; /* what it took */
    size_t raw_len;
    int writes;  /* that it took bytes of */
    size_t read; /* of it, by bench_out */
    char out[BENCH_OUT];
};

struct client_bench {
    struct bucket bucket;
    struct bucket_conf conf;
    struct directory *directory;
    struct ws_conn *conns;
    int count;
    int64_t now_us;
};

static struct client_bench *bench_of_all;

/* The clock that the test turns. */
int64_t clock_now_us(void)
{
    return bench_of_all->now_us;
}

int64_t clock_now_ms(void)
{
    return bench_of_all->now_us / 1000;
}

int64_t wall_clock_s(void)
{
    return BENCH_UNIX_S + bench_of_all->now_us / 1000000;
}

static inline struct ws_conn *bench_conn(int fd)
{
    return &bench_of_all->conns[fd];
}

int32_t wire_send(int fd, const uint8_t *data, size_t len)
{
    struct ws_conn *conn = bench_conn(fd);

    if (conn->fails != 0)
        return conn->fails;
    size_t n = conn->takes == BENCH_UNLIMITED || (size_t)conn->takes > len ? len : (size_t)conn->takes;
    if (n == 0)
        return -EAGAIN;
    conn->writes++;
    memcpy(conn->raw + conn->raw_len, data, n);
    conn->raw_len += n;
    if (conn->takes != BENCH_UNLIMITED)
        conn->takes -= (int32_t)n;
    return (int32_t)n;
}

struct ws_conn *ws_server_adopt(struct ws_server *server, int fd, void *client)
{
    (void)server;
    bench_conn(fd)->client = client;
    return bench_conn(fd);
}

/* What waits is done when the test says so: bench_turn. */
void ws_server_wake(struct ws_server *server)
{
    (void)server;
}

void ws_conn_take_now(struct ws_conn *conn)
{
    (void)conn;
}

bool ws_server_is_tls(const struct ws_server *server)
{
    (void)server;
    return false;
}

bool ws_conn_is_secured(const struct ws_conn *conn)
{
    (void)conn;
    return true;
}

void ws_conn_want_write(struct ws_conn *conn)
{
    conn->want_write = true;
}

int32_t ws_conn_write(struct ws_conn *conn, const uint8_t *data, size_t len)
{
    return wire_send((int)(conn - bench_of_all->conns), data, len);
}

/* One frame of the gateway's; false when not all of it is there. */
static inline bool bench_read_frame(struct ws_conn *conn)
{
    const uint8_t *at = conn->raw + conn->read;
    size_t left = conn->raw_len > conn->read ? conn->raw_len - conn->read : 0;
    size_t head = left >= 2 && at[1] == 126 ? 4 : 2;
    size_t len = left < head ? 0 : head == 4 ? (size_t)at[2] << 8 | at[3] : at[1];
    char *out = conn->out + strlen(conn->out);

    if (left < head + len)
        return false;
    const char *payload = (const char *)at + head;
    switch (at[0]) {
    case 0x81:
        sprintf(out, "text:%.*s ", (int)len, payload);
        break;
    case 0x88:
        sprintf(out, "close:%d %.*s ", (uint8_t)payload[0] << 8 | (uint8_t)payload[1], (int)len - 2,
                payload + 2);
        break;
    case 0x89:
        strcpy(out, "ping ");
        break;
    case 0x8a:
        sprintf(out, "pong:%.*s ", (int)len, payload);
        break;
    default:
        fail_msg("opcode 0x%02x", at[0]);
    }
    conn->read += head + len;
    return true;
}

bool ws_conn_end(struct ws_conn *conn, int fd)
{
    (void)fd;
    while (bench_read_frame(conn))
        continue;
    strcat(conn->out, "end ");
    return true;
}

void ws_conn_kill(struct ws_conn *conn)
{
    conn->killed = true;
}

static inline void bench_no_wake(void *arg)
{
    (void)arg;
}

static inline int64_t bench_rounds_now(void *arg)
{
    (void)arg;
    return clock_now_us();
}

static inline void bench_rounds_write(void *arg, struct wire_op *ops, size_t count)
{
    (void)arg;
    for (size_t i = 0; i < count; i++)
        ops[i].result = wire_send(ops[i].fd, ops[i].data, ops[i].len);
}

static inline void bench_finished(void *arg, size_t count)
{
    (void)arg;
    (void)count;
}

static inline struct client *bench_no_connection(void *arg, struct slice id)
{
    (void)arg;
    (void)id;
    return NULL;
}

static inline void bench_unused(void *arg, struct room *room)
{
    (void)arg;
    client_rooms_close_unused(&bench_of_all->bucket, room);
}

static inline size_t bench_command(void *arg, struct room *room, struct job *job, size_t most, bool *through)
{
    (void)arg;
    return bucket_command_some(&bench_of_all->bucket, room, job, most, through);
}

static const struct rounds_edge bench_edge = {
    .now_us = bench_rounds_now,
    .write = bench_rounds_write,
    .send = client_send_push,
    .queue = client_queue_push,
    .lost = client_lost,
    .connection = bench_no_connection,
    .command = bench_command,
    .unused = bench_unused,
    .finished = bench_finished,
};

static inline int bench_setup(void **state)
{
    struct client_bench *bench = calloc(1, sizeof *bench);
    struct bucket *bucket = &bench->bucket;

    bench_of_all = bench;
    bench->now_us = 1000000;
    bench->conns = calloc(BENCH_CLIENTS, sizeof *bench->conns);
    gateway_metrics_setup();
    assert_int_equal(directory_new(&bench->directory), STATUS_OK);
    assert_int_equal(connection_table_new(BENCH_CLIENTS, BENCH_INSTANCE, &bench->conf.connections),
                     STATUS_OK);
    bench->conf.directory = bench->directory;
    assert_int_equal(rooms_init(&bucket->rooms, bench->directory, 0), STATUS_OK);
    assert_int_equal(mailbox_new(BENCH_CLIENTS, bench_no_wake, NULL, &bench->conf.returns), STATUS_OK);
    assert_int_equal(mailbox_new(BENCH_CLIENTS, bench_no_wake, NULL, &bucket->mailbox), STATUS_OK);
    bucket->conf = &bench->conf;
    bucket->limits = (struct bucket_limits){
        .policy = SLOW_CLOSE,
        .queue_bytes = 4096,
        .queue_frames = 8,
        .max_message = 1024,
        .max_room_name = 64,
        .max_rooms = 3,
        .max_header = 8192,
        .tls_ms = 10000,
        .handshake_ms = 2000,
        .heartbeat_ms = 60000,
    };
    list_init(&bucket->securing);
    list_init(&bucket->handshaking);
    list_init(&bucket->quiet);
    list_init(&bucket->pinged);
    list_init(&bucket->closing);
    list_init(&bucket->queries);
    list_init(&bucket->scans);
    bucket_auth_init(bucket);
    kick_list_init(&bucket->kicks);
    rounds_init(&bucket->rounds, &bench_edge);
    bucket->ping = frame_new_ping();
    *state = bench;
    return 0;
}

/* The socket is gone, as the loop would say. */
static inline void bench_gone(struct ws_conn *conn)
{
    if (conn->client == NULL)
        return;
    session_on_gone(conn->client);
    conn->client = NULL;
}

static inline int bench_teardown(void **state)
{
    struct client_bench *bench = *state;

    for (int i = 0; i < bench->count; i++)
        bench_gone(&bench->conns[i]);
    rounds_reap(&bench->bucket.rounds);
    kick_list_fini(&bench->bucket.kicks);
    frame_unref(bench->bucket.ping);
    bucket_auth_set_policy(&bench->bucket, NULL);
    rooms_fini(&bench->bucket.rooms);
    directory_free(bench->directory);
    connection_table_free(bench->conf.connections);
    (void)mailbox_take(bench->conf.returns);
    mailbox_free(bench->conf.returns);
    mailbox_free(bench->bucket.mailbox);
    free(bench->conns);
    free(bench);
    return 0;
}

/* A connection that has said nothing yet. */
static inline struct ws_conn *bench_accept(struct client_bench *bench)
{
    struct ws_conn *conn = &bench->conns[bench->count];

    conn->takes = BENCH_UNLIMITED;
    conn->ticket.fd = bench->count++;
    client_open(&bench->bucket, &conn->ticket);
    assert_non_null(conn->client);
    return conn;
}

static inline void bench_bytes(struct ws_conn *conn, const void *data, size_t len)
{
    uint8_t *copy = malloc(len + 1);

    memcpy(copy, data, len);
    session_on_bytes(conn->client, copy, len);
    free(copy);
}

/* The 101 is there; it is not part of the transcript. */
static inline void bench_opened(struct ws_conn *conn)
{
    const uint8_t *end = memmem(conn->raw, conn->raw_len, "\r\n\r\n", 4);

    assert_memory_equal(conn->raw, "HTTP/1.1 101 ", 13);
    assert_non_null(end);
    conn->read = (size_t)(end - conn->raw) + 4;
}

/* A request with those lines more; what it is answered is not looked at. */
static inline struct ws_conn *bench_ask(struct client_bench *bench, const char *target, const char *lines)
{
    struct ws_conn *conn = bench_accept(bench);
    char request[6000];

    snprintf(request, sizeof request,
             "GET %s HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
             target, lines);
    bench_bytes(conn, request, strlen(request));
    return conn;
}

/* A client that has been answered 101. */
static inline struct ws_conn *bench_connect(struct client_bench *bench, const char *target)
{
    struct ws_conn *conn = bench_ask(bench, target, "");

    bench_opened(conn);
    assert_int_equal(conn->client->phase, CLIENT_OPEN);
    return conn;
}

static inline bool bench_is_in(const struct ws_conn *conn, const char *room)
{
    return client_slot_of(conn->client, slice_str(room)) >= 0;
}

/* Writes a masked frame of the client's (RFC 6455, 5.2), with a mask of zeros, to `out`, which has room for 8
 * bytes more than the payload. Returns its length. */
static inline size_t bench_frame_write(uint8_t *out, int opcode, const void *payload, size_t len)
{
    size_t head = len <= 125 ? 6 : 8;

    memset(out, 0, head);
    out[0] = (uint8_t)(0x80 | opcode);
    out[1] = (uint8_t)(0x80 | (len <= 125 ? len : 126));
    if (len > 125) {
        out[2] = (uint8_t)(len >> 8);
        out[3] = (uint8_t)len;
    }
    memcpy(out + head, payload, len);
    return head + len;
}

static inline void bench_frame(struct ws_conn *conn, int opcode, const void *payload, size_t len)
{
    uint8_t *frame = malloc(len + 8);

    bench_bytes(conn, frame, bench_frame_write(frame, opcode, payload, len));
    free(frame);
}

static inline void bench_says(struct ws_conn *conn, const char *text)
{
    bench_frame(conn, 1, text, strlen(text));
}

/* The transcript since the last call, until the next. */
static inline const char *bench_out(struct ws_conn *conn)
{
    static char said[BENCH_OUT];

    while (bench_read_frame(conn))
        continue;
    strcpy(said, conn->out);
    conn->out[0] = '\0';
    if (conn->killed)
        strcat(said, "kill ");
    conn->killed = false;
    return said;
}

#define bench_expect(conn, text) assert_string_equal(bench_out(conn), text)

/* The socket takes bytes again; what was asked for is told. */
static inline void bench_unblock(struct ws_conn *conn)
{
    conn->takes = BENCH_UNLIMITED;
    while (conn->client != NULL && conn->want_write) {
        conn->want_write = false;
        client_on_writable(conn->client);
    }
}

static inline void bench_push(struct client_bench *bench, const char *room, const char *items)
{
    const uint32_t members[ENCODING_COUNT] = {1, 1};
    struct slice key = slice_str(room);
    uint64_t hash = hashmap_hash(key);
    struct job *job = calloc(1, sizeof *job);

    job->delivery = delivery_new(key, hash, slice_str(items), 1, members);
    rounds_add(&bench->bucket.rounds, rooms_find(&bench->bucket.rooms, key, hash), job);
}

static inline void bench_run(struct client_bench *bench)
{
    while (rounds_run(&bench->bucket.rounds))
        continue;
}

/* Time goes on, tick by tick. */
static inline void bench_wait_ms(struct client_bench *bench, int64_t ms)
{
    for (int64_t passed = 0; passed < ms; passed += TICK_MS) {
        bench->now_us += TICK_MS * 1000;
        bucket_tick(&bench->bucket);
    }
}

#endif
