/* SPDX-License-Identifier: Apache-2.0 */
/* hiredis gets numeric addresses only, since it would resolve names with a getaddrinfo that blocks.
 * The loop's thread only. */
#include "shared/redis/redis_dial.h"

#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "shared/base/clock.h"
#include "shared/net/loop_event.h"

static void keep_error(struct redis_dial *dial, const char *error)
{
    snprintf(dial->error, sizeof dial->error, "%s", error[0] ? error : "the connection failed");
}

static void drop_socket(struct redis_dial *dial)
{
    loop_event_free(dial->connected);
    if (dial->context != NULL)
        redisFree(dial->context);
    dial->connected = NULL;
    dial->context = NULL;
}

static void try_next(struct redis_dial *dial);

static void on_connected(evutil_socket_t fd, short what, void *arg)
{
    struct redis_dial *dial = arg;
    int error = 0;
    socklen_t len = sizeof error;

    if (!(what & EV_TIMEOUT) && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0) {
        redisContext *context = dial->context;

        dial->context = NULL;
        drop_socket(dial);
        dial->conf.done(context, NULL, dial->conf.arg);
        return;
    }
    keep_error(dial, what & EV_TIMEOUT ? "no connection in time" : strerror(error));
    drop_socket(dial);
    try_next(dial);
}

/* What is left of the time is shared by the addresses that are left. */
static bool await(struct redis_dial *dial)
{
    size_t left = dial->count - dial->next + 1;
    int64_t left_ms = dial->deadline_ms - clock_now_ms();
    int64_t share_ms = left_ms > 0 ? left_ms / (int64_t)left : 0;

    (void)fcntl(dial->context->fd, F_SETFD, FD_CLOEXEC);
    dial->connected = event_new(dial->conf.base, dial->context->fd, EV_WRITE, on_connected, dial);
    if (dial->connected == NULL)
        return false;
    return left > 1 ? loop_event_after_ms(dial->connected, share_ms) == STATUS_OK
                    : event_add(dial->connected, NULL) == 0;
}

static bool try_context(struct redis_dial *dial, redisContext *context)
{
    dial->context = context;
    if (context != NULL && !context->err && await(dial))
        return true;
    keep_error(dial, context != NULL && context->err ? context->errstr : "no memory for a connection");
    drop_socket(dial);
    return false;
}

static void try_next(struct redis_dial *dial)
{
    while (dial->next < dial->count)
        if (try_context(dial, redisConnectNonBlock(dial->addresses[dial->next++], dial->conf.port)))
            return;
    dial->conf.done(NULL, dial->error, dial->conf.arg);
}

static void add_address(struct redis_dial *dial, const struct addrinfo *address)
{
    if (dial->count < REDIS_DIAL_ADDRESSES &&
        getnameinfo(address->ai_addr, (socklen_t)address->ai_addrlen, dial->addresses[dial->count],
                    REDIS_DIAL_ADDRESS_MAX, NULL, 0, NI_NUMERICHOST) == 0)
        dial->count++;
}

static void on_addresses(enum dns_result result, const struct addrinfo *addresses, void *arg)
{
    struct redis_dial *dial = arg;

    snprintf(dial->error, sizeof dial->error, "the host's name cannot be resolved: %s",
             lookup_result_text(result));
    for (; addresses != NULL; addresses = addresses->ai_next)
        add_address(dial, addresses);
    try_next(dial);
}

void redis_dial_start(struct redis_dial *dial, const struct redis_dial_conf *conf)
{
    *dial = (struct redis_dial){.conf = *conf, .deadline_ms = clock_now_ms() + conf->timeout_ms};
    dial->conf.host = dial->conf.path = NULL;
    if (conf->path != NULL) {
        if (!try_context(dial, redisConnectUnixNonBlock(conf->path)))
            conf->done(NULL, dial->error, conf->arg);
        return;
    }
    enum status status = lookup_start(conf->dns, conf->host, conf->port, on_addresses, dial, &dial->lookup);
    if (status != STATUS_OK)
        conf->done(NULL, lookup_start_text(status), conf->arg);
}

void redis_dial_stop(struct redis_dial *dial)
{
    lookup_cancel(&dial->lookup);
    drop_socket(dial);
}

bool redis_dial_is_looking_up(const struct redis_dial *dial)
{
    return dial->lookup != NULL;
}
