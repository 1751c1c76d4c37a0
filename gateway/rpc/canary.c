/* SPDX-License-Identifier: Apache-2.0 */
/* Plays the client's end of a socket pair with a bufferevent. It reads what this gateway writes to
 * any client, and says only what keeps the connection open. The control thread only. */
#include "gateway/rpc/canary.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/metrics/gateway_metrics.h"
#include "shared/base/clock.h"
#include "shared/contract/audience.h"
#include "shared/log/log.h"
#include "shared/net/loop_event.h"
#include "shared/websocket/ws_frame.h"
#include "shared/websocket/ws_handshake.h"

enum { LOOK_MS = 100, REQUEST_MAX = 512, ANSWER_MAX = 4096, PAYLOAD_MAX = 125, INPUT_LIMIT = 65536 };

struct canary {
    struct event_base *base;
    struct acceptor *acceptor;
    struct fanout *fanout;
    struct readiness *readiness;
    SSL_CTX *tls;            /* verifies nothing: the other end is ours; NULL: plain */
    struct bufferevent *bev; /* NULL while there is no client */
    struct event *look;      /* while there are probes: time-outs */
    struct list probes;      /* oldest first */
    uint64_t number;
    unsigned failures;              /* in a row */
    bool open;                      /* the handshake is done */
    char accept[WS_ACCEPT_LEN + 1]; /* what the handshake must answer */
    bool stopped;
};

static void end(struct canary *canary, struct canary_probe *probe, int64_t us)
{
    list_remove(&probe->node);
    metrics_add(us < 0 ? M_CANARY_FAILED : M_CANARY_ARRIVED, 1);
    if (us >= 0 && probe->warm)
        metrics_observe(M_CANARY_SECONDS, us);
    canary->failures = us < 0 ? canary->failures + 1 : 0;
    if (canary->failures == CANARY_FAILURES)
        log_event(LOG_ERROR, "canaries fail, the gateway is not ready", LOG_I("failures", canary->failures));
    metrics_set(M_CANARY_FAILING, canary->failures >= CANARY_FAILURES);
    readiness_set(canary->readiness, UNREADY_CANARY, canary->failures >= CANARY_FAILURES);
    probe->done(probe, us);
}

static void close_client(struct canary *canary)
{
    if (canary->bev != NULL)
        bufferevent_free(canary->bev);
    canary->bev = NULL;
    canary->open = false;
}

static struct canary_probe *oldest(const struct canary *canary)
{
    struct list *node = list_first(&canary->probes);

    return node != NULL ? container_of(node, struct canary_probe, node) : NULL;
}

/* Flights arrive in the order in which they were sent; what is missing before one is lost. */
static void on_arrival(struct canary *canary, uint64_t number)
{
    int64_t now_us = clock_now_us();
    struct canary_probe *probe;

    while ((probe = oldest(canary)) != NULL && probe->number <= number)
        end(canary, probe, probe->number == number ? now_us - probe->sent_us : -1);
}

static void pong(struct canary *canary, struct slice payload)
{
    struct buf frame;
    uint8_t mask[4];

    buf_init(&frame, REQUEST_MAX);
    ws_frame_mask(mask);
    if (ws_frame_append(&frame, WS_OP_PONG, payload, mask) == STATUS_OK)
        (void)bufferevent_write(canary->bev, frame.data, frame.len);
    buf_fini(&frame);
}

/* The number in {"type":"PUSH","data":[number]}. */
static void on_text(struct canary *canary, struct slice payload)
{
    char text[PAYLOAD_MAX + 1];
    const char *bracket;

    memcpy(text, payload.data, payload.len);
    text[payload.len] = '\0';
    bracket = strchr(text, '[');
    if (bracket != NULL)
        on_arrival(canary, strtoull(bracket + 1, NULL, 10));
}

/* Takes the answer to the handshake off; false while it is not complete, or when it is none. */
static bool shake_hands(struct canary *canary, struct evbuffer *input)
{
    const char *why = "";
    size_t used = 0;
    size_t len = evbuffer_get_length(input);
    enum ws_read found =
        ws_answer_read(slice_of(evbuffer_pullup(input, -1), len), ANSWER_MAX, canary->accept, &used, &why);

    if (found == WS_READ_BAD || found == WS_READ_BIG)
        close_client(canary);
    if (found != WS_READ_FRAME)
        return false;
    (void)evbuffer_drain(input, used);
    canary->open = true;
    return true;
}

/* False while the next frame is not whole, or when it is none that this gateway sends. */
static bool take_frame(struct canary *canary, struct evbuffer *input)
{
    uint8_t bytes[PAYLOAD_MAX + 2]; /* more than any header, so BAD and BIG are seen in it */
    struct ws_frame frame;
    ssize_t len = evbuffer_copyout(input, bytes, sizeof bytes);
    enum ws_read found = ws_frame_read(bytes, len > 0 ? (size_t)len : 0, PAYLOAD_MAX, &frame);

    if (found == WS_READ_MORE)
        return false;
    if (found != WS_READ_FRAME || !frame.fin) {
        close_client(canary);
        return false;
    }
    (void)evbuffer_drain(input, frame.size);
    if (frame.opcode == WS_OP_PING)
        pong(canary, frame.payload);
    else if (frame.opcode == WS_OP_TEXT)
        on_text(canary, frame.payload);
    return canary->bev != NULL;
}

static void on_read(struct bufferevent *bev, void *arg)
{
    struct canary *canary = arg;
    struct evbuffer *input = bufferevent_get_input(bev);

    if (!canary->open && !shake_hands(canary, input))
        return;
    while (take_frame(canary, input)) {
    }
}

/* What is under way times out; the next canary makes a new client. */
static void on_event(struct bufferevent *bev, short what, void *arg)
{
    (void)bev;
    if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) != 0)
        close_client(arg);
}

static struct bufferevent *wrap(struct canary *canary, int fd)
{
    SSL *ssl;

    if (canary->tls == NULL)
        return bufferevent_socket_new(canary->base, fd, BEV_OPT_CLOSE_ON_FREE);
    ssl = SSL_new(canary->tls);
    return ssl == NULL ? NULL
                       : bufferevent_openssl_socket_new(canary->base, fd, ssl, BUFFEREVENT_SSL_CONNECTING,
                                                        BEV_OPT_CLOSE_ON_FREE);
}

static void ask(struct canary *canary)
{
    struct buf request;
    char key[WS_KEY_LEN + 1];

    buf_init(&request, REQUEST_MAX);
    ws_handshake_key(key);
    ws_handshake_accept(key, canary->accept);
    if (ws_handshake_print(&request, "/connect", "canary", key) == STATUS_OK &&
        buf_append_str(&request, "\r\n") == STATUS_OK)
        (void)bufferevent_write(canary->bev, request.data, request.len);
    buf_fini(&request);
}

static void open_client(struct canary *canary)
{
    int fds[2];

    if (canary->bev != NULL || canary->stopped ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
        return;
    canary->bev = wrap(canary, fds[0]);
    if (canary->bev == NULL) {
        close(fds[0]);
        close(fds[1]);
        return;
    }
    bufferevent_setcb(canary->bev, on_read, NULL, on_event, canary);
    bufferevent_setwatermark(canary->bev, EV_READ, 0, INPUT_LIMIT);
    (void)bufferevent_enable(canary->bev, EV_READ | EV_WRITE);
    ask(canary);
    acceptor_adopt(canary->acceptor, fds[1]);
}

static void look_again(const struct canary *canary)
{
    (void)loop_event_after_ms(canary->look, LOOK_MS);
}

/* A probe that was sent before the client was in its room went nowhere: until it arrives it is sent
 * again, under the same number. */
static void send_probe(struct canary *canary, const struct canary_probe *probe)
{
    char item[24];

    snprintf(item, sizeof item, "%" PRIu64, probe->number);
    fanout_send(canary->fanout, audience_key(AUDIENCE_CANARY), slice_str(item));
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
    struct canary *canary = arg;
    int64_t limit_us = (int64_t)CANARY_TIMEOUT_MS * 1000;
    struct canary_probe *probe;

    (void)fd;
    (void)what;
    while ((probe = oldest(canary)) != NULL && clock_now_us() - probe->sent_us >= limit_us)
        end(canary, probe, -1);
    if (oldest(canary) == NULL)
        return;
    open_client(canary);
    send_probe(canary, oldest(canary));
    look_again(canary);
}

enum status canary_new(struct event_base *base, struct acceptor *acceptor, struct fanout *fanout,
                       struct readiness *readiness, bool tls, struct canary **out)
{
    struct canary *canary = calloc(1, sizeof *canary);

    if (canary == NULL)
        return STATUS_NO_MEMORY;
    canary->base = base;
    canary->acceptor = acceptor;
    canary->fanout = fanout;
    canary->readiness = readiness;
    list_init(&canary->probes);
    canary->look = evtimer_new(base, on_look, canary);
    if (canary->look == NULL || (tls && (canary->tls = SSL_CTX_new(TLS_client_method())) == NULL)) {
        canary_free(canary);
        return STATUS_NO_MEMORY;
    }
    *out = canary;
    return STATUS_OK;
}

void canary_free(struct canary *canary)
{
    if (canary == NULL)
        return;
    close_client(canary);
    loop_event_free(canary->look);
    SSL_CTX_free(canary->tls);
    free(canary);
}

void canary_send(struct canary *canary, struct canary_probe *probe)
{
    probe->number = ++canary->number;
    probe->sent_us = clock_now_us();
    list_add_tail(&canary->probes, &probe->node);
    probe->warm = canary->open;
    open_client(canary);
    send_probe(canary, probe);
    look_again(canary);
}

void canary_cancel(struct canary_probe *probe)
{
    list_remove(&probe->node);
}

void canary_stop(struct canary *canary)
{
    canary->stopped = true;
    close_client(canary);
}

bool canary_is_stopped(const struct canary *canary)
{
    return canary->stopped;
}
