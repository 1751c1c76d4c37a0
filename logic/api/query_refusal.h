/* SPDX-License-Identifier: Apache-2.0 */
/* A query that is not answered: counts it, and ends its exchange. The loop's thread only. */
#ifndef FANFARE_LOGIC_API_QUERY_REFUSAL_H
#define FANFARE_LOGIC_API_QUERY_REFUSAL_H

#include "logic/push/push_fault.h"
#include "shared/base/status.h"
#include "shared/http/http_server.h"

/* As the fault says; a 403 also counts for its caller. */
void query_refuse(struct http_exchange *exchange, const struct push_fault *fault);
/* Why gateways could not be asked, or the answer not be made: STATUS_FULL is 503 `too_many_queries`,
 * STATUS_CLOSED 504 `query_timeout`, anything else 500. */
void query_refuse_status(struct http_exchange *exchange, enum status status);
/* 503: the daemon ends. */
void query_refuse_closing(struct http_exchange *exchange);

#endif
