/* SPDX-License-Identifier: Apache-2.0 */
/* libevent calls a signal's event once for each signal that came; the second event makes one of them. */
#include "shared/daemon/hangup.h"

#include <signal.h>
#include <stdlib.h>

#include "shared/net/loop_event.h"

struct hangup {
    void (*on_hangup)(void *arg);
    void *arg;
    struct event *signal;
    struct event *turn;
};

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
    const struct hangup *hangup = arg;

    (void)fd;
    (void)what;
    hangup->on_hangup(hangup->arg);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    const struct hangup *hangup = arg;

    (void)number;
    (void)what;
    event_active(hangup->turn, EV_TIMEOUT, 0);
}

enum status hangup_new(struct event_base *base, void (*on_hangup)(void *arg), void *arg, struct hangup **out)
{
    struct hangup *hangup = calloc(1, sizeof *hangup);

    if (hangup == NULL)
        return STATUS_NO_MEMORY;
    hangup->on_hangup = on_hangup;
    hangup->arg = arg;
    hangup->turn = event_new(base, -1, 0, on_turn, hangup);
    hangup->signal = evsignal_new(base, SIGHUP, on_signal, hangup);
    if (hangup->turn == NULL || hangup->signal == NULL || evsignal_add(hangup->signal, NULL) != 0) {
        hangup_free(hangup);
        return STATUS_NO_MEMORY;
    }
    *out = hangup;
    return STATUS_OK;
}

void hangup_free(struct hangup *hangup)
{
    if (hangup == NULL)
        return;
    loop_event_free(hangup->signal);
    loop_event_free(hangup->turn);
    free(hangup);
}
