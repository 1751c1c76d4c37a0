/* SPDX-License-Identifier: Apache-2.0 */
/* Says yes to listed origins. To others it says nothing, so that the browser keeps answers from their
 * pages; but a POST is refused, since a page can send one without asking first (a form, a simple request)
 * and would have pushed although it cannot read the answer. Browsers name the origin of every POST. */
#include "logic/api/cors.h"

#include <stdio.h>
#include <string.h>

#include "logic/metrics/logic_metrics.h"
#include "shared/http/origin.h"

enum { SHOWN_ORIGIN = 128 };

static bool has_star(const struct conf_list *origins)
{
    for (size_t i = 0; i < origins->count; i++)
        if (strcmp(origins->items[i], "*") == 0)
            return true;
    return false;
}

/* `null` is whatever has no origin of its own, a sandboxed frame of any page or a file: not even the star
 * means that. */
static bool is_allowed(const struct conf_list *origins, const struct http_request *request)
{
    struct slice origin = http_request_only_header(request, "Origin");

    return origin.data != NULL && origin.len <= ORIGIN_MAX && !slice_equal(origin, slice_str("null")) &&
           origin_is_listed(origins, origin);
}

/* A browser compares the answer byte by byte with what it has sent (Fetch standard, 4.10), so that is what
 * it gets, and not the entry that fits. */
static void allow(struct http_exchange *exchange, const struct conf_list *origins)
{
    struct slice origin = http_request_header(http_exchange_request(exchange), "Origin");
    char text[ORIGIN_MAX + 1];

    snprintf(text, sizeof text, "%.*s", (int)origin.len, (const char *)origin.data);
    http_exchange_header(exchange, "Access-Control-Allow-Origin", has_star(origins) ? "*" : text);
    http_exchange_header(exchange, "Access-Control-Expose-Headers", "Retry-After, WWW-Authenticate");
}

static bool is_preflight(const struct http_request *request)
{
    return slice_equal(http_request_method(request), slice_str("OPTIONS")) &&
           http_request_header(request, "Access-Control-Request-Method").data != NULL;
}

bool cors_adorn(struct http_exchange *exchange, const struct conf_list *origins)
{
    if (origins->count == 0)
        return false;
    http_exchange_header(exchange, "Vary", "Origin");
    if (!is_allowed(origins, http_exchange_request(exchange)))
        return false;
    allow(exchange, origins);
    return true;
}

bool cors_filter(struct http_exchange *exchange, const struct conf_list *origins)
{
    if (!cors_adorn(exchange, origins) || !is_preflight(http_exchange_request(exchange)))
        return false;
    http_exchange_header(exchange, "Access-Control-Allow-Methods", "GET, POST");
    http_exchange_header(exchange, "Access-Control-Allow-Headers",
                         "Authorization, Content-Type, Idempotency-Key, traceparent");
    http_exchange_header(exchange, "Access-Control-Max-Age", "600");
    logic_metrics_count_answer(204);
    http_reply(exchange, 204, NULL, NULL, 0);
    return true;
}

bool cors_refuses(struct http_exchange *exchange, const struct conf_list *origins)
{
    const struct http_request *request = http_exchange_request(exchange);

    if (!slice_equal(http_request_method(request), slice_str("POST")) ||
        http_request_header(request, "Origin").data == NULL || is_allowed(origins, request))
        return false;
    struct slice origin = http_request_header(request, "Origin");
    logic_metrics_count_answer(403);
    http_reply_error(exchange, 403, "origin_not_allowed",
                     "cors.origins does not list this page's origin: %.*s",
                     origin.len < SHOWN_ORIGIN ? (int)origin.len : SHOWN_ORIGIN, (const char *)origin.data);
    return true;
}
