/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the body of a query (docs/protocol.md, section 3, "The query"). Strict: exact names, none twice, each
 * where it belongs. Pure; any thread. */
#ifndef FANFARE_GATEWAY_QUERY_QUERY_REQUEST_H
#define FANFARE_GATEWAY_QUERY_QUERY_REQUEST_H

#include "gateway/bucket/query_part.h"

enum { QUERY_REQUEST_MAX = 16384, QUERY_DEFAULT_LIMIT = 100 };

/* `text` has at most QUERY_REQUEST_MAX bytes. STATUS_INVALID: `fault` says which member and what is allowed,
 * `out` is undefined. */
enum status query_request_parse(struct slice text, struct query *out, struct fault *fault);

#endif
