/* SPDX-License-Identifier: Apache-2.0 */
/* One epoll set for all clients. A client goes from connecting over shaking and joining to
 * joined, or is gone; nothing reconnects, since a lost client is a finding. */
#include "tests/bench/client_swarm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "tests/bench/arrivals.h"
#include "tests/bench/frame_reader.h"

enum { EVENTS = 512, READ_BYTES = 256 * 1024 };

enum client_state {
    CLIENT_UNUSED,
    CLIENT_CONNECTING,
    CLIENT_SHAKING,
    CLIENT_JOINING,
    CLIENT_JOINED,
    CLIENT_GONE
};

struct swarm_member {
    struct client_swarm *swarm;
    int fd;
    enum client_state state;
    struct frame_reader reader;
};

struct client_swarm {
    struct swarm_config config;
    struct swarm_member *members;
    size_t opened; /* members that have left CLIENT_UNUSED */
    struct swarm_stats stats;
    struct tally *tally;
    struct histogram latency;
    struct arrivals arrivals;
    uint64_t now_us; /* when the bytes in hand were read */
    int poll;
    uint8_t *buffer;
};

struct client_swarm *client_swarm_new(const struct swarm_config *config)
{
    struct client_swarm *swarm = calloc(1, sizeof *swarm);

    if (swarm == NULL)
        return NULL;
    swarm->config = *config;
    swarm->poll = epoll_create1(EPOLL_CLOEXEC);
    swarm->arrivals.members = rooms_members(&config->rooms);
    swarm->members = calloc(config->rooms.clients + 1, sizeof *swarm->members);
    swarm->tally = tally_new(&config->rooms, config->first_caller, config->callers);
    swarm->buffer = malloc(READ_BYTES);
    if (swarm->poll < 0 || swarm->members == NULL || swarm->tally == NULL || swarm->buffer == NULL) {
        client_swarm_free(swarm);
        return NULL;
    }
    return swarm;
}

static void leave(struct swarm_member *member)
{
    struct client_swarm *swarm = member->swarm;

    if (member->state == CLIENT_JOINED)
        swarm->stats.joined--;
    if (member->fd >= 0)
        close(member->fd);
    frame_reader_fini(&member->reader);
    member->state = CLIENT_GONE;
    swarm->stats.gone++;
}

void client_swarm_free(struct client_swarm *swarm)
{
    if (swarm == NULL)
        return;
    for (size_t i = 0; i < swarm->opened; i++)
        if (swarm->members[i].state != CLIENT_GONE)
            leave(&swarm->members[i]);
    if (swarm->poll >= 0)
        close(swarm->poll);
    tally_free(swarm->tally);
    arrivals_fini(&swarm->arrivals);
    free(swarm->members);
    free(swarm->buffer);
    free(swarm);
}

static void open_one(struct client_swarm *swarm)
{
    struct swarm_member *member = &swarm->members[swarm->opened];
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = member};

    member->swarm = swarm;
    member->state = CLIENT_CONNECTING;
    member->fd = swarm_client_connect(&swarm->config.server, swarm->opened++);
    if (member->fd < 0 || epoll_ctl(swarm->poll, EPOLL_CTL_ADD, member->fd, &event) != 0)
        leave(member);
}

static void open_some(struct client_swarm *swarm)
{
    const struct swarm_stats *stats = &swarm->stats;

    while (swarm->opened < swarm->config.rooms.clients &&
           swarm->opened - stats->joined - stats->gone < swarm->config.under_way)
        open_one(swarm);
}

static size_t index_of(const struct swarm_member *member)
{
    return (size_t)(member - member->swarm->members);
}

static void on_connected(struct swarm_member *member)
{
    const struct swarm_config *config = &member->swarm->config;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = member};

    member->state = CLIENT_SHAKING;
    if (!swarm_client_shake_hands(member->fd, config->style, &config->rooms, index_of(member)) ||
        epoll_ctl(member->swarm->poll, EPOLL_CTL_MOD, member->fd, &event) != 0)
        leave(member);
}

static bool note(struct swarm_member *member, const struct item *item)
{
    struct client_swarm *swarm = member->swarm;
    uint64_t latency = swarm->now_us > item->stamp_us ? swarm->now_us - item->stamp_us : 0;

    histogram_add(&swarm->latency, latency);
    return tally_note(swarm->tally, index_of(member), item) &&
           arrivals_note(&swarm->arrivals, item->number, latency);
}

/* Items have one length, so that the next lies a fixed step further on. */
static bool take_items(struct swarm_member *member, const uint8_t *at, const uint8_t *end)
{
    size_t step = member->swarm->config.item_bytes;
    struct item item;

    do {
        at++;
        if (at + step > end || !item_decode(at, step, &item) || !note(member, &item))
            return false;
        at += step;
    } while (at < end && *at == ',');
    return true;
}

/* A frame holds items of one room, and a room is one bench's: the first item tells whose it is. */
static void on_push(struct swarm_member *member, const uint8_t *payload, size_t len)
{
    struct client_swarm *swarm = member->swarm;
    const uint8_t *at = memchr(payload, '[', len);
    const uint8_t *end = payload + len;
    struct item first;

    if (at != NULL && item_decode(at + 1, (size_t)(end - at - 1), &first) &&
        !tally_knows(swarm->tally, &first)) {
        swarm->stats.foreign++;
        return;
    }
    swarm->stats.frames++;
    if (at == NULL || !take_items(member, at, end))
        swarm->stats.strange++;
}

static void on_joined(struct swarm_member *member)
{
    member->state = CLIENT_JOINED;
    member->swarm->stats.joined++;
}

static void on_text(struct swarm_member *member, const uint8_t *payload, size_t len)
{
    static const char push[] = "{\"type\":\"PUSH\"";
    static const char pong[] = "{\"type\":\"PONG\"";

    if (len > sizeof push && memcmp(payload, push, sizeof push - 1) == 0) {
        on_push(member, payload, len);
    } else if (len > sizeof pong && memcmp(payload, pong, sizeof pong - 1) == 0 &&
               member->state == CLIENT_JOINING) {
        on_joined(member);
    } else {
        member->swarm->stats.strange++;
    }
}

static void on_frame(unsigned opcode, const uint8_t *payload, size_t len, void *arg)
{
    struct swarm_member *member = arg;

    if (opcode == FRAME_TEXT)
        on_text(member, payload, len);
    else if (opcode == FRAME_PING)
        (void)swarm_client_pong(member->fd);
    else if (opcode != FRAME_CLOSE)
        member->swarm->stats.strange++;
}

/* Gives the bytes that the handshake's answer took. */
static size_t on_answer(struct swarm_member *member, const uint8_t *bytes, size_t len)
{
    const struct swarm_config *config = &member->swarm->config;
    int used = swarm_client_answer((const char *)bytes, len);
    bool joins = config->style == SWARM_FANFARE;

    if (used <= 0 || (joins && !swarm_client_join(member->fd, &config->rooms, index_of(member)))) {
        leave(member);
        return len;
    }
    member->state = CLIENT_JOINING;
    if (!joins)
        on_joined(member);
    return (size_t)used;
}

static void on_readable(struct swarm_member *member)
{
    struct client_swarm *swarm = member->swarm;
    ssize_t n = recv(member->fd, swarm->buffer, READ_BYTES, MSG_DONTWAIT);
    size_t used = 0;

    if (n <= 0) {
        if (n == 0 || errno != EAGAIN)
            leave(member);
        return;
    }
    swarm->now_us = (uint64_t)clock_now_us();
    if (member->state == CLIENT_SHAKING)
        used = on_answer(member, swarm->buffer, (size_t)n);
    if (member->state != CLIENT_GONE &&
        !frame_reader_feed(&member->reader, swarm->buffer + used, (size_t)n - used, on_frame, member))
        leave(member);
}

void client_swarm_step(struct client_swarm *swarm, int timeout_ms)
{
    struct epoll_event events[EVENTS];
    int n;

    open_some(swarm);
    n = epoll_wait(swarm->poll, events, EVENTS, timeout_ms);
    for (int i = 0; i < n; i++) {
        struct swarm_member *member = events[i].data.ptr;

        if (member->state == CLIENT_CONNECTING)
            on_connected(member);
        else
            on_readable(member);
    }
}

struct swarm_stats client_swarm_stats(const struct client_swarm *swarm)
{
    return swarm->stats;
}

const struct tally *client_swarm_tally(const struct client_swarm *swarm)
{
    return swarm->tally;
}

const struct histogram *client_swarm_latency(const struct client_swarm *swarm)
{
    return &swarm->latency;
}

const struct histogram *client_swarm_last_latency(const struct client_swarm *swarm)
{
    return &swarm->arrivals.last;
}
