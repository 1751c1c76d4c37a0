/* SPDX-License-Identifier: Apache-2.0 */
/* Asks the name servers single questions, without blocking, with c-ares: EDNS, and TCP for what does
 * not fit. A resolv.conf that has changed is taken over with the next question. Most callers want
 * lookup.h (a host's addresses) or dns_query.h (a name's records). The loop's thread only. */
#ifndef FANFARE_SHARED_NET_RESOLVER_H
#define FANFARE_SHARED_NET_RESOLVER_H

#include <event2/event.h>
#include <stdbool.h>

#include "shared/base/slice.h"
#include "shared/base/status.h"
#include "shared/net/dns_answer.h"
#include "shared/net/dns_search.h"

struct hostent;
struct resolver;
struct question;

enum { RESOLVER_QUESTIONS_MAX = 16384 }; /* under way at once; one more gets STATUS_FULL */

/* `message` is the whole answer with DNS_FOUND, empty else; valid during the call. */
typedef void resolver_done(enum dns_result result, struct slice message, void *arg);

/* NULL, or why `nameserver` is not "address" or "address:port" ("[::1]:53"). "" is good. */
const char *resolver_fault(const char *nameserver);
/* Asks `nameserver`, or with "" those of /etc/resolv.conf, whose search domains count in both cases. A
 * server that is silent costs three seconds a question (one, then two), unless timeout: or
 * attempts: of resolv.conf say otherwise. STATUS_NO_MEMORY; STATUS_INVALID for a name server that
 * resolver_fault would not pass. */
enum status resolver_new(struct event_base *base, const char *nameserver, struct resolver **out);
/* With a resolv.conf of another path, which is copied. */
enum status resolver_new_from(struct event_base *base, const char *nameserver, const char *resolv_conf,
                              struct resolver **out);
/* Legal on NULL. Not from inside a resolver_done. What is still asked is forgotten, uncalled. */
void resolver_free(struct resolver *resolver);
/* Asks for the records of `type` that `name` has; the name is taken as complete. `*slot` names the
 * question until `done` is called, once, in a later turn of the loop. STATUS_NO_MEMORY and
 * STATUS_FULL: `done` is not called. */
enum status resolver_ask(struct resolver *resolver, const char *name, enum dns_type type, resolver_done *done,
                         void *arg, struct question **slot);
/* `done` is not called any more. Harmless when there is no question. */
void resolver_forget(struct question **slot);
/* Valid until the next resolver_ask. */
const struct dns_search *resolver_search(const struct resolver *resolver);
/* What /etc/hosts says of `name`: `*out` is c-ares' (ares_free_hostent). False: nothing. */
bool resolver_read_hosts(const struct resolver *resolver, const char *name, int family, struct hostent **out);

#endif
