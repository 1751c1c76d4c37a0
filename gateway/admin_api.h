/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's admin port: health, readiness, metrics, stats over HTTP/1.1. Control thread. */
#ifndef FANFARE_GATEWAY_ADMIN_API_H
#define FANFARE_GATEWAY_ADMIN_API_H

#include <event2/event.h>
#include <stdbool.h>

#include "shared/base/buf.h"
#include "shared/base/status.h"

struct admin_api;

struct admin_api_conf {
    const char *bind; /* see listener_new */
    int port;
    int max_connections;
    const char *(*not_ready)(void *arg); /* NULL when ready, else why not; static */
    enum status (*state)(struct buf *out,
                         void *arg); /* appends members of the body of /readyz, each behind a comma */
    enum status (*metrics)(struct buf *out, void *arg); /* appends what metrics_print does */
    enum status (*stats)(struct buf *out, void *arg);   /* appends a JSON object */
    void *arg;
};

/* Listens (`msg=listening what=admin …`). */
enum status admin_api_new(struct event_base *base, const struct admin_api_conf *conf, struct admin_api **out,
                          struct fault *fault);
/* Legal on NULL. */
void admin_api_free(struct admin_api *api);

#endif
