/* SPDX-License-Identifier: Apache-2.0 */
/* The list is walked from the left, as the parser gives it, and its end kept; only then is it read, from the
 * right. So a client that fills the header costs the walk over its commas and no more. */
#include "gateway/websocket/forwarded.h"

enum { PORT_MAX = 65535 };

/* The last elements of the header: number n stands at n % FORWARDED_MAX. */
struct tail {
    struct slice elements[FORWARDED_MAX];
    size_t count; /* of all */
};

static void read_tail(const struct http_request *request, struct tail *out)
{
    struct http_elements elements = {0};
    struct slice element;

    out->count = 0;
    while (http_request_next_element(request, "X-Forwarded-For", &elements, &element))
        out->elements[out->count++ % FORWARDED_MAX] = element;
}

/* `:` and a number of 0 to 65535, or nothing. */
static bool is_port_or_end(struct slice text)
{
    uint32_t value = 0;

    if (text.len == 0)
        return true;
    if (text.data[0] != ':' || text.len < 2 || text.len > 6)
        return false;
    for (size_t i = 1; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value = value * 10 + text.data[i] - '0';
    }
    return value <= PORT_MAX;
}

/* `[address]` or `[address]:port`, IPv6 only. */
static bool read_bracketed(struct slice text, uint8_t out[CIDR_ADDRESS_LEN])
{
    const uint8_t *end = memchr(text.data, ']', text.len);

    if (end == NULL)
        return false;
    size_t len = (size_t)(end - text.data);
    struct slice inner = slice_of(text.data + 1, len - 1);
    return memchr(inner.data, ':', inner.len) != NULL && cidr_address_parse(inner, out) &&
           is_port_or_end(slice_of(end + 1, text.len - len - 1));
}

/* One element, which is not empty. */
static bool read_element(struct slice text, uint8_t out[CIDR_ADDRESS_LEN])
{
    if (text.data[0] == '[')
        return read_bracketed(text, out);
    if (cidr_address_parse(text, out))
        return true;
    const uint8_t *colon = memchr(text.data, ':', text.len);
    if (colon == NULL)
        return false;
    size_t len = (size_t)(colon - text.data);
    return cidr_address_parse(slice_of(text.data, len), out) &&
           is_port_or_end(slice_of(colon, text.len - len));
}

enum forwarded forwarded_client(const struct http_request *request, const struct cidr_list *proxies,
                                uint8_t out[CIDR_ADDRESS_LEN])
{
    enum forwarded result = FORWARDED_UNREADABLE;
    uint8_t address[CIDR_ADDRESS_LEN];
    struct tail tail;

    read_tail(request, &tail);
    if (tail.count == 0)
        return FORWARDED_ABSENT;
    size_t first = tail.count > FORWARDED_MAX ? tail.count - FORWARDED_MAX : 0;
    for (size_t i = tail.count; i > first; i--) {
        if (!read_element(tail.elements[(i - 1) % FORWARDED_MAX], address))
            break;
        memcpy(out, address, CIDR_ADDRESS_LEN);
        result = FORWARDED_FOUND;
        if (!cidr_list_has(proxies, address))
            break;
    }
    return result;
}
