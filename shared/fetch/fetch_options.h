/* SPDX-License-Identifier: Apache-2.0 */
/* What libcurl may do and what not, said to a handle; all of the policy stands here. The loop's thread. */
#ifndef FANFARE_SHARED_FETCH_FETCH_OPTIONS_H
#define FANFARE_SHARED_FETCH_FETCH_OPTIONS_H

#include <curl/curl.h>

#include "shared/fetch/fetch.h"

/* Sockets that are open for calls or kept for later ones. */
struct fetch_sockets {
    size_t open;
    size_t max; /* past it opening fails */
};

/* What the request owns of libcurl's lists while the handle lives. */
struct fetch_lists {
    struct curl_slist *headers;
    struct curl_slist *addresses;
};

/* Sets everything but callbacks for the answer and addresses. `sockets` must outlive all connections.
 * `lists->headers` is filled. The body is copied. STATUS_INVALID: a header with a control character or
 * without a name. STATUS_NO_MEMORY. */
enum status fetch_options_set(CURL *easy, const struct fetch_request *request, struct fetch_sockets *sockets,
                              struct fetch_lists *lists);
/* The addresses of the host (host_cache.h); fills `lists->addresses`. */
enum status fetch_options_set_addresses(CURL *easy, const char *host, int port, const char *addresses,
                                        struct fetch_lists *lists);
/* Frees the lists. After the handle. */
void fetch_lists_fini(struct fetch_lists *lists);

#endif
