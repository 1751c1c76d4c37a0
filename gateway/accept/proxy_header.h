/* SPDX-License-Identifier: Apache-2.0 */
/* The header in front of a connection by which a proxy says whose it is: HAProxy's "The PROXY protocol",
 * versions 1 (section 2.1) and 2 (section 2.2). Pure: bytes in, an address out. Strict, since what follows
 * the header is read as the client's. Any thread. */
#ifndef FANFARE_GATEWAY_ACCEPT_PROXY_HEADER_H
#define FANFARE_GATEWAY_ACCEPT_PROXY_HEADER_H

#include <stdbool.h>

#include "shared/base/slice.h"
#include "shared/net/cidr.h"

enum {
    PROXY_V1_MAX = 107, /* bytes of a line of version 1, CRLF included (section 2.1) */
    PROXY_V2_MAX = 4096 /* of a header of version 2 here, TLVs included; it could say 65,551 */
};

enum proxy_parse {
    PROXY_MORE,     /* so far it is one, and all of the bytes are its own; more must come */
    PROXY_COMPLETE, /* it has `len` bytes; what stands behind them is the client's */
    PROXY_MISSING,  /* the bytes begin as neither version does */
    PROXY_INVALID,  /* it breaks its version's rules */
    PROXY_TOO_LARGE /* past PROXY_V2_MAX */
};

/* What the header says of the connection. */
enum proxy_relay {
    PROXY_RELAYED, /* it is that of `address` */
    PROXY_UNKNOWN, /* a stranger's whose address is not told: UNKNOWN, UNSPEC, a unix socket, datagrams */
    PROXY_LOCAL    /* the proxy's own, to see how we are */
};

struct proxy_header {
    size_t len;
    enum proxy_relay relay;
    uint8_t address[CIDR_ADDRESS_LEN]; /* the source's, with PROXY_RELAYED; else zeros */
    int version;                       /* 1 or 2 */
    const char *fault;                 /* static text, with PROXY_INVALID */
};

/* Reads the first bytes of a connection, from its very first on. `out` is filled with PROXY_COMPLETE; with
 * PROXY_INVALID `fault` is. Of version 2 the TLVs are passed over, but must fill the length that was
 * announced exactly, and a checksum among them (PP2_TYPE_CRC32C, 2.2.3) must be right. */
enum proxy_parse proxy_header_parse(struct slice bytes, struct proxy_header *out);

#endif
