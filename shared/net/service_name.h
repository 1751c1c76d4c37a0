/* SPDX-License-Identifier: Apache-2.0 */
/* The names of SRV records (RFC 2782): "_service._tcp.name". Pure; any thread. */
#ifndef FANFARE_SHARED_NET_SERVICE_NAME_H
#define FANFARE_SHARED_NET_SERVICE_NAME_H

#include <stdbool.h>

/* Whether `name` is meant as one: it begins with "_". */
bool service_name_is(const char *name);
/* What is wrong with a name that begins like one; NULL: nothing. Static text. */
const char *service_name_fault(const char *name);

#endif
