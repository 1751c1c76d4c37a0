/* SPDX-License-Identifier: Apache-2.0 */
/* Owns one listening socket and its events on the loop's thread. Accepts in small bursts and
 * hands each socket on; never reads from one. */
#include "shared/net/listener.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/log/log.h"
#include "shared/log/metrics.h"
#include "shared/net/listen_address.h"
#include "shared/net/loop_event.h"

enum {
    BACKLOG = 4096,
    BURST = 64,
    STORM = 4, /* waiting together: fewer are taken as they come */
    REST_MS = 100,
    WHAT_LEN = 32,
};

struct listener {
    struct event *accepting;
    struct event *rest; /* ends a pause: accept() failed, or a storm is taken in bursts */
    listener_accept *on_accept;
    void *arg;
    uint64_t failures;
    int failures_row; /* of the metrics; -1: counted nowhere */
    int64_t pace_us;  /* see listener_set_pace; 0: none */
    struct listen_address address;
    ino_t inode; /* of the unix socket, so that only our own file is removed */
    int fd;
    int port;
    bool paused;
    char what[WHAT_LEN];
};

static void note_name(struct listener *listener)
{
    struct listen_address name = {.len = sizeof name.at};
    struct stat info;

    if (listen_address_is_local(&listener->address)) {
        if (stat(listener->address.at.local.sun_path, &info) == 0)
            listener->inode = info.st_ino;
    } else if (getsockname(listener->fd, &name.at.any, &name.len) == 0) {
        listener->port = ntohs(name.at.any.sa_family == AF_INET ? name.at.v4.sin_port : name.at.v6.sin6_port);
    }
}

static enum status start_socket(struct listener *listener, int port, struct fault *fault)
{
    enum status status = listen_address_bind(&listener->address, port, &listener->fd, fault);

    if (status != STATUS_OK)
        return status;
    note_name(listener);
    return listen(listener->fd, BACKLOG) == 0 ? STATUS_OK
                                              : listen_address_refuse(&listener->address, port, fault);
}

static void rest(struct listener *listener, int64_t pause_us)
{
    event_del(listener->accepting);
    (void)loop_event_after_us(listener->rest, pause_us);
}

static void rest_from_shortage(struct listener *listener, int error)
{
    listener->failures++;
    if (listener->failures_row >= 0)
        metrics_add((unsigned)listener->failures_row, 1);
    log_event(LOG_WARN, "cannot accept", LOG_S("what", listener->what), LOG_S("error", strerror(error)),
              LOG_I("failures", listener->failures));
    rest(listener, REST_MS * 1000);
}

static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* Whether there may be more. Errors of one connection alone (accept(2)) are passed over. */
static bool accept_one(struct listener *listener)
{
    struct listen_address peer = {.len = sizeof peer.at};
    int fd = accept4(listener->fd, &peer.at.any, &peer.len, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0) {
        if (is_shortage(errno))
            rest_from_shortage(listener, errno);
        return errno != EAGAIN && !is_shortage(errno);
    }
    listener->on_accept(fd, &peer.at.any, peer.len, listener->arg);
    return true;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct listener *listener = arg;
    int count = 0;

    (void)fd;
    (void)what;
    while (count < BURST && !listener->paused && accept_one(listener))
        count++;
    /* In a storm each new socket would else wake the loop by itself. Whoever comes when nobody else waits is
     * no storm, however soon after the last: it may be the same caller. */
    if (count >= STORM && count < BURST && !listener->paused && listener->pace_us > 0 &&
        !evtimer_pending(listener->rest, NULL))
        rest(listener, listener->pace_us);
}

static void on_rested(evutil_socket_t fd, short what, void *arg)
{
    struct listener *listener = arg;

    (void)fd;
    (void)what;
    if (!listener->paused)
        event_add(listener->accepting, NULL);
}

static enum status start_events(struct listener *listener, struct event_base *base, struct fault *fault)
{
    listener->accepting = event_new(base, listener->fd, EV_READ | EV_PERSIST, on_readable, listener);
    listener->rest = event_new(base, -1, 0, on_rested, listener);
    if (listener->accepting == NULL || listener->rest == NULL || event_add(listener->accepting, NULL) != 0)
        return fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    return STATUS_OK;
}

static void announce(const struct listener *listener)
{
    char text[LISTEN_TEXT_MAX];

    listen_address_print(&listener->address, listener->port, text);
    log_event(LOG_INFO, "listening", LOG_S("what", listener->what), LOG_S("addr", text));
}

enum status listener_new(struct event_base *base, const char *what, const char *bind, int port,
                         listener_accept *on_accept, void *arg, struct listener **out, struct fault *fault)
{
    struct listener *listener = calloc(1, sizeof *listener);

    if (listener == NULL)
        return fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    listener->fd = -1;
    listener->failures_row = -1;
    listener->on_accept = on_accept;
    listener->arg = arg;
    snprintf(listener->what, sizeof listener->what, "%s", what);
    enum status status = listen_address_parse(&listener->address, bind, port, fault);
    if (status == STATUS_OK)
        status = start_socket(listener, port, fault);
    if (status == STATUS_OK)
        status = start_events(listener, base, fault);
    if (status != STATUS_OK) {
        listener_free(listener);
        return status;
    }
    announce(listener);
    *out = listener;
    return STATUS_OK;
}

enum status listener_blame(const struct listener_keys *keys, const char *bind, enum status status,
                           struct fault *fault)
{
    bool about_address = status == STATUS_NOT_FOUND || strncmp(bind, "unix:", strlen("unix:")) == 0;
    struct fault inner = *fault;

    if (status == STATUS_OK)
        return status;
    return fault_set(
        fault, status, "%s: %.300s; allowed: %s", about_address ? keys->bind : keys->port, inner.text,
        about_address ? "*, localhost, an address of this machine, or unix:/path" : "a free port, or 0");
}

enum status listener_check(const struct listener_keys *keys, const char *bind, int port, struct fault *fault)
{
    struct listen_address address = {0};
    struct fault inner = {""};
    enum status status = listen_address_parse(&address, bind, port, &inner);
    int fd;

    if (status != STATUS_OK)
        return fault_set(fault, status, "%s: %.400s", keys->bind, inner.text);
    if (listen_address_is_local(&address))
        return STATUS_OK;
    status = listen_address_bind(&address, port, &fd, &inner);
    if (status == STATUS_OK)
        close(fd);
    else
        *fault = inner;
    return listener_blame(keys, bind, status, fault);
}

static void remove_file(const struct listener *listener)
{
    const char *path = listener->address.at.local.sun_path;
    struct stat info;

    if (listener->inode != 0 && stat(path, &info) == 0 && info.st_ino == listener->inode)
        unlink(path);
}

void listener_free(struct listener *listener)
{
    if (listener == NULL)
        return;
    loop_event_free(listener->accepting);
    loop_event_free(listener->rest);
    if (listener->fd >= 0)
        close(listener->fd);
    if (listen_address_is_local(&listener->address))
        remove_file(listener);
    free(listener);
}

void listener_pause(struct listener *listener)
{
    listener->paused = true;
    event_del(listener->accepting);
    event_del(listener->rest);
}

void listener_set_pace(struct listener *listener, int64_t pace_us)
{
    listener->pace_us = pace_us;
}

void listener_count_failures(struct listener *listener, unsigned row)
{
    listener->failures_row = (int)row;
}

void listener_resume(struct listener *listener)
{
    listener->paused = false;
    event_add(listener->accepting, NULL);
}

int listener_port(const struct listener *listener)
{
    return listener->port;
}
