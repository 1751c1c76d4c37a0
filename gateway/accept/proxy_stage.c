/* SPDX-License-Identifier: Apache-2.0 */
/* What has come is looked at first (MSG_PEEK) and then read as far as it is the header's: that is all of it
 * while the header is not complete, so the loop does not wake again for what is known already, and the
 * header's last byte when it is. One list in the order of arrival, so that only its head is looked at by the
 * timer. */
#include "gateway/accept/proxy_stage.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/metrics/gateway_metrics.h"
#include "shared/base/buf.h"
#include "shared/base/clock.h"
#include "shared/base/list.h"
#include "shared/log/log.h"
#include "shared/net/loop_event.h"

struct proxy_stage {
    struct event_base *base;
    proxy_stage_ready *on_ready;
    void *arg;
    struct list waiters; /* oldest first */
    size_t count;
    struct event *timer;
};

struct waiter {
    struct proxy_stage *stage;
    struct list link;
    struct event *readable;
    struct buf so_far; /* of the header, read already */
    int64_t accepted_us;
    int fd;
    uint8_t peer[CIDR_ADDRESS_LEN];
};

/* Why a connection ends here. Who leaves by himself may be a balancer that looks whether the port is open. */
static void refuse(const uint8_t peer[CIDR_ADDRESS_LEN], enum gateway_metric row, const char *reason)
{
    char text[INET6_ADDRSTRLEN] = "";
    bool gone = row == M_PROXY_REFUSED_GONE;

    metrics_add((unsigned)row, 1);
    metrics_add(gone ? M_REFUSED_GONE : M_REFUSED_PROXY_HEADER, 1);
    cidr_address_print(peer, text);
    log_event(gone ? LOG_DEBUG : LOG_WARN, "no good PROXY header from a trusted proxy", LOG_S("peer", text),
              LOG_S("reason", reason));
}

static void waiter_free(struct waiter *waiter)
{
    list_remove(&waiter->link);
    waiter->stage->count--;
    metrics_set(M_PROXY_WAITING, waiter->stage->count);
    loop_event_free(waiter->readable);
    buf_fini(&waiter->so_far);
    free(waiter);
}

static void waiter_refuse(struct waiter *waiter, enum gateway_metric row, const char *reason)
{
    refuse(waiter->peer, row, reason);
    close(waiter->fd);
    waiter_free(waiter);
}

/* What a look at a socket has shown. */
struct look {
    enum proxy_parse parse;
    struct proxy_header header;
    bool gone; /* the peer has ended, or the socket failed */
    size_t read;
    uint8_t bytes[PROXY_V2_MAX]; /* the header from its begin, as far as it has come */
};

/* Whether exactly `len` bytes, which were seen to be there, could be read. */
static bool skip(int fd, uint8_t *into, size_t len)
{
    ssize_t n;

    do
        n = recv(fd, into, len, 0);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)len;
}

/* Reads what is the header's of `fd`, whose first `out->read` bytes are in `out->bytes`. */
static void look_at(int fd, struct look *out)
{
    size_t before = out->read;
    ssize_t n = recv(fd, out->bytes + before, sizeof out->bytes - before, MSG_PEEK);

    out->parse = PROXY_MORE;
    if (n <= 0) {
        out->gone = n == 0 || (errno != EAGAIN && errno != EINTR);
        return;
    }
    out->parse = proxy_header_parse(slice_of(out->bytes, before + (size_t)n), &out->header);
    if (out->parse == PROXY_COMPLETE || out->parse == PROXY_MORE) {
        out->read = out->parse == PROXY_COMPLETE ? out->header.len : before + (size_t)n;
        out->gone = !skip(fd, out->bytes + before, out->read - before);
    }
}

static enum gateway_metric row_of(enum proxy_parse parse)
{
    if (parse == PROXY_MISSING)
        return M_PROXY_REFUSED_MISSING;
    return parse == PROXY_TOO_LARGE ? M_PROXY_REFUSED_LARGE : M_PROXY_REFUSED_INVALID;
}

static const char *reason_of(const struct look *look)
{
    if (look->parse == PROXY_MISSING)
        return "the connection does not begin with a PROXY header";
    return look->parse == PROXY_TOO_LARGE ? "a header of more than 4096 bytes" : look->header.fault;
}

/* Whether nothing more is to come: the header is complete, or the connection is closed. `fd` is the callee's
 * then; whatever waited for it must be gone before on_ready is called, which `look` outlives. */
static bool settle(struct proxy_stage *stage, struct look *look, int fd, const uint8_t peer[CIDR_ADDRESS_LEN],
                   int64_t accepted_us)
{
    if (!look->gone && look->parse == PROXY_MORE)
        return false;
    if (!look->gone && look->parse == PROXY_COMPLETE) {
        metrics_add(look->header.version == 1 ? M_PROXY_V1 : M_PROXY_V2, 1);
        stage->on_ready(fd, &look->header, peer, accepted_us, stage->arg);
        return true;
    }
    if (look->gone)
        refuse(peer, M_PROXY_REFUSED_GONE, "the connection ended before its header was complete");
    else
        refuse(peer, row_of(look->parse), reason_of(look));
    close(fd);
    return true;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct waiter *waiter = arg;
    struct look look = {.read = waiter->so_far.len};

    (void)what;
    if (look.read > 0)
        memcpy(look.bytes, waiter->so_far.data, look.read);
    look_at(fd, &look);
    if (!look.gone && look.parse == PROXY_MORE) {
        size_t had = waiter->so_far.len;

        if (buf_append(&waiter->so_far, look.bytes + had, look.read - had) != STATUS_OK)
            waiter_refuse(waiter, M_PROXY_REFUSED_MEMORY, "out of memory");
        return;
    }
    struct waiter done = *waiter;
    waiter_free(waiter);
    (void)settle(done.stage, &look, done.fd, done.peer, done.accepted_us);
}

static void set_timer(struct proxy_stage *stage)
{
    const struct list *first = list_first(&stage->waiters);

    if (first == NULL) {
        event_del(stage->timer);
        return;
    }
    int64_t due = container_of(first, struct waiter, link)->accepted_us + (int64_t)PROXY_STAGE_MS * 1000;
    (void)loop_event_after_us(stage->timer, due - clock_now_us());
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
    struct proxy_stage *stage = arg;
    int64_t limit = clock_now_us() - (int64_t)PROXY_STAGE_MS * 1000;
    struct list *first;

    (void)fd;
    (void)what;
    while ((first = list_first(&stage->waiters)) != NULL &&
           container_of(first, struct waiter, link)->accepted_us <= limit)
        waiter_refuse(container_of(first, struct waiter, link), M_PROXY_REFUSED_TIMEOUT,
                      "the header was not complete within 3 s");
    set_timer(stage);
}

bool proxy_stage_evict(struct proxy_stage *stage)
{
    struct list *first = list_first(&stage->waiters);

    if (first == NULL)
        return false;
    waiter_refuse(container_of(first, struct waiter, link), M_PROXY_REFUSED_EVICTED,
                  "a newcomer needed its place before the header was complete");
    return true;
}

/* One more that waits, with what has come of its header; NULL without memory. */
static struct waiter *waiter_new(struct proxy_stage *stage, int fd, const struct look *look)
{
    struct waiter *waiter = calloc(1, sizeof *waiter);

    if (waiter == NULL)
        return NULL;
    waiter->stage = stage;
    waiter->fd = fd;
    buf_init(&waiter->so_far, PROXY_V2_MAX);
    waiter->readable = event_new(stage->base, fd, EV_READ | EV_PERSIST, on_readable, waiter);
    if (waiter->readable != NULL && buf_append(&waiter->so_far, look->bytes, look->read) == STATUS_OK &&
        event_add(waiter->readable, NULL) == 0)
        return waiter;
    loop_event_free(waiter->readable);
    buf_fini(&waiter->so_far);
    free(waiter);
    return NULL;
}

static void wait_for_rest(struct proxy_stage *stage, int fd, const struct look *look,
                          const uint8_t peer[CIDR_ADDRESS_LEN], int64_t now_us)
{
    if (stage->count >= PROXY_STAGE_MAX)
        (void)proxy_stage_evict(stage);
    struct waiter *waiter = waiter_new(stage, fd, look);
    if (waiter == NULL) {
        refuse(peer, M_PROXY_REFUSED_MEMORY, "out of memory");
        close(fd);
        return;
    }
    waiter->accepted_us = now_us;
    memcpy(waiter->peer, peer, CIDR_ADDRESS_LEN);
    list_add_tail(&stage->waiters, &waiter->link);
    metrics_set(M_PROXY_WAITING, ++stage->count);
    if (!evtimer_pending(stage->timer, NULL))
        set_timer(stage);
}

void proxy_stage_take(struct proxy_stage *stage, int fd, const uint8_t peer[CIDR_ADDRESS_LEN], int64_t now_us)
{
    struct look look = {.read = 0};

    look_at(fd, &look);
    if (!settle(stage, &look, fd, peer, now_us))
        wait_for_rest(stage, fd, &look, peer, now_us);
}

size_t proxy_stage_waiting(const struct proxy_stage *stage)
{
    return stage->count;
}

enum status proxy_stage_new(struct event_base *base, proxy_stage_ready *on_ready, void *arg,
                            struct proxy_stage **out)
{
    struct proxy_stage *stage = calloc(1, sizeof *stage);

    if (stage == NULL)
        return STATUS_NO_MEMORY;
    stage->base = base;
    stage->on_ready = on_ready;
    stage->arg = arg;
    list_init(&stage->waiters);
    stage->timer = event_new(base, -1, 0, on_time, stage);
    if (stage->timer == NULL) {
        free(stage);
        return STATUS_NO_MEMORY;
    }
    *out = stage;
    return STATUS_OK;
}

void proxy_stage_free(struct proxy_stage *stage)
{
    struct list *first;

    if (stage == NULL)
        return;
    while ((first = list_first(&stage->waiters)) != NULL) {
        struct waiter *waiter = container_of(first, struct waiter, link);

        close(waiter->fd);
        waiter_free(waiter);
    }
    loop_event_free(stage->timer);
    free(stage);
}
