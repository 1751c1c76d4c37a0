/* SPDX-License-Identifier: Apache-2.0 */
/* Internet addresses as 16 bytes, IPv4 mapped into IPv6 (RFC 4291, 2.5.5.2), and lists of networks in CIDR
 * notation (RFC 4632, 3.1; RFC 4291, 2.3) to hold them against. Pure; any thread. A list never changes: who
 * wants another makes another. */
#ifndef FANFARE_SHARED_NET_CIDR_H
#define FANFARE_SHARED_NET_CIDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "shared/base/slice.h"
#include "shared/base/status.h"

enum {
    CIDR_ADDRESS_LEN = 16,
    CIDR_TEXT_MAX = INET6_ADDRSTRLEN + 4, /* a network as text, with its NUL */
    CIDR_LIST_MAX = 1024                  /* networks of one list; it is walked for each look */
};

struct cidr {
    uint8_t network[CIDR_ADDRESS_LEN]; /* all bits behind `bits` are zero */
    unsigned bits;                     /* of the 128: `10.0.0.0/8` has 104 */
};

/* Reads `10.0.0.0/8`, `2001:db8::/32`, one address of either family, or IPv4 in its mapped form
 * (`::ffff:10.0.0.0/104`). STATUS_INVALID with a fault, which quotes the text: not an address, a prefix that
 * is too long, or bits set behind it (then it names the network that was meant). No zone, no name. */
enum status cidr_parse(const char *text, struct cidr *out, struct fault *fault);
/* Whether the address lies in the network. IPv4 lies in networks of IPv4 only: `::/0` is all of IPv6. */
bool cidr_has(const struct cidr *cidr, const uint8_t address[CIDR_ADDRESS_LEN]);
/* As cidr_parse takes it; IPv4 in its own form. CIDR_TEXT_MAX bytes. */
void cidr_print(const struct cidr *cidr, char *out);

/* An address without brackets, port and zone: dotted decimal without leading zeros (RFC 6943, 3.1.1), or
 * IPv6 (RFC 4291, 2.2). False: it is none. */
bool cidr_address_parse(struct slice text, uint8_t out[CIDR_ADDRESS_LEN]);
/* The address of an internet socket; false, and zeros, for any other family. */
bool cidr_address_of(const struct sockaddr *from, uint8_t out[CIDR_ADDRESS_LEN]);
/* Whether it is one of IPv4 (::ffff:0:0/96). */
bool cidr_address_is_v4(const uint8_t address[CIDR_ADDRESS_LEN]);
/* IPv4 in its own form; INET6_ADDRSTRLEN bytes. */
void cidr_address_print(const uint8_t address[CIDR_ADDRESS_LEN], char *out);

struct cidr_list; /* immutable, counted by reference */

/* Reads `count` texts; a fault begins with `key`, the option that they stand in. STATUS_INVALID as
 * cidr_parse, or past CIDR_LIST_MAX; STATUS_NO_MEMORY. `*out` is NULL for an empty list: nobody lies in it.
 * One reference; `out` NULL: only checked. */
enum status cidr_list_new(const char *key, char *const *texts, size_t count, struct cidr_list **out,
                          struct fault *fault);
/* Any thread; legal on NULL, which stays NULL. */
struct cidr_list *cidr_list_ref(struct cidr_list *list);
/* Frees with the last one. Any thread; legal on NULL. */
void cidr_list_unref(struct cidr_list *list);
/* Whether the address lies in one of the networks; in none of NULL. */
bool cidr_list_has(const struct cidr_list *list, const uint8_t address[CIDR_ADDRESS_LEN]);

#endif
