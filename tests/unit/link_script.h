/* SPDX-License-Identifier: Apache-2.0 */
/* A link's sender on a real HTTP/2 connection over a socketpair, and a gateway whose answers the
 * test scripts. For test_link_*.c. */
#ifndef FANFARE_TESTS_LINK_SCRIPT_H
#define FANFARE_TESTS_LINK_SCRIPT_H

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "logic/link/link_sender.h"
#include "logic/push/push_wait.h"

enum { MAX_CALLS = 64 };

struct call {
    char path[32];
    struct buf body;
    struct push_batch batch; /* of /rpc/batch */
    size_t pushes;
};

struct script {
    struct event_base *base;
    struct h2_conn *server;
    struct h2_conn *client;
    bool ready;
    bool late;
    struct link_ledger ledger;
    struct link_sender sender;
    uint8_t logic_id[LOGIC_ID_LEN];
    const struct hello *peer; /* what the gateway says of itself on the next connection; NULL: nothing */

    struct call calls[MAX_CALLS];
    size_t call_count;
    /* What the gateway answers next; 0 answers as a healthy gateway does. */
    int next_status[MAX_CALLS];
    const char *next_body[MAX_CALLS];
    enum link_reply replies[MAX_CALLS];
    size_t reply_count;

    int told;
    struct push_outcome outcome;
};

static inline size_t count_records(struct slice rest)
{
    struct push_record record;
    size_t count = 0;

    while (push_next_record(&rest, &record))
        count++;
    return count;
}

static inline uint64_t last_sequence(struct slice rest)
{
    struct push_record record = {0};

    while (push_next_record(&rest, &record))
        continue;
    return record.sequence;
}

static inline void answer_healthily(struct h2_conn *conn, int32_t stream, const struct call *call)
{
    char json[160];
    uint64_t last = last_sequence(call->batch.records);

    snprintf(json, sizeof json,
             "{\"applied\":%llu,\"pushes\":%zu,\"duplicates\":0,\"items\":1,\"reached\":[[%llu,7]]}",
             (unsigned long long)last, call->pushes, (unsigned long long)last);
    h2_reply(conn, stream, 200, "application/json", json, strlen(json));
}

static inline void on_request(struct h2_conn *conn, const struct h2_request *request, void *arg)
{
    struct script *script = arg;
    size_t index = script->call_count++;
    struct call *call = &script->calls[index];
    const struct push_limits limits = {.max_room_len = 128, .max_item_len = 65536, .max_depth = 64};
    struct fault fault;

    assert_true(index < MAX_CALLS);
    snprintf(call->path, sizeof call->path, "%s", request->path);
    buf_init(&call->body, SIZE_MAX);
    assert_int_equal(buf_append(&call->body, request->body.data, request->body.len), STATUS_OK);
    if (strcmp(request->path, "/rpc/batch") == 0) {
        assert_string_equal(request->content_type, PUSH_BATCH_CONTENT_TYPE);
        assert_int_equal(
            push_batch_decode(slice_of(call->body.data, call->body.len), &limits, &call->batch, &fault),
            STATUS_OK);
        call->pushes = count_records(call->batch.records);
    }
    const char *body = script->next_body[index] != NULL ? script->next_body[index] : "";
    if (script->next_status[index])
        h2_reply(conn, request->stream, script->next_status[index], "application/json", body, strlen(body));
    else
        answer_healthily(conn, request->stream, call);
}

static inline void on_ready(struct h2_conn *conn, void *arg)
{
    struct script *script = arg;

    script->ready = true;
    link_sender_start(&script->sender, conn, script->peer);
}

static inline void on_response(struct h2_conn *conn, int32_t stream, int status, struct slice body, void *arg)
{
    struct script *script = arg;

    (void)conn;
    script->replies[script->reply_count++] = link_sender_answer(&script->sender, stream, status, body);
}

static inline void on_close(struct h2_conn *conn, const char *reason, void *arg)
{
    (void)conn;
    (void)arg;
    fail_msg("closed: %s", reason);
}

static inline struct transport *transport(struct script *script, int fd)
{
    struct transport *made;

    evutil_make_socket_nonblocking(fd);
    assert_int_equal(transport_new_accepted(script->base, fd, NULL, &made), STATUS_OK);
    return made;
}

static inline void on_late(evutil_socket_t fd, short what, void *arg)
{
    struct script *script = arg;

    (void)fd;
    (void)what;
    script->late = true;
}

static inline void await(struct script *script, const bool *flag, const size_t *counter, size_t value)
{
    struct timeval ten_seconds = {10, 0};
    struct event *deadline = evtimer_new(script->base, on_late, script);

    evtimer_add(deadline, &ten_seconds);
    while (!script->late && !(flag != NULL ? *flag : *counter >= value))
        event_base_loop(script->base, EVLOOP_ONCE);
    event_free(deadline);
    assert_false(script->late);
}

static inline void connect_again(struct script *script)
{
    static const struct h2_callbacks server = {.on_request = on_request, .on_close = on_close};
    static const struct h2_callbacks client = {
        .on_ready = on_ready, .on_response = on_response, .on_close = on_close};
    static const struct h2_limits limits = {.max_body = 4u << 20, .max_streams = 8, .window = 1u << 20};
    int fds[2];

    link_sender_stop(&script->sender);
    h2_conn_free(script->client);
    h2_conn_free(script->server);
    script->ready = false;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(h2_conn_new_server(script->base, transport(script, fds[0]), &limits, &server, script,
                                        &script->server),
                     STATUS_OK);
    assert_int_equal(h2_conn_new_client(script->base, transport(script, fds[1]), "test", &limits, &client,
                                        script, &script->client),
                     STATUS_OK);
    await(script, &script->ready, NULL, 0);
}

static inline int set_up(void **state)
{
    struct script *script = calloc(1, sizeof *script);

    assert_non_null(script);
    script->base = event_base_new();
    memset(script->logic_id, 0xa5, sizeof script->logic_id);
    link_ledger_init(&script->ledger, "gateway:1", 4096, 1u << 20);
    link_sender_init(&script->sender, &script->ledger, script->logic_id, 1u << 20);
    connect_again(script);
    *state = script;
    return 0;
}

static inline int tear_down(void **state)
{
    struct script *script = *state;

    h2_conn_free(script->client);
    h2_conn_free(script->server);
    link_sender_fini(&script->sender);
    link_ledger_fini(&script->ledger);
    for (size_t i = 0; i < script->call_count; i++)
        buf_fini(&script->calls[i].body);
    event_base_free(script->base);
    free(script);
    return 0;
}

static inline void queue_push(struct script *script, uint64_t sequence, const struct push *push,
                              struct push_wait *wait)
{
    struct encoded_push *encoded;

    assert_int_equal(encoded_push_new(push, sequence, &encoded), STATUS_OK);
    encoded->wait = wait;
    assert_int_equal(link_queue_reserve(&script->ledger.queue), STATUS_OK);
    link_ledger_add(&script->ledger, encoded);
    encoded_push_unref(encoded);
}

static inline void queue_items(struct script *script, uint64_t sequence, const char *item)
{
    const struct slice items[] = {slice_str(item)};
    const struct push push = {.target = AUDIENCE_EVERYONE, .items = items, .item_count = 1};

    queue_push(script, sequence, &push, NULL);
}

/* Sends once and waits for the answer to be judged. */
static inline enum link_reply exchange(struct script *script)
{
    size_t before = script->reply_count;

    assert_int_equal(link_sender_send(&script->sender), STATUS_OK);
    assert_true(script->sender.owed);
    await(script, NULL, &script->reply_count, before + 1);
    return script->replies[before];
}

#endif
