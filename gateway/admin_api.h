/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's admin port: health, readiness, metrics, stats over HTTP/1.1. Control thread. */
#ifndef FANFARE_GATEWAY_ADMIN_API_H
#define FANFARE_GATEWAY_ADMIN_API_H

#include <event2/event.h>

#include "shared/base/status.h"
#include "shared/daemon/ops_routes.h"

struct admin_api;

struct admin_api_conf {
    const char *bind; /* see listener_new */
    int port;
    int max_connections;
    struct ops_routes ops; /* its pages */
};

/* Listens (`msg=listening what=admin …`). */
enum status admin_api_new(struct event_base *base, const struct admin_api_conf *conf, struct admin_api **out,
                          struct fault *fault);
/* Legal on NULL. */
void admin_api_free(struct admin_api *api);

#endif
