/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl's multi interface on libevent's loop: its sockets and its timer, as CURLMOPT_SOCKETFUNCTION and
 * CURLMOPT_TIMERFUNCTION ask for them. The loop's thread. Knows nothing of requests. */
#ifndef FANFARE_SHARED_FETCH_CURL_LOOP_H
#define FANFARE_SHARED_FETCH_CURL_LOOP_H

#include <curl/curl.h>
#include <event2/event.h>

#include "shared/base/status.h"

struct curl_loop;

/* Called from the loop, never from inside a function below, for each transfer that has ended. It is out of
 * the multi handle then; `easy` is the owner's. */
typedef void curl_loop_done(CURL *easy, CURLcode result, void *arg);

/* Keeps at most `max_connections` idle connections. STATUS_NO_MEMORY. */
enum status curl_loop_new(struct event_base *base, long max_connections, curl_loop_done *done, void *arg,
                          struct curl_loop **out);
/* Closes all connections. All transfers must have been taken out before. Legal on NULL. */
void curl_loop_free(struct curl_loop *loop);
/* Begins a transfer. STATUS_NO_MEMORY: it has not begun. */
enum status curl_loop_add(struct curl_loop *loop, CURL *easy);
/* Takes a transfer out, wherever it is; its connection is closed when it was under way. */
void curl_loop_remove(struct curl_loop *loop, CURL *easy);

#endif
