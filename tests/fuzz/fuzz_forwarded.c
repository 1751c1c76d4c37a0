/* SPDX-License-Identifier: Apache-2.0 */
/* X-Forwarded-For in a request of whatever bytes: whatever a client puts in front of what its proxy appends,
 * the proxy's word stands. */
#include <stdlib.h>

#include "gateway/websocket/forwarded.h"
#include "tests/fuzz/fuzz.h"

enum { MAX_HEADER = 16384 };

static struct cidr_list *proxies;

/* The request "GET / ...", with `value` as the header and, unless empty, `appended` behind it; NULL when it
 * is none.
 */
static struct http_request *make(struct slice value, const char *appended)
{
    static const char begin[] = "GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: ";
    struct http_request *request;
    size_t used;

    if (http_request_new(MAX_HEADER, 0, &request) != STATUS_OK)
        abort();
    (void)http_request_feed(request, begin, sizeof begin - 1, &used);
    (void)http_request_feed(request, value.data, value.len, &used);
    (void)http_request_feed(request, appended, strlen(appended), &used);
    if (http_request_feed(request, "\r\n\r\n", 4, &used) == HTTP_PARSE_HEADERS)
        return request;
    http_request_free(request);
    return NULL;
}

static void expect_proxys_word(struct slice value)
{
    static const uint8_t client[CIDR_ADDRESS_LEN] = {
        [10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 7};
    struct http_request *request = make(value, ", 192.0.2.7, 10.0.0.1");
    uint8_t address[CIDR_ADDRESS_LEN];

    if (request == NULL)
        return;
    if (forwarded_client(request, proxies, address) != FORWARDED_FOUND ||
        memcmp(address, client, CIDR_ADDRESS_LEN) != 0)
        abort();
    http_request_free(request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *const networks[] = {"10.0.0.0/8"};
    struct slice value = slice_of(data, size);
    uint8_t address[CIDR_ADDRESS_LEN];

    if (proxies == NULL && cidr_list_new("trustedProxies", networks, 1, &proxies, NULL) != STATUS_OK)
        abort();
    struct http_request *request = make(value, "");
    if (request != NULL) {
        (void)forwarded_client(request, proxies, address);
        http_request_free(request);
    }
    if (memchr(data, '\r', size) == NULL && memchr(data, '\n', size) == NULL)
        expect_proxys_word(value);
    return 0;
}
