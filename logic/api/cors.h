/* SPDX-License-Identifier: Apache-2.0 */
/* Cross-origin calls from browsers (Fetch standard, section 3.2), for the origins in
 * cors.origins. The loop's thread only. */
#ifndef FANFARE_LOGIC_API_CORS_H
#define FANFARE_LOGIC_API_CORS_H

#include <stdbool.h>

#include "shared/conf/conf.h"
#include "shared/http/http_server.h"

/* Adds the headers of an allowed origin; says whether it is one. The request may have come in part. */
bool cors_adorn(struct http_exchange *exchange, const struct conf_list *origins);
/* Adds the headers of an allowed origin, and answers its preflight with 204 (returns true).
 * Without origins it does nothing. */
bool cors_filter(struct http_exchange *exchange, const struct conf_list *origins);
/* Answers 403 (true) to a POST that names an origin (RFC 6454, section 7) which is not allowed, or more than
 * one. A request without Origin is no browser's and passes. */
bool cors_refuses(struct http_exchange *exchange, const struct conf_list *origins);

#endif
