/* SPDX-License-Identifier: Apache-2.0 */
/* The route table: a request's way to its handler, or 404 or 405. Whatever the header section alone can
 * decide is decided before the body is read. Knows no socket. */
#include "shared/http/http_internal.h"

#include <stdio.h>
#include <string.h>

enum { ALLOW_LEN = 128, SHOWN_PATH = 128, SHOWN_METHOD = 32 };

static bool method_fits(const struct http_route *route, struct slice method)
{
    return slice_equal(method, slice_str(route->method)) ||
           (strcmp(route->method, "GET") == 0 && slice_equal(method, slice_str("HEAD")));
}

/* RFC 9110, 9: what nobody has defined is 501, what this path does not take 405. Methods differ by case. */
static bool is_method(struct slice method)
{
    static const char *const known[] = {"GET",   "HEAD",    "POST",  "PUT",    "DELETE",
                                        "PATCH", "OPTIONS", "TRACE", "CONNECT"};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (slice_equal(method, slice_str(known[i])))
            return true;
    return false;
}

static void refuse_method(const struct http_server_conf *conf, struct http_exchange *exchange,
                          struct slice method)
{
    int len = method.len < SHOWN_METHOD ? (int)method.len : SHOWN_METHOD;

    if (conf->on_refused != NULL)
        conf->on_refused(501, conf->arg);
    http_reply_error(exchange, 501, "not_implemented", "no such method: %.*s (they are in upper case)", len,
                     (const char *)method.data);
}

/* Whether the route is for `path`: for it whole, or, with a star for its last segment, for any one there. */
static bool path_fits(const struct http_route *route, struct slice path)
{
    size_t len = strlen(route->path);

    if (len < 2 || strcmp(route->path + len - 2, "/*") != 0)
        return slice_equal(path, slice_str(route->path));
    len--; /* up to the slash */
    return path.len > len && memcmp(path.data, route->path, len) == 0 &&
           memchr(path.data + len, '/', path.len - len) == NULL;
}

static void add_allowed(char *allow, const struct http_route *route)
{
    const char *method = strcmp(route->method, "GET") == 0 ? "GET, HEAD" : route->method;
    size_t len = strlen(allow);

    snprintf(allow + len, ALLOW_LEN - len, "%s%s", len > 0 ? ", " : "", method);
}

static void refuse(const struct http_server_conf *conf, struct http_exchange *exchange, struct slice path,
                   const char *allow)
{
    int len = path.len < SHOWN_PATH ? (int)path.len : SHOWN_PATH;
    int status = *allow != '\0' ? 405 : 404;

    if (conf->on_refused != NULL)
        conf->on_refused(status, conf->arg);
    if (status == 404) {
        http_reply_error(exchange, 404, "not_found", "no such path: %.*s", len, (const char *)path.data);
        return;
    }
    http_exchange_header(exchange, "Allow", allow);
    http_reply_error(exchange, 405, "method_not_allowed", "%.*s takes %s", len, (const char *)path.data,
                     allow);
}

bool http_route_is_probe(const struct http_server_conf *conf, const struct http_request *request)
{
    struct slice path = http_request_path(request);

    for (const char *const *probe = conf->probes; probe != NULL && *probe != NULL; probe++)
        if (slice_equal(path, slice_str(*probe)))
            return true;
    return false;
}

static bool admits(const struct http_server_conf *conf, const struct http_route *route,
                   struct http_exchange *exchange)
{
    if (route->right != 0 && conf->permits != NULL && !conf->permits(exchange, route->right, conf->arg))
        return false;
    return route->refuses == NULL || !route->refuses(exchange, conf->arg);
}

bool http_route_admit(const struct http_server_conf *conf, struct http_exchange *exchange)
{
    const struct http_request *request = http_exchange_request(exchange);
    struct slice method = http_request_method(request);
    struct slice path = http_request_path(request);
    char allow[ALLOW_LEN] = "";

    if (conf->filter != NULL && conf->filter(exchange, conf->arg))
        return false;
    if (!is_method(method)) {
        refuse_method(conf, exchange, method);
        return false;
    }
    for (size_t i = 0; i < conf->route_count; i++) {
        const struct http_route *route = &conf->routes[i];

        if (!path_fits(route, path))
            continue;
        if (method_fits(route, method)) {
            exchange->route = route;
            return admits(conf, route, exchange);
        }
        add_allowed(allow, route);
    }
    refuse(conf, exchange, path, allow);
    return false;
}

void http_route_handle(const struct http_server_conf *conf, struct http_exchange *exchange)
{
    exchange->route->handle(exchange, conf->arg);
}
