/* SPDX-License-Identifier: Apache-2.0 */
/* Says yes to listed origins. Never says anything to others: the browser then refuses. */
#include "logic/cors.h"

#include <stdio.h>
#include <string.h>

#include "logic/logic_metrics.h"
#include "shared/origin.h"

static bool has_star(const struct conf_list *origins)
{
    for (size_t i = 0; i < origins->count; i++)
        if (strcmp(origins->items[i], "*") == 0)
            return true;
    return false;
}

/* A browser compares the answer byte by byte with what it has sent (Fetch standard, 4.10), so that is what
 * it gets, and not the entry that fits. */
static void allow(struct http_exchange *exchange, const struct conf_list *origins, struct slice origin)
{
    char text[ORIGIN_MAX + 1];
    snprintf(text, sizeof text, "%.*s", (int)origin.len, (const char *)origin.data);
    http_exchange_header(exchange, "Access-Control-Allow-Origin", has_star(origins) ? "*" : text);
    http_exchange_header(exchange, "Access-Control-Expose-Headers", "Retry-After, WWW-Authenticate");
}

static bool is_preflight(const struct http_request *request)
{
    return slice_equal(http_request_method(request), slice_str("OPTIONS")) &&
           http_request_header(request, "Access-Control-Request-Method").data;
}

bool cors_filter(struct http_exchange *exchange, const struct conf_list *origins)
{
    const struct http_request *request = http_exchange_request(exchange);
    struct slice origin = http_request_header(request, "Origin");
    if (origins->count == 0)
        return false;
    http_exchange_header(exchange, "Vary", "Origin");
    if (!origin.data || origin.len > ORIGIN_MAX || !origin_is_listed(origins, origin))
        return false;
    allow(exchange, origins, origin);
    if (!is_preflight(request))
        return false;
    http_exchange_header(exchange, "Access-Control-Allow-Methods", "GET, POST");
    http_exchange_header(exchange, "Access-Control-Allow-Headers",
                         "Authorization, Content-Type, traceparent");
    http_exchange_header(exchange, "Access-Control-Max-Age", "600");
    logic_metrics_count_answer(204);
    http_reply(exchange, 204, NULL, NULL, 0);
    return true;
}
