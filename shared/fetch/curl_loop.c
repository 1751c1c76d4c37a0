/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl says which sockets it wants to hear of and after what time; the loop tells it, and it does all the
 * rest within curl_multi_socket_action. A callback of libcurl that fails ends the whole multi handle for
 * ever, so a socket that finds no memory for its event is left unwatched instead: its request ends by its
 * time. */
#include "shared/fetch/curl_loop.h"

#include <stdlib.h>

#include "shared/net/loop_event.h"

struct curl_loop {
    struct event_base *base;
    CURLM *multi;
    struct event *timer;
    curl_loop_done *done;
    void *arg;
};

static void tell_ended(struct curl_loop *loop)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(loop->multi, &left)) != NULL) {
        CURL *easy = message->easy_handle;
        CURLcode result = message->data.result;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_multi_remove_handle(loop->multi, easy);
        loop->done(easy, result, loop->arg);
    }
}

static void act(struct curl_loop *loop, curl_socket_t fd, int what)
{
    int running;

    (void)curl_multi_socket_action(loop->multi, fd, what, &running);
    tell_ended(loop);
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    act(arg, fd, (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static struct event *watch(struct curl_loop *loop, curl_socket_t fd, int what)
{
    short events = (short)((what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0));
    struct event *event = event_new(loop->base, fd, (short)(events | EV_PERSIST), on_ready, loop);

    if (event != NULL)
        (void)event_add(event, NULL);
    return event;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *old)
{
    struct curl_loop *loop = arg;

    (void)easy;
    loop_event_free(old);
    curl_multi_assign(loop->multi, fd, what == CURL_POLL_REMOVE ? NULL : watch(loop, fd, what));
    return 0;
}

static int on_timer(CURLM *multi, long delay_ms, void *arg)
{
    struct curl_loop *loop = arg;

    (void)multi;
    if (delay_ms < 0)
        event_del(loop->timer);
    else
        (void)loop_event_after_ms(loop->timer, delay_ms);
    return 0;
}

enum status curl_loop_new(struct event_base *base, long max_connections, curl_loop_done *done, void *arg,
                          struct curl_loop **out)
{
    struct curl_loop *loop = calloc(1, sizeof *loop);

    if (loop == NULL)
        return STATUS_NO_MEMORY;
    *loop = (struct curl_loop){.base = base, .done = done, .arg = arg};
    loop->multi = curl_multi_init();
    loop->timer = event_new(base, -1, 0, on_time, loop);
    if (loop->multi == NULL || loop->timer == NULL) {
        curl_loop_free(loop);
        return STATUS_NO_MEMORY;
    }
    curl_multi_setopt(loop->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(loop->multi, CURLMOPT_SOCKETDATA, loop);
    curl_multi_setopt(loop->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(loop->multi, CURLMOPT_TIMERDATA, loop);
    curl_multi_setopt(loop->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    curl_multi_setopt(loop->multi, CURLMOPT_MAXCONNECTS, max_connections);
    *out = loop;
    return STATUS_OK;
}

void curl_loop_free(struct curl_loop *loop)
{
    if (loop == NULL)
        return;
    if (loop->multi != NULL)
        curl_multi_cleanup(loop->multi);
    loop_event_free(loop->timer);
    free(loop);
}

enum status curl_loop_add(struct curl_loop *loop, CURL *easy)
{
    return curl_multi_add_handle(loop->multi, easy) == CURLM_OK ? STATUS_OK : STATUS_NO_MEMORY;
}

void curl_loop_remove(struct curl_loop *loop, CURL *easy)
{
    curl_multi_remove_handle(loop->multi, easy);
}
