/* SPDX-License-Identifier: Apache-2.0 */
/* A timer says when the next push is due; a push that finds every caller busy waits, and its
 * stamp stays the moment it was due, so that a slow server cannot hide its own slowness (unless the
 * stamp of the sending is asked for, which leaves out how late the timer woke this program). */
#include "tests/bench/pusher.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "tests/bench/item.h"

enum { EVENTS = 64, ANSWER_TIMEOUT_US = 10000000, OVERTIME_US = 1000000 };

struct push_slot {
    struct http_caller caller;
    uint32_t number; /* of the push under way; 0: idle */
    uint64_t sent_us;
};

struct pusher {
    struct pusher_config config;
    pthread_t thread;
    int poll;
    int timer;
    int datagram;
    struct push_slot *slots;
    size_t under_way;
    uint64_t start_us;
    uint64_t last_us;      /* when the last answer came */
    uint64_t last_sent_us; /* when the last request went */
    bool *was_accepted;
    size_t capacity;
    struct pusher_result result;
    struct histogram answer;
    atomic_size_t accepted;
    atomic_bool stopping;
    atomic_bool done;
};

static bool watch(struct pusher *pusher, int fd, struct push_slot *slot)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = slot};

    return epoll_ctl(pusher->poll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool open_callers(struct pusher *pusher)
{
    const struct pusher_config *config = &pusher->config;

    for (size_t i = 0; i < config->callers; i++)
        pusher->slots[i].caller.fd = -1;
    for (size_t i = 0; config->route.way != PUSH_DATAGRAM && i < config->callers; i++) {
        struct push_slot *slot = &pusher->slots[i];

        if (!http_caller_open(&slot->caller, &config->address) || !watch(pusher, slot->caller.fd, slot))
            return false;
    }
    return true;
}

static bool set_up(struct pusher *pusher)
{
    pusher->poll = epoll_create1(EPOLL_CLOEXEC);
    pusher->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    pusher->datagram = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    pusher->slots = calloc(pusher->config.callers, sizeof *pusher->slots);
    return pusher->poll >= 0 && pusher->timer >= 0 && pusher->datagram >= 0 && pusher->slots != NULL &&
           open_callers(pusher) && watch(pusher, pusher->timer, NULL);
}

/* The number of a new push, or 0 for want of memory. */
static uint32_t take_number(struct pusher *pusher)
{
    if (pusher->result.pushes == pusher->capacity) {
        size_t larger = pusher->capacity * 2 + 1024;
        bool *longer = realloc(pusher->was_accepted, larger * sizeof *longer);

        if (longer == NULL)
            return 0;
        pusher->was_accepted = longer;
        pusher->capacity = larger;
    }
    pusher->was_accepted[pusher->result.pushes] = false;
    return (uint32_t)++pusher->result.pushes;
}

static void count_accepted(struct pusher *pusher, uint32_t number)
{
    pusher->was_accepted[number - 1] = true;
    pusher->result.accepted++;
    atomic_store_explicit(&pusher->accepted, pusher->result.accepted, memory_order_release);
}

static void fail_slot(struct pusher *pusher, struct push_slot *slot)
{
    http_caller_close(&slot->caller);
    pusher->result.failed++;
    if (slot->number != 0)
        pusher->under_way--;
    slot->number = 0;
}

static void send_push(struct pusher *pusher, struct push_slot *slot, uint32_t number, const char *text)
{
    const struct pusher_config *config = &pusher->config;

    if (config->route.way == PUSH_DATAGRAM) {
        if (push_route_datagram(&config->route, pusher->datagram, &config->address, number, text,
                                config->item_bytes))
            count_accepted(pusher, number);
        return;
    }
    slot->number = number;
    slot->sent_us = (uint64_t)clock_now_us();
    pusher->last_sent_us = slot->sent_us;
    pusher->under_way++;
    if (!push_route_post(&config->route, &slot->caller, number, text, config->item_bytes))
        fail_slot(pusher, slot);
}

static void push(struct pusher *pusher, struct push_slot *slot, uint64_t due_us)
{
    uint32_t caller = pusher->config.first_caller + (uint32_t)(slot - pusher->slots);
    struct item item = {caller, take_number(pusher),
                        pusher->config.from_sent ? (uint64_t)clock_now_us() : due_us};
    char text[ITEM_MAX_BYTES];

    if (item.number == 0) {
        fail_slot(pusher, slot);
        return;
    }
    item_encode(&item, text, pusher->config.item_bytes);
    send_push(pusher, slot, item.number, text);
}

static struct push_slot *idle_slot(struct pusher *pusher)
{
    for (size_t i = 0; i < pusher->config.callers; i++) {
        struct push_slot *slot = &pusher->slots[i];

        if (slot->number == 0 && (slot->caller.fd >= 0 || pusher->config.route.way == PUSH_DATAGRAM))
            return slot;
    }
    return NULL;
}

static uint64_t due_us(const struct pusher *pusher, size_t number)
{
    return pusher->start_us + (uint64_t)((double)number * 1e6 / pusher->config.rate);
}

static uint64_t end_us(const struct pusher *pusher)
{
    if (atomic_load(&pusher->stopping))
        return 0;
    return pusher->start_us + (uint64_t)(pusher->config.seconds * 1e6);
}

static void set_timer(const struct pusher *pusher, uint64_t when_us)
{
    struct itimerspec when = {
        .it_value = {.tv_sec = (time_t)(when_us / 1000000), .tv_nsec = (long)(when_us % 1000000) * 1000}};

    (void)timerfd_settime(pusher->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void push_at_rate(struct pusher *pusher, uint64_t now_us)
{
    struct push_slot *slot;
    uint64_t due;

    while ((due = due_us(pusher, pusher->result.pushes)) <= now_us && due < end_us(pusher) &&
           now_us < end_us(pusher) + OVERTIME_US) {
        slot = idle_slot(pusher);
        if (slot == NULL)
            return;
        push(pusher, slot, due);
    }
    set_timer(pusher, due);
}

static void push_without_pause(struct pusher *pusher, uint64_t now_us)
{
    struct push_slot *slot;

    while (now_us < end_us(pusher) && (slot = idle_slot(pusher)) != NULL)
        push(pusher, slot, now_us);
}

static void on_answer(struct pusher *pusher, struct push_slot *slot)
{
    int status = http_caller_answer(&slot->caller);

    if (status == 0)
        return;
    if (status < 0 || slot->number == 0) {
        fail_slot(pusher, slot);
        return;
    }
    pusher->last_us = (uint64_t)clock_now_us();
    histogram_add(&pusher->answer, pusher->last_us - slot->sent_us);
    if (status / 100 == 2)
        count_accepted(pusher, slot->number);
    else
        pusher->result.refused++;
    pusher->under_way--;
    slot->number = 0;
    if (pusher->config.rate <= 0 && pusher->last_us < end_us(pusher))
        push(pusher, slot, pusher->last_us);
}

static void wait_for_answers(struct pusher *pusher)
{
    struct epoll_event events[EVENTS];
    uint64_t expirations;
    int n = epoll_wait(pusher->poll, events, EVENTS, 100);

    for (int i = 0; i < n; i++) {
        if (events[i].data.ptr != NULL)
            on_answer(pusher, events[i].data.ptr);
        else if (read(pusher->timer, &expirations, sizeof expirations) < 0)
            continue;
    }
}

static bool unfinished(const struct pusher *pusher, uint64_t now_us)
{
    bool broken = pusher->result.failed == pusher->config.callers;

    if (pusher->under_way > 0)
        return now_us < pusher->last_sent_us + ANSWER_TIMEOUT_US;
    if (broken)
        return false;
    if (pusher->config.rate > 0 && due_us(pusher, pusher->result.pushes) >= end_us(pusher))
        return false;
    return now_us < end_us(pusher) + (pusher->config.rate > 0 ? OVERTIME_US : 0);
}

static void *run(void *arg)
{
    struct pusher *pusher = arg;
    uint64_t now_us = (uint64_t)clock_now_us();

    pusher->start_us = now_us;
    pusher->last_us = now_us;
    while (unfinished(pusher, now_us)) {
        if (pusher->config.rate > 0)
            push_at_rate(pusher, now_us);
        else if (pusher->under_way == 0)
            push_without_pause(pusher, now_us);
        wait_for_answers(pusher);
        now_us = (uint64_t)clock_now_us();
    }
    atomic_store(&pusher->done, true);
    return NULL;
}

struct pusher *pusher_start(const struct pusher_config *config)
{
    struct pusher *pusher = calloc(1, sizeof *pusher);

    if (pusher == NULL)
        return NULL;
    pusher->config = *config;
    pusher->poll = pusher->timer = pusher->datagram = -1;
    if (set_up(pusher) && (errno = pthread_create(&pusher->thread, NULL, run, pusher)) == 0)
        return pusher;
    pusher_free(pusher);
    return NULL;
}

void pusher_stop(struct pusher *pusher)
{
    atomic_store(&pusher->stopping, true);
}

bool pusher_done(const struct pusher *pusher)
{
    return atomic_load(&pusher->done);
}

size_t pusher_accepted(const struct pusher *pusher)
{
    return atomic_load_explicit(&pusher->accepted, memory_order_acquire);
}

struct pusher_result pusher_finish(struct pusher *pusher)
{
    pthread_join(pusher->thread, NULL);
    pusher->result.seconds = (double)(pusher->last_us - pusher->start_us) / 1e6;
    pusher->result.was_accepted = pusher->was_accepted;
    pusher->result.answer = &pusher->answer;
    return pusher->result;
}

void pusher_free(struct pusher *pusher)
{
    if (pusher == NULL)
        return;
    for (size_t i = 0; pusher->slots != NULL && i < pusher->config.callers; i++)
        http_caller_close(&pusher->slots[i].caller);
    if (pusher->poll >= 0)
        close(pusher->poll);
    if (pusher->timer >= 0)
        close(pusher->timer);
    if (pusher->datagram >= 0)
        close(pusher->datagram);
    free(pusher->slots);
    free(pusher->was_accepted);
    free(pusher);
}
