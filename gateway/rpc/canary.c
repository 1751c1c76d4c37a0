/* SPDX-License-Identifier: Apache-2.0 */
/* Plays the client's end of a socket pair with a bufferevent. It is no WebSocket client for the
 * world: it reads what this gateway writes, and says only what keeps the connection open. The
 * control thread only. */
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

enum { LOOK_MS = 100, HEAD_LEN = 2, FRAME_PING = 0x89, FRAME_TEXT = 0x81, INPUT_LIMIT = 65536 };

static const char request[] = "GET /connect HTTP/1.1\r\nHost: canary\r\nUpgrade: websocket\r\n"
                              "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Key: Y2FuYXJ5IGNhbmFyeSBjYQ==\r\n\r\n";
/* A PONG without payload; the mask is 0 (RFC 6455, 5.3). */
static const uint8_t pong[] = {0x8a, 0x80, 0, 0, 0, 0};

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
    unsigned failures; /* in a row */
    bool open;         /* the handshake is done */
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

static void on_frame(struct canary *canary, const uint8_t *frame, size_t len)
{
    const char *bracket = memchr(frame, '[', len);

    if (frame[0] == FRAME_PING)
        (void)bufferevent_write(canary->bev, pong, sizeof pong);
    else if (frame[0] == FRAME_TEXT && bracket != NULL)
        on_arrival(canary, strtoull(bracket + 1, NULL, 10));
}

/* Takes the answer to the handshake off; false while it is not complete. */
static bool shake_hands(struct canary *canary, struct evbuffer *input)
{
    struct evbuffer_ptr end_of_head = evbuffer_search(input, "\r\n\r\n", 4, NULL);

    if (end_of_head.pos < 0)
        return false;
    (void)evbuffer_drain(input, (size_t)end_of_head.pos + 4);
    canary->open = true;
    return true;
}

static void on_read(struct bufferevent *bev, void *arg)
{
    struct canary *canary = arg;
    struct evbuffer *input = bufferevent_get_input(bev);
    uint8_t frame[HEAD_LEN + 125 + 1];

    if (!canary->open && !shake_hands(canary, input))
        return;
    while (canary->bev != NULL && evbuffer_copyout(input, frame, HEAD_LEN) == HEAD_LEN) {
        size_t len = HEAD_LEN + (frame[1] & 127);

        if (len > sizeof frame - 1) {
            close_client(canary);
            return;
        }
        if (evbuffer_get_length(input) < len)
            return;
        (void)evbuffer_remove(input, frame, len);
        frame[len] = '\0';
        on_frame(canary, frame, len);
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
    (void)bufferevent_write(canary->bev, request, sizeof request - 1);
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
