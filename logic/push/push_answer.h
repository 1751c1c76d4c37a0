/* SPDX-License-Identifier: Apache-2.0 */
/* What became of a push, and its answer as JSON (docs/protocol.md, section 1, "Answers").
 * Pure; the loop's thread. */
#ifndef FANFARE_LOGIC_PUSH_PUSH_ANSWER_H
#define FANFARE_LOGIC_PUSH_PUSH_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "logic/push/offline_users.h"
#include "shared/base/buf.h"
#include "shared/base/status.h"
#include "shared/contract/hello.h"

enum push_verdict {
    PUSH_TAKEN,        /* 200 */
    PUSH_QUEUE_FULL,   /* 503: the names of PUSH_NAMES_FULL */
    PUSH_NO_GATEWAY,   /* 503 */
    PUSH_NO_MEMORY,    /* 503, told as queue_full: nothing was queued, a retry is safe */
    PUSH_PAST_LIMITS,  /* 400: `passed` of every gateway that would have taken it; nothing was queued */
    PUSH_WAIT_TIMEOUT, /* 504: accepted, but not applied everywhere in time */
    PUSH_WAIT_REFUSED, /* 502: accepted, but a gateway refused it */
    PUSH_NO_WAIT,      /* 400: the bus is the only way, and brings no answers back */
};

/* Why a gateway is named. */
enum push_names {
    PUSH_NAMES_CONNECTING, /* its link is not up; the push waits for it */
    PUSH_NAMES_DOWN,       /* its link is not up, and it does not get the push */
    PUSH_NAMES_REFUSED,    /* it is up and does not take the push */
    PUSH_NAMES_FULL,       /* its queue is full */
    PUSH_NAMES_COUNT
};

struct push_outcome {
    enum push_verdict verdict;
    uint64_t sequence; /* of this logic, from 1; 0 when refused */
    size_t items;
    size_t known;   /* gateways configured */
    size_t queued;  /* gateways whose queue took it */
    size_t pending; /* of those, how many have not yet answered */
    size_t acked;   /* gateways that have applied it */
    size_t refused; /* gateways that do not take it */
    uint64_t clients;
    int wait_ms;   /* 0: nobody waited */
    bool bus_only; /* the bus is the only way of pushes */
    struct {
        enum hello_limit limit;
        int64_t allowed; /* by the first gateway that refuses it */
        int64_t had;
    } passed;             /* the limit that the push is past, when it was refused before it was sent */
    capability_set lacks; /* or what it needs and the first gateway that refuses it does not know */
    const struct offline_users *offline; /* of a push to users, once all have said; else NULL */
    struct buf names[PUSH_NAMES_COUNT];  /* of gateways, each "host:port" with its NUL */
};

enum {
    PUSH_OFFLINE_MAX = 100, /* users that an answer names */
    PUSH_NAMES_MAX = 65536, /* bytes of gateways' names, of each kind */
    PUSH_ID_PREFIX_LEN = 16
};

/* The error code of a verdict other than PUSH_TAKEN. */
const char *push_verdict_code(enum push_verdict verdict);
/* Adds a gateway's name once; silently not past PUSH_NAMES_MAX bytes or without memory. */
void push_outcome_add_name(struct push_outcome *outcome, enum push_names why, const char *name);
/* Takes it out again, if it is there. */
void push_outcome_remove_name(struct push_outcome *outcome, enum push_names why, const char *name);
/* Frees the names; all are empty afterwards. */
void push_outcome_fini(struct push_outcome *outcome);
/* Appends the answer to `out` and sets `*http_status`. `id_prefix` is the first 8 bytes of the
 * logic id in hex (PUSH_ID_PREFIX_LEN digits). STATUS_NO_MEMORY, STATUS_TOO_LARGE as `out` has it. */
enum status push_answer_append(struct buf *out, const char *id_prefix, const struct push_outcome *outcome,
                               int *http_status);

#endif
