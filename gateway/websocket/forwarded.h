/* SPDX-License-Identifier: Apache-2.0 */
/* The client behind trusted proxies, from X-Forwarded-For: each proxy on the way appends the address that it
 * had the request from. Whatever a client wrote itself stands in front, so the list is read from the right,
 * and only as far as those who wrote it are trusted. Pure; any thread. */
#ifndef FANFARE_GATEWAY_WEBSOCKET_FORWARDED_H
#define FANFARE_GATEWAY_WEBSOCKET_FORWARDED_H

#include "shared/http/http_request.h"
#include "shared/net/cidr.h"

enum { FORWARDED_MAX = 32 }; /* addresses that are looked at, from the right: more proxies than any way has */

enum forwarded {
    FORWARDED_FOUND,
    FORWARDED_ABSENT,    /* there is no such header, or it is empty */
    FORWARDED_UNREADABLE /* its last element is no address */
};

/* Of a request that came from one of `proxies`, and from nobody else. All header lines of that name are one
 * list (RFC 9110, 5.3). The client is the rightmost address that is not one of `proxies`; where the list ends
 * before one, or at something that is no address, the last one that was read. An address may have a port,
 * IPv6 then stands in brackets. With FORWARDED_FOUND `out` is filled. */
enum forwarded forwarded_client(const struct http_request *request, const struct cidr_list *proxies,
                                uint8_t out[CIDR_ADDRESS_LEN]);

#endif
