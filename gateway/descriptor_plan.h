/* SPDX-License-Identifier: Apache-2.0 */
/* Who may have how many of the gateway's file descriptors, so that no port takes another's: the sum of the
 * plan never passes the limit. Pure. */
#ifndef FANFARE_GATEWAY_DESCRIPTOR_PLAN_H
#define FANFARE_GATEWAY_DESCRIPTOR_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/base/status.h"

struct descriptor_needs {
    size_t limit; /* of the process; SIZE_MAX for none */
    size_t open;  /* when it started */
    unsigned threads;
    bool redis;
    size_t max_clients;
    size_t max_rpc;
    size_t max_hook; /* requests to auth.hook at once; 0: there is none */
    size_t keys;     /* what fetching keys takes; 0: none are fetched */
};

struct descriptor_plan {
    size_t own;        /* threads, listeners, Redis, files, logs */
    size_t admin;      /* connections of the admin port; each may take three descriptors (http_server.h) */
    size_t rpc;        /* established connections of logics */
    size_t handshakes; /* those that are not yet */
    size_t refused;    /* newcomers on the clients' port that are being told 503 */
    size_t hook;       /* requests to auth.hook; each may take two descriptors (fetch.h); 0 without a hook */
    size_t clients;    /* the rest, at most max_clients */
};

/* STATUS_INVALID, with a fault that says how many are needed, when not even the least of each fits. */
enum status descriptor_plan_make(const struct descriptor_needs *needs, struct descriptor_plan *out,
                                 struct fault *fault);

#endif
