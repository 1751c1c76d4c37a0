/* SPDX-License-Identifier: Apache-2.0 */
/* A client's life and its way to the socket. Plain sockets are written by nobody else, so what
 * order the outbox has is the order on the wire; on TLS the library's buffer stands behind it. */
#include "gateway/bucket/client.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/bucket/bucket_state.h"
#include "gateway/bucket/client_auth.h"
#include "gateway/bucket/client_lists.h"
#include "gateway/metrics/gateway_metrics.h"
#include "gateway/websocket/close_frame.h"
#include "shared/base/clock.h"
#include "shared/contract/close_codes.h"

static void client_free(struct client *client)
{
    client_auth_end(client);
    client_auth_free(client->auth);
    list_remove(&client->link);
    outbox_fini(&client->outbox);
    http_request_free(client->request);
    free(client->rooms);
    (void)control_post(client->bucket->conf->returns, &client->ticket->back, CONTROL_TICKET);
    free(client);
}

static struct client *client_new(struct bucket *bucket, struct ticket *ticket)
{
    struct client *client = calloc(1, sizeof *client);

    if (client == NULL)
        return NULL;
    client->bucket = bucket;
    client->ticket = ticket;
    client->fd = ticket->fd;
    client->since_ms = clock_now_ms();
    client->tls = ws_server_is_tls(bucket->server);
    list_init(&client->link);
    if (http_request_new(bucket->limits.max_header, 0, &client->request) != STATUS_OK) {
        free(client);
        return NULL;
    }
    return client;
}

/* max_clients are there, but perhaps not all of them have said what they want. */
static void take_place(struct bucket *bucket, struct ticket *ticket)
{
    struct client *silent = client_silent(bucket, clock_now_ms());

    if (silent == NULL)
        return;
    metrics_add(M_REFUSED_EVICTED, 1);
    silent->ticket->gave_way = true;
    ticket->refusal = REFUSAL_NONE;
    client_kill(silent);
}

void client_open(struct bucket *bucket, struct ticket *ticket)
{
    if (ticket->refusal == REFUSAL_MAX_CLIENTS)
        take_place(bucket, ticket);
    struct client *client = client_new(bucket, ticket);

    if (client == NULL) {
        metrics_add(M_REFUSED_MEMORY, 1);
        close(ticket->fd);
        (void)control_post(bucket->conf->returns, &ticket->back, CONTROL_TICKET);
        return;
    }
    client->conn = ws_server_adopt(bucket->server, ticket->fd, client);
    if (client->conn == NULL) { /* TLS begins at once, and the peer has left by now */
        metrics_add(M_REFUSED_GONE, 1);
        client_free(client);
        return;
    }
    list_add_tail(ws_conn_is_secured(client->conn) ? &bucket->handshaking : &bucket->securing, &client->link);
    ws_conn_take_now(client->conn);
}

/* It does not wait for its turn to be closed any more. */
static void end_kicked(const struct client *client)
{
    if (client->phase == CLIENT_KICKED)
        metrics_sub(M_KICKS_WAITING, 1);
}

void client_kill(struct client *client)
{
    if (client->phase == CLIENT_DEAD)
        return;
    end_kicked(client);
    client->phase = CLIENT_DEAD;
    client_auth_end(client);
    list_remove(&client->link);
    ws_conn_kill(client->conn);
}

/* From open to what comes after; counted once. */
static void end_open(struct client *client, enum client_phase next, int code)
{
    client->phase = (uint8_t)next;
    client_auth_end(client);
    client_leave_all(client);
    connection_table_remove(client->bucket->conf->connections, client->bucket->index, client->fd, client);
    if (client->ticket->canary)
        return;
    metrics_sub(M_CLIENTS, 1);
    atomic_fetch_sub_explicit(&client->bucket->clients, 1, memory_order_relaxed);
    gateway_metrics_closed(code);
}

void client_opened(struct client *client, enum encoding encoding)
{
    client->encoding = (uint8_t)encoding;
    client->phase = CLIENT_OPEN;
    if (client->ticket->canary)
        return;
    connection_table_add(client->bucket->conf->connections, client->bucket->index, client->fd, client);
    metrics_add(M_CLIENTS, 1);
    metrics_add(M_CLIENTS_OPENED, 1);
    metrics_observe(M_HANDSHAKE, clock_now_us() - client->ticket->accepted_us);
    atomic_fetch_add_explicit(&client->bucket->clients, 1, memory_order_relaxed);
}

bool client_connection_id(const struct client *client, struct connection_id *out)
{
    const struct bucket *bucket = client->bucket;

    return connection_table_id(bucket->conf->connections, bucket->index, client->fd, client, out);
}

void client_lost(struct client *client)
{
    if (client->phase == CLIENT_OPEN)
        end_open(client, CLIENT_CLOSING, 0);
    client_kill(client);
}

void client_on_gone(struct client *client)
{
    if (client->phase == CLIENT_OPEN)
        end_open(client, CLIENT_DEAD, 0);
    else if (client->phase == CLIENT_HANDSHAKE && !client->ticket->canary)
        metrics_add(M_REFUSED_GONE, 1);
    end_kicked(client);
    metrics_add(M_FRAMES_DROPPED_GONE, client->outbox.pushes);
    metrics_sub(M_FRAMES_QUEUED, client->outbox.pushes);
    client_free(client);
}

/* Bytes that the socket (or the TLS library) takes now; as wire_op.result. */
static int32_t write_some(struct client *client, const uint8_t *data, size_t len)
{
    if (client->tls)
        return ws_conn_write(client->conn, data, len);
    return wire_send(client->fd, data, len);
}

static bool would_block(int32_t result)
{
    return result == -EAGAIN || result == -ENOBUFS || result == -ENOMEM || result == -EINTR;
}

static void enqueue(struct client *client, struct frame *frame, bool control, uint32_t sent)
{
    if (outbox_add(&client->outbox, frame, control, sent) != STATUS_OK) {
        if (!control)
            metrics_add(M_FRAMES_DROPPED_MEMORY, 1);
        client_lost(client);
        return;
    }
    if (!control)
        metrics_add(M_FRAMES_QUEUED, 1);
    ws_conn_want_write(client->conn);
}

/* Sends as much of the frame as goes and queues the rest. Takes no reference. */
static void send_or_queue(struct client *client, struct frame *frame, bool control)
{
    int32_t n = client->outbox.head == NULL ? write_some(client, frame->bytes, frame->len) : -EAGAIN;

    if (n == (int32_t)frame->len) {
        if (!control) {
            metrics_add(M_FRAMES_DELIVERED, 1);
            metrics_add(M_BYTES_DELIVERED, frame->len);
        }
    } else if (n >= 0 || would_block(n)) {
        if (control)
            enqueue(client, frame, true, n > 0 ? (uint32_t)n : 0);
        else
            client_queue_push(client, frame, n > 0 ? (uint32_t)n : 0);
    } else {
        if (!control)
            metrics_add(M_FRAMES_DROPPED_GONE, 1);
        client_lost(client);
    }
}

void client_send_push(struct client *client, struct frame *frame)
{
    if (client->phase != CLIENT_OPEN) {
        metrics_add(M_FRAMES_DROPPED_GONE, 1);
        return;
    }
    send_or_queue(client, frame, false);
}

static void drop_queued(uint32_t count, enum gateway_metric reason)
{
    metrics_add((unsigned)reason, count);
    metrics_sub(M_FRAMES_QUEUED, count);
}

static bool fits(const struct client *client, const struct frame *frame)
{
    const struct bucket_limits *limits = &client->bucket->limits;

    return client->outbox.frames < limits->queue_frames &&
           client->outbox.bytes + frame->len <= limits->queue_bytes;
}

static void slow_close(struct client *client)
{
    drop_queued(outbox_drop_pushes(&client->outbox), M_FRAMES_DROPPED_SLOW);
    client_close(client, CLOSE_slow_consumer);
}

/* What is late goes before any policy acts. */
static void drop_expired(struct client *client)
{
    if (client->outbox.expiring > 0)
        drop_queued(outbox_drop_expired(&client->outbox, clock_now_us()), M_FRAMES_DROPPED_EXPIRED);
}

/* Whether there is room for the frame now that the policy has acted. */
static bool make_room(struct client *client, const struct frame *frame)
{
    enum slow_client_policy policy = client->bucket->limits.policy;

    if (fits(client, frame))
        return true;
    drop_expired(client);
    if (fits(client, frame))
        return true;
    if (policy == SLOW_CLOSE) {
        metrics_add(M_FRAMES_DROPPED_SLOW, 1);
        slow_close(client);
        return false;
    }
    while (policy == SLOW_DROP_OLDEST && !fits(client, frame) && outbox_drop_oldest(&client->outbox))
        drop_queued(1, M_FRAMES_DROPPED_OLDEST);
    if (fits(client, frame))
        return true;
    metrics_add(policy == SLOW_DROP_OLDEST ? M_FRAMES_DROPPED_OLDEST : M_FRAMES_DROPPED_NEWEST, 1);
    return false;
}

void client_queue_push(struct client *client, struct frame *frame, uint32_t sent)
{
    if (client->phase != CLIENT_OPEN)
        metrics_add(M_FRAMES_DROPPED_GONE, 1);
    else if (sent > 0 || make_room(client, frame))
        enqueue(client, frame, false, sent);
}

void client_send_control(struct client *client, struct frame *frame)
{
    if (frame == NULL)
        client_close(client, CLOSE_internal);
    else if (client->phase == CLIENT_OPEN) {
        if (client->outbox.frames - client->outbox.pushes >= client->bucket->limits.queue_frames)
            slow_close(client);
        else
            send_or_queue(client, frame, true);
    }
    frame_unref(frame);
}

/* The last bytes are out: our half ends at once, so that the peer sees the end after them; input is read and
 * thrown away until the peer ends too or CLOSING_MS is over. Closing at once would reset the connection where
 * input is left, and the answer be lost with it (RFC 9112, 9.6). */
static void all_sent(struct client *client)
{
    if (client->phase != CLIENT_CLOSING)
        return;
    if (client->peer_closed)
        client_kill(client);
    else if (client->close_when_sent)
        (void)ws_conn_end(client->conn, client->fd);
}

/* Queues the last bytes and waits for them and for the peer. */
static void begin_closing(struct client *client, struct frame *last)
{
    client->phase = CLIENT_CLOSING;
    client_move_to(&client->bucket->closing, client, clock_now_ms());
    if (last != NULL)
        send_or_queue(client, last, true);
    frame_unref(last);
    if (client->outbox.head == NULL)
        all_sent(client);
}

void client_end_with(struct client *client, struct frame *last)
{
    client->close_when_sent = true;
    begin_closing(client, last);
}

/* Ends with `last`, the bytes that say `code`; takes the caller's reference. */
static void close_with(struct client *client, uint16_t code, struct frame *last)
{
    if (client->phase != CLIENT_OPEN) {
        frame_unref(last);
        return;
    }
    end_open(client, CLIENT_CLOSING, client->peer_closed ? CLOSE_normal : code);
    begin_closing(client, last);
}

void client_close(struct client *client, uint16_t code)
{
    close_with(client, code, close_frame_new(code));
}

void client_send_away(struct client *client, int64_t retry_ms)
{
    close_with(client, CLOSE_going_away, close_frame_new_away(retry_ms));
}

void client_kick(struct client *client, uint16_t code)
{
    end_open(client, CLIENT_KICKED, client->peer_closed ? CLOSE_normal : code);
    list_remove(&client->link);
    metrics_add(M_KICKS_WAITING, 1);
}

void client_close_kicked(struct client *client, struct frame *last)
{
    end_kicked(client);
    begin_closing(client, frame_ref(last));
}

/* Writes what is left of the head; false when it is not through. */
static bool write_head(struct client *client)
{
    struct outbox *outbox = &client->outbox;
    struct frame *frame = outbox->head->frame;
    size_t left = frame->len - outbox->head_sent;
    int32_t n = write_some(client, frame->bytes + outbox->head_sent, left);

    if (n < 0 && !would_block(n)) {
        client_lost(client);
        return false;
    }
    if (n < (int32_t)left) {
        outbox->head_sent += n > 0 ? (uint32_t)n : 0;
        ws_conn_want_write(client->conn);
        return false;
    }
    if (!outbox->head->control) {
        metrics_add(M_FRAMES_DELIVERED, 1);
        metrics_add(M_BYTES_DELIVERED, frame->len);
        metrics_sub(M_FRAMES_QUEUED, 1);
    }
    outbox_pop(outbox);
    return true;
}

void client_on_writable(void *arg)
{
    struct client *client = arg;
    struct outbox *outbox = &client->outbox;

    drop_expired(client);
    while (outbox->head != NULL && client->phase != CLIENT_DEAD)
        if (!write_head(client))
            return;
    all_sent(client);
}

void client_on_secured(void *arg)
{
    struct client *client = arg;

    if (client->phase == CLIENT_HANDSHAKE)
        client_secured(client);
}
