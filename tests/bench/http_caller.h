/* SPDX-License-Identifier: Apache-2.0 */
/* One keep-alive HTTP/1.1 connection to a logic, or to another server, with at most one request
 * under way. The pusher's thread. */
#ifndef FANFARE_BENCH_HTTP_CALLER_H
#define FANFARE_BENCH_HTTP_CALLER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTP_CALLER_ANSWER_MAX = 4096 };

/* A request: the body is `before`, the item, `after`. All lent for the call. */
struct http_push {
    const char *path;
    const char *type;
    const char *before;
    const char *item;
    size_t item_len; /* at most ITEM_MAX_BYTES */
    const char *after;
};

struct http_caller {
    int fd; /* -1: broken */
    size_t answer_len;
    char answer[HTTP_CALLER_ANSWER_MAX + 1];
};

/* Connects, waiting for it. False with errno set. */
bool http_caller_open(struct http_caller *caller, const struct sockaddr_in *address);
void http_caller_close(struct http_caller *caller);
/* Sends the POST; false when the socket does not take it whole. */
bool http_caller_post(struct http_caller *caller, const struct http_push *push);
/* Reads what is there: the answer's status when it is whole, 0 if more is to come, -1 when the
 * connection is broken or the answer is not understood. */
int http_caller_answer(struct http_caller *caller);

#endif
