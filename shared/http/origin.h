/* SPDX-License-Identifier: Apache-2.0 */
/* Web origins (RFC 6454) against a list of the config: whose pages may call. Pure; any thread. */
#ifndef FANFARE_SHARED_HTTP_ORIGIN_H
#define FANFARE_SHARED_HTTP_ORIGIN_H

#include <stdbool.h>

#include "shared/base/slice.h"
#include "shared/base/status.h"
#include "shared/conf/conf.h"

enum { ORIGIN_MAX = 512 }; /* bytes of an Origin header; a longer one matches nothing */

/* Whether one entry of `list` allows the value of an Origin header. Scheme and host compare without regard to
 * ASCII case, and a scheme's default port (http and ws 80, https and wss 443) is the same as none (RFC
 * 6454, 4 and 5). An entry whose host begins with `*.` allows every name below the rest of it, however deep,
 * but not the rest itself. The entry `*` allows everything; without it `null`, several origins in one header
 * (7.1) and what is no origin match nothing. */
bool origin_is_listed(const struct conf_list *list, struct slice origin);
/* Checks the entries of the option `key`: STATUS_INVALID and a fault that names key, entry, what is wrong and
 * what is allowed. `any`: whether the entry `*` is. */
enum status origin_check_list(const char *key, const struct conf_list *list, bool any, struct fault *fault);

#endif
