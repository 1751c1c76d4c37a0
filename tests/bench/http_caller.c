/* SPDX-License-Identifier: Apache-2.0 */
/* Requests are small enough to go out in one send(); answers need a Content-Length. */
#include "tests/bench/http_caller.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/item.h"

enum { HEAD_BYTES = 640, TAIL_BYTES = 1024 };

bool http_caller_open(struct http_caller *caller, const struct sockaddr_in *address)
{
    int on = 1;

    caller->answer_len = 0;
    caller->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (caller->fd < 0)
        return false;
    (void)setsockopt(caller->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(caller->fd, (const struct sockaddr *)address, sizeof *address) == 0)
        return true;
    http_caller_close(caller);
    return false;
}

void http_caller_close(struct http_caller *caller)
{
    if (caller->fd >= 0)
        close(caller->fd);
    caller->fd = -1;
}

bool http_caller_post(struct http_caller *caller, const struct http_push *push)
{
    char request[HEAD_BYTES + ITEM_MAX_BYTES + TAIL_BYTES];
    size_t tail = strlen(push->after);
    size_t body = strlen(push->before) + push->item_len + tail;
    int head = snprintf(request, HEAD_BYTES,
                        "POST %s HTTP/1.1\r\nHost: bench\r\nContent-Type: %s\r\n"
                        "Content-Length: %zu\r\n\r\n%s",
                        push->path, push->type, body, push->before);
    size_t len = (size_t)head;

    if (head < 0 || head >= HEAD_BYTES || push->item_len > ITEM_MAX_BYTES || tail > TAIL_BYTES)
        return false;
    memcpy(request + len, push->item, push->item_len);
    memcpy(request + len + push->item_len, push->after, tail);
    len += push->item_len + tail;
    return send(caller->fd, request, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static int status_of(const struct http_caller *caller)
{
    static const char length[] = "\r\nContent-Length:";
    const char *end = strstr(caller->answer, "\r\n\r\n");
    const char *body;
    size_t whole;

    if (end == NULL)
        return caller->answer_len < HTTP_CALLER_ANSWER_MAX ? 0 : -1;
    body = strcasestr(caller->answer, length);
    if (strncmp(caller->answer, "HTTP/1.1 ", 9) != 0 || body == NULL || body > end)
        return -1;
    whole = (size_t)(end - caller->answer) + 4 + strtoul(body + sizeof length - 1, NULL, 10);
    if (caller->answer_len < whole)
        return whole < HTTP_CALLER_ANSWER_MAX ? 0 : -1;
    return atoi(caller->answer + 9);
}

int http_caller_answer(struct http_caller *caller)
{
    size_t room = HTTP_CALLER_ANSWER_MAX - caller->answer_len;
    ssize_t n = recv(caller->fd, caller->answer + caller->answer_len, room, MSG_DONTWAIT);
    int status;

    if (n < 0 && errno == EAGAIN)
        return 0;
    if (n <= 0)
        return -1;
    caller->answer_len += (size_t)n;
    caller->answer[caller->answer_len] = '\0';
    status = status_of(caller);
    if (status != 0)
        caller->answer_len = 0;
    return status;
}
